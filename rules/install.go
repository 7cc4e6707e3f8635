package rules

import (
	"slices"

	"linewatch"
)

// instantiate makes the instances of a rule, or of its shadow, fit a version
// (nil: none). Conditions that stay keep what they remember.
func (e *Engine) instantiate(s slot, prog *program, t linewatch.Time) {
	var subjects []string
	if prog != nil {
		subjects = e.subjects(&e.registry, prog.rule.Scope)
	}
	e.withdrawBut(s, subjects, t)
	for _, equipment := range subjects {
		eq := e.registry.find(equipment)
		e.install(instanceKey{s, equipment}, prog.variant(&eq), t)
	}
}

// reorganise makes the instances of all rules fit another registry. Those that
// end say so for the line that they were on.
func (e *Engine) reorganise(next registry, t linewatch.Time) {
	slots := e.slots()
	for _, s := range slots {
		e.withdrawBut(s, e.subjects(&next, e.edition(s).prog.rule.Scope), t)
	}
	e.registry = next
	e.detachAll()
	for _, s := range slots {
		e.instantiate(s, e.edition(s).prog, t)
	}
}

// withdrawBut ends the instances of a slot that are not about one of the given
// subjects.
func (e *Engine) withdrawBut(s slot, subjects []string, t linewatch.Time) {
	stay := make(map[string]bool, len(subjects))
	for _, subject := range subjects {
		stay[subject] = true
	}
	for _, i := range e.instancesOf[s] {
		if inst := e.instances[i]; inst.prog != nil && !stay[inst.key.equipment] {
			e.withdraw(i, inst, t)
		}
	}
}

// install puts a program into the instance of a key, making it if there is
// none.
func (e *Engine) install(key instanceKey, prog *program, t linewatch.Time) {
	i, ok := e.instanceIDs[key]
	if !ok {
		i = e.newInstance(key)
	}
	inst := e.instances[i]
	old, states := inst.prog, inst.nodes
	inst.anew = inst.anew || prog != old
	e.detach(i)
	inst.prog, inst.nodes = prog, newNodeStates(len(prog.nodes))
	if twin := e.twin(key); twin != nil && prog != old {
		inst.inherit(twin.prog, twin.nodes)
	}
	if old != nil {
		inst.inherit(old, states)
	}
	e.connect(i, inst, t)
	e.tellReaders(inst)
	e.markDirty(i)
}

func (e *Engine) newInstance(key instanceKey) int32 {
	i := int32(len(e.instances))
	inst := &instance{key: key, state: linewatch.Unknown, last: linewatch.NoTime}
	if ed := e.edition(key.slot); ed != nil {
		inst.level = ed.level
	}
	e.instances = append(e.instances, inst)
	e.instanceIDs[key] = i
	e.instancesOf[key.slot] = append(e.instancesOf[key.slot], i)
	return i
}

// connect makes the conditions of an instance read their series, from the
// instant t on.
func (e *Engine) connect(i int32, inst *instance, t linewatch.Time) {
	inst.probes = false
	for j := range inst.prog.nodes {
		n := &inst.prog.nodes[j]
		if n.op.Combines() {
			continue
		}
		if n.rule != "" {
			e.connectRule(i, int32(j), inst)
			continue
		}
		if e.connectProbe(i, inst, j, t) {
			continue
		}
		equipment := inst.key.equipment
		if n.equipment != "" {
			equipment = e.registry.resolve(n.equipment)
		}
		id, ok := SeriesID(0), e.here(equipment)
		if ok {
			id, ok = e.Series(equipment, n.tag)
		}
		if !ok {
			inst.nodes[j].pred = linewatch.Undecided
			continue
		}
		if !slices.Contains(inst.reads, id) {
			inst.reads = append(inst.reads, id)
		}
		e.attach(id, i, int32(j))
	}
}

// inherit takes over what the conditions of another version remember, which may
// go on remembering it.
func (inst *instance) inherit(old *program, states []nodeState) {
	memory := make(map[identity]nodeState, len(states))
	for i := range old.nodes {
		memory[old.nodes[i].identity] = states[i]
	}
	for i := range inst.prog.nodes {
		if s, ok := memory[inst.prog.nodes[i].identity]; ok {
			s.probe = s.probe.clone()
			inst.nodes[i] = s
		}
	}
}

// withdraw ends an instance. What it last said is taken back with a change to
// IDLE, so that no alarm stays open which nothing can close any more.
func (e *Engine) withdraw(i int32, inst *instance, t linewatch.Time) {
	e.detach(i)
	e.timers.set(e.instances, i, linewatch.MaxTime)
	e.setLapse(i, linewatch.MaxTime)
	if inst.state != linewatch.Idle && inst.seq > 0 {
		c := e.change(inst, linewatch.Idle, t)
		c.Why.Cause = causeWithdrawn
		e.changes = append(e.changes, c)
	}
	inst.prog, inst.nodes = nil, nil
	e.tellReaders(inst)
}
