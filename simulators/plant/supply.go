package plant

import (
	"math"
	"math/rand/v2"
	"time"
)

// supply is something that a machine uses up and that somebody restocks some
// time after it has run low; sometimes too late.
type supply struct {
	without  string // reason of the stop when nothing is left
	left     float64
	capacity float64
	low      float64
	lot      float64       // restocked in whole lots of this; 0: filled up
	restock  time.Duration // when somebody comes; 0: nobody was called
}

// newSupply returns a supply that is between a half and nearly full.
func newSupply(rng *rand.Rand, without string, capacity, low float64) *supply {
	left := math.Floor(capacity * (0.5 + 0.45*rng.Float64()))
	return &supply{without: without, left: left, capacity: capacity, low: low}
}

// step lets one tick pass.
func (s *supply) step(rng *rand.Rand, at time.Duration) {
	switch {
	case s.restock == 0 && s.left <= s.low:
		s.restock = at + seconds(rng, 12, 45)
	case s.restock != 0 && at >= s.restock:
		s.fill()
	}
}

func (s *supply) fill() {
	s.restock = 0
	if s.lot == 0 {
		s.left = s.capacity
	} else {
		s.left += s.lot * math.Floor((s.capacity-s.left)/s.lot)
	}
}

// use takes up to n.
func (s *supply) use(n float64) { s.left = max(s.left-n, 0) }

func (s *supply) gone() bool { return s.left <= 0 }

// percent returns what is left in steps of 1/2 %.
func (s *supply) percent() float64 { return math.Ceil(s.left/s.capacity*200) / 2 }

// seconds draws a span in whole milliseconds.
func seconds(rng *rand.Rand, least, most int) time.Duration {
	return time.Duration(least*1000+rng.IntN((most-least)*1000+1)) * time.Millisecond
}
