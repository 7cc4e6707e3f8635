package plant

import (
	"math/rand/v2"
	"time"
)

// rinser turns the bottles over and rinses them with peracid and water.
type rinser struct {
	station
	peracid     *supply // in bottles that it suffices for
	filter      *drift  // clogs
	temperature sensor
	pressure    sensor
	dose        sensor
}

func newRinser(rng *rand.Rand) *Machine {
	r := &rinser{
		station:     newStation(rng, 1.1),
		peracid:     newSupply(rng, "No peracid", 2400, 360),
		filter:      newDrift(rng, between{66, 180}, between{140, 240}, between{30, 40}),
		temperature: slowSensor(45, 10*time.Second, 0.3, 1.0/8),
		pressure:    slowSensor(3.5, 3*time.Second, 0.04, 1.0/64),
		dose:        slowSensor(1200, 5*time.Second, 12, 2),
	}
	r.supplies = []*supply{r.peracid}
	r.stops = []*stoppage{
		newFault(rng, 201, "Gripper has lost a bottle", between{100, 400}, between{300, 480}, between{7, 12}),
		newMaintenance(rng, between{240, 680}, between{560, 760}, between{22, 28}),
	}
	r.work = func() {
		r.peracid.use(1)
		r.pass(r.chance(0.0008))
	}
	r.warmUp(60, 16)
	m := &Machine{
		ID: "8f1d2c34-0b52-4c0e-9a61-1d6a5f0e7d02", Alias: "R1", Name: "Rinser", Class: "rinser",
		process: r, read: map[string]func() any{},
	}
	r.declare(m)
	return m
}

func (r *rinser) step(at time.Duration) {
	r.station.step(at)
	clogged := r.filter.active(r.rng, at)
	temperature, pressure, dose := 45.0, 3.5, 1200.0
	if clogged {
		pressure = 2.3
	}
	if r.mode == Maintenance {
		temperature, pressure = 30, 0.5 // the pump is off
	}
	if r.peracid.percent() < 5 {
		dose = 500 // the pump draws air
	}
	r.temperature.follow(r.rng, temperature)
	r.pressure.follow(r.rng, pressure)
	r.dose.follow(r.rng, dose)
}

func (r *rinser) declare(m *Machine) {
	r.station.declare(m, "bottles")
	m.add("water_temperature", "°C", func() any { return r.temperature.reading })
	m.add("water_pressure", "bar", func() any { return r.pressure.reading })
	m.add("peracid_concentration", "ppm", func() any { return r.dose.reading })
	m.add("tank_level", "%", func() any { return r.peracid.percent() })
}
