package plant

import (
	"math"
	"math/rand/v2"
	"time"
)

// sensor is a measured quantity that follows its target with a lag.
type sensor struct {
	exact   float64 // the quantity
	reading float64 // what the transmitter shows: with noise, in steps
	lag     time.Duration
	noise   float64 // largest deviation of the reading
	step    float64 // resolution, a power of two
	every   int     // ticks between two readings
	wait    int     // ticks until the next
}

// newSensor returns one that reads every tick.
func newSensor(at float64, lag time.Duration, noise, step float64) sensor {
	s := sensor{exact: at, lag: lag, noise: noise, step: step, every: 1}
	s.show(at)
	return s
}

// slowSensor returns one that reads twice a second.
func slowSensor(at float64, lag time.Duration, noise, step float64) sensor {
	s := newSensor(at, lag, noise, step)
	s.every = 5
	return s
}

// follow lets one tick pass.
func (s *sensor) follow(rng *rand.Rand, target float64) {
	s.exact += (target - s.exact) * float64(Tick) / float64(s.lag)
	if s.wait--; s.wait > 0 {
		return
	}
	s.wait = s.every
	s.show(s.exact + s.noise*(2*rng.Float64()-1))
}

// show makes the reading the step nearest to x. No quantity here is negative.
func (s *sensor) show(x float64) { s.reading = max(math.Round(x/s.step)*s.step, 0) }
