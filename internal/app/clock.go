package app

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"

	"linewatch"
)

// clock is the one clock of a process: the wall clock at the start, and from
// then on the time that has passed. The edge's timestamps and the logs' stamps
// come from it, so that setting the machine's clock can neither drive the two
// apart, by which every point would be ahead of its arrival or late, nor make
// time jump or stand still. A start takes up what the machine says by then.
type clock struct {
	wall  func() linewatch.Time
	since func() time.Duration // since the start
	start linewatch.Time
	rest  time.Duration // by which the start was later than its millisecond
	ahead atomic.Int64  // milliseconds that the logs were ahead of the wall clock at the start
}

func newClock() *clock {
	start := time.Now()
	return &clock{
		wall: func() linewatch.Time { return linewatch.TimeOf(time.Now()) }, since: func() time.Duration { return time.Since(start) },
		start: linewatch.TimeOf(start), rest: time.Duration(start.Nanosecond()) % time.Millisecond,
	}
}

// now returns the time.
func (c *clock) now() linewatch.Time {
	return c.start.Add(linewatch.Duration((c.rest + c.since()).Milliseconds() + c.ahead.Load()))
}

// most is how far the logs may be ahead of the clock without being followed: a
// crash leaves them up to two seconds ahead.
const most = linewatch.Minute

// follow moves the clock on to the end of the logs if they are far ahead: the
// machine's clock was set back while nothing ran, and time would stand still
// until it has come so far again.
func (c *clock) follow(latest linewatch.Time, log *slog.Logger) {
	if !latest.Known() || latest.Sub(c.now()) <= most {
		return
	}
	c.ahead.Add(int64(latest.Sub(c.now())))
	log.Warn("the machine's clock is behind the log: times go on from the end of the log", "ahead_ms", c.ahead.Load())
}

// stepped returns how far the wall clock was set since the start.
func (c *clock) stepped() linewatch.Duration {
	return c.wall().Sub(c.now()) + linewatch.Duration(c.ahead.Load())
}

const (
	stepEvery = 10 * time.Second
	stepLeast = linewatch.Second // what is less is no step, and harmless
)

// watch tells when the machine's clock was set, until ctx ends.
func (c *clock) watch(ctx context.Context, log *slog.Logger) error {
	ticks := time.NewTicker(stepEvery)
	defer ticks.Stop()
	told := linewatch.Duration(0)
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticks.C:
		}
		if step := c.stepped(); max(step-told, told-step) > stepLeast {
			told = step
			log.Warn("the machine's clock was set: times go on as before until linewatch is started again", "step_ms", int64(step))
		}
	}
}
