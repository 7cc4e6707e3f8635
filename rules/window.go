package rules

import (
	"encoding/binary"
	"math"
	"slices"
	"strconv"

	"linewatch"
)

// maxSamples bounds what a window keeps, and maxRuleSamples what those of one
// rule on one machine keep together, each an equal share. While a window ought
// to hold more, what it amounts to is unknown.
const (
	maxSamples     = 100_000
	maxRuleSamples = 20 * maxSamples
)

// windowPanes is how many panes a window is divided into, one more or less
// where it does not begin with one.
const windowPanes = 32

const (
	causeEmpty     = "no sample in the window"
	causeOneSample = "one sample has no rate"
	causeFinite    = "not a finite number"
)

// window holds the samples of the last over: those with t - over < at <= t.
// What it amounts to is a function of them alone: panes lie on a grid from
// 1970 on, each is added up from its oldest sample to its newest, and then the
// panes from the oldest to the newest.
type window struct {
	over    linewatch.Duration
	most    int       // how many samples it may keep
	samples []reading // oldest first, from head on
	head    int
	panes   []pane
	before  reading        // newest sample that left, in force at the beginning; NoTime: none
	lost    linewatch.Time // newest sample that left because there were too many; NoTime: none
	worn    bool           // samples of the oldest pane have left, which it still holds but for their number
	moved   bool           // samples came or left since value was computed
	value   linewatch.Value
	cause   string // why there is no value
}

// reading is a number at a time.
type reading struct {
	at linewatch.Time
	v  float64
}

func newWindow(over linewatch.Duration) *window {
	return &window{over: over, most: maxSamples, before: reading{at: linewatch.NoTime}, lost: linewatch.NoTime, moved: true}
}

// add takes a sample, which is not older than those before. What is no number
// counts for count only.
func (w *window) add(f linewatch.Aggregate, s *Sample) {
	v, ok := s.Value.Float()
	if !ok && f != linewatch.Count {
		return
	}
	for len(w.samples)-w.head >= w.most {
		w.lost = w.samples[w.head].at
		w.leave()
	}
	r := reading{s.At, v}
	w.samples = append(w.samples, r)
	w.enter(r)
	w.moved = true
}

// enter adds the newest sample to its pane.
func (w *window) enter(r reading) {
	grid := w.grid(r.at)
	if n := len(w.panes); n == 0 || w.panes[n-1].grid != grid {
		w.panes = append(w.panes, pane{grid: grid})
	}
	w.panes[len(w.panes)-1].add(r)
}

// grid returns the pane of a time.
func (w *window) grid(at linewatch.Time) int64 {
	width := int64(w.over+windowPanes-1) / windowPanes
	grid := int64(at) / width
	if int64(at)%width < 0 {
		grid--
	}
	return grid
}

// leave lets the oldest sample go.
func (w *window) leave() {
	w.before = w.samples[w.head]
	w.head++
	p := &w.panes[0]
	p.count--
	if w.worn = p.count > 0; !w.worn {
		w.panes = slices.Delete(w.panes, 0, 1)
	}
	if w.head > len(w.samples)/2 {
		w.samples = slices.Delete(w.samples, 0, w.head)
		w.head = 0
	}
	w.moved = true
}

// mend adds up anew what is left of the oldest pane. It waits until somebody
// asks, since many samples may leave before that.
func (w *window) mend() {
	if !w.worn {
		return
	}
	w.worn = false
	p := &w.panes[0]
	rest := w.samples[w.head : w.head+p.count]
	*p = pane{grid: p.grid}
	for _, r := range rest {
		p.add(r)
	}
}

// advance lets the samples go that are too old at t, and says anew what is
// left if any came or went.
func (w *window) advance(f linewatch.Aggregate, t linewatch.Time) {
	for w.head < len(w.samples) && w.samples[w.head].at.Add(w.over) <= t {
		w.leave()
	}
	if w.moved {
		w.moved = false
		w.value, w.cause = w.amount(f, t)
	}
}

// leaves returns when the next sample leaves; MaxTime if there is none.
func (w *window) leaves(t linewatch.Time) linewatch.Time {
	if w.overflows(t) {
		return w.lost.Add(w.over)
	}
	if w.head < len(w.samples) {
		return w.samples[w.head].at.Add(w.over)
	}
	return linewatch.MaxTime
}

// overflows reports whether samples are missing that the window ought to hold.
func (w *window) overflows(t linewatch.Time) bool {
	return w.lost.Known() && w.lost.Add(w.over) > t
}

// amount computes what the window amounts to at t.
func (w *window) amount(f linewatch.Aggregate, t linewatch.Time) (linewatch.Value, string) {
	held := w.samples[w.head:]
	switch {
	case w.overflows(t):
		return linewatch.Value{}, "more than " + strconv.Itoa(w.most) + " samples in the window"
	case f == linewatch.Count:
		return linewatch.IntValue(int64(len(held))), ""
	case f == linewatch.TimeAvg && len(held) == 0 && w.before.at.Known():
		return finite(w.before.v)
	case len(held) == 0:
		return linewatch.Value{}, causeEmpty
	}
	first, last := held[0], held[len(held)-1]
	switch f {
	case linewatch.TimeAvg:
		w.mend()
		return finite(w.timeAverage(t))
	case linewatch.Delta:
		return finite(last.v - first.v)
	case linewatch.Rate:
		if first.at == last.at {
			return linewatch.Value{}, causeOneSample
		}
		return finite((last.v - first.v) / (float64(last.at-first.at) / 1000))
	}
	w.mend()
	all := w.panes[0]
	for i := range w.panes[1:] {
		all.join(&w.panes[1+i])
	}
	return finite(all.amount(f))
}

// timeAverage weighs each value with the time for which it was in force.
func (w *window) timeAverage(t linewatch.Time) float64 {
	last := w.panes[0].first
	begin, area := last.at, 0.0
	if w.before.at.Known() {
		begin = t.Add(-w.over)
		area = float64(w.before.v * float64(last.at-begin))
	}
	for i := range w.panes {
		p := &w.panes[i]
		if i > 0 {
			area += float64(last.v * float64(p.first.at-last.at))
		}
		area += p.area
		last = p.last
	}
	area += float64(last.v * float64(t-last.at))
	if t == begin {
		return last.v
	}
	return area / float64(t-begin)
}

func finite(f float64) (linewatch.Value, string) {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return linewatch.Value{}, causeFinite
	}
	return linewatch.FloatValue(f), ""
}

// result returns what the window amounts to, or why that is unknown, when the
// newest value of its tag is v.
func (w *window) result(n *node, v linewatch.Value) (linewatch.Value, string) {
	if !v.IsNumber() && (n.cond.Window.Func != linewatch.Count || v.IsNull()) {
		return linewatch.Value{}, causeType
	}
	return w.value, w.cause
}

// count returns how many samples the window holds.
func (w *window) count() int { return len(w.samples) - w.head }

// append appends the samples; their panes are made from them again.
func (w *window) append(dst []byte) []byte {
	dst = linewatch.AppendTime(linewatch.AppendTime(dst, w.lost), w.before.at)
	dst = linewatch.AppendFloat(dst, w.before.v)
	dst = w.value.AppendBinary(dst)
	dst = linewatch.AppendText(dst, w.cause)
	held := w.samples[w.head:]
	dst = binary.AppendUvarint(dst, uint64(len(held)))
	at := linewatch.Time(0)
	for _, r := range held {
		dst = binary.AppendVarint(dst, int64(r.at-at))
		dst = linewatch.AppendFloat(dst, r.v)
		at = r.at
	}
	return dst
}

func (w *window) restore(r *linewatch.BinaryReader) {
	w.lost, w.before.at = r.Time(), r.Time()
	w.before.v = r.Float()
	w.value, w.cause = r.Value(), r.Text()
	at := linewatch.Time(0)
	for range r.Count() {
		at += linewatch.Time(r.Varint())
		s := reading{at, r.Float()}
		w.samples = append(w.samples, s)
		w.enter(s)
	}
	w.moved = false
}
