package plant

import (
	"math/rand/v2"
	"time"
)

// cycle is the filler's programme for about two minutes: instants since the
// plant's start, in rising order.
type cycle struct {
	driftFrom, driftTo     time.Duration
	serviceFrom, serviceTo time.Duration
	changeAt               time.Duration
	end                    time.Duration
}

// newCycle draws the programme that begins at start. The first drift comes
// early, so that whoever watches sees something soon.
func newCycle(rng *rand.Rand, start time.Duration) cycle {
	seconds := func(least, most int) time.Duration {
		return time.Duration(least*1000+rng.IntN((most-least)*1000+1)) * time.Millisecond
	}
	drift := seconds(10, 20)
	if start == 0 {
		drift = seconds(6, 8)
	}
	var c cycle
	c.driftFrom = start + drift
	c.driftTo = c.driftFrom + seconds(40, 42)
	c.serviceFrom = start + seconds(64, 70)
	c.serviceTo = c.serviceFrom + seconds(26, 30)
	c.changeAt = start + seconds(106, 110)
	c.end = start + seconds(118, 126)
	return c
}

// drifts reports whether the heat exchanger is off at the instant.
func (c cycle) drifts(at time.Duration) bool { return at >= c.driftFrom && at < c.driftTo }

// The hot flush begins after the machine is held, and ends early enough for
// the loop to cool down before it produces again.
const (
	flushDelay = 3 * time.Second
	coolDown   = 7 * time.Second
)

// flushes reports whether the loop is being flushed with hot water.
func (c cycle) flushes(at time.Duration) bool {
	return at >= c.serviceFrom+flushDelay && at < c.serviceTo-coolDown
}
