package plant

import (
	"math"
	"math/rand/v2"
	"time"
)

// Bottles on a pallet of empties.
const (
	bottlesPerLayer   = 90
	layersOfEmpties   = 10
	bottlesPerEmpties = bottlesPerLayer * layersOfEmpties
)

// depalletiser sweeps empty bottles from pallets onto the line, layer by
// layer.
type depalletiser struct {
	station
	empties  *supply // bottles on all pallets, the one in work included
	cupWorn  *drift
	vacuum   sensor
	isCupOff bool
}

func newDepalletiser(rng *rand.Rand, plan *programme) *Machine {
	d := &depalletiser{
		station: newStation(rng, 1.2),
		empties: newSupply(rng, "No pallets", 4*bottlesPerEmpties, bottlesPerEmpties),
		cupWorn: newDrift(rng, between{70, 200}, between{160, 280}, between{25, 35}),
		vacuum:  slowSensor(600, 2*time.Second, 6, 1),
	}
	d.empties.lot = bottlesPerEmpties
	d.supplies = []*supply{d.empties}
	d.stops = []*stoppage{
		newFault(rng, 101, "Bottle fallen on the table", between{62, 300}, between{220, 360}, between{8, 14}),
		newMaintenance(rng, between{200, 640}, between{560, 760}, between{20, 26}),
	}
	d.told = func() bool { return plan.ordered > plan.begun }
	d.clearOut = func() { plan.begun++ }
	d.work = func() {
		d.empties.use(1)
		share := 0.001
		if d.isCupOff {
			share = 0.01
		}
		d.pass(d.chance(share))
	}
	d.warmUp(60, 16)
	m := &Machine{
		ID: "8f1d2c34-0b52-4c0e-9a61-1d6a5f0e7d01", Alias: "D1", Name: "Depalletiser", Class: "depalletiser",
		process: d, read: map[string]func() any{},
	}
	d.declare(m)
	return m
}

func (d *depalletiser) step(at time.Duration) {
	d.station.step(at)
	d.isCupOff = d.cupWorn.active(d.rng, at)
	vacuum := 600.0
	switch {
	case d.mode == Maintenance:
		vacuum = 0 // the pump is off
	case d.isCupOff:
		vacuum = 430
	}
	d.vacuum.follow(d.rng, vacuum)
}

// waiting counts the pallets behind the one in work.
func (d *depalletiser) waiting() int64 {
	return int64(max(math.Ceil(d.empties.left/bottlesPerEmpties)-1, 0))
}

// onPallet counts the bottles on the pallet in work.
func (d *depalletiser) onPallet() int64 {
	return int64(d.empties.left) - d.waiting()*bottlesPerEmpties
}

// sweep returns how far the layer in work has been swept, in steps of 40 mm.
func (d *depalletiser) sweep() int64 {
	gone := (bottlesPerLayer - d.onPallet()%bottlesPerLayer) % bottlesPerLayer
	return gone / 3 * 40
}

func (d *depalletiser) declare(m *Machine) {
	d.station.declare(m, "bottles")
	m.add("layers_left", "", func() any { return (d.onPallet() + bottlesPerLayer - 1) / bottlesPerLayer })
	m.add("pallets_waiting", "", func() any { return d.waiting() })
	m.add("sweep_position", "mm", func() any { return d.sweep() })
	m.add("vacuum", "mbar", func() any { return d.vacuum.reading })
}
