package plant

import (
	"math/rand/v2"
	"time"
)

// labeller glues labels on.
type labeller struct {
	station
	labels   *supply
	glue     *supply // in bottles that it suffices for
	heater   *drift  // too weak
	isCold   bool
	heat     sensor
	position sensor // distance of the label from where it belongs
}

func newLabeller(rng *rand.Rand) *Machine {
	l := &labeller{
		station:  newStation(rng, 1.1),
		labels:   newSupply(rng, "No labels", 2500, 375),
		glue:     newSupply(rng, "No glue", 3200, 480),
		heater:   newDrift(rng, between{70, 180}, between{140, 240}, between{40, 50}),
		heat:     slowSensor(160, 8*time.Second, 0.5, 1.0/8),
		position: slowSensor(0.5, 2*time.Second, 0.25, 1.0/64),
	}
	l.supplies = []*supply{l.labels, l.glue}
	l.stops = []*stoppage{
		newFault(rng, 501, "Label web torn", between{90, 300}, between{260, 420}, between{12, 20}),
		newMaintenance(rng, between{180, 640}, between{560, 740}, between{22, 28}),
	}
	l.work = func() {
		l.labels.use(1)
		l.glue.use(1)
		share := 0.001
		if l.isCold {
			share = 0.012
		}
		l.pass(l.chance(share))
	}
	l.warmUp(60, 16)
	m := &Machine{
		ID: "8f1d2c34-0b52-4c0e-9a61-1d6a5f0e7d05", Alias: "L1", Name: "Labeller", Class: "labeller",
		process: l, read: map[string]func() any{},
	}
	l.declare(m)
	return m
}

func (l *labeller) step(at time.Duration) {
	l.station.step(at)
	l.isCold = l.heater.active(l.rng, at)
	heat, position := 160.0, 0.5
	if l.isCold {
		heat, position = 138, 1.6
	}
	if l.mode == Maintenance {
		heat = 130 // the nozzles are cleaned
	}
	l.heat.follow(l.rng, heat)
	if l.turns() {
		l.position.follow(l.rng, position)
	}
}

func (l *labeller) declare(m *Machine) {
	l.station.declare(m, "bottles")
	m.add("label_remaining", "", func() any { return int64(l.labels.left) })
	m.add("glue_temperature", "°C", func() any { return l.heat.reading })
	m.add("glue_level", "%", func() any { return l.glue.percent() })
	m.add("position_error", "mm", func() any { return l.position.reading })
}
