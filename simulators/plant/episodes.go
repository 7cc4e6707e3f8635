package plant

import (
	"math"
	"math/rand/v2"
	"time"
)

// between is a range of seconds.
type between struct{ least, most int }

func (b between) draw(rng *rand.Rand) time.Duration { return seconds(rng, b.least, b.most) }

// drift is a quantity that goes wrong by itself, every now and then, for a
// while.
type drift struct {
	gap, span between
	from, to  time.Duration
}

// newDrift draws the first one, which begins after first.
func newDrift(rng *rand.Rand, first, gap, span between) *drift {
	d := &drift{gap: gap, span: span, from: first.draw(rng)}
	d.to = d.from + span.draw(rng)
	return d
}

// active lets time pass and reports whether the quantity is off.
func (d *drift) active(rng *rand.Rand, at time.Duration) bool {
	if at >= d.to {
		d.from = d.to + d.gap.draw(rng)
		d.to = d.from + d.span.draw(rng)
	}
	return at >= d.from
}

// stoppage is a reason for a machine to stop that lies in itself and comes
// back: a fault, or maintenance. It begins at its time or, if the machine is
// not producing then, as soon as it may.
type stoppage struct {
	reason string
	code   int64 // of a fault
	mode   Mode
	in     []phase
	back   []phase

	gap, span between // without a gap, somebody else sets from and lasts
	from      time.Duration
	lasts     time.Duration
}

// newFault is a short stop of the machine's own, which ends by itself.
func newFault(rng *rand.Rand, code int64, reason string, first, gap, span between) *stoppage {
	return newStoppage(rng, &stoppage{
		reason: reason, code: code, mode: Production, in: holdPath, back: unholdPath, gap: gap, span: span,
	}, first)
}

// newAbort is a fault that cuts the power: the machine must be cleared and
// started anew.
func newAbort(rng *rand.Rand, code int64, reason string, first, gap, span between) *stoppage {
	return newStoppage(rng, &stoppage{
		reason: reason, code: code, mode: Production, in: abortPath, back: clearPath, gap: gap, span: span,
	}, first)
}

// newMaintenance is planned work on the machine.
func newMaintenance(rng *rand.Rand, first, gap, span between) *stoppage {
	return newStoppage(rng, &stoppage{
		reason: reasonMaintenance, mode: Maintenance, in: holdPath, back: unholdPath, gap: gap, span: span,
	}, first)
}

func newStoppage(rng *rand.Rand, s *stoppage, first between) *stoppage {
	s.from, s.lasts = first.draw(rng), s.span.draw(rng)
	return s
}

// again draws the next one after one that has ended.
func (s *stoppage) again(rng *rand.Rand, at time.Duration) {
	if s.gap == (between{}) {
		s.from = never
		return
	}
	s.from, s.lasts = at+s.gap.draw(rng), s.span.draw(rng)
}

// never is an instant that does not come.
const never = time.Duration(math.MaxInt64)
