package rules

import (
	"slices"
	"sort"

	"linewatch"
)

// cut is a place between numbers, just below or just above a limit, and what
// crossing it upwards or downwards makes of a condition. Undecided leaves the
// condition as it is, which is how hysteresis works: the cut that raises and
// the cut that clears are two.
type cut struct {
	near  float64 // the limit, rounded
	limit linewatch.Value
	above bool // just above the limit, not just below
	leaf  int32
	up    linewatch.Truth
	down  linewatch.Truth
}

// below reports whether the cut lies below the number v, whose nearest float
// is f.
func (c *cut) below(f float64, v *linewatch.Value) bool {
	if f != c.near {
		return f > c.near
	}
	order := linewatch.CompareNumbers(*v, c.limit)
	return order > 0 || order == 0 && !c.above
}

func (c *cut) before(d *cut) bool {
	if c.near != d.near {
		return c.near < d.near
	}
	if order := linewatch.CompareNumbers(c.limit, d.limit); order != 0 {
		return order < 0
	}
	return !c.above && d.above
}

// rankOf returns how many cuts lie below v.
func rankOf(cuts []cut, v linewatch.Value) int {
	f, _ := v.Float()
	return sort.Search(len(cuts), func(i int) bool { return !cuts[i].below(f, &v) })
}

func (sr *series) insertCut(c cut) {
	i := sort.Search(len(sr.cuts), func(i int) bool { return c.before(&sr.cuts[i]) })
	sr.cuts = slices.Insert(sr.cuts, i, c)
}

func newCut(limit linewatch.Value, above bool, up, down linewatch.Truth) cut {
	near, _ := limit.Float()
	return cut{near: near, limit: limit, above: above, up: up, down: down}
}

// cuts returns the places at which a number changes what n says.
func (n *node) cuts() []cut {
	const t, f, same = linewatch.True, linewatch.False, linewatch.Undecided
	switch n.op {
	case linewatch.Above, linewatch.AtLeast:
		raiseAbove, clearAt, clearAbove := n.op == linewatch.Above, n.limits[0], n.op == linewatch.Above
		if !n.clear.IsNull() {
			clearAt, clearAbove = n.clear, true
		}
		return []cut{newCut(n.limits[0], raiseAbove, t, same), newCut(clearAt, clearAbove, same, f)}
	case linewatch.Below, linewatch.AtMost:
		raiseAbove, clearAt, clearAbove := n.op == linewatch.AtMost, n.limits[0], n.op == linewatch.AtMost
		if !n.clear.IsNull() {
			clearAt, clearAbove = n.clear, false
		}
		return []cut{newCut(n.limits[0], raiseAbove, same, t), newCut(clearAt, clearAbove, f, same)}
	case linewatch.Inside:
		return []cut{newCut(n.limits[0], false, t, f), newCut(n.limits[1], true, f, t)}
	case linewatch.Outside:
		return []cut{newCut(n.limits[0], false, f, t), newCut(n.limits[1], true, t, f)}
	}
	return n.equalityCuts()
}

// equalityCuts returns the cuts around each number that n compares with.
func (n *node) equalityCuts() (cuts []cut) {
	hit, miss := linewatch.True, linewatch.False
	if n.op == linewatch.IsNot {
		hit, miss = miss, hit
	}
	for i, v := range n.limits {
		if !v.IsNumber() || slices.ContainsFunc(n.limits[:i], v.Equal) {
			continue
		}
		cuts = append(cuts, newCut(v, false, hit, miss), newCut(v, true, miss, hit))
	}
	return cuts
}
