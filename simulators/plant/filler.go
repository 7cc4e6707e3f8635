package plant

import (
	"math/rand/v2"
	"time"
)

// FillerID is the equipment id of the filler, whose alias is F1.
const FillerID = "84068f2f-3f39-4b9c-a995-d2a84d878689"

// recipe is what the filler does with a product.
type recipe struct {
	product string
	speed   float64 // bottles per hour
	litres  float64 // per bottle
}

var recipes = [...]recipe{
	{product: "PET-1L", speed: 24000, litres: 1},
	{product: "PET-05L", speed: 36000, litres: 0.5},
}

// Where the rinse-water loop settles, on either side of its limits.
const (
	normalWater, hotWater       = 68.0, 80.0 // °C
	normalPressure, hotPressure = 2.8, 3.6   // bar
)

// The ways through the state model. The last phase lasts until the next order.
var (
	holdPath   = []phase{{Holding, 2 * time.Second}, {Held, 0}}
	unholdPath = []phase{{Unholding, 2 * time.Second}, {Execute, 0}}
	changePath = []phase{
		{Completing, 2 * time.Second},
		{Complete, time.Second},
		{Resetting, time.Second},
		{Idle, time.Second},
		{Starting, 2 * time.Second},
		{Execute, 0},
	}
)

// filler rinses and fills bottles.
type filler struct {
	unit
	rng     *rand.Rand
	program cycle
	serving bool // the maintenance of the programme is under way
	changed bool // the product change of the programme has begun
	recipe  int

	water, pressure, level, torque, speed sensor

	made       float64 // bottles, with the part of the one in work
	counted    int64   // whole bottles, good and rejected
	good       int64
	rejected   int64
	litres     float64 // filled
	running    time.Duration
	infeed     int64 // bottles waiting in front of the machine
	correction int64 // of the fill volume, in microlitres
}

func newFiller(rng *rand.Rand) *Machine {
	f := &filler{
		unit:     unit{state: Execute, mode: Production},
		rng:      rng,
		program:  newCycle(rng, 0),
		water:    newSensor(normalWater, 3*time.Second, 0.25, 1.0/16),
		pressure: newSensor(normalPressure, 2*time.Second, 0.03, 1.0/256),
		level:    newSensor(100, time.Second, 0.4, 1.0/32),
		torque:   newSensor(12, time.Second, 0.3, 1.0/64),
		speed:    newSensor(recipes[0].speed, time.Second, 40, 1),
		infeed:   120,
	}
	m := &Machine{
		ID: FillerID, Alias: "F1", Name: "Filler", Class: "filler", process: f,
		read: map[string]func() any{},
	}
	f.declare(m)
	return m
}

func (f *filler) step(elapsed time.Duration) {
	if elapsed >= f.program.end {
		f.program = newCycle(f.rng, f.program.end)
		f.changed = false
	}
	before := f.state
	f.unit.step()
	if f.state == Resetting && before != Resetting {
		f.recipe = (f.recipe + 1) % len(recipes)
	}
	f.order(elapsed)
	f.measure(elapsed)
	f.count(f.program.drifts(elapsed))
}

// order sends the machine where the programme wants it.
func (f *filler) order(at time.Duration) {
	inService := at >= f.program.serviceFrom && at < f.program.serviceTo
	switch {
	case inService && !f.serving:
		f.serving, f.mode = true, Maintenance
		f.follow(holdPath...)
	case f.serving && !inService && f.state == Held:
		f.follow(unholdPath...)
	case f.serving && f.state == Execute:
		f.serving, f.mode = false, Production
	case at >= f.program.changeAt && !f.changed:
		f.changed = true
		f.follow(changePath...)
	}
}

// measure moves the sensors by one tick.
func (f *filler) measure(at time.Duration) {
	water, pressure, level := normalWater, normalPressure, 100.0
	if f.program.drifts(at) || f.program.flushes(at) {
		water, pressure, level = hotWater, hotPressure, 99.0
	}
	speed, torque := 0.0, 0.0
	if f.state == Execute {
		speed, torque = recipes[f.recipe].speed, 12+recipes[f.recipe].speed/12000
	}
	f.water.follow(f.rng, water)
	f.pressure.follow(f.rng, pressure)
	f.level.follow(f.rng, level)
	f.torque.follow(f.rng, torque)
	f.speed.follow(f.rng, speed)
	if !f.turns() {
		f.speed.reading, f.torque.reading = 0, 0 // at a standstill nothing trembles
	}
}

// turns reports whether bottles move through the machine; they still do for a
// few seconds after production ends.
func (f *filler) turns() bool { return f.speed.exact > 100 }

// count lets one tick's bottles pass. While the pressure is off, more of them
// are filled badly.
func (f *filler) count(drifting bool) {
	if f.state == Execute {
		f.running += Tick
	}
	f.infeed = min(max(f.infeed+int64(f.rng.IntN(5))-2, 60), 180)
	f.correction = min(max(f.correction+int64(f.rng.IntN(21))-10, -500), 500)
	if !f.turns() {
		return
	}
	f.made += f.speed.exact * Tick.Hours()
	share := 0.002
	if drifting {
		share = 0.01
	}
	whole := int64(f.made)
	for ; f.counted < whole; f.counted++ {
		f.litres += recipes[f.recipe].litres
		if f.rng.Float64() < share {
			f.rejected++
		} else {
			f.good++
		}
	}
}
