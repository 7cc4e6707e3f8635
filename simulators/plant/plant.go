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

// Plant is a line of machines that share one clock. It is not safe for
// concurrent use: one goroutine advances and reads it.
type Plant struct {
	start     time.Time
	ticks     int64
	plan      *programme
	machines  []*Machine
	conveyors []*conveyor // each between two machines
}

// New returns a plant at its start, with every machine producing.
func New(o Options) *Plant {
	// Each draws from its own stream of the seed, so that what one does not
	// draw any more changes nothing for the others.
	stream := func(n uint64) *rand.Rand { return rand.New(rand.NewPCG(o.Seed, n)) }
	p := &Plant{start: o.Start, plan: newProgramme(stream(0))}
	p.machines = []*Machine{
		newDepalletiser(stream(1), p.plan),
		newRinser(stream(2)),
		newFiller(stream(3), p.plan),
		newCapper(stream(4)),
		newLabeller(stream(5)),
		newPacker(stream(6)),
		newPalletiser(stream(7)),
	}
	p.conveyors = []*conveyor{
		newConveyor(100, 12, 65),
		newConveyor(160, 12, 110),
		newConveyor(40, 12, 15),
		newConveyor(160, 12, 61),
		newConveyor(200, 12, 68),
		newConveyor(40, 3, 12), // packs
	}
	for i, c := range p.conveyors {
		before, behind := p.machines[i].process.base(), p.machines[i+1].process.base()
		before.out, behind.in = c, c
		before.down, behind.up = behind, before
	}
	return p
}

// Now returns the instant of the values: the start plus a whole number of
// ticks.
func (p *Plant) Now() time.Time { return p.start.Add(time.Duration(p.ticks) * Tick) }

// Step advances by one tick.
func (p *Plant) Step() {
	p.ticks++
	elapsed := time.Duration(p.ticks) * Tick
	p.plan.step(elapsed)
	for i := len(p.machines) - 1; i >= 0; i-- { // against the flow: a bottle passes one machine a tick
		p.machines[i].process.step(elapsed)
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
