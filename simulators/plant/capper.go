package plant

import (
	"math/rand/v2"
	"time"
)

// capper screws caps on. It stands close behind the filler, so that a stop of
// either reaches the other within seconds.
type capper struct {
	station
	caps   *supply
	clutch *drift // slips
	isOff  bool
	torque sensor
	head   sensor
	bare   int64
}

func newCapper(rng *rand.Rand) *Machine {
	c := &capper{
		station: newStation(rng, 1.05),
		caps:    newSupply(rng, "No caps", 2000, 400),
		clutch:  newDrift(rng, between{66, 160}, between{120, 200}, between{30, 40}),
		torque:  slowSensor(1.8, 2*time.Second, 0.05, 1.0/64),
		head:    slowSensor(42, 15*time.Second, 0.3, 1.0/8),
	}
	c.supplies = []*supply{c.caps}
	c.stops = []*stoppage{
		newFault(rng, 401, "Cap jam in the chute", between{100, 280}, between{280, 420}, between{8, 14}),
		newMaintenance(rng, between{150, 620}, between{540, 720}, between{22, 28}),
	}
	c.work = c.cap
	c.warmUp(60, 16)
	m := &Machine{
		ID: "8f1d2c34-0b52-4c0e-9a61-1d6a5f0e7d04", Alias: "C1", Name: "Capper", Class: "capper",
		process: c, read: map[string]func() any{},
	}
	c.declare(m)
	return m
}

// cap handles one bottle. When the hopper is nearly empty, some bottles get no
// cap; while the clutch slips, some caps are crooked.
func (c *capper) cap() {
	share := 0.001
	if c.caps.percent() < 5 {
		share = 0.02
	}
	switch {
	case c.chance(share):
		c.bare++
		c.pass(true)
	case c.isOff && c.chance(0.01):
		c.caps.use(1)
		c.pass(true)
	default:
		c.caps.use(1)
		c.pass(false)
	}
}

func (c *capper) step(at time.Duration) {
	c.station.step(at)
	c.isOff = c.clutch.active(c.rng, at)
	torque, head := 1.8, 42.0
	if c.isOff {
		torque, head = 2.6, 64
	}
	if c.mode == Maintenance {
		torque = 2.8 // the heads are calibrated
	}
	if !c.turns() && c.mode != Maintenance {
		torque, head = 0, 34
	}
	c.torque.follow(c.rng, torque)
	c.head.follow(c.rng, head)
	if torque == 0 {
		c.torque.exact, c.torque.reading = 0, 0
	}
}

func (c *capper) declare(m *Machine) {
	c.station.declare(m, "bottles")
	m.add("torque", "Nm", func() any { return c.torque.reading })
	m.add("cap_level", "%", func() any { return c.caps.percent() })
	m.add("head_temperature", "°C", func() any { return c.head.reading })
	m.add("missing_caps", "bottles", func() any { return c.bare })
}
