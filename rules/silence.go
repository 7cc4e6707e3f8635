package rules

import "linewatch"

// outage is a time in which a sender is offline, so that event time may stand
// still: it began at an arrival, with the watermark of then. While it lasts,
// what is to happen to the sender's tags at a deadline falls due at arrival +
// (deadline - watermark) on the arrival clock.
type outage struct {
	arrival   linewatch.Time // NoTime: there is none
	watermark linewatch.Time
}

func noOutage() outage { return outage{linewatch.NoTime, linewatch.NoTime} }

// reaches returns the arrival time at which a deadline falls due; MaxTime for
// never.
func (o outage) reaches(deadline linewatch.Time) linewatch.Time {
	if !o.arrival.Known() || !o.watermark.Known() {
		return linewatch.MaxTime
	}
	return o.arrival.Add(max(deadline.Sub(o.watermark), 0))
}

// offline reports whether the sender's tags are not to be believed.
func (s *sender) offline() bool { return s.outage.arrival.Known() }

// outageOf returns the outage of the sender of a series. A tag that no sender
// has ever given is silent when all of them are.
func (e *Engine) outageOf(sr *series) outage {
	if sr.last.At.Known() {
		return e.senders[sr.last.Sender].outage
	}
	return e.silence
}

// Tick lets the arrival clock reach a tick of the time domain. What silence
// makes due has the event time of the last Advance.
func (e *Engine) Tick(arrival linewatch.Time) {
	e.arrival = arrival
	if arrival < e.nextLapse || !e.now.Known() {
		return
	}
	e.nextLapse = linewatch.MaxTime
	for i, at := range e.lapses {
		if at > arrival {
			e.nextLapse = min(e.nextLapse, at)
			continue
		}
		delete(e.lapses, i)
		e.markDirty(i)
	}
	first := len(e.changes)
	e.evaluateDirty(e.now)
	sortChanges(e.changes[first:])
}

// NextLapse returns an arrival before which no Tick makes anything due; MaxTime
// if none does until something else happens.
func (e *Engine) NextLapse() linewatch.Time { return e.nextLapse }

// setLapse notes when an instance must be judged again on the arrival clock;
// MaxTime for never.
func (e *Engine) setLapse(i int32, at linewatch.Time) {
	if at == linewatch.MaxTime {
		delete(e.lapses, i)
		return
	}
	e.lapses[i] = at
	e.nextLapse = min(e.nextLapse, at)
}

// SetOnline says that a sender's tags are to be believed again, or no longer,
// from an arrival on. The resulting changes have the event time at, which must
// not be before the last Advance.
func (e *Engine) SetOnline(id SenderID, online bool, at, arrival linewatch.Time) {
	s := e.senders[id]
	silent := s.offline()
	s.spoken = s.spoken || online
	if silent == !online {
		e.setSender(id, s)
		e.hush(at, arrival)
		return
	}
	s.outage = noOutage()
	if !online {
		s.outage = outage{arrival, at}
	}
	e.setSender(id, s)
	hushed := e.hush(at, arrival)
	for i := range e.series {
		switch sr := &e.series[i]; {
		case !sr.last.At.Known():
			if hushed {
				e.wake(sr)
			}
		case sr.last.Sender == id:
			e.settle(SeriesID(i), false)
			e.wake(sr)
		}
	}
	e.judgeAt(at)
}

// Dismiss says that nothing is heard of a sender any more. Its tags stay as they
// are for those that still read them; it has no say in whether all is silent
// until SetOnline tells of it again.
func (e *Engine) Dismiss(id SenderID, at, arrival linewatch.Time) {
	s := e.senders[id]
	s.spoken = false
	e.setSender(id, s)
	if !e.hush(at, arrival) {
		return
	}
	for i := range e.series {
		if sr := &e.series[i]; !sr.last.At.Known() {
			e.wake(sr)
		}
	}
	e.judgeAt(at)
}

// judgeAt judges, between two instants, what something outside of event time
// has touched.
func (e *Engine) judgeAt(at linewatch.Time) {
	if !at.Known() {
		return
	}
	first := len(e.changes)
	e.evaluateDirty(at)
	sortChanges(e.changes[first:])
}

// setSender takes over what is known of a sender now, and keeps count.
func (e *Engine) setSender(id SenderID, s sender) {
	e.count(&e.senders[id], -1)
	e.senders[id] = s
	e.count(&s, 1)
}

func (e *Engine) count(s *sender, by int) {
	if !s.spoken {
		return
	}
	e.spoken += by
	if !s.offline() {
		e.audible += by
	}
}

// hush notes whether all senders that ever spoke are offline, and reports
// whether that has changed.
func (e *Engine) hush(at, arrival linewatch.Time) bool {
	quiet := e.spoken > 0 && e.audible == 0
	if quiet == e.silence.arrival.Known() {
		return false
	}
	e.silence = noOutage()
	if quiet {
		e.silence = outage{arrival, at}
	}
	return true
}

// wake has the instances judged whose probes read a series.
func (e *Engine) wake(sr *series) {
	for _, i := range sr.watching() {
		e.markDirty(i)
	}
}
