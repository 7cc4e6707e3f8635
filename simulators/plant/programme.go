package plant

import (
	"math/rand/v2"
	"time"
)

// programme is what is planned for the line: cycles of about two minutes, each
// with a drift and a maintenance of the filler, every other one with a product
// change.
type programme struct {
	rng     *rand.Rand
	number  int // of the cycle, from 0
	ordered int // product changes so far
	begun   int // of them, by the first machine
	cycle
}

// cycle holds instants since the plant's start, in rising order but for
// changeAt.
type cycle struct {
	driftFrom, driftTo time.Duration
	serviceFrom        time.Duration
	serviceFor         time.Duration
	changeAt           time.Duration // when the first machine is told; 0: not in this cycle
	end                time.Duration
}

func newProgramme(rng *rand.Rand) *programme {
	return &programme{rng: rng, cycle: newCycle(rng, 0, 0)}
}

// step orders what is due, and goes on to the next cycle when one is over.
func (p *programme) step(at time.Duration) {
	if p.changeAt != 0 && at >= p.changeAt {
		p.ordered++
		p.changeAt = 0
	}
	if at >= p.end {
		p.number++
		p.cycle = newCycle(p.rng, p.end, p.number)
	}
}

// newCycle draws the cycle that begins at start. The first drift comes early,
// so that whoever watches sees something soon.
func newCycle(rng *rand.Rand, start time.Duration, number int) cycle {
	first := between{10, 20}
	if number == 0 {
		first = between{6, 8}
	}
	var c cycle
	c.driftFrom = start + first.draw(rng)
	c.driftTo = c.driftFrom + seconds(rng, 40, 42)
	c.serviceFrom = start + seconds(rng, 64, 70)
	c.serviceFor = seconds(rng, 26, 30)
	if number%2 == 1 {
		c.changeAt = start + seconds(rng, 14, 20)
	}
	c.end = start + seconds(rng, 118, 126)
	return c
}

// drifts reports whether the filler's heat exchanger is off at the instant.
func (c cycle) drifts(at time.Duration) bool { return at >= c.driftFrom && at < c.driftTo }
