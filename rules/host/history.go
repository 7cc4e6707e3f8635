package host

import (
	"maps"
	"slices"

	"linewatch"
)

// history is what of the control log a home must be told that comes into being
// now. To a new home all of it is of one instant, but for versions with an
// effective-from: what others have replaced by then is nothing to it, and would
// pile up for years.
type history struct {
	all    []*remembered // in the order of the log
	over   int           // how many of all are over
	rules  map[linewatch.RuleID][]*remembered
	tables map[string]*remembered
	assets []*remembered            // ascending
	values map[string][]*remembered // by home
	first  *remembered              // the earliest effective-from of all
}

type controlRecord struct {
	arrival linewatch.Time
	control *linewatch.Control
}

// remembered is a record in the history. One that is over has none.
type remembered struct {
	controlRecord
	stage linewatch.Stage // of a rule's records; retired for one that withdraws it
	from  linewatch.Time
}

func newHistory() *history {
	return &history{
		rules: map[linewatch.RuleID][]*remembered{}, tables: map[string]*remembered{},
		values: map[string][]*remembered{},
	}
}

// note takes the next record of the log, which no engine refuses.
func (h *history) note(r controlRecord) {
	e := &remembered{controlRecord: r}
	h.all = append(h.all, e)
	switch c := r.control; {
	case c.Rule != nil:
		h.noteRule(e, c.Rule)
	case c.DeleteRule != nil:
		d := c.DeleteRule
		h.noteRule(e, &linewatch.RuleVersion{Rule: linewatch.Rule{ID: d.ID}, Version: d.Version, From: d.From, Stage: linewatch.StageRetired})
	case c.Table != nil:
		h.end(h.tables[c.Table.ID])
		h.tables[c.Table.ID] = e
	case c.Assets != nil:
		h.noteAssets(e)
	case c.Values != nil:
		h.values[c.Values.Home] = append(h.values[c.Values.Home], e)
	}
	if h.over > len(h.all)/2 {
		h.all = slices.DeleteFunc(h.all, func(e *remembered) bool { return e.control == nil })
		h.over = 0
	}
}

// noteRule ends what of a rule can have no effect any more. The newest version
// always stays, so that a new home refuses the same ones as the others.
func (h *history) noteRule(e *remembered, rv *linewatch.RuleVersion) {
	id := rv.Rule.ID
	e.stage, e.from = rv.In(), rv.From
	if e.stage == linewatch.StageDraft || e.stage == linewatch.StageRetired {
		e.control = bare(rv)
	}
	kept := h.rules[id][:0]
	for _, old := range h.rules[id] {
		if e.replaces(old) {
			h.endRule(old)
		} else {
			kept = append(kept, old)
		}
	}
	clear(h.rules[id][len(kept):])
	h.rules[id] = append(kept, e)
	h.noteFirst(e)
}

// replaces reports whether an earlier record of the same rule has no effect
// behind e. One with an effective-from leaves the others: nobody can tell from
// the log when that will be.
func (e *remembered) replaces(old *remembered) bool {
	switch {
	case old.stage == linewatch.StageDraft:
		return true
	case e.from > 0 || e.stage == linewatch.StageDraft:
		return false
	case e.stage == linewatch.StageShadow:
		return old.stage == linewatch.StageShadow
	}
	return true
}

// noteFirst keeps the earliest effective-from of all, whatever became of its
// record: it is the first instant that a new home judges, if no point is before
// it.
func (h *history) noteFirst(e *remembered) {
	if e.from <= 0 || h.first != nil && h.first.from <= e.from {
		return
	}
	was := h.first
	h.first = e
	if was != nil && !slices.Contains(h.rules[was.control.Rule.Rule.ID], was) {
		h.end(was)
	}
}

func (h *history) endRule(e *remembered) {
	if e == h.first {
		rv := *e.control.Rule
		rv.Stage = linewatch.StageDraft
		e.control = bare(&rv)
		return
	}
	h.end(e)
}

// bare returns what is left of a version that is not judged: its number, which
// ones below must not come behind. To an engine a rule that was withdrawn is a
// retired one.
func bare(rv *linewatch.RuleVersion) *linewatch.Control {
	return &linewatch.Control{Version: 1, Rule: &linewatch.RuleVersion{
		Version: rv.Version, Stage: rv.Stage, From: rv.From,
		Rule: linewatch.Rule{
			ID: rv.Rule.ID, Name: string(rv.Rule.ID), Scope: linewatch.Scope{Line: "-"}, Priority: 4,
			Groups: []linewatch.Group{{ID: "-", Weight: 1, Otherwise: linewatch.Idle}},
		},
	}}
}

// noteAssets lets a registry take the place of the one before if the same
// senders are heard by it. Otherwise both stay: who came and left with them
// matters to what a new home waits for and believes.
func (h *history) noteAssets(e *remembered) {
	if n := len(h.assets); n > 0 && len(h.values) == 0 {
		last := h.assets[n-1]
		if hearAlike(last.control.Assets, e.control.Assets) {
			last.control = e.control
			h.end(e)
			return
		}
	}
	h.assets = append(h.assets, e)
}

// hearAlike reports whether every home hears the same senders by two registries.
func hearAlike(a, b *linewatch.Assets) bool {
	sites := func(a *linewatch.Assets) map[string]string {
		of := map[string]string{}
		for i := range a.Equipment {
			of[a.Equipment[i].Line] = a.Equipment[i].Site
		}
		return of
	}
	return slices.Equal(a.Senders, b.Senders) && maps.Equal(sites(a), sites(b))
}

// born forgets what only one home waited for.
func (h *history) born(home string) {
	for _, e := range h.values[home] {
		h.end(e)
	}
	delete(h.values, home)
}

// end takes a record out; nil is none.
func (h *history) end(e *remembered) {
	if e != nil {
		e.control = nil
		h.over++
	}
}

// records returns what a new home is told, in the order of the log.
func (h *history) records() []controlRecord {
	out := make([]controlRecord, 0, len(h.all)-h.over)
	for _, e := range h.all {
		if e.control != nil {
			out = append(out, e.controlRecord)
		}
	}
	return out
}
