package rules

import (
	"slices"
	"strings"

	"linewatch"
)

// Standing is what an instance says now, and of every case of every group
// whether it holds and why. It is what "why not" is answered with.
type Standing struct {
	InstanceStatus
	Groups []linewatch.GroupStanding
	// Aliases are the short names of the equipment that the conditions name by
	// its id.
	Aliases map[string]string
	// Tags are those of the equipment itself and of that in the conditions, by
	// its id.
	Tags map[string][]linewatch.Tag
}

// Explain returns how the instances of a rule stand, ordered by equipment and
// kind. Equipment is an id or alias; empty means all.
func (e *Engine) Explain(rule linewatch.RuleID, equipment string) []Standing {
	if equipment != "" {
		equipment = e.registry.resolve(equipment)
	}
	var out []Standing
	for _, inst := range e.instances {
		if inst.prog != nil && inst.key.rule == rule && (equipment == "" || inst.key.equipment == equipment) {
			s := Standing{InstanceStatus: e.status(inst), Groups: e.standing(inst), Aliases: map[string]string{}, Tags: map[string][]linewatch.Tag{}}
			s.Tags[s.Equipment.ID] = s.Equipment.Tags
			for _, g := range s.Groups {
				for _, c := range g.Cases {
					e.describe(&s, c.Conditions)
				}
			}
			out = append(out, s)
		}
	}
	slices.SortFunc(out, func(a, b Standing) int {
		if c := strings.Compare(a.Equipment.ID, b.Equipment.ID); c != 0 {
			return c
		}
		return strings.Compare(string(a.Kind), string(b.Kind))
	})
	return out
}

// describe notes what the registry says of the equipment in conditions.
func (e *Engine) describe(s *Standing, list []linewatch.ConditionWhy) {
	note := func(id string) {
		if id == "" {
			return
		}
		eq := e.registry.find(id)
		if eq.Alias != "" {
			s.Aliases[id] = eq.Alias
		}
		s.Tags[id] = eq.Tags
	}
	for i := range list {
		note(list[i].Equipment)
		for _, in := range list[i].Inputs {
			note(in.Equipment)
		}
		e.describe(s, list[i].Of)
	}
}

func (e *Engine) standing(inst *instance) []linewatch.GroupStanding {
	_, winner := inst.prog.decide(inst.nodes)
	opinions := inst.prog.opinions(nil, inst.nodes)
	out := make([]linewatch.GroupStanding, len(opinions))
	for i, o := range opinions {
		g := &inst.prog.groups[i]
		s := linewatch.GroupStanding{Group: g.id, Weight: g.weight, State: o.state, Wins: i == winner, Case: o.which, Otherwise: g.otherwise}
		for _, c := range g.cases {
			s.Cases = append(s.Cases, linewatch.CaseStanding{
				State: c.state, Truth: inst.nodes[c.root].out, Conditions: e.evidence(nil, inst, c.root),
			})
		}
		out[i] = s
	}
	return out
}
