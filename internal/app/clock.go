package app

import (
	"context"
	"fmt"
	"log/slog"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"linewatch"
	"linewatch/edge"
)

// The speeds at which a simulation may run, against the machine's clock.
const (
	MinSpeed = 1
	MaxSpeed = 1000
)

// clock is the one clock of a process: the wall clock at the start, and from
// then on the time that has passed, times the speed. Plant, edge and logs take
// their times from it, so that setting the machine's clock can neither drive
// them apart, by which every point would be ahead of its arrival or late, nor
// make time jump or stand still. A start takes up what the machine says by
// then, but never goes back behind what an earlier run has recorded.
type clock struct {
	wall  func() linewatch.Time
	since func() time.Duration // since the start
	start time.Time
	speed float64
	ahead atomic.Int64 // milliseconds that time was ahead of the wall clock at the start

	// Above speed 1 time waits for the edge while that sends: it passes up to
	// the limit only. A machine that is too slow for the speed then makes the line slower, and
	// its sources do not count as silent.
	mu      sync.Mutex
	counted time.Duration // of since
	passed  time.Duration // of time
	limit   time.Duration // of passed
}

// newClock returns a clock that runs at a speed of 1 or more.
func newClock(speed float64) *clock {
	start := time.Now()
	return &clock{
		wall: func() linewatch.Time { return linewatch.TimeOf(time.Now()) }, since: func() time.Duration { return time.Since(start) },
		start: start.Round(0), speed: speed, limit: noLimit,
	}
}

// time returns the time with all its digits, as the simulators want it.
func (c *clock) time() time.Time {
	return c.start.Add(c.elapsed() + time.Duration(c.ahead.Load())*time.Millisecond)
}

// elapsed returns how much time has passed since the start.
func (c *clock) elapsed() time.Duration {
	real := c.since()
	if c.speed == 1 {
		return real
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if step := real - c.counted; step > 0 {
		c.counted = real
		c.passed = max(c.passed, min(c.passed+time.Duration(float64(step)*c.speed), c.limit))
	}
	return c.passed
}

// slack is how much time passes before the log has taken another block of the
// edge, which has something to say of every source each second: half of what
// makes a source idle by default.
const (
	slack   = 5 * time.Second
	noLimit = time.Duration(math.MaxInt64)
)

// heard says that the log has taken a block, and that more will follow.
func (c *clock) heard() { c.permit(c.elapsed() + slack) }

// silent says that no more blocks follow.
func (c *clock) silent() { c.permit(noLimit) }

func (c *clock) permit(limit time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.limit = limit
}

// pacedUplink tells the clock what has reached the log.
type pacedUplink struct {
	edge.Uplink
	heard func()
}

// Send implements edge.Uplink.
func (p pacedUplink) Send(ctx context.Context, points []linewatch.DataPoint) error {
	err := p.Uplink.Send(ctx, points)
	if err == nil {
		p.heard()
	}
	return err
}

// now returns the time.
func (c *clock) now() linewatch.Time { return linewatch.TimeOf(c.time()) }

// scaled returns how much time goes by in a span of real time.
func (c *clock) scaled(real time.Duration) linewatch.Duration {
	return linewatch.Duration(float64(real.Milliseconds()) * c.speed)
}

// most is how far the logs may be ahead of the clock without being followed: a
// crash leaves them up to two seconds ahead. More is a clock that the power cut
// has set back, behind which everything would be late.
const most = 3 * linewatch.Second

// follow moves the clock on so that it does not go back behind an earlier run:
// to the time that one has recorded (NoTime if none is), and to the end of the
// logs if that lies far ahead. Either the machine's clock was set back while
// nothing ran, or the earlier run was a faster one. It reports whether time has
// jumped.
func (c *clock) follow(recorded, latest linewatch.Time) bool {
	now, to := c.now(), recorded
	if !c.faithful() || recorded > now || latest.Known() && latest.Sub(now) > most {
		to = max(recorded, latest)
	}
	if to > now {
		c.ahead.Add(int64(to.Sub(now)))
	}
	return to > now
}

// faithful reports whether time is what the machine's clock said at the start
// and at its speed, so that the next start will find that clock ahead.
func (c *clock) faithful() bool { return c.speed == 1 && c.ahead.Load() == 0 }

// stepped returns how far the wall clock was set since the start.
func (c *clock) stepped() linewatch.Duration {
	return c.wall().Sub(linewatch.TimeOf(c.start.Add(c.since())))
}

// earliest is 2026-01-01, before which there was no program like this: a
// machine whose clock shows less has lost the time. The engine would refuse
// points from before 2000.
const earliest = linewatch.Time(1_767_225_600_000)

// off returns how far time is ahead of the machine's clock, 0 if that is little
// or due to the speed of a simulation.
func (c *clock) off() linewatch.Duration {
	off := linewatch.Duration(c.ahead.Load()) - c.stepped()
	if c.speed != 1 || max(off, -off) <= most {
		return 0
	}
	return off
}

// unsynced reports whether time is known not to be the true one.
func (c *clock) unsynced() bool { return c.off() != 0 }

// trouble says why time is not the true one as far as that is known, and is
// empty while nothing is.
func (c *clock) trouble() string {
	off, step := c.off(), c.stepped()
	switch {
	case off == 0:
		return ""
	case off < 0:
		return fmt.Sprintf("times are %v behind the machine's clock, which was set; start linewatch again to go by it", -off)
	case step == 0:
		return fmt.Sprintf("times are %v ahead of the machine's clock, which stood behind the last run at the start or was never set; check it", off)
	default:
		return fmt.Sprintf("times are %v ahead of the machine's clock, which was set; check it", off)
	}
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
