package watermark

import (
	"strconv"

	"linewatch"
)

// Tracker holds the buckets of the senders of one time domain and their common
// output. It is not safe for concurrent use.
type Tracker struct {
	cfg     Config
	now     linewatch.Time // highest arrival so far
	out     linewatch.Time // the output
	ticks   uint64         // those that not everybody slept through
	buckets []bucket
	free    ID    // first of the chain of removed buckets
	silent  queue // marked joining, by arrival of Add
	awake   queue // spoken and not idle, by last arrival

	counted    tree // the minimum
	waiting    tree // idle ones whose maximum a flush emits
	forbidding tree // those of waiting that forbid it

	pending, given []Transition
}

// New returns a tracker without senders. The configuration must be valid.
func New(cfg Config) *Tracker {
	return &Tracker{
		cfg:    cfg,
		now:    linewatch.NoTime,
		out:    linewatch.NoTime,
		free:   none,
		silent: queue{none, none},
		awake:  queue{none, none},
	}
}

// Add makes a bucket for a new sender. A registered one holds the first
// emission until it speaks or join-grace has passed; one that is added
// because its first record came is not registered in this sense.
func (t *Tracker) Add(arrival linewatch.Time, registered bool) ID {
	t.clock(arrival)
	id := t.free
	if id == none {
		id = ID(len(t.buckets))
		t.buckets = append(t.buckets, bucket{})
		t.growTrees()
	} else {
		t.free = t.buckets[id].next
	}
	t.buckets[id] = bucket{wm: linewatch.NoTime, last: t.now, since: t.now, prev: none, next: none, marks: inUse}
	if registered && t.cfg.JoinGrace > 0 && !t.out.Known() {
		t.buckets[id].marks |= joining
		t.push(&t.silent, id)
	}
	return id
}

// Remove forgets a sender, which takes effect on the output at the next tick.
// No transition tells of it, and ones of the sender that were not read yet
// stay: read them first.
func (t *Tracker) Remove(id ID) {
	b := t.at(id)
	t.leaveQueues(id)
	b.marks, b.wm = 0, linewatch.NoTime
	t.place(id)
	*b = bucket{prev: none, next: t.free}
	t.free = id
}

// Point tells that a point with timestamp ts arrived; last is its flag Lst. It
// returns false if the timestamp lies too far in the future: the point is to
// be quarantined as CLOCK_AHEAD.
func (t *Tracker) Point(id ID, arrival, ts linewatch.Time, last bool) (ok bool) {
	b := t.at(id)
	t.clock(arrival)
	if t.tooHigh(ts) {
		t.distrust(id)
		return false
	}
	b.marks &^= lastPoint
	if last {
		b.marks |= lastPoint
	}
	t.hear(id, ts.Add(-t.cfg.Bound-1))
	return true
}

// Heartbeat tells that a heartbeat arrived: no point of this sender with a
// timestamp up to ts will follow; backlog says that points wait in its spool.
// It returns false as Point does.
func (t *Tracker) Heartbeat(id ID, arrival, ts linewatch.Time, behind bool) (ok bool) {
	b := t.at(id)
	t.clock(arrival)
	if t.tooHigh(ts) {
		t.distrust(id)
		return false
	}
	b.marks = b.marks&^backlog | heartbeats
	if behind {
		b.marks |= backlog
	}
	t.hear(id, ts)
	return true
}

// SetIdle declares a sender idle without waiting for idle-timeout, as a
// goodbye does, until its next record. One that never spoke only stops holding
// the first emission.
func (t *Tracker) SetIdle(id ID) {
	b := t.at(id)
	t.leaveQueues(id)
	b.marks &^= joining
	if b.marks.awake() {
		b.marks |= idle
		t.pending = append(t.pending, Transition{id, false})
		t.place(id)
	}
}

// Tick emits: it finds who is idle or lagging by now and raises the output if
// the buckets permit it. It reports whether the output rose.
func (t *Tracker) Tick(arrival linewatch.Time) (advanced bool) {
	t.clock(arrival)
	if !t.Settled() { // else ticks may be left out
		t.ticks++
	}
	for id := t.awake.head; id != none && t.now.Sub(t.buckets[id].last) >= t.cfg.IdleTimeout; id = t.awake.head {
		t.SetIdle(id)
	}
	for id := t.silent.head; id != none && t.now.Sub(t.buckets[id].last) >= t.cfg.JoinGrace; id = t.silent.head {
		t.SetIdle(id)
	}
	if t.silent.head != none {
		return false
	}
	t.boundHold()
	next := linewatch.NoTime
	switch {
	case t.counted.lowest() != absent:
		next = fromAscending(t.counted.lowest())
	case t.waiting.lowest() != absent && t.forbidding.lowest() == absent:
		next = fromDescending(t.waiting.lowest())
	}
	if next <= t.out {
		return false
	}
	t.out = next
	return true
}

// boundHold leaves out the slowest buckets that have not risen for max-hold.
func (t *Tracker) boundHold() {
	for t.cfg.MaxHold > 0 && t.counted.lowest() != absent {
		id := t.counted.first()
		if t.now.Sub(t.buckets[id].since) < t.cfg.MaxHold {
			return
		}
		t.buckets[id].marks |= lagging
		t.place(id)
	}
}

// hear takes in a believed record by which the sender's watermark is at least
// wm.
func (t *Tracker) hear(id ID, wm linewatch.Time) {
	b := &t.buckets[id]
	if b.marks&(spoken|idle|ahead|lagging) != spoken {
		t.wake(id, wm)
		return
	}
	if b.last != t.now { // those of one block keep their place
		b.last = t.now
		if t.awake.tail != id {
			t.drop(&t.awake, id)
			t.push(&t.awake, id)
		}
	}
	if wm <= b.wm {
		return
	}
	b.wm, b.since = wm, t.now
	if t.counts(b) {
		t.counted.set(id, ascending(wm))
	}
}

// wake is hear for a sender that did not count.
func (t *Tracker) wake(id ID, wm linewatch.Time) {
	b := &t.buckets[id]
	before := b.marks
	if b.last != t.now || !before.awake() {
		t.leaveQueues(id)
		b.last = t.now
		t.push(&t.awake, id)
	}
	b.marks = before&^(joining|idle|ahead) | spoken
	if !before.awake() {
		t.pending = append(t.pending, Transition{id, true})
	}
	// A clock that went ahead and came back since the last tick let nobody go.
	if !before.awake() || before.has(ahead) && b.away < t.ticks {
		b.since = t.now
	}
	if wm > b.wm {
		b.wm, b.since = wm, t.now
		if wm >= t.out {
			b.marks &^= lagging
		}
	}
	t.place(id)
}

// distrust takes in a quarantined record.
func (t *Tracker) distrust(id ID) {
	b := &t.buckets[id]
	if b.marks.has(joining) {
		t.leaveQueues(id)
		b.marks &^= joining
	}
	if !b.marks.has(ahead) {
		b.away = t.ticks
	}
	b.marks |= ahead
	t.place(id)
}

func (t *Tracker) tooHigh(ts linewatch.Time) bool {
	return t.cfg.MaxFutureSkew > 0 && ts > t.now.Add(t.cfg.MaxFutureSkew)
}

func (t *Tracker) leaveQueues(id ID) {
	switch m := t.buckets[id].marks; {
	case m.has(joining):
		t.drop(&t.silent, id)
	case m.awake():
		t.drop(&t.awake, id)
	}
}

func (t *Tracker) clock(arrival linewatch.Time) { t.now = max(t.now, arrival) }

// at returns a bucket in use. Any other ID is a mistake of the caller's
// program.
func (t *Tracker) at(id ID) *bucket {
	if uint(id) >= uint(len(t.buckets)) || t.buckets[id].marks&inUse == 0 {
		panic(badID(id))
	}
	return &t.buckets[id]
}

type badID ID

// Error says what the caller did.
func (id badID) Error() string { return "watermark: no bucket with ID " + strconv.Itoa(int(id)) }
