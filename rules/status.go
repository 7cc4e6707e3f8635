package rules

import (
	"slices"
	"strings"

	"linewatch"
)

// InstanceStatus is what an instance says now, and why.
type InstanceStatus struct {
	Kind      linewatch.ChangeKind // Live, or Shadow for a version that is only tried
	Rule      linewatch.RuleID
	Version   uint32
	Name      string
	Equipment linewatch.Equipment
	State     linewatch.State
	Severity  linewatch.Severity
	Priority  int
	Title     string // alert texts, filled in with the values of now; empty where no alarm stands
	Text      string
	Group     string         // the group that decides; empty for none
	Since     linewatch.Time // event time of the newest change; NoTime before the first
	Seq       uint64
	Why       linewatch.Explanation
}

// Instances returns the status of every instance in force, ordered by rule,
// equipment and kind.
func (e *Engine) Instances() []InstanceStatus {
	var out []InstanceStatus
	for _, inst := range e.instances {
		if inst.prog != nil {
			out = append(out, e.status(inst))
		}
	}
	slices.SortFunc(out, func(a, b InstanceStatus) int {
		if c := strings.Compare(string(a.Rule), string(b.Rule)); c != 0 {
			return c
		}
		if c := strings.Compare(a.Equipment.ID, b.Equipment.ID); c != 0 {
			return c
		}
		return strings.Compare(string(a.Kind), string(b.Kind))
	})
	return out
}

func (e *Engine) status(inst *instance) InstanceStatus {
	rule := inst.prog.rule
	s := InstanceStatus{
		Kind: inst.key.kind(), Rule: rule.ID, Version: inst.prog.version, Name: rule.Name, Equipment: e.registry.find(inst.key.equipment),
		State: inst.state, Severity: rule.SeverityOf(inst.state), Priority: rule.Priority, Since: inst.last, Seq: inst.seq,
	}
	_, winner := inst.prog.decide(inst.nodes)
	if winner >= 0 {
		s.Group = inst.prog.groups[winner].id
	}
	if a := rule.Alert; a != nil && s.Severity > 0 {
		c := linewatch.StateChange{Rule: rule.ID, Equipment: inst.key.equipment, Line: s.Equipment.Line, Site: s.Equipment.Site, To: inst.state}
		s.Title, s.Text = e.fill(a.Title, &c), e.fill(a.Text, &c)
	}
	s.Why = linewatch.Explanation{Groups: e.why(inst, winner, false)}
	return s
}

// RuleVersions returns the version of every rule that is in force; withdrawn
// rules are left out.
func (e *Engine) RuleVersions() map[linewatch.RuleID]uint32 {
	out := make(map[linewatch.RuleID]uint32, len(e.rules))
	for id, r := range e.rules {
		if r.live.prog != nil {
			out[id] = r.live.version
		}
	}
	return out
}
