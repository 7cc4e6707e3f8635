package plant

import (
	"math/rand/v2"
	"time"
)

// Reasons of a stop that every machine knows. A machine's own faults and what
// it runs out of have a text of their own.
const (
	reasonNone        = "None"
	reasonLack        = "Lack"     // nothing comes from the machine before
	reasonTailback    = "Tailback" // no room at the machine behind
	reasonMaintenance = "Maintenance"
	reasonChange      = "Product change"
)

// station is what all machines of the line have in common: they take from the
// conveyor before them, work, and hand on to the one behind, at a speed that
// suits both, unless something stops them.
type station struct {
	unit
	rng      *rand.Rand
	in, out  *conveyor // nil at the ends of the line
	up, down *station  // nil at the ends of the line
	recipe   int

	// What tells the machines apart.
	quick    float64     // nominal speed relative to the filler's
	fixed    bool        // runs at nominal speed, whatever the conveyors hold
	piece    func() int  // items in one of what speed and counters count
	bottles  func() int  // bottles in it
	work     func()      // takes one item, for which there is room
	told     func() bool // of the first machine: whether a product change was ordered
	clearOut func()      // called when a product change begins; may be nil

	stops    []*stoppage
	supplies []*supply

	reason   string    // of the stop, reasonNone while producing
	stopped  *stoppage // the one under way, or nil
	until    time.Duration
	missing  *supply // that the machine waits for, or nil
	changing bool

	speed                 sensor
	owed                  float64 // items due, with the part of one
	good, rejected, total int64
}

// one is the piece of a machine that handles single bottles.
func one() int { return 1 }

// newStation returns a machine that produces, without its conveyors.
func newStation(rng *rand.Rand, quick float64) station {
	return station{
		unit: unit{state: Execute, mode: Production}, rng: rng,
		quick: quick, piece: one, bottles: one, reason: reasonNone,
	}
}

// warmUp sets the speed at which the machine has been running for a while.
// noise and step are those of the reading.
func (s *station) warmUp(noise, step float64) {
	at := float64(recipes[s.recipe].speed) / float64(s.bottles())
	s.speed = slowSensor(at, time.Second, noise, step)
}

// base lets the line treat all machines alike.
func (s *station) base() *station { return s }

// nominal returns the highest speed for a product.
func (s *station) nominal() float64 {
	return float64(int64(float64(recipes[s.recipe].speed) * s.quick / float64(s.bottles())))
}

// step lets one tick pass.
func (s *station) step(at time.Duration) {
	before := s.state
	s.unit.step()
	if s.changing && s.state == Resetting && before != Resetting {
		s.recipe = (s.recipe + 1) % len(recipes)
		if s.in != nil {
			s.in.change(s.recipe)
		}
	}
	for _, x := range s.supplies {
		x.step(s.rng, at)
	}
	s.order(at)
	target := 0.0
	if s.state == Execute {
		target = s.nominal() * s.pace()
	}
	s.speed.follow(s.rng, target)
	if !s.turns() {
		s.speed.reading = 0 // at a standstill nothing trembles
	}
	s.move()
}

// order decides where the machine is to go next.
func (s *station) order(at time.Duration) {
	if len(s.ahead) > 0 {
		return // on its way
	}
	switch s.state {
	case Execute:
		s.arrived(at)
		s.leave(at)
	case Suspended:
		s.leave(at)
		if s.state == Suspended {
			s.resume()
		}
	default: // held or aborted
		if s.stopped != nil && at >= s.until {
			s.follow(s.stopped.back...)
		} else if s.missing != nil && !s.missing.gone() {
			s.follow(unholdPath...)
		}
	}
}

// arrived forgets why the machine had stopped.
func (s *station) arrived(at time.Duration) {
	if s.stopped != nil {
		s.stopped.again(s.rng, at)
	}
	s.stopped, s.missing, s.changing, s.mode, s.reason = nil, nil, false, Production, reasonNone
}

// leave stops a machine that could produce, if there is a reason.
func (s *station) leave(at time.Duration) {
	for _, x := range s.stops {
		if at >= x.from {
			s.stopped, s.until, s.mode, s.reason = x, at+x.lasts, x.mode, x.reason
			s.follow(x.in...)
			return
		}
	}
	for _, x := range s.supplies {
		if x.gone() {
			s.missing, s.reason = x, x.without
			s.follow(holdPath...)
			return
		}
	}
	switch {
	case s.mayChange():
		if s.clearOut != nil {
			s.clearOut()
		}
		s.changing, s.reason = true, reasonChange
		s.follow(changePath...)
	case s.state == Execute && s.out != nil && s.out.full():
		s.reason = reasonTailback
		s.follow(suspendPath...)
	case s.state == Execute && s.in != nil && s.in.empty() && !s.last():
		s.reason = reasonLack
		s.follow(suspendPath...)
	}
}

// resume starts a suspended machine when its reason is gone, or finds another
// one.
func (s *station) resume() {
	switch {
	case s.out != nil && !s.out.hasRoom():
		s.reason = reasonTailback
	case s.in != nil && !s.in.hasStock() && !s.last():
		s.reason = reasonLack
	default:
		s.follow(unsuspendPath...)
	}
}

// last reports whether what is on the conveyor before the machine are the last
// of their product, and there are some.
func (s *station) last() bool { return s.in.front > 0 && s.up.recipe != s.recipe }

// mayChange reports whether the next product is due: ordered, or nothing of
// the present one can come any more. The machine behind must have had the
// previous change.
func (s *station) mayChange() bool {
	if s.down != nil && (s.down.recipe != s.recipe || s.out.back > 0) {
		return false
	}
	if s.up == nil {
		return s.told()
	}
	return s.up.recipe != s.recipe && s.in.front == 0
}

// pace returns the part of its nominal speed at which the machine runs. Those
// before the filler slow down when the conveyor behind them fills, those
// behind it when the one before them runs empty.
func (s *station) pace() float64 {
	const slowest = 0.7
	part := 1.0
	if s.fixed {
		return part
	}
	if s.out != nil {
		part = min(part, 1-(s.out.fill()-0.6))
	}
	if s.in != nil && !s.last() {
		part = min(part, slowest+(s.in.fill()-0.1)*(1-slowest)/0.35)
	}
	return max(part, slowest)
}

// turns reports whether anything moves through the machine; it still does for
// a few seconds after production ends.
func (s *station) turns() bool { return s.speed.exact > s.nominal()/240 }

// move lets one tick's items pass.
func (s *station) move() {
	switch s.state {
	case Complete, Resetting, Idle, Starting, Stopped, Clearing:
		s.owed = 0
		return
	}
	if !s.turns() {
		return
	}
	s.owed += s.speed.exact * float64(s.piece()) * Tick.Hours()
	for ; s.owed >= 1; s.owed-- {
		if (s.in != nil && s.in.front == 0) || (s.out != nil && s.out.held() >= s.out.capacity) {
			s.owed = 0
			return
		}
		for _, x := range s.supplies {
			if x.gone() {
				s.owed = 0
				return
			}
		}
		s.work()
	}
}

// pass takes a bottle and hands it on, or rejects it.
func (s *station) pass(reject bool) {
	if s.in != nil {
		s.in.take()
	}
	s.finish(reject)
}

// finish counts one piece of the machine's output and hands it on.
func (s *station) finish(reject bool) {
	s.total++
	if reject {
		s.rejected++
		return
	}
	s.good++
	if s.out != nil {
		s.out.put(s.recipe)
	}
}

// chance draws true with the probability.
func (s *station) chance(of float64) bool { return s.rng.Float64() < of }

// faultCode returns the number of the fault that stops the machine, 0 without.
func (s *station) faultCode() int64 {
	if s.stopped == nil {
		return 0
	}
	return s.stopped.code
}

// declare lists the tags that every machine has. unit is what it counts.
func (s *station) declare(m *Machine, unit string) {
	m.add("machine_state", "", func() any { return s.state.String() })
	m.add("machine_mode", "", func() any { return s.mode.String() })
	m.add("machine_state_code", "", func() any { return int64(s.state) })
	m.add("stop_reason", "", func() any { return s.reason })
	m.add("fault_code", "", func() any { return s.faultCode() })
	m.add("lack", "", func() any { return s.reason == reasonLack })
	m.add("tailback", "", func() any { return s.reason == reasonTailback })
	m.add("product", "", func() any { return recipes[s.recipe].product })
	m.add("speed", unit+"/h", func() any { return s.speed.reading })
	m.add("nominal_speed", unit+"/h", func() any { return int64(s.nominal()) })
	m.add("good_count", unit, func() any { return s.good })
	m.add("reject_count", unit, func() any { return s.rejected })
	m.add("total_count", unit, func() any { return s.total })
}
