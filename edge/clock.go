package edge

import (
	"sync"

	"linewatch"
)

// sourceClock gives one source's scans their times. The source has none of its
// own, so the time of a scan is when the agent got it, moved on by a
// millisecond where needed: later than every scan before, and later than
// anything a heartbeat has asserted.
type sourceClock struct {
	mu      sync.Mutex
	last    linewatch.Time // the newest time given or asserted
	writing linewatch.Time // time of the scan on its way to the spool; NoTime if none
	whole   bool           // it goes there in one piece
}

func newSourceClock() *sourceClock {
	return &sourceClock{last: linewatch.NoTime, writing: linewatch.NoTime}
}

// begin returns the time of a scan. Until end, heartbeats stay behind it.
func (c *sourceClock) begin(now linewatch.Time) linewatch.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.last = max(c.last+1, now)
	c.writing, c.whole = c.last, false
	return c.last
}

// inOnePiece says that all points of the scan will be in the spool as soon as
// one of them is.
func (c *sourceClock) inOnePiece() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.whole = true
}

// end says that the scan's points are in the spool, or never will be.
func (c *sourceClock) end() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.writing = linewatch.NoTime
}

// assert returns a time such that every scan up to it has reached the spool
// and every later one gets a later time. seen is the newest time of a point
// that came out of the spool, which may be sooner than end.
func (c *sourceClock) assert(now, seen linewatch.Time) linewatch.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.writing.Known() && !(c.whole && seen >= c.writing) {
		return c.writing - 1
	}
	c.last = max(c.last, now)
	return c.last
}
