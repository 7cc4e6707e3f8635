package plant

import (
	"math/rand/v2"
	"time"
)

// FillerID is the equipment id of the filler, whose alias is F1.
const FillerID = "84068f2f-3f39-4b9c-a995-d2a84d878689"

// Where the rinse-water loop settles, on either side of its limits.
const (
	normalWater, hotWater       = 68.0, 80.0 // °C
	normalPressure, hotPressure = 2.8, 3.6   // bar
)

// The hot flush begins after the machine is held, and ends early enough for
// the loop to cool down before it produces again.
const (
	flushDelay = 3 * time.Second
	coolDown   = 7 * time.Second
)

// filler rinses and fills bottles. It is the slowest machine and sets the pace
// of the line.
type filler struct {
	station
	plan    *programme
	cycle   int       // of the plan, that service belongs to
	service *stoppage // the maintenance of the cycle

	water, pressure, level, torque sensor

	litres     float64 // filled
	running    time.Duration
	correction int64 // of the fill volume, in microlitres
}

func newFiller(rng *rand.Rand, plan *programme) *Machine {
	f := &filler{
		station:  newStation(rng, 1),
		plan:     plan,
		water:    newSensor(normalWater, 3*time.Second, 0.25, 1.0/16),
		pressure: newSensor(normalPressure, 2*time.Second, 0.03, 1.0/256),
		level:    newSensor(100, time.Second, 0.4, 1.0/32),
		torque:   newSensor(12, time.Second, 0.3, 1.0/64),
		service: &stoppage{
			reason: reasonMaintenance, mode: Maintenance, in: holdPath, back: unholdPath,
			from: plan.serviceFrom, lasts: plan.serviceFor,
		},
	}
	f.fixed = true
	f.stops = []*stoppage{
		f.service,
		newFault(rng, 301, "Bottle broken in the carousel", between{180, 420}, between{360, 520}, between{6, 10}),
	}
	f.work = f.fill
	f.speed = newSensor(float64(recipes[0].speed), time.Second, 40, 1)
	m := &Machine{
		ID: FillerID, Alias: "F1", Name: "Filler", Class: "filler", process: f,
		read: map[string]func() any{},
	}
	f.declare(m)
	return m
}

func (f *filler) step(at time.Duration) {
	if f.cycle != f.plan.number && f.stopped != f.service {
		f.cycle = f.plan.number
		f.service.from, f.service.lasts = f.plan.serviceFrom, f.plan.serviceFor
	}
	f.station.step(at)
	if f.state == Execute {
		f.running += Tick
	}
	f.correction = min(max(f.correction+int64(f.rng.IntN(21))-10, -500), 500)
	f.measure(at)
}

// flushes reports whether the loop is being flushed with hot water.
func (f *filler) flushes(at time.Duration) bool {
	return f.stopped == f.service && at >= f.until-f.service.lasts+flushDelay && at < f.until-coolDown
}

// measure moves the sensors by one tick.
func (f *filler) measure(at time.Duration) {
	water, pressure, level := normalWater, normalPressure, 100.0
	if f.plan.drifts(at) || f.flushes(at) {
		water, pressure, level = hotWater, hotPressure, 99.0
	}
	torque := 0.0
	if f.state == Execute {
		torque = 12 + f.nominal()/12000
	}
	f.water.follow(f.rng, water)
	f.pressure.follow(f.rng, pressure)
	f.level.follow(f.rng, level)
	f.torque.follow(f.rng, torque)
	if !f.turns() {
		f.torque.reading = 0 // at a standstill nothing trembles
	}
}

// fill handles one bottle. While the pressure is off, more of them are filled
// badly.
func (f *filler) fill() {
	share := 0.002
	if f.pressure.exact > pressureLimit {
		share = 0.01
	}
	f.litres += recipes[f.recipe].litres
	f.pass(f.chance(share))
}
