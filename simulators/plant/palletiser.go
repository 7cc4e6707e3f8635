package plant

import (
	"math/rand/v2"
	"time"
)

// palletiser stacks packs on pallets and wraps them.
type palletiser struct {
	station
	pallets *supply // empty ones
	film    *supply // in pallets that it suffices for
	bearing *drift  // runs hard
	lift    sensor
	stacked int // packs on the pallet in work
}

func newPalletiser(rng *rand.Rand) *Machine {
	z := &palletiser{
		station: newStation(rng, 1.25),
		pallets: newSupply(rng, "No empty pallets", 8, 2),
		film:    newSupply(rng, "No film", 14, 2),
		bearing: newDrift(rng, between{80, 220}, between{160, 280}, between{30, 40}),
		lift:    slowSensor(12, 2*time.Second, 0.6, 1.0/8),
	}
	z.supplies = []*supply{z.pallets, z.film}
	z.stops = []*stoppage{
		newFault(rng, 701, "Pack turned on the table", between{64, 260}, between{240, 380}, between{8, 15}),
		newMaintenance(rng, between{280, 660}, between{560, 760}, between{20, 28}),
	}
	z.piece = func() int { return packsPerPallet }
	z.bottles = func() int { return packsPerPallet * recipes[z.recipe].pack }
	z.work = func() {
		z.in.take()
		if z.stacked++; z.stacked == packsPerPallet {
			z.discharge()
		}
	}
	z.clearOut = func() {
		if z.stacked > 0 {
			z.discharge() // the last one of a product may be part full
		}
	}
	z.warmUp(0.75, 0.25)
	m := &Machine{
		ID: "8f1d2c34-0b52-4c0e-9a61-1d6a5f0e7d07", Alias: "Z1", Name: "Palletiser", Class: "palletiser",
		process: z, read: map[string]func() any{},
	}
	z.declare(m)
	return m
}

// discharge wraps the pallet in work and lets it go.
func (z *palletiser) discharge() {
	z.stacked = 0
	z.pallets.use(1)
	z.film.use(1)
	z.finish(z.chance(0.01))
}

func (z *palletiser) step(at time.Duration) {
	z.station.step(at)
	lift := 12.0
	if z.bearing.active(z.rng, at) || z.mode == Maintenance { // tried by hand
		lift = 18
	}
	if !z.turns() && z.mode != Maintenance {
		lift = 0
	}
	z.lift.follow(z.rng, lift)
	if lift == 0 {
		z.lift.exact, z.lift.reading = 0, 0
	}
}

func (z *palletiser) declare(m *Machine) {
	z.station.declare(m, "pallets")
	m.add("pallets_empty", "", func() any { return int64(z.pallets.left) })
	m.add("film_remaining", "%", func() any { return z.film.percent() })
	m.add("layer", "", func() any { return int64(z.stacked/packsPerLayer) + 1 })
	m.add("lift_current", "A", func() any { return z.lift.reading })
}
