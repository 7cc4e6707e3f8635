package rules

import (
	"errors"
	"fmt"
	"slices"
	"sort"
	"strings"

	"linewatch"
)

// Reasons to refuse a control record. The engine goes on as before.
var (
	// ErrStaleVersion: a version at or above this one is known already.
	ErrStaleVersion = errors.New("stale rule version")
	// ErrUnknownRule: the rule to be withdrawn is not known.
	ErrUnknownRule = errors.New("unknown rule")
)

// ruleState is what is known of a rule.
type ruleState struct {
	active  *program // nil before the first version and after a withdrawal
	current uint32   // the version that took effect last, a withdrawal included
	highest uint32   // the highest version heard of; lower ones are stale
	encoded []byte   // JSON of the active version, for snapshots
	level   int32    // see relevel
}

// pendingControl is a control record that waits for its instant.
type pendingControl struct {
	at    linewatch.Time
	order uint64
	what  linewatch.Control
}

// beginning stands for "from the first instant on".
const beginning = linewatch.NoTime + 1

// Control takes a control record. Rules take effect at their effective-from,
// everything else at once, but never at or before the given watermark (NoTime
// if there is none yet). It returns the event time of the effect.
//
// Errors: ErrStaleVersion, ErrUnknownRule, linewatch.ErrRuleCycle, and what
// Validate finds. A record that is refused changes nothing.
func (e *Engine) Control(c *linewatch.Control, watermark linewatch.Time) (linewatch.Time, error) {
	from, err := e.admit(c)
	if err != nil {
		return linewatch.NoTime, err
	}
	at := beginning
	if from > 0 {
		at = from
	}
	if watermark.Known() {
		at = max(at, watermark.Add(linewatch.Millisecond))
	}
	if c.Assets != nil {
		e.newest = newRegistry(*c.Assets)
	}
	e.order++
	p := pendingControl{at: at, order: e.order, what: *c}
	i := sort.Search(len(e.pending), func(i int) bool { return e.pending[i].at > at })
	e.pending = slices.Insert(e.pending, i, p)
	return at, nil
}

// admit checks a control record and returns its effective-from.
func (e *Engine) admit(c *linewatch.Control) (linewatch.Time, error) {
	if err := c.Validate(); err != nil {
		return 0, err
	}
	switch {
	case c.Rule != nil:
		return c.Rule.From, e.admitRule(c.Rule)
	case c.DeleteRule != nil:
		d := c.DeleteRule
		r, ok := e.rules[d.ID]
		if !ok {
			return 0, fmt.Errorf("withdraw rule %s: %w", d.ID, ErrUnknownRule)
		}
		if d.Version <= r.highest {
			return 0, fmt.Errorf("withdraw rule %s at version %d, known is %d: %w", d.ID, d.Version, r.highest, ErrStaleVersion)
		}
		r.highest = d.Version
		e.graph.Withdraw(d.ID, d.From)
		return d.From, nil
	}
	return 0, nil
}

func (e *Engine) admitRule(rv *linewatch.RuleVersion) error {
	r := e.rules[rv.Rule.ID]
	if r != nil && rv.Version <= r.highest {
		return fmt.Errorf("rule %s version %d, known is %d: %w", rv.Rule.ID, rv.Version, r.highest, ErrStaleVersion)
	}
	if err := e.graph.Check(rv); err != nil {
		return err
	}
	if r == nil {
		r = &ruleState{}
		e.rules[rv.Rule.ID] = r
	}
	r.highest = rv.Version
	e.graph.Publish(rv)
	return nil
}

// nextControl returns the earliest instant that a control record asks for,
// MaxTime if none does. Records from the beginning wait for the first point.
func (e *Engine) nextControl() linewatch.Time {
	for i := range e.pending {
		if at := e.pending[i].at; at > beginning {
			return at
		}
	}
	return linewatch.MaxTime
}

// applyControl gives effect to the records that are due at the instant t.
func (e *Engine) applyControl(t linewatch.Time) {
	due := 0
	for due < len(e.pending) && e.pending[due].at <= t {
		e.apply(&e.pending[due].what, t)
		due++
	}
	if due > 0 {
		e.pending = slices.Delete(e.pending, 0, due)
	}
}

func (e *Engine) apply(c *linewatch.Control, t linewatch.Time) {
	switch {
	case c.Rule != nil:
		r := e.rules[c.Rule.Rule.ID]
		if c.Rule.Version > r.current {
			next := compile(*c.Rule)
			e.rechain(c.Rule.Rule.ID, r.active, next)
			r.current, r.active, r.encoded = c.Rule.Version, next, nil
			e.instantiate(c.Rule.Rule.ID, r.active, t)
		}
	case c.DeleteRule != nil:
		r := e.rules[c.DeleteRule.ID]
		if c.DeleteRule.Version > r.current {
			e.rechain(c.DeleteRule.ID, r.active, nil)
			r.current, r.active, r.encoded = c.DeleteRule.Version, nil, nil
			e.instantiate(c.DeleteRule.ID, nil, t)
		}
	case c.Assets != nil:
		e.reorganise(newRegistry(*c.Assets), t)
	case c.Table != nil:
		e.tables[c.Table.ID] = *c.Table
	}
}

// ruleIDs returns the known rules in order.
func (e *Engine) ruleIDs() []linewatch.RuleID {
	ids := make([]linewatch.RuleID, 0, len(e.rules))
	for id := range e.rules {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids
}

// instantiate makes the instances of a rule fit its newest version (nil: none).
// Conditions that stay keep what they remember.
func (e *Engine) instantiate(id linewatch.RuleID, prog *program, t linewatch.Time) {
	var subjects []string
	if prog != nil {
		subjects = e.subjects(&e.registry, prog.rule.Scope)
	}
	e.withdrawBut(id, subjects, t)
	for _, equipment := range subjects {
		e.install(instanceKey{id, equipment}, prog)
	}
}

// reorganise makes the instances of all rules fit another registry. Those that
// end say so for the line that they were on.
func (e *Engine) reorganise(next registry, t linewatch.Time) {
	ids := e.ruleIDs()
	for _, id := range ids {
		if prog := e.rules[id].active; prog != nil {
			e.withdrawBut(id, e.subjects(&next, prog.rule.Scope), t)
		}
	}
	e.registry = next
	for _, id := range ids {
		e.instantiate(id, e.rules[id].active, t)
	}
}

// withdrawBut ends the instances of a rule that are not about one of the given
// subjects.
func (e *Engine) withdrawBut(id linewatch.RuleID, subjects []string, t linewatch.Time) {
	for _, i := range e.instancesOf[id] {
		if inst := e.instances[i]; inst.prog != nil && !slices.Contains(subjects, inst.key.equipment) {
			e.withdraw(i, inst, t)
		}
	}
}

// install puts a program into the instance of a key, making it if there is
// none.
func (e *Engine) install(key instanceKey, prog *program) {
	i, ok := e.instanceIDs[key]
	if !ok {
		i = e.newInstance(key)
	}
	inst := e.instances[i]
	old, states := inst.prog, inst.nodes
	e.detach(i)
	inst.prog, inst.nodes = prog, newNodeStates(len(prog.nodes))
	if old != nil {
		inst.inherit(old, states)
	}
	e.connect(i, inst)
	e.tellReaders(inst)
	e.markDirty(i)
}

func (e *Engine) newInstance(key instanceKey) int32 {
	i := int32(len(e.instances))
	inst := &instance{key: key, state: linewatch.Unknown, last: linewatch.NoTime}
	if r := e.rules[key.rule]; r != nil {
		inst.level = r.level
	}
	e.instances = append(e.instances, inst)
	e.instanceIDs[key] = i
	e.instancesOf[key.rule] = append(e.instancesOf[key.rule], i)
	return i
}

// connect makes the conditions of an instance read their series.
func (e *Engine) connect(i int32, inst *instance) {
	for j := range inst.prog.nodes {
		n := &inst.prog.nodes[j]
		if n.op.Combines() {
			continue
		}
		if n.rule != "" {
			e.connectRule(i, int32(j), inst)
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

// inherit takes over what the conditions of another version remember.
func (inst *instance) inherit(old *program, states []nodeState) {
	memory := make(map[identity]nodeState, len(states))
	for i := range old.nodes {
		memory[old.nodes[i].identity] = states[i]
	}
	for i := range inst.prog.nodes {
		if s, ok := memory[inst.prog.nodes[i].identity]; ok {
			inst.nodes[i] = s
		}
	}
}

// withdraw ends an instance. What it last said is taken back with a change to
// IDLE, so that no alarm stays open which nothing can close any more.
func (e *Engine) withdraw(i int32, inst *instance, t linewatch.Time) {
	e.detach(i)
	e.timers.set(e.instances, i, linewatch.MaxTime)
	if inst.state != linewatch.Idle && inst.seq > 0 {
		c := e.change(inst, linewatch.Idle, t)
		c.Why.Cause = causeWithdrawn
		e.changes = append(e.changes, c)
	}
	inst.prog, inst.nodes = nil, nil
	e.tellReaders(inst)
}

// sortChanges puts the changes of one instant in the order of rule and
// equipment.
func sortChanges(c []linewatch.StateChange) {
	slices.SortStableFunc(c, func(a, b linewatch.StateChange) int {
		if c := strings.Compare(string(a.Rule), string(b.Rule)); c != 0 {
			return c
		}
		return strings.Compare(a.Equipment, b.Equipment)
	})
}
