package rules

import (
	"slices"

	"linewatch"
)

type seriesKey struct{ equipment, tag string }

// class is what a series' newest value is good for.
type class uint8

const (
	noClass class = iota // unknown: never seen, not Ok, or its sender offline
	numbers
	words
	switches // booleans
)

func classOf(v linewatch.Value) class {
	switch v.Kind() {
	case linewatch.Bool:
		return switches
	case linewatch.String:
		return words
	case linewatch.Null:
		return noClass
	}
	return numbers
}

// series is one tag of one equipment: its newest sample and the conditions
// that read it. Conditions on numbers stand as cuts in ascending order, so
// that a new value looks only at those it crosses.
type series struct {
	key     seriesKey
	last    Sample
	class   class
	adopted bool  // key has the bytes of a point's names
	touched int32 // place in Engine.touched plus 1; 0: none
	cause   Cause // why last is not Ok
	rank    int32 // how many cuts the newest number is above
	cuts    []cut
	leaves  []int32 // all conditions on this series but those of watchers
	watch   *watch  // nil: no probe reads it
}

// leaf is a condition on a series.
type leaf struct {
	instance int32 // -1: free
	node     int32
}

// Series returns the handle of a tag, making one if there is none. It returns
// false when the bound on the number of tags is reached.
func (e *Engine) Series(equipment, tag string) (SeriesID, bool) {
	if id, ok := e.Lookup(equipment, tag); ok {
		return id, true
	}
	if len(e.series) >= e.opts.MaxSeries {
		return 0, false
	}
	id := SeriesID(len(e.series))
	e.series = append(e.series, series{key: seriesKey{equipment, tag}, last: Sample{At: linewatch.NoTime}})
	e.index.add(e.series)
	return id, true
}

// settle brings the conditions on a series in line with its newest sample and
// its sender; moved says whether the value differs from the one before.
func (e *Engine) settle(id SeriesID, moved bool) {
	sr := &e.series[id]
	c := e.classNow(sr)
	if c != sr.class {
		sr.class = c
		e.restart(sr)
		return
	}
	switch {
	case !moved || c == noClass:
	case c == numbers:
		if len(sr.cuts) > 0 {
			e.cross(sr)
		}
	default:
		for _, l := range sr.leaves {
			e.retest(l, sr)
		}
	}
}

// classNow returns what the newest sample of a series is good for now.
func (e *Engine) classNow(sr *series) class {
	if sr.last.Quality != linewatch.Ok || !sr.last.At.Known() || e.senders[sr.last.Sender].offline() {
		return noClass
	}
	return classOf(sr.last.Value)
}

// restart judges every condition of a series anew: its value became known,
// unknown, or of another kind.
func (e *Engine) restart(sr *series) {
	if sr.class == numbers {
		sr.rank = int32(rankOf(sr.cuts, sr.last.Value))
	}
	for _, l := range sr.leaves {
		e.retest(l, sr)
	}
}

// retest judges one condition from the newest value and its memory.
func (e *Engine) retest(l int32, sr *series) {
	lf := e.leaves[l]
	inst := e.instances[lf.instance]
	t := linewatch.Undecided
	if sr.class != noClass {
		t = inst.prog.nodes[lf.node].test(sr.last.Value, inst.nodes[lf.node].memory)
	}
	e.setPredicate(l, t)
}

// cross moves the rank to the newest number and tells the conditions whose
// cuts lie between.
func (e *Engine) cross(sr *series) {
	f, _ := sr.last.Value.Float()
	rank := int(sr.rank)
	for rank < len(sr.cuts) && sr.cuts[rank].below(f, &sr.last.Value) {
		if c := &sr.cuts[rank]; c.up != linewatch.Undecided {
			e.setPredicate(c.leaf, c.up)
		}
		rank++
	}
	for rank > 0 && !sr.cuts[rank-1].below(f, &sr.last.Value) {
		if c := &sr.cuts[rank-1]; c.down != linewatch.Undecided {
			e.setPredicate(c.leaf, c.down)
		}
		rank--
	}
	sr.rank = int32(rank)
}

// setPredicate records what a condition's predicate is from now on.
func (e *Engine) setPredicate(l int32, t linewatch.Truth) {
	lf := e.leaves[l]
	inst := e.instances[lf.instance]
	n := &inst.nodes[lf.node]
	if n.pred == t {
		return
	}
	n.pred = t
	e.markDirty(lf.instance)
}

// newLeaf gives a condition of an instance a handle.
func (e *Engine) newLeaf(instance, node int32) int32 {
	if n := len(e.freeLeaves); n > 0 {
		l := e.freeLeaves[n-1]
		e.freeLeaves = e.freeLeaves[:n-1]
		e.leaves[l] = leaf{instance, node}
		return l
	}
	e.leaves = append(e.leaves, leaf{instance, node})
	return int32(len(e.leaves) - 1)
}

// attach makes a condition of an instance read a series.
func (e *Engine) attach(id SeriesID, instance, node int32) {
	l := e.newLeaf(instance, node)
	sr := &e.series[id]
	sr.leaves = append(sr.leaves, l)
	for _, c := range e.instances[instance].prog.nodes[node].cuts() {
		c.leaf = l
		sr.insertCut(c)
	}
	if sr.class == numbers {
		sr.rank = int32(rankOf(sr.cuts, sr.last.Value))
	}
	e.retest(l, sr)
}

// detachAll takes all conditions off what they read, at once, where one
// instance after the other would look at all the others each time.
func (e *Engine) detachAll() {
	for i := range e.series {
		sr := &e.series[i]
		sr.leaves, sr.cuts, sr.watch, sr.rank = nil, nil, nil, 0
	}
	for _, inst := range e.instances {
		inst.reads = nil
		if inst.chain != nil {
			inst.chain.sources, inst.chain.readers = nil, nil
		}
	}
	e.leaves, e.freeLeaves = nil, nil
}

// detach takes every condition of an instance off the series it reads.
func (e *Engine) detach(instance int32) {
	for _, id := range e.instances[instance].reads {
		sr := &e.series[id]
		sr.leaves = slices.DeleteFunc(sr.leaves, func(l int32) bool {
			if e.leaves[l].instance != instance {
				return false
			}
			e.leaves[l].instance = -1
			e.freeLeaves = append(e.freeLeaves, l)
			return true
		})
		sr.unwatch(instance)
		sr.cuts = slices.DeleteFunc(sr.cuts, func(c cut) bool { return e.leaves[c.leaf].instance < 0 })
		if sr.class == numbers {
			sr.rank = int32(rankOf(sr.cuts, sr.last.Value))
		}
	}
	e.instances[instance].reads = nil
	e.detachRules(instance)
}
