package watermark

import "linewatch"

// Transition tells that a sender became online or offline.
type Transition struct {
	ID     ID
	Online bool
}

// Watermark returns the output: no point with a timestamp up to it is waited
// for any more. It is NoTime before the first emission.
func (t *Tracker) Watermark() linewatch.Time { return t.out }

// Late reports whether a point with timestamp ts comes too late, which is when
// ts is at or below the output.
func (t *Tracker) Late(ts linewatch.Time) bool { return ts <= t.out }

// Transitions returns who became online or offline since the last call, in the
// order in which it happened: online when a sender speaks for the first time
// or after having been idle, offline when it turns idle. For each sender they
// alternate, online first. Senders that turn idle at one tick come in the order
// of their last arrival. The slice is valid until the next call. Read it after
// each tick at the latest, since it grows until then.
func (t *Tracker) Transitions() []Transition {
	t.pending, t.given = t.given[:0], t.pending
	return t.given
}

// Settled reports whether, after a tick and until something else is told, no
// later tick changes anything, because nobody is left who could fall silent.
func (t *Tracker) Settled() bool { return t.awake.head == none && t.silent.head == none }

// Holder returns who holds the output back, as of the last tick and the
// records since: before the first emission a silent sender in its grace, else
// the slowest bucket that counts, else the slowest of an idle line's senders
// that forbid the flush. Of equals it is the one with the lowest ID, of silent
// ones the one added first. There is none if nothing waits for a sender.
func (t *Tracker) Holder() (ID, bool) {
	switch {
	case t.silent.head != none:
		return t.silent.head, true
	case t.counted.lowest() != absent:
		return t.counted.first(), true
	case t.forbidding.lowest() != absent:
		return t.forbidding.first(), true
	}
	return none, false
}

// LagSlowest leaves out the holder, because the points that wait for it do not
// fit the caller's buffer: a silent sender loses its grace, any other is
// lagging until it has caught up. It returns false if nobody holds. The output
// follows at the next tick, so tick before and after: a second call without a
// tick leaves out one more sender.
func (t *Tracker) LagSlowest(arrival linewatch.Time) (ID, bool) {
	t.clock(arrival)
	id, ok := t.Holder()
	if !ok {
		return none, false
	}
	if t.buckets[id].marks.has(joining) {
		t.SetIdle(id)
		return id, true
	}
	t.buckets[id].marks |= lagging
	t.place(id)
	return id, true
}
