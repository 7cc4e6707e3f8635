package plant

import (
	"math/rand/v2"
	"time"
)

// Tick is the span between two steps of the model.
const Tick = 100 * time.Millisecond

// Options say which plant to build.
type Options struct {
	// Seed decides everything that varies.
	Seed uint64
	// Start is the instant of the first values. The zero time is allowed.
	Start time.Time
}

// Plant is a set of machines that share one clock. It is not safe for
// concurrent use: one goroutine advances and reads it.
type Plant struct {
	start    time.Time
	ticks    int64
	machines []*Machine
}

// New returns a plant at its start, with every machine producing.
func New(o Options) *Plant {
	return &Plant{
		start:    o.Start,
		machines: []*Machine{newFiller(rand.New(rand.NewPCG(o.Seed, fillerStream)))},
	}
}

// Each machine draws from its own stream of the seed, so that adding machines
// does not change what the others do.
const fillerStream = 1

// Now returns the instant of the values: the start plus a whole number of
// ticks.
func (p *Plant) Now() time.Time { return p.start.Add(time.Duration(p.ticks) * Tick) }

// Step advances by one tick.
func (p *Plant) Step() {
	p.ticks++
	elapsed := time.Duration(p.ticks) * Tick
	for _, m := range p.machines {
		m.process.step(elapsed)
	}
}

// AdvanceTo steps until no further tick fits before now, and returns the
// number of steps. An instant in the past changes nothing.
func (p *Plant) AdvanceTo(now time.Time) int64 {
	target := int64(now.Sub(p.start) / Tick)
	before := p.ticks
	for p.ticks < target {
		p.Step()
	}
	return p.ticks - before
}

// Machines returns the machines in flow order. The slice is the caller's.
func (p *Plant) Machines() []*Machine { return append([]*Machine(nil), p.machines...) }

// Machine returns the machine with the alias, such as F1, or nil.
func (p *Plant) Machine(alias string) *Machine {
	for _, m := range p.machines {
		if m.Alias == alias {
			return m
		}
	}
	return nil
}
