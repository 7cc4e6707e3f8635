package rules

import (
	"maps"
	"slices"
	"strings"

	"linewatch"
)

// ruleState is what is known of a rule.
type ruleState struct {
	live   edition
	shadow edition
}

// edition is the version of a rule that is in force, live or as a shadow.
type edition struct {
	prog    *program       // nil before the first version and after a withdrawal
	version uint32         // that took effect last, a withdrawal included
	from    linewatch.Time // the effective-from that it asked for
	since   linewatch.Time // event time at which it took effect
	encoded []byte         // JSON of the rule, for snapshots
	level   int32          // see relevel
}

// slot names a rule, or its shadow.
type slot struct {
	rule   linewatch.RuleID
	shadow bool
}

// kind returns what the changes of a slot are.
func (s slot) kind() linewatch.ChangeKind {
	if s.shadow {
		return linewatch.Shadow
	}
	return linewatch.Live
}

func (s slot) compare(o slot) int {
	if c := strings.Compare(string(s.rule), string(o.rule)); c != 0 || s.shadow == o.shadow {
		return c
	}
	if s.shadow {
		return 1
	}
	return -1
}

// edition returns what is in force in a slot; nil if nothing ever was.
func (e *Engine) edition(s slot) *edition {
	r := e.rules[s.rule]
	switch {
	case r == nil:
		return nil
	case s.shadow:
		return &r.shadow
	}
	return &r.live
}

// slots returns those in which a version is in force, in order.
func (e *Engine) slots() (all []slot) {
	for _, id := range e.ruleIDs() {
		r := e.rules[id]
		if r.live.prog != nil {
			all = append(all, slot{id, false})
		}
		if r.shadow.prog != nil {
			all = append(all, slot{id, true})
		}
	}
	return all
}

// replace makes an edition the one in force, unless a newer one is. A shadow
// that is older ends: it was tried for this, or against what is no more.
func (e *Engine) replace(id linewatch.RuleID, next *edition, t linewatch.Time) {
	r := e.rules[id]
	if next.version <= r.live.version {
		return
	}
	e.put(slot{id, false}, next, t)
	if r.shadow.prog != nil && r.shadow.version < next.version {
		e.put(slot{id, true}, &edition{version: next.version, from: next.from, since: t}, t)
	}
}

// shadow lets an edition be judged beside the one in force, unless a newer one
// is known.
func (e *Engine) shadow(id linewatch.RuleID, next *edition, t linewatch.Time) {
	r := e.rules[id]
	if next.version > r.live.version && next.version > r.shadow.version {
		e.put(slot{id, true}, next, t)
	}
}

func (e *Engine) put(s slot, next *edition, t linewatch.Time) {
	ed := e.edition(s)
	e.rechain(s, ed.prog, next.prog)
	next.level = ed.level
	*ed = *next
	e.instantiate(s, ed.prog, t)
}

// twin returns the shadow of a live instance, or the other way round; nil if
// there is none in force. A new version takes over what its conditions
// remember there, so that what was tried in the shadow goes on when it becomes
// live.
func (e *Engine) twin(key instanceKey) *instance {
	key.shadow = !key.shadow
	if i, ok := e.instanceIDs[key]; ok && e.instances[i].prog != nil {
		return e.instances[i]
	}
	return nil
}

// RuleStatus is what is in force of a rule.
type RuleStatus struct {
	Rule    linewatch.RuleID
	Version uint32         // in force; 0: none
	Since   linewatch.Time // event time at which it took effect; NoTime without one
	From    linewatch.Time // the effective-from that it asked for
	Shadow  uint32         // version that is tried beside it; 0: none
	// ShadowSince and ShadowFrom are as Since and From.
	ShadowSince, ShadowFrom linewatch.Time
	// Waiting are the versions that wait for their time, in the order of it.
	Waiting []WaitingVersion
}

// WaitingVersion is a version, or a withdrawal, that takes effect later.
type WaitingVersion struct {
	Version uint32
	At      linewatch.Time // NoTime+1: with the first point
}

// Rules returns, in order, what is in force of the rules that have instances
// here, and what is to come of them and of others that will have some.
func (e *Engine) Rules() []RuleStatus {
	ids := e.ruleIDs()
	out := make([]RuleStatus, len(ids))
	at := make(map[linewatch.RuleID]int, len(ids))
	for i, id := range ids {
		r := e.rules[id]
		at[id] = i
		out[i] = RuleStatus{Rule: id, Since: linewatch.NoTime, ShadowSince: linewatch.NoTime}
		if r.live.prog != nil {
			out[i].Version, out[i].Since, out[i].From = r.live.version, r.live.since, r.live.from
		}
		if r.shadow.prog != nil {
			out[i].Shadow, out[i].ShadowSince, out[i].ShadowFrom = r.shadow.version, r.shadow.since, r.shadow.from
		}
	}
	for i := range e.pending {
		p := &e.pending[i]
		switch {
		case p.what.Rule != nil && p.what.Rule.In() != linewatch.StageDraft && e.concerns(&p.what.Rule.Rule):
			s := &out[at[p.what.Rule.Rule.ID]]
			s.Waiting = append(s.Waiting, WaitingVersion{p.what.Rule.Version, p.at})
		case p.what.DeleteRule != nil:
			s := &out[at[p.what.DeleteRule.ID]]
			if len(s.Waiting) == 0 && !e.serves(slot{s.Rule, false}) && !e.serves(slot{s.Rule, true}) {
				continue // of a rule about others
			}
			s.Waiting = append(s.Waiting, WaitingVersion{p.what.DeleteRule.Version, p.at})
		}
	}
	return slices.DeleteFunc(out, func(s RuleStatus) bool {
		return len(s.Waiting) == 0 && !e.serves(slot{s.Rule, false}) && !e.serves(slot{s.Rule, true})
	})
}

// concerns reports whether a rule is about something of this home.
func (e *Engine) concerns(r *linewatch.Rule) bool {
	return len(e.subjects(&e.newest, r.Scope)) > 0 || e.serves(slot{r.ID, false}) || e.serves(slot{r.ID, true})
}

// serves reports whether a slot has an instance in force.
func (e *Engine) serves(s slot) bool {
	return slices.ContainsFunc(e.instancesOf[s], func(i int32) bool { return e.instances[i].prog != nil })
}

// ruleIDs returns the known rules in order. The slice is not to be changed.
func (e *Engine) ruleIDs() []linewatch.RuleID {
	if len(e.ids) != len(e.rules) { // none ever goes
		e.ids = slices.Sorted(maps.Keys(e.rules))
	}
	return e.ids
}
