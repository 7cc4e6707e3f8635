package domain_test

import (
	"cmp"
	"math/big"
	"slices"
	"sort"

	"linewatch"
)

// refInput is a tag that a condition reads.
type refInput struct {
	ref    linewatch.TagRef
	tag    refTag
	home   bool
	stale  linewatch.Duration
	fallen linewatch.Time // deadline that silence has made due
}

// refRefs lists the tags of a condition: first those that it tests, of which it
// returns the number.
func refRefs(c *linewatch.Condition) (refs []linewatch.TagRef, tested int) {
	if c.Expr != "" {
		refs = refFormulaTags(c.Expr)
	} else {
		refs = []linewatch.TagRef{{Tag: c.Tag, Equipment: c.Equipment}}
	}
	tested = len(refs)
	for _, l := range c.Lookups {
		if l.Table != "" && !slices.Contains(refs[tested:], l.Key) {
			refs = append(refs, l.Key)
		}
	}
	return refs, tested
}

// connect finds the tags of a condition. One whose own tag is another from now
// on begins anew.
func (j *refJudge) connect(inst *refInstance, c *linewatch.Condition, own *refCondition, t linewatch.Time) {
	if len(c.Of) > 0 || refReads(c) != "" {
		return
	}
	before := own.inputs
	own.inputs = nil
	refs, tested := refRefs(c)
	for k, ref := range refs {
		in := refInput{ref: ref, fallen: linewatch.NoTime}
		in.tag = refTag{inst.key.equipment, ref.Tag}
		if ref.Equipment != "" {
			in.tag.equipment = refResolve(&j.assets, ref.Equipment)
		}
		in.home = refHears(j.cfg, j.hosted, &j.assets, in.tag.equipment)
		for _, tag := range refEquipment(&j.assets, in.tag.equipment).Tags {
			if tag.Name == ref.Tag && c.Op != linewatch.Missing {
				in.stale = tag.StaleAfter
			}
		}
		if k < tested && c.StaleAfter > 0 {
			in.stale = c.StaleAfter
		}
		if in.home {
			j.tags[in.tag] = true
		}
		if k < len(before) && before[k].home && in.home && before[k].tag == in.tag && (in.stale > 0 || c.Op == linewatch.Missing) {
			in.fallen = before[k].fallen
		}
		own.inputs = append(own.inputs, in)
	}
	if in := own.inputs[0]; len(before) == 0 || in.home != before[0].home || in.home && in.tag != before[0].tag {
		own.born, own.values = t, nil
	}
}

// newest returns a tag's newest sample (nil: none) and why it is not known.
func (j *refJudge) newest(in *refInput, t linewatch.Time) (*refSample, string) {
	samples := j.history[in.tag]
	switch {
	case !in.home:
		return nil, j.absence(in.tag.equipment)
	case len(samples) == 0:
		return nil, "no value yet"
	}
	s := &samples[len(samples)-1]
	old := in.stale > 0 && j.passed(in, s.Timestamp+linewatch.Time(in.stale), t)
	switch {
	case j.offline(s.sender):
		return s, "source offline"
	case s.Quality != linewatch.Ok:
		return s, refPoor(&s.DataPoint)
	case old:
		return s, "older than " + in.stale.String()
	}
	return s, ""
}

// refPoor says how a point that is not Ok is told, with the edge's own words
// where it has any.
func refPoor(p *linewatch.DataPoint) string {
	if p.Cause == "" {
		return "quality " + p.Quality.String()
	}
	return "quality " + p.Quality.String() + ", " + p.Cause
}

// samples lists what a condition has seen of its tag: the newest sample when it
// began, or those of that instant, and all after it.
func (j *refJudge) samples(own *refCondition) []refSample {
	in := &own.inputs[0]
	if !in.home {
		return nil
	}
	all := j.history[in.tag]
	from := sort.Search(len(all), func(i int) bool { return all[i].Timestamp >= own.born })
	if from > 0 && (from == len(all) || all[from].Timestamp > own.born) {
		from--
	}
	return all[from:]
}

// describe fills in a sample.
func (j *refJudge) describe(in *refInput, inst *refInstance, t linewatch.Time) (out linewatch.InputWhy) {
	out.Tag = in.ref.Tag
	if in.tag.equipment != inst.key.equipment {
		out.Equipment = in.tag.equipment
	}
	s, cause := j.newest(in, t)
	if s != nil {
		out.Value, out.At, out.Sender, out.Sequence = &s.Value, s.Timestamp, s.sender.Gateway+"/"+s.sender.Source, s.Sequence
	}
	switch {
	case s != nil && cause != "" && s.Quality != linewatch.Ok && !j.offline(s.sender):
		out.Quality, out.Cause = s.Quality.String(), s.Cause
	default:
		out.Cause = cause
	}
	return out
}

// predicate judges a condition that holds no others.
func (j *refJudge) predicate(why *linewatch.ConditionWhy, inst *refInstance, c *linewatch.Condition, own *refCondition, t linewatch.Time) linewatch.Truth {
	if rule := refReads(c); rule != "" {
		subject := j.reads(c, inst.key.equipment)
		why.Tag, why.Limits = c.Tag, c.Values
		if len(c.Values) == 0 {
			why.Limits = []linewatch.Value{c.Limit}
		}
		if subject != inst.key.equipment {
			why.Equipment = subject
		}
		return j.ruleState(why, c, refKey{rule, subject, false}, inst.key.equipment)
	}
	why.Expr, why.Span = c.Expr, c.Span
	if c.Expr == "" {
		d := j.describe(&own.inputs[0], inst, t)
		why.Tag, why.Equipment, why.Value, why.Quality, why.At, why.Sender, why.Sequence, why.Cause = d.Tag, d.Equipment, d.Value, d.Quality, d.At, d.Sender, d.Sequence, d.Cause
	}
	if c.Op > linewatch.Outside {
		return j.pastOf(why, c, own, t)
	}
	return j.comparison(why, inst, c, own, t)
}

// comparison judges a tag, a window or an expression against its limits.
func (j *refJudge) comparison(why *linewatch.ConditionWhy, inst *refInstance, c *linewatch.Condition, own *refCondition, t linewatch.Time) linewatch.Truth {
	v, cause := j.operand(why, inst, c, own, t)
	limits, limitCause := j.limits(why, c, own, t)
	why.Limits = limits
	clear := c.Clear
	if !c.Hysteresis.IsNull() && limitCause == "" {
		clear = refShift(limits[0], c.Hysteresis, c.Op == linewatch.Above || c.Op == linewatch.AtLeast)
	}
	if !clear.IsNull() {
		why.Clear = &clear
	}
	if cause == "" && (c.Expr != "" || c.Window.Over > 0) {
		why.Result = &v
	}
	switch {
	case cause != "":
		if why.Quality == "" {
			why.Cause = cause
		}
	case limitCause != "":
		why.Cause = limitCause
	case !slices.ContainsFunc(limits, func(w linewatch.Value) bool { return refType(w) == refType(v) && !v.IsNull() }):
		why.Cause = "type does not fit"
	default:
		return linewatch.TruthOf(refHolds(c.Op, v, limits, clear, own.memory()))
	}
	return linewatch.Undecided
}

// operand is what is compared.
func (j *refJudge) operand(why *linewatch.ConditionWhy, inst *refInstance, c *linewatch.Condition, own *refCondition, t linewatch.Time) (linewatch.Value, string) {
	if c.Expr != "" {
		return j.formula(why, inst, c, own, t)
	}
	s, cause := j.newest(&own.inputs[0], t)
	if c.Window.Over == 0 {
		if s == nil {
			return linewatch.Value{}, cause
		}
		return s.Value, cause
	}
	v, windowCause := j.window(why, c.Window, own, t)
	switch {
	case cause != "":
		return linewatch.Value{}, cause
	case s.Value.IsNull() || c.Window.Func != linewatch.Count && !s.Value.IsNumber():
		return linewatch.Value{}, "type does not fit"
	}
	return v, windowCause
}

// limits is what is compared with.
func (j *refJudge) limits(why *linewatch.ConditionWhy, c *linewatch.Condition, own *refCondition, t linewatch.Time) (limits []linewatch.Value, cause string) {
	limits = slices.Clone(c.Values)
	if len(limits) == 0 {
		limits = []linewatch.Value{c.Limit}
	}
	_, tested := refRefs(c)
	for i, l := range c.Lookups {
		if why.LimitFrom == nil {
			why.LimitFrom = make([]string, len(limits))
		}
		if l.Table == "" {
			continue
		}
		key := slices.IndexFunc(own.inputs[tested:], func(in refInput) bool { return in.ref == l.Key })
		v, from, problem := j.tableCell(l, &own.inputs[tested+key], t)
		why.LimitFrom[i] = from
		if problem == "" && !v.IsNumber() && c.Op != linewatch.Is && c.Op != linewatch.IsNot && c.Op != linewatch.In {
			problem = "limit is no number"
		}
		if problem == "" {
			limits[i] = v
		}
		cause = cmp.Or(cause, problem)
	}
	if cause == "" && len(c.Lookups) > 0 && (c.Op == linewatch.Inside || c.Op == linewatch.Outside) && refCompare(limits[0], limits[1]) > 0 {
		cause = "limits in the wrong order"
	}
	return limits, cause
}

func (j *refJudge) tableCell(l linewatch.Lookup, key *refInput, t linewatch.Time) (v linewatch.Value, from, problem string) {
	s, cause := j.newest(key, t)
	if cause == "" && s.Value.IsNull() {
		cause = "no value yet"
	}
	if cause != "" {
		return v, l.Table + "[?]." + l.Column, key.ref.Tag + ": " + cause
	}
	row := s.Value.String()
	from = l.Table + "[" + row + "]." + l.Column
	if _, ok := j.tables[l.Table]; !ok {
		return v, from, "no table " + l.Table
	}
	if _, ok := j.tables[l.Table].Rows[row]; !ok {
		return v, from, "no row " + row + " in table " + l.Table
	}
	v, ok := j.tables[l.Table].Rows[row][l.Column]
	if !ok {
		return v, from, "no column " + l.Column + " in row " + row + " of table " + l.Table
	}
	return v, from, ""
}

// refShift moves a limit by a distance: exactly where all are whole numbers of
// 63 bits and a sign, else as float64.
func refShift(v, by linewatch.Value, down bool) linewatch.Value {
	d := refExact(by)
	if down {
		d.Neg(d)
	}
	sum := new(big.Rat).Add(refExact(v), d)
	whole := func(v linewatch.Value) bool { _, ok := v.Int(); return ok }
	if whole(v) && whole(by) && sum.Num().IsInt64() {
		return linewatch.IntValue(sum.Num().Int64())
	}
	a, _ := v.Float()
	b, _ := by.Float()
	if down {
		b = -b
	}
	// Where float64 cannot tell it from the limit there is none.
	if out := linewatch.FloatValue(a + b); !out.IsNull() && refExact(out).Cmp(refExact(v)) == d.Sign() {
		return out
	}
	return linewatch.Value{}
}

func refType(v linewatch.Value) string {
	if v.IsNumber() {
		return "number"
	}
	return v.Kind().String()
}

func refHolds(op linewatch.Op, v linewatch.Value, limits []linewatch.Value, clear linewatch.Value, memory bool) bool {
	if memory && !clear.IsNull() {
		// Held so far: false again at or beyond clear.
		if op == linewatch.Above || op == linewatch.AtLeast {
			return refCompare(v, clear) > 0
		}
		return refCompare(v, clear) < 0
	}
	first := limits[0]
	switch op {
	case linewatch.Above:
		return refCompare(v, first) > 0
	case linewatch.Below:
		return refCompare(v, first) < 0
	case linewatch.AtLeast:
		return refCompare(v, first) >= 0
	case linewatch.AtMost:
		return refCompare(v, first) <= 0
	case linewatch.Is:
		return refCompare(v, first) == 0
	case linewatch.IsNot:
		return refCompare(v, first) != 0
	case linewatch.Inside:
		return refCompare(v, first) >= 0 && refCompare(v, limits[1]) <= 0
	case linewatch.Outside:
		return refCompare(v, first) < 0 || refCompare(v, limits[1]) > 0
	}
	for _, w := range limits { // in
		if refType(v) == refType(w) && refCompare(v, w) == 0 {
			return true
		}
	}
	return false
}
