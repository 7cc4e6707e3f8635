package watermark

import "linewatch"

// ID is the handle of a bucket: small, dense, and given to another bucket only
// after Remove.
type ID int32

const none ID = -1

// bucket is what the tracker knows of one sender.
type bucket struct {
	wm    linewatch.Time // NoTime before the first record with a timestamp
	last  linewatch.Time // arrival of the last believed record; before the first one, of Add
	since linewatch.Time // arrival at which wm last rose or the bucket began to count
	away  uint64         // how many ticks there were when the clock went ahead
	// prev and next link the queue that the bucket is in: joining or awake. A
	// removed bucket uses next for the chain of free IDs.
	prev, next ID
	marks      marks
}

// marks is a set of facts about a bucket.
type marks uint16

const (
	inUse   marks = 1 << iota
	spoken        // a record was believed
	joining       // holds the first emission; in the queue of those
	idle
	ahead      // the newest record was quarantined
	lagging    // held for too long and has not caught up
	backlog    // by the newest heartbeat, points wait in its spool
	heartbeats // ever sent one
	lastPoint  // the newest point was flagged as the last
	allMarks   = lastPoint<<1 - 1
)

func (m marks) has(n marks) bool { return m&n != 0 }

// awake reports whether the bucket is in the queue that idleness is found by.
func (m marks) awake() bool { return m&(spoken|idle) == spoken }

// Status is what a tracker knows of one sender.
type Status struct {
	Watermark   linewatch.Time // NoTime before its first record
	LastArrival linewatch.Time // of its last record that was not quarantined; NoTime before
	HoldSince   linewatch.Time // arrival at which its watermark last rose or it began to count; NoTime before
	Active      bool           // has spoken and is not idle; may be lagging or ahead
	Idle        bool           // as of the last tick
	Lagging     bool           // left out until it has caught up
	Joining     bool           // has not spoken and holds the first emission
	Ahead       bool           // its newest record was quarantined
	Backlog     bool           // its newest heartbeat declared points in its spool
	Counts      bool           // is in the minimum
}

// Bucket returns what is known of a sender.
func (t *Tracker) Bucket(id ID) Status {
	b := t.at(id)
	s := Status{
		Watermark:   b.wm,
		LastArrival: linewatch.NoTime,
		HoldSince:   linewatch.NoTime,
		Active:      b.marks.awake(),
		Idle:        b.marks.has(idle),
		Lagging:     b.marks.has(lagging),
		Joining:     b.marks.has(joining),
		Ahead:       b.marks.has(ahead),
		Backlog:     b.marks.has(backlog),
		Counts:      t.counts(b),
	}
	if b.marks.has(spoken) {
		s.LastArrival, s.HoldSince = b.last, b.since
	}
	return s
}

// counts reports whether the bucket is in the minimum.
func (t *Tracker) counts(b *bucket) bool {
	return b.marks&(spoken|idle|ahead|lagging) == spoken && b.wm.Known() &&
		!(t.cfg.CatchUp == Skip && b.wm < t.out)
}

// waits reports whether the bucket's last points would profit from a flush.
func waits(b *bucket) bool {
	return b.marks&(idle|ahead|lagging) == idle && b.wm.Known()
}

// forbidsFlush reports whether the bucket, being idle, holds an idle line.
func (t *Tracker) forbidsFlush(b *bucket) bool {
	switch {
	case b.marks.has(backlog) || t.cfg.OnAllIdle == HoldAll:
		return true
	case t.cfg.OnAllIdle == Flush:
		return false
	}
	return b.marks&(heartbeats|lastPoint) == heartbeats
}

func (t *Tracker) growTrees() {
	for _, one := range [...]*tree{&t.counted, &t.waiting, &t.forbidding} {
		one.grow(len(t.buckets))
	}
}

// place puts the bucket into the trees that it belongs to now.
func (t *Tracker) place(id ID) {
	b := &t.buckets[id]
	counted, waiting, forbidding := int64(absent), int64(absent), int64(absent)
	if t.counts(b) {
		counted = ascending(b.wm)
	}
	if waits(b) {
		waiting = descending(b.wm)
		if t.forbidsFlush(b) {
			forbidding = ascending(b.wm)
		}
	}
	t.counted.set(id, counted)
	t.waiting.set(id, waiting)
	t.forbidding.set(id, forbidding)
}
