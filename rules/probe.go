package rules

import (
	"encoding/binary"
	"slices"

	"linewatch"
)

// probe is a condition that hangs on more than its tag's newest value and one
// fixed limit: on the tag's age or past, on limits that move, or on several
// tags. It is judged whenever one of its inputs moves or its time has come,
// and not by the cuts of a series.
type probe struct {
	inputs []input          // what the condition tests, then the keys of its limits
	born   linewatch.Time   // when it began to look at its first input
	due    linewatch.Time   // event time at which it must be judged again; MaxTime: none
	lapse  linewatch.Time   // the same on the arrival clock, for an input whose sender is offline
	fed    linewatch.Time   // newest sample that was taken; NoTime: none yet
	value  linewatch.Value  // newest value of quality Ok, of changed and stuck
	since  linewatch.Time   // when that value began (stuck), came (changed), or a sequence was complete
	steps  []linewatch.Time // of a sequence: where the newest match of its first values began, by their number
	window *window          // of a window
}

// input is a tag that a probe reads.
type input struct {
	ref    linewatch.TagRef
	home   string   // the equipment's id
	series SeriesID // -1: of another line
	stale  linewatch.Duration
	fallen linewatch.Time // deadline that silence has made due; NoTime: none
}

// noSeries stands for a tag that is not of this home.
const noSeries SeriesID = -1

// probes reports whether a condition can only be judged by a probe, whatever
// the registry says of its tag.
func (n *node) probes() bool {
	c := n.cond
	return n.rule == "" && (!c.Op.Compares() || c.Window.Func != 0 || n.program != nil || len(c.Lookups) > 0 || c.StaleAfter > 0)
}

// refs lists the tags that a condition reads: its own or those of its
// expression first, then the keys of its limits.
func (n *node) refs() (refs []linewatch.TagRef) {
	if n.program != nil {
		refs = append(refs, n.program.Inputs()...)
	} else {
		refs = append(refs, linewatch.TagRef{Tag: n.tag, Equipment: n.equipment})
	}
	for _, l := range n.cond.Lookups {
		if l.Table != "" && !slices.Contains(refs[n.subjects():], l.Key) {
			refs = append(refs, l.Key)
		}
	}
	return refs
}

// subjects returns how many of refs are what the condition tests.
func (n *node) subjects() int {
	if n.program != nil {
		return len(n.program.Inputs())
	}
	return 1
}

// connectProbe makes a condition read its tags by a probe, if it needs one. A
// probe that had the same tag before goes on.
func (e *Engine) connectProbe(i int32, inst *instance, j int, t linewatch.Time) bool {
	n, s := &inst.prog.nodes[j], &inst.nodes[j]
	if !n.probes() && e.registry.staleAfter(e.subjectOf(inst, n), n.tag) == 0 {
		s.probe = nil
		return false
	}
	refs := n.refs()
	inputs := make([]input, len(refs))
	for k, ref := range refs {
		inputs[k] = e.input(inst, n, ref, k < n.subjects())
	}
	if s.probe == nil {
		s.probe = newProbe(n, t)
	} else if before := s.probe.inputs; len(before) > 0 && before[0].series != inputs[0].series {
		s.probe = newProbe(n, t)
		s.probe.inputs = before // the others may be what they were
	}
	s.probe.keep(n, inputs)
	if w := s.probe.window; w != nil {
		w.most = n.room // another version may have more of them
	}
	inst.probes = true
	for k := range inputs {
		id := inputs[k].series
		if id == noSeries {
			continue
		}
		e.series[id].watchedBy(i)
		if !slices.Contains(inst.reads, id) {
			inst.reads = append(inst.reads, id)
		}
	}
	return true
}

// keep gives a probe its inputs; what silence has made due of those that it had
// before, or was restored with, stays so while it can fall due at all.
func (p *probe) keep(n *node, inputs []input) {
	for k := range inputs {
		inputs[k].fallen = linewatch.NoTime
		ages := inputs[k].stale > 0 || n.op == linewatch.Missing
		if ages && k < len(p.inputs) && p.inputs[k].series == inputs[k].series {
			inputs[k].fallen = p.inputs[k].fallen
		}
	}
	p.inputs = inputs
}

// watch lists the instances with probes on a series.
type watch struct{ instances []int32 }

// watchedBy notes that an instance has a probe on a series.
func (sr *series) watchedBy(i int32) {
	if sr.watch == nil {
		sr.watch = &watch{}
	}
	if !slices.Contains(sr.watch.instances, i) {
		sr.watch.instances = append(sr.watch.instances, i)
	}
}

// watching returns the instances with probes on a series.
func (sr *series) watching() []int32 {
	if sr.watch == nil {
		return nil
	}
	return sr.watch.instances
}

// unwatch takes the probes of an instance off a series.
func (sr *series) unwatch(i int32) {
	if sr.watch == nil {
		return
	}
	sr.watch.instances = slices.DeleteFunc(sr.watch.instances, func(j int32) bool { return j == i })
	if len(sr.watch.instances) == 0 {
		sr.watch = nil
	}
}

// newProbe returns a probe that begins with its tag's newest sample.
func newProbe(n *node, t linewatch.Time) *probe {
	p := &probe{born: t, due: linewatch.MaxTime, lapse: linewatch.MaxTime, fed: linewatch.NoTime, since: linewatch.NoTime}
	if n.op == linewatch.Sequence {
		p.steps = make([]linewatch.Time, len(n.cond.Values)-1)
		for i := range p.steps {
			p.steps[i] = linewatch.NoTime
		}
	}
	if n.cond.Window.Func != 0 {
		p.window = newWindow(n.cond.Window.Over)
	}
	return p
}

// clone returns a copy that goes its own way; nil for none.
func (p *probe) clone() *probe {
	if p == nil {
		return nil
	}
	c := *p
	c.inputs, c.steps = slices.Clone(p.inputs), slices.Clone(p.steps)
	if p.window != nil {
		w := *p.window
		w.samples, w.panes, w.head = slices.Clone(w.samples[w.head:]), slices.Clone(w.panes), 0
		c.window = &w
	}
	return &c
}

// input finds the series of a tag, and from which age on it is unknown: as the
// condition says of what it tests, else as the registry says.
func (e *Engine) input(inst *instance, n *node, ref linewatch.TagRef, own bool) input {
	in := input{ref: ref, home: inst.key.equipment, series: noSeries}
	if ref.Equipment != "" {
		in.home = e.registry.resolve(ref.Equipment)
	}
	if n.op != linewatch.Missing {
		in.stale = e.registry.staleAfter(in.home, ref.Tag)
	}
	if own && n.cond.StaleAfter > 0 {
		in.stale = n.cond.StaleAfter
	}
	if !e.here(in.home) {
		return in
	}
	if id, ok := e.Series(in.home, ref.Tag); ok {
		in.series = id
	}
	return in
}

// judge brings a probe's predicate up to the instant t.
func (e *Engine) judge(n *node, s *nodeState, t linewatch.Time) {
	p := s.probe
	p.due, p.lapse = linewatch.MaxTime, linewatch.MaxTime
	e.feed(n, p, t)
	var truth linewatch.Truth
	switch n.op {
	case linewatch.Changed:
		truth = e.judgeChanged(p, t)
	case linewatch.Stuck:
		truth = e.judgeStuck(n, p, t)
	case linewatch.Missing:
		truth = e.judgeMissing(n, p, t)
	case linewatch.Sequence:
		truth = e.judgeSequence(n, p, t)
	default:
		truth = e.judgeComparison(n, s, t)
	}
	s.pred = truth
	if truth != linewatch.Undecided {
		s.memory = truth == linewatch.True
	}
}

// judgeComparison compares a tag, a window or an expression with its limits.
func (e *Engine) judgeComparison(n *node, s *nodeState, t linewatch.Time) linewatch.Truth {
	v, cause := e.operand(n, s.probe, t)
	limits, limitCause := e.limits(n, s.probe, t)
	if cause != "" || limitCause != "" {
		return linewatch.Undecided
	}
	return limits.test(v, s.memory)
}

// operand returns what a comparison compares, or why that is unknown.
func (e *Engine) operand(n *node, p *probe, t linewatch.Time) (linewatch.Value, string) {
	if n.program != nil {
		return e.express(n, p, t)
	}
	last, cause := e.sampleOf(p, 0, t)
	if cause == "" && p.window != nil {
		return p.window.result(n, last.Value)
	}
	return last.Value, cause
}

// sampleOf returns an input's newest sample and, if it is not known at t, why
// not. The probe's deadlines
// move to when the sample will be too old.
func (e *Engine) sampleOf(p *probe, k int, t linewatch.Time) (Sample, string) {
	in := &p.inputs[k]
	if in.series == noSeries {
		return Sample{At: linewatch.NoTime}, e.absence(in.home)
	}
	sr := &e.series[in.series]
	last := sr.last
	if !last.At.Known() {
		return last, causeNoValue
	}
	old := in.stale > 0 && !e.wait(p, k, last.At.Add(in.stale), t)
	switch {
	case e.senders[last.Sender].offline():
		return last, causeOffline
	case last.Quality != linewatch.Ok:
		return last, e.poor(sr)
	case old:
		return last, "older than " + in.stale.String()
	}
	return last, ""
}

// wait reports whether a deadline of an input lies ahead, in which case the
// probe is judged again then: in event time or, while the sender is offline, on
// the arrival clock, whichever comes first. What silence has made due stays so
// until a point moves the deadline.
func (e *Engine) wait(p *probe, k int, deadline, t linewatch.Time) bool {
	in := &p.inputs[k]
	if deadline <= t || deadline <= in.fallen {
		return false
	}
	lapse := e.outageOf(&e.series[in.series]).reaches(deadline)
	if lapse <= e.arrival {
		in.fallen = deadline
		return false
	}
	p.due, p.lapse = min(p.due, deadline), min(p.lapse, lapse)
	return true
}

// feed gives a probe the samples of its first input that it has not had.
func (e *Engine) feed(n *node, p *probe, t linewatch.Time) {
	if len(p.inputs) == 0 || p.inputs[0].series == noSeries {
		return
	}
	last := &e.series[p.inputs[0].series].last
	if last.At.Known() && last.At > p.fed {
		p.fed = last.At
		for _, tc := range e.earlierOf(p.inputs[0].series) {
			p.take(n, &tc.sample, false)
		}
		p.take(n, last, true)
	}
	if p.window != nil {
		p.window.advance(n.cond.Window.Func, t)
		p.due = min(p.due, p.window.leaves(t))
	}
}

// take gives a probe one sample; last says that none of the same instant
// follows.
func (p *probe) take(n *node, s *Sample, last bool) {
	switch {
	case s.Quality != linewatch.Ok || s.Value.IsNull():
	case p.window != nil:
		p.window.add(n.cond.Window.Func, s)
	case n.op == linewatch.Sequence:
		p.step(n, s)
	case n.op == linewatch.Changed && last:
		p.change(s)
	}
}

// append appends what a probe remembers.
func (p *probe) append(dst []byte) []byte {
	for _, t := range [...]linewatch.Time{p.born, p.due, p.lapse, p.fed, p.since} {
		dst = linewatch.AppendTime(dst, t)
	}
	dst = p.value.AppendBinary(dst)
	dst = binary.AppendUvarint(dst, uint64(len(p.inputs)))
	for _, in := range p.inputs {
		dst = linewatch.AppendTime(binary.AppendVarint(dst, int64(in.series)), in.fallen)
	}
	for _, t := range p.steps {
		dst = linewatch.AppendTime(dst, t)
	}
	if p.window != nil {
		dst = p.window.append(dst)
	}
	return dst
}

func (p *probe) restore(n *node, r *linewatch.BinaryReader) {
	for _, t := range [...]*linewatch.Time{&p.born, &p.due, &p.lapse, &p.fed, &p.since} {
		*t = r.Time()
	}
	p.value = r.Value()
	for range r.Count() {
		p.inputs = append(p.inputs, input{series: SeriesID(r.Varint()), fallen: r.Time()})
	}
	for i := range p.steps {
		p.steps[i] = r.Time()
	}
	if p.window != nil {
		p.window.restore(r)
	}
}
