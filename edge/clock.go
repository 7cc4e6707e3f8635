package edge

import (
	"sync"

	"linewatch"
)

// sourceClock says which time the points of one source carry, and up to which
// time nothing of it is outstanding.
//
// A source without times of its own gives each scan the time at which the agent
// got it, moved on by a millisecond where needed: later than every scan before,
// and later than anything a heartbeat has asserted. A source with its own times
// keeps them, and is asserted no further than it has said itself (see Scan).
type sourceClock struct {
	mu      sync.Mutex
	heard   bool               // there was a scan; before, nothing is known of the source
	own     bool               // the source has times of its own
	silent  bool               // nothing can be asserted at present
	through linewatch.Time     // of a source with its own times: what it has given completely
	lag     linewatch.Duration // behind which through usually is
	far     linewatch.Duration // beyond lag: the source's clock is wrong

	created  linewatch.Time // CreatedAt of the newest scan, which it tells from all others
	given    linewatch.Time // the newest time of a point
	asserted linewatch.Time // the newest time that heartbeats may have said

	writing bool           // the newest scan is on its way to the spool,
	whole   bool           // in one piece,
	before  linewatch.Time // and until it is there, no more than this is asserted
}

func newSourceClock(c SourceConfig) *sourceClock {
	return &sourceClock{
		lag: c.byClock(c.Interval + c.OPCUA.Sampling + c.OPCUA.Delay), far: c.byClock(farBehind),
		through: linewatch.NoTime, created: linewatch.NoTime, given: linewatch.NoTime, asserted: linewatch.NoTime,
	}
}

// begin returns the times of a scan. Until end, heartbeats stay behind it.
func (c *sourceClock) begin(scan *Scan, now linewatch.Time) *scanTimes {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.heard, c.writing, c.whole = true, true, false
	c.own = c.own || scan.Through != 0
	c.created = max(after(c.created), now)
	t := &scanTimes{own: c.own, now: now, created: c.created, asserted: c.asserted, given: c.given, newest: linewatch.NoTime, through: linewatch.NoTime}
	if !c.own {
		t.at = max(after(c.asserted), after(c.given), now)
		c.before = t.at - 1
		return t
	}
	c.before = c.asserted
	through := believed(scan.Through, now)
	t.judgeClock(scan.Through, c.through, c.lag, c.far)
	c.silent = !through.Known() && (scan.Err != nil || !c.through.Known())
	c.through = max(c.through, through)
	t.through = c.through
	t.at = max(after(c.asserted), estimate(through, now, c.lag))
	if scan.Err != nil {
		t.at = max(after(c.asserted), after(c.given)) // nothing is known from there on
		if !t.at.Known() {
			t.at = now
		}
	}
	return t
}

// bye returns the times of a source's last values, in its own clock if it has
// one: what the next run reads must not lie before them.
func (c *sourceClock) bye(now linewatch.Time) *scanTimes {
	t := c.begin(&Scan{}, now)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.own {
		t.at = max(after(c.asserted), estimate(c.through, now, c.lag))
	}
	t.at = max(t.at, after(c.given))
	return t
}

// inOnePiece says that all points of the scan will be in the spool as soon as
// one of them is.
func (c *sourceClock) inOnePiece() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.whole = true
}

// end says that the scan's points are in the spool, or never will be.
func (c *sourceClock) end(t *scanTimes) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.writing = false
	c.given = max(c.given, t.newest)
	if !c.own {
		c.given = max(c.given, t.at)
	}
}

// assert returns a time up to which everything of the source has reached the
// spool and after which every later point lies, but for those that are counted
// as late. It is NoTime if nothing can be said. seen is CreatedAt of the last
// point that came out of the spool, which may be sooner than end. ordered says
// that the times of the source's points rise.
func (c *sourceClock) assert(now, seen linewatch.Time) (at linewatch.Time, ordered bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case !c.heard:
		return linewatch.NoTime, true
	case c.writing && !(c.whole && seen >= c.created):
		at = c.before
	case c.own:
		at = c.through
	default:
		at = max(c.given, now)
	}
	if c.own && c.silent {
		return linewatch.NoTime, false
	}
	c.asserted = max(c.asserted, at)
	return c.asserted, !c.own
}

func after(t linewatch.Time) linewatch.Time { return t.Add(1) }
