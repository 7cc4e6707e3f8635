package rules

import (
	"math"
	"slices"

	"linewatch"
)

const (
	causeOrder  = "limits in the wrong order"
	causeNumber = "limit is no number"
)

// limits returns a comparison with the limits of the instant t, or why one of
// them is unknown.
func (e *Engine) limits(n *node, p *probe, t linewatch.Time) (node, string) {
	out := node{op: n.op, limits: n.limits, clear: n.clear}
	if len(n.cond.Lookups) == 0 {
		return out, ""
	}
	out.limits = slices.Clone(n.limits)
	first := ""
	for i := range n.cond.Lookups {
		if n.cond.Lookups[i].Table == "" {
			continue
		}
		v, _, cause := e.lookUp(n, p, i, t)
		if cause == "" && n.op.Numeric() && !v.IsNumber() {
			cause = causeNumber
		}
		if cause == "" {
			out.limits[i] = v
		} else if first == "" {
			first = cause
		}
	}
	switch {
	case first != "":
	case n.op == linewatch.Inside || n.op == linewatch.Outside:
		if linewatch.CompareNumbers(out.limits[0], out.limits[1]) > 0 {
			first = causeOrder
		}
	default:
		out.clear = clearOf(n.op, out.limits[0], n.cond.Hysteresis)
	}
	return out, first
}

// lookUp returns limit i as it stands in its table at t, with its place there,
// or why it cannot be had.
func (e *Engine) lookUp(n *node, p *probe, i int, t linewatch.Time) (v linewatch.Value, place, cause string) {
	l := &n.cond.Lookups[i]
	k := slices.IndexFunc(p.inputs[n.subjects():], func(in input) bool { return in.ref == l.Key }) + n.subjects()
	key, cause := e.sampleOf(p, k, t)
	place = l.Table + "[?]." + l.Column
	switch {
	case cause != "":
		return v, place, l.Key.Tag + ": " + cause
	case key.Value.IsNull():
		return v, place, l.Key.Tag + ": " + causeNoValue
	}
	row := key.Value.String()
	place = l.Table + "[" + row + "]." + l.Column
	table, ok := e.tables[l.Table]
	if !ok {
		return v, place, "no table " + l.Table
	}
	columns, ok := table.Rows[row]
	if !ok {
		return v, place, "no row " + row + " in table " + l.Table
	}
	v, ok = columns[l.Column]
	if !ok {
		return v, place, "no column " + l.Column + " in row " + row + " of table " + l.Table
	}
	return v, place, ""
}

// reads reports whether a rule looks up limits in a table.
func (p *program) reads(table string) bool {
	for i := range p.nodes {
		for _, l := range p.nodes[i].cond.Lookups {
			if l.Table == table {
				return true
			}
		}
	}
	return false
}

// applyTable gives effect to a reference table and has the conditions judged
// again that look up in it.
func (e *Engine) applyTable(t *linewatch.Table) {
	e.tables[t.ID] = *t
	for i, inst := range e.instances {
		if inst.prog != nil && inst.probes && inst.prog.reads(t.ID) {
			e.markDirty(int32(i))
		}
	}
}

// clearOf returns where a condition ends that has a hysteresis; null without
// one, or if it is too small for float64 to tell that place from the limit:
// otherwise the condition would hold and be cleared at once.
func clearOf(op linewatch.Op, limit, hysteresis linewatch.Value) linewatch.Value {
	if hysteresis.IsNull() {
		return linewatch.Value{}
	}
	down := op == linewatch.Above || op == linewatch.AtLeast
	clear := shift(limit, hysteresis, down)
	if clear.IsNull() || (linewatch.CompareNumbers(clear, limit) < 0) != down || linewatch.CompareNumbers(clear, limit) == 0 {
		return linewatch.Value{}
	}
	return clear
}

// shift adds a distance to a number, or takes it away: exactly if both are
// integers and so is the result, else as float64. Beyond that range there is
// no number, and null comes back.
func shift(v, by linewatch.Value, down bool) linewatch.Value {
	a, ok := v.Int()
	b, also := by.Int()
	if down {
		b = -b
	}
	if sum := a + b; ok && also && b != math.MinInt64 && (sum > a) == (b > 0) {
		return linewatch.IntValue(sum)
	}
	x, _ := v.Float()
	y, _ := by.Float()
	if down {
		y = -y
	}
	return linewatch.FloatValue(x + y)
}
