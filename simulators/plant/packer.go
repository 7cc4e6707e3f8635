package plant

import (
	"math/rand/v2"
	"time"
)

// packer sets bottles into cartons and shrinks film around them.
type packer struct {
	station
	film     *supply // in packs that it suffices for
	cartons  *supply
	air      *drift // leaks
	pressure sensor
	tunnel   sensor
	grid     int   // bottles of the next pack
	removed  int64 // bottles that made no full pack before a product change
}

func newPacker(rng *rand.Rand) *Machine {
	p := &packer{
		station:  newStation(rng, 1.15),
		film:     newSupply(rng, "No film", 440, 66),
		cartons:  newSupply(rng, "No cartons", 320, 60),
		air:      newDrift(rng, between{70, 200}, between{150, 260}, between{30, 40}),
		pressure: slowSensor(6.2, 3*time.Second, 0.04, 1.0/64),
		tunnel:   slowSensor(182, 12*time.Second, 0.6, 1.0/4),
	}
	p.supplies = []*supply{p.film, p.cartons}
	p.stops = []*stoppage{
		newFault(rng, 601, "Film torn", between{20, 26}, between{280, 420}, between{16, 18}),
		newAbort(rng, 602, "Guard door open", between{150, 480}, between{400, 600}, between{8, 14}),
		newMaintenance(rng, between{240, 660}, between{580, 760}, between{24, 30}),
	}
	p.piece = func() int { return recipes[p.recipe].pack }
	p.bottles = p.piece
	p.work = p.pack
	p.clearOut = func() {
		p.removed += int64(p.grid)
		p.grid = 0
	}
	p.warmUp(12, 4)
	m := &Machine{
		ID: "8f1d2c34-0b52-4c0e-9a61-1d6a5f0e7d06", Alias: "P1", Name: "Packer", Class: "packer",
		process: p, read: map[string]func() any{},
	}
	p.declare(m)
	return m
}

// pack takes a bottle, and makes a pack when there are enough of them.
func (p *packer) pack() {
	p.in.take()
	if p.grid++; p.grid < p.piece() {
		return
	}
	p.grid = 0
	p.film.use(1)
	p.cartons.use(1)
	p.finish(p.chance(0.003))
}

func (p *packer) step(at time.Duration) {
	p.station.step(at)
	air, tunnel := 6.2, 182.0
	if p.air.active(p.rng, at) {
		air = 4.9
	}
	if p.mode == Maintenance {
		air, tunnel = 0, 150 // vented, and the tunnel stands open
	}
	p.pressure.follow(p.rng, air)
	p.tunnel.follow(p.rng, tunnel)
}

func (p *packer) declare(m *Machine) {
	p.station.declare(m, "packs")
	m.add("removed_bottles", "bottles", func() any { return p.removed })
	m.add("film_remaining", "%", func() any { return p.film.percent() })
	m.add("cartons_remaining", "", func() any { return int64(p.cartons.left) })
	m.add("air_pressure", "bar", func() any { return p.pressure.reading })
	m.add("tunnel_temperature", "°C", func() any { return p.tunnel.reading })
}
