package rules

import "linewatch"

type instanceKey struct {
	slot
	equipment string
}

// instance is a rule, or its shadow, on an equipment.
type instance struct {
	key   instanceKey
	prog  *program // nil after the rule was withdrawn; state and seq stay
	nodes []nodeState
	reads []SeriesID
	chain *chain // nil: it reads no other instance, and none reads it
	state linewatch.State
	seq   uint64         // of the newest change
	last  linewatch.Time // event time of the newest change
	same  uint32         // changes at that event time
	timer int32          // place in the timer heap plus 1; 0: none
	level int32          // its rule's, see relevel
	dirty bool
	// anew says that its program is another one since the last evaluation, which
	// says nothing of what that would have held true.
	anew bool
	// probes says that some conditions have one.
	probes bool
}

// nodeState is what a condition remembers.
type nodeState struct {
	since  linewatch.Time // when the predicate of an on-delay began to hold; NoTime: it does not
	until  linewatch.Time // when an off-delay runs out; NoTime: none runs
	pred   linewatch.Truth
	out    linewatch.Truth // after the delays
	was    linewatch.Truth // out before the evaluation that is going on
	memory bool            // the predicate when it was last decided
	probe  *probe          // nil: the predicate is told by cuts, leaves or other conditions
}

func newNodeStates(n int) []nodeState {
	states := make([]nodeState, n)
	for i := range states {
		states[i].since, states[i].until = linewatch.NoTime, linewatch.NoTime
	}
	return states
}

// evaluate judges one instance at an instant and emits a change if its state
// became another.
func (e *Engine) evaluate(i int32, inst *instance, t linewatch.Time) {
	due, lapse := linewatch.MaxTime, linewatch.MaxTime
	for j := range inst.prog.nodes {
		n, s := &inst.prog.nodes[j], &inst.nodes[j]
		s.was = s.out
		switch {
		case n.op.Combines():
			s.pred = n.join(inst.nodes)
		case s.probe != nil:
			e.judge(n, s, t)
			due, lapse = min(due, s.probe.due), min(lapse, s.probe.lapse)
		case s.pred != linewatch.Undecided:
			// Not before: what a predicate was within the instant, while its
			// control records took effect, was never so.
			s.memory = s.pred == linewatch.True
		}
		if n.hold == 0 && n.keep == 0 {
			s.out = s.pred
			continue
		}
		due = min(due, n.delay(s, t))
	}
	e.timers.set(e.instances, i, due)
	if inst.probes {
		e.setLapse(i, lapse)
	}
	if state, group := inst.prog.decide(inst.nodes); state != inst.state {
		e.emit(inst, state, group, t)
	}
	inst.anew = false
}

// join combines what the conditions of n say, in Kleene's logic.
func (n *node) join(states []nodeState) linewatch.Truth {
	switch n.op {
	case linewatch.Not:
		return states[n.kids[0]].out.Not()
	case linewatch.AtLeastN:
		return n.most(states)
	}
	decisive := linewatch.False
	if n.op == linewatch.Any {
		decisive = linewatch.True
	}
	result := decisive.Not()
	for _, k := range n.kids {
		switch states[k].out {
		case decisive:
			return decisive
		case linewatch.Undecided:
			result = linewatch.Undecided
		}
	}
	return result
}

// most is true if enough conditions hold, and false once the undecided ones
// could no longer make it so.
func (n *node) most(states []nodeState) linewatch.Truth {
	hold, open := 0, 0
	for _, k := range n.kids {
		switch states[k].out {
		case linewatch.True:
			hold++
		case linewatch.Undecided:
			open++
		}
	}
	switch {
	case hold >= n.cond.N:
		return linewatch.True
	case hold+open < n.cond.N:
		return linewatch.False
	}
	return linewatch.Undecided
}

// delay applies on-delay and off-delay to the predicate at the instant t, and
// returns when it wants to be asked again, MaxTime for never.
func (n *node) delay(s *nodeState, t linewatch.Time) linewatch.Time {
	due, on := linewatch.MaxTime, s.pred
	switch {
	case n.hold == 0:
	case on != linewatch.True:
		s.since = linewatch.NoTime
	default:
		if !s.since.Known() {
			s.since = t
		}
		if ready := s.since.Add(n.hold); t < ready {
			due, on = ready, linewatch.False
		}
	}
	if n.keep != 0 {
		on, due = n.linger(s, on, t, due)
	}
	s.out = on
	return due
}

// linger applies the off-delay to what the on-delay says.
func (n *node) linger(s *nodeState, on linewatch.Truth, t, due linewatch.Time) (linewatch.Truth, linewatch.Time) {
	if on != linewatch.False {
		s.until = linewatch.NoTime
		return on, due
	}
	if s.out == linewatch.True && !s.until.Known() {
		s.until = t.Add(n.keep)
	}
	if !s.until.Known() {
		return on, due
	}
	if t < s.until {
		return linewatch.True, min(due, s.until)
	}
	s.until = linewatch.NoTime
	return on, due
}
