package rules

import (
	"slices"

	"linewatch"
)

// chain ties an instance to those whose states it reads, and to those that
// read its own.
type chain struct {
	sources []int32 // instances
	readers []int32 // leaves
}

// rechain notes which rules a slot reads from now on, and puts all that hang
// on it into their place in the order of evaluation.
func (e *Engine) rechain(s slot, old, next *program) {
	for _, source := range chainedTo(old) {
		e.readBy[source] = slices.DeleteFunc(e.readBy[source], func(r slot) bool { return r == s })
		if len(e.readBy[source]) == 0 {
			delete(e.readBy, source)
		}
	}
	reads := chainedTo(next)
	for _, source := range reads {
		i, _ := slices.BinarySearchFunc(e.readBy[source], s, slot.compare)
		e.readBy[source] = slices.Insert(e.readBy[source], i, s)
	}
	e.relevel(s, reads)
}

// chainedTo returns the rules whose states a version reads; nil for none.
func chainedTo(p *program) []linewatch.RuleID {
	if p == nil || !p.chained {
		return nil
	}
	return p.rule.RuleReads()
}

// relevel finds a rule's level: 0 if it reads tags only, otherwise one more
// than the highest level of the rules it reads. Within an instant rules are
// evaluated level by level, so that each sees what the others say at that very
// instant. Versions that would close a circle were refused; the bound only
// keeps a damaged snapshot from running in it.
func (e *Engine) relevel(s slot, reads []linewatch.RuleID) {
	ed := e.edition(s)
	level := int32(0)
	for _, source := range reads {
		level = max(level, 1)
		if r := e.rules[source]; r != nil {
			level = max(level, r.live.level+1)
		}
	}
	if level == ed.level || int(level) > len(e.rules) {
		return
	}
	ed.level = level
	for _, i := range e.instancesOf[s] {
		e.instances[i].level = level
	}
	if s.shadow {
		return // nobody reads what a shadow says
	}
	for _, reader := range e.readBy[s.rule] {
		e.relevel(reader, chainedTo(e.edition(reader).prog))
	}
}

// postpone lets a dirty instance wait for those on lower levels.
func (e *Engine) postpone(i, level int32) {
	for int(level) >= len(e.chained) {
		e.chained = append(e.chained, nil)
	}
	e.chained[level] = append(e.chained[level], i)
}

// evaluateChained evaluates level by level. What an instance says can make
// only such dirty as stand on higher levels.
func (e *Engine) evaluateChained(t linewatch.Time) {
	for level := 1; level < len(e.chained); level++ {
		for n := 0; n < len(e.chained[level]); n++ {
			i := e.chained[level][n]
			inst := e.instances[i]
			inst.dirty = false
			if inst.prog == nil {
				continue
			}
			e.evaluate(i, inst, t)
			for _, reader := range e.dirty {
				e.postpone(reader, e.instances[reader].level)
			}
			e.dirty = e.dirty[:0]
		}
		e.chained[level] = e.chained[level][:0]
	}
}

// subjectOf returns whose rule a condition reads.
func (e *Engine) subjectOf(inst *instance, n *node) string {
	if n.equipment == "" {
		return inst.key.equipment
	}
	return e.registry.resolve(n.equipment)
}

// connectRule makes a condition read the state of another instance of this
// home, which need not be there yet.
func (e *Engine) connectRule(i, node int32, inst *instance) {
	n := &inst.prog.nodes[node]
	subject := e.subjectOf(inst, n)
	if !e.shareHome(subject, inst.key.equipment) {
		inst.nodes[node].pred = linewatch.Undecided
		return
	}
	key := instanceKey{slot{n.rule, false}, subject}
	source, ok := e.instanceIDs[key]
	if !ok {
		source = e.newInstance(key)
	}
	l := e.newLeaf(i, node)
	c := e.instances[source].chained()
	c.readers = append(c.readers, l)
	if own := inst.chained(); !slices.Contains(own.sources, source) {
		own.sources = append(own.sources, source)
	}
	e.retestRule(l, e.instances[source])
}

func (inst *instance) chained() *chain {
	if inst.chain == nil {
		inst.chain = &chain{}
	}
	return inst.chain
}

// detachRules takes the conditions of an instance off the states they read.
func (e *Engine) detachRules(instance int32) {
	inst := e.instances[instance]
	if inst.chain == nil {
		return
	}
	for _, source := range inst.chain.sources {
		c := e.instances[source].chain
		c.readers = slices.DeleteFunc(c.readers, func(l int32) bool {
			if e.leaves[l].instance != instance {
				return false
			}
			e.leaves[l].instance = -1
			e.freeLeaves = append(e.freeLeaves, l)
			return true
		})
	}
	inst.chain.sources = nil
}

// tellReaders lets the conditions that read an instance's state see it.
func (e *Engine) tellReaders(inst *instance) {
	if inst.chain == nil {
		return
	}
	for _, l := range inst.chain.readers {
		e.retestRule(l, inst)
	}
}

// retestRule judges a condition on the state of another instance.
func (e *Engine) retestRule(l int32, source *instance) {
	lf := e.leaves[l]
	t := linewatch.Undecided
	if source.prog != nil && source.state != linewatch.Unknown {
		inst := e.instances[lf.instance]
		t = inst.prog.nodes[lf.node].test(linewatch.StringValue(string(source.state)), false)
	}
	e.setPredicate(l, t)
}

// describeRule adds the rule that a condition reads, and what it says.
func (e *Engine) describeRule(w *linewatch.ConditionWhy, inst *instance, n *node) {
	w.Tag, w.Limits = n.tag, n.limits
	subject := e.subjectOf(inst, n)
	if subject != inst.key.equipment {
		w.Equipment = subject
	}
	if !e.shareHome(subject, inst.key.equipment) {
		w.Cause = e.absence(subject)
		return
	}
	i, ok := e.instanceIDs[instanceKey{slot{n.rule, false}, subject}]
	if !ok || e.instances[i].prog == nil {
		w.Cause = causeNoRule
		return
	}
	source := e.instances[i]
	v := linewatch.StringValue(string(source.state))
	w.Value, w.Sequence = &v, source.seq
	if source.last.Known() {
		w.At = source.last
	}
	if source.state == linewatch.Unknown {
		w.Cause = causeUndecided
	}
}
