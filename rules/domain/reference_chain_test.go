package domain_test

import (
	"fmt"
	"strings"

	"linewatch"
)

// refReads returns the rule that a condition reads; empty for none.
func refReads(c *linewatch.Condition) linewatch.RuleID {
	if !strings.HasPrefix(c.Tag, "rule:") {
		return ""
	}
	return linewatch.RuleID(c.Tag[len("rule:"):])
}

func refReadsOf(r *linewatch.Rule) (ids []linewatch.RuleID) {
	show := func(c *linewatch.Condition) {
		if id := refReads(c); id != "" {
			ids = append(ids, id)
		}
	}
	refVisit(r, show)
	for _, o := range r.Overrides {
		refVisit(&linewatch.Rule{Groups: o.Groups}, show)
	}
	return ids
}

// circle reports whether a version would read itself through others. A version
// that was heard of may still count until a later one took effect at once.
func (j *refJudge) circle(v *linewatch.RuleVersion) bool {
	if v.Stage == "draft" || v.Stage == "retired" {
		return false
	}
	reached := map[linewatch.RuleID]bool{}
	for _, id := range refReadsOf(&v.Rule) {
		reached[id] = true
	}
	for again := true; again; {
		again = false
		for i, c := range j.heard {
			if c.Rule == nil || c.Rule.Stage != "" && c.Rule.Stage != "active" || !reached[c.Rule.Rule.ID] || j.over(c.Rule.Rule.ID, j.heard[i+1:]) {
				continue
			}
			for _, id := range refReadsOf(&c.Rule.Rule) {
				again = again || !reached[id]
				reached[id] = true
			}
		}
	}
	return reached[v.Rule.ID]
}

func (j *refJudge) over(id linewatch.RuleID, later []*linewatch.Control) bool {
	for _, c := range later {
		if c.Rule != nil && c.Rule.Rule.ID == id && c.Rule.From <= 0 && c.Rule.Stage != "draft" && c.Rule.Stage != "shadow" || c.DeleteRule != nil && c.DeleteRule.ID == id && c.DeleteRule.From <= 0 {
			return true
		}
	}
	return false
}

// depth is how many rules stand between a version and the tags.
func (j *refJudge) depth(v *linewatch.RuleVersion) (depth int) {
	if v == nil {
		return 0
	}
	for _, read := range refReadsOf(&v.Rule) {
		depth = max(depth, 1)
		if r := j.rules[read]; r != nil {
			depth = max(depth, 1+j.depth(r.live.version))
		}
	}
	return depth
}

// ruleState judges a condition on what another instance says at this instant.
func (j *refJudge) ruleState(why *linewatch.ConditionWhy, c *linewatch.Condition, key refKey, own string) linewatch.Truth {
	inst := j.instances[key]
	switch {
	case !refHome(j.cfg, &j.assets, key.equipment) || j.cfg.Line == "" && j.lineOf(key.equipment) != j.lineOf(own):
		why.Cause = j.absence(key.equipment)
		return linewatch.Undecided
	case inst == nil || inst.version == nil:
		why.Cause = "no such rule in force"
		return linewatch.Undecided
	}
	says := linewatch.StringValue(string(inst.state))
	why.Value, why.Sequence = &says, inst.seq
	if inst.seq > 0 {
		why.At = inst.last
	}
	if inst.state == linewatch.Unknown {
		why.Cause = "rule says UNKNOWN"
		return linewatch.Undecided
	}
	return linewatch.TruthOf(refHolds(c.Op, says, why.Limits, linewatch.Value{}, false))
}

// absence says why an equipment is not known.
func (j *refJudge) absence(equipment string) string {
	for _, eq := range j.assets.Equipment {
		if equipment == eq.ID || equipment == "line:"+eq.Line || equipment == "site:"+eq.Site {
			return "equipment of another line"
		}
	}
	return "equipment is not registered"
}

// lineOf is where rules about an equipment, line or site are at home.
func (j *refJudge) lineOf(equipment string) string {
	if strings.HasPrefix(equipment, "site:") {
		return equipment
	}
	return refEquipment(&j.assets, equipment).Line
}

// readRule makes c a condition on the state of another rule: most often one
// that comes before, so that few rules go round in a circle.
func (g *generator) readRule(c *linewatch.Condition) {
	own := 5
	fmt.Sscanf(string(g.making), "r%d", &own)
	n := g.IntN(6)
	if own > 0 && g.chance(0.95) {
		n = g.IntN(own + 1)
	}
	c.Tag = fmt.Sprintf("rule:r%d", n-1)
	if n == 0 {
		c.Tag = "rule:lively"
	}
	if g.chance(0.2) {
		c.Equipment = pick(g, "F1", "C1", "alias1", "nowhere", "line:L1", "line:L2", "site:S1")
	}
	state := func() linewatch.Value { return linewatch.StringValue(string(g.state())) }
	c.Op = pick(g, linewatch.Is, linewatch.Is, linewatch.IsNot, linewatch.In)
	if c.Op == linewatch.In {
		c.Values = []linewatch.Value{state()}
		if v := state(); !v.Equal(c.Values[0]) {
			c.Values = append(c.Values, v)
		}
		return
	}
	c.Limit = state()
}
