package boltlog

import (
	"time"

	"linewatch"
)

// The promise is a time up to which the log may say that it is closed. It is
// on disk before it is used, so that a restart after a crash knows what
// readers may have been told, and it lies ahead, so that not every answer
// costs a flush. A promise of 2 s costs about one flush a second while
// somebody reads at the end of the log.
const (
	promiseAhead = 2 * linewatch.Second
	promiseMost  = 10 * linewatch.Minute
)

// clock turns the time of the injected clock into stamps and closing times.
// It does no I/O; Log.mu guards it.
type clock struct {
	now     func() linewatch.Time
	promise linewatch.Time // on disk: no partition is said to be closed later
	span    linewatch.Duration
	// kept is when the promise was renewed, by both clocks: a simulation may
	// run faster than the wall clock, and then has to promise further ahead.
	kept     linewatch.Time
	keptWall time.Time
	parts    []partitionClock
}

type partitionClock struct {
	last     linewatch.Time // highest stamp given
	closed   linewatch.Time // highest closing time told to a reader
	inFlight linewatch.Time // stamp of what is being written, or NoTime
}

// stamp gives the stamp of the next records of a partition, which stay in
// flight until landed is called.
func (c *clock) stamp(partition int) linewatch.Time {
	p := &c.parts[partition]
	stamp := max(c.now(), p.last)
	if p.closed != linewatch.NoTime {
		stamp = max(stamp, p.closed.Add(1))
	}
	p.last, p.inFlight = stamp, stamp
	return stamp
}

func (c *clock) landed(partition int) { c.parts[partition].inFlight = linewatch.NoTime }

// close returns a time after which every later record of the partition will
// be stamped, and remembers it.
func (c *clock) close(partition int) linewatch.Time {
	p := &c.parts[partition]
	// What is stored within this millisecond may still get its stamp.
	until := min(c.now().Add(-1), c.promise)
	if p.inFlight != linewatch.NoTime {
		until = min(until, p.inFlight.Add(-1))
	}
	p.closed = max(p.closed, until)
	return p.closed
}

// due reports whether the promise should be renewed.
func (c *clock) due() bool { return c.promise.Sub(c.now()) < c.span/2 }

// proposal returns the next promise. It is in force once keep was called.
func (c *clock) proposal() (promise linewatch.Time, span linewatch.Duration) {
	now, elapsed := c.now(), time.Since(c.keptWall)
	span = promiseAhead
	if c.kept != linewatch.NoTime && elapsed >= time.Millisecond {
		speed := float64(now.Sub(c.kept)) / float64(elapsed.Milliseconds())
		if speed > 1 {
			span = linewatch.Duration(min(speed*float64(promiseAhead), float64(promiseMost)))
		}
	}
	return max(c.promise, now.Add(span)), span
}

// keep puts a promise in force that is on disk.
func (c *clock) keep(promise linewatch.Time, span linewatch.Duration) {
	c.promise, c.span = promise, span
	c.kept, c.keptWall = c.now(), time.Now()
}

func (c *clock) latest() linewatch.Time {
	latest := linewatch.NoTime
	for _, p := range c.parts {
		latest = max(latest, p.last, p.closed)
	}
	return latest
}
