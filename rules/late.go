package rules

import "linewatch"

// LateFor returns what becomes of a late point of a tag: it is kept for
// corrections unless every rule that reads the tag has it dropped. A tag that
// no rule reads is kept, too, for rules to come.
func (e *Engine) LateFor(id SeriesID) linewatch.LatePolicy {
	sr := &e.series[id]
	read := false
	drops := func(instance int32) bool {
		read = true
		return e.instances[instance].prog.rule.Late == linewatch.LateDrop
	}
	for _, l := range sr.leaves {
		if !drops(e.leaves[l].instance) {
			return linewatch.LateBackfill
		}
	}
	for _, w := range sr.watching() {
		if !drops(w) {
			return linewatch.LateBackfill
		}
	}
	if read {
		return linewatch.LateDrop
	}
	return linewatch.LateBackfill
}
