package edge

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"linewatch"
)

// Causes that the agent itself gives.
const (
	CauseLost        = "connection lost"      // the PLC was read before and cannot be now
	CauseUnreachable = "source not reachable" // the PLC has not been read since the start
	causeTooLong     = "string longer than 1024 bytes"
)

// filter turns readings into points and lets only changes through: of value
// beyond the deadband, of quality or cause, and the first of a tag after a
// connect. What has not changed is repeated, flagged Syn, when the tag was
// silent for as long as it may be and when all tags are synchronised.
type filter struct {
	source   string
	interval linewatch.Duration // between two scans
	tags     []tagState
	good     int                   // tags of quality Ok
	points   []linewatch.DataPoint // reused
	spare    []linewatch.DataPoint // reused, too
	keys     []key                 // reused

	silences  bool               // some tag's silence is limited
	syncEvery linewatch.Duration // 0: never
	synced    linewatch.Time     // CreatedAt of the last synchronisation
	broken    bool               // the connection was lost after the last scan
	settle    linewatch.Duration // from a connect to the synchronisation after it
	fresh     linewatch.Time     // CreatedAt of the connect or break that this is still to follow
	connected linewatch.Time     // CreatedAt of the last connect
}

// settleAfter is when the state of a source that joins by its own clock is said
// again. Until its first values have reached the engine nothing holds the
// engine's time for it, so that others may have moved it on past them.
const settleAfter = Span(3 * time.Second)

// tagState is what was last let through of a tag.
type tagState struct {
	equipment, name string
	address         string // in the PLC
	shape           *shape
	state
	latest state          // what the last reading said
	at     linewatch.Time // of the last point
	sent   linewatch.Time // CreatedAt of the last point
	moved  bool           // the agent gave it that time, and the source may have an earlier one for the next
	known  bool           // there was something
	first  bool           // the next one is the first after a connect
	gone   bool           // the connection was lost after was, and nothing came since
	was    state
}

// state is what a tag is. Two equal ones are no change.
type state struct {
	value   linewatch.Value
	quality linewatch.Quality
	cause   string
}

func newFilter(c SourceConfig) *filter {
	f := &filter{
		source: c.ID, interval: c.byClock(c.Interval), tags: make([]tagState, len(c.Tags)),
		syncEvery: c.SyncEvery.duration(), synced: linewatch.NoTime,
		settle: c.byClock(settleAfter), fresh: linewatch.NoTime, connected: linewatch.NoTime,
	}
	for i, t := range c.Tags {
		f.tags[i] = tagState{equipment: t.Equipment, name: t.Name, address: t.Address, shape: newShape(c, t)}
		f.silences = f.silences || f.tags[i].shape.limited()
	}
	return f
}

// scan returns the points of a scan in the order of their times: what changed,
// flagged Fst where it is the first of its tag after a connect, and what is
// repeated. The slice is valid until the next call.
func (f *filter) scan(s *Scan, times *scanTimes) ([]linewatch.DataPoint, error) {
	f.points = f.points[:0]
	if s.First || s.Interrupted {
		for i := range f.tags {
			f.tags[i].first, f.tags[i].gone = true, false
		}
		f.synced = times.created // every tag's first value follows
	}
	if s.First || s.Interrupted || f.broken {
		f.connected = times.created
	}
	if times.own && (s.First || s.Interrupted || f.broken) {
		f.sayAgain(times) // the engine may have gone on, and take for late what comes now
	}
	f.broken = false
	for i := range s.Readings {
		r := &s.Readings[i]
		if r.Tag < 0 || r.Tag >= len(f.tags) {
			return nil, fmt.Errorf("reading of tag number %d, and there are %d", r.Tag, len(f.tags))
		}
		f.reading(&f.tags[r.Tag], r, times)
	}
	if times.own {
		f.restore(times)
	}
	f.repeat(times)
	if times.own {
		f.order()
	}
	return f.points, nil
}

// key is where a point stands before it is put in order.
type key struct {
	at    linewatch.Time
	index int
}

// order puts the points in the order of their times. Points are large: they
// move once, and only their keys are sorted.
func (f *filter) order() {
	f.keys = f.keys[:0]
	sorted := true
	for i := range f.points {
		f.keys = append(f.keys, key{f.points[i].Timestamp, i})
		sorted = sorted && (i == 0 || f.keys[i-1].at <= f.keys[i].at)
	}
	if sorted {
		return
	}
	slices.SortFunc(f.keys, func(a, b key) int { return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.index, b.index)) })
	f.spare = f.spare[:0]
	for _, k := range f.keys {
		f.spare = append(f.spare, f.points[k.index])
	}
	f.points, f.spare = f.spare, f.points
}

func (f *filter) reading(t *tagState, r *Reading, times *scanTimes) {
	now := state{r.Value, r.Quality, r.Cause}
	if len(r.Value.Str()) > linewatch.MaxString {
		now = state{linewatch.Value{}, linewatch.Bad, causeTooLong}
	}
	now = t.shape.apply(now)
	first := t.first || !t.known
	if !first && !t.shape.passes(t.state, now) {
		t.latest = now
		return
	}
	at, flags := times.of(r, t, first)
	if end := times.silentUntil(t); !first && !t.gone && end < at && end > times.asserted && end >= times.given {
		f.set(t, t.latest)
		f.add(t, linewatch.Assigned|linewatch.Synchronised, end, times)
	}
	if first || t.gone {
		flags |= linewatch.First
	}
	t.first, t.gone = false, false
	f.set(t, now)
	f.add(t, flags, at, times)
}

// sayAgain lets the state of all tags follow once more in a moment.
func (f *filter) sayAgain(times *scanTimes) { f.fresh = times.created }

// restore takes back that tags were lost: the connection came back with all
// that had happened, and nothing had happened to these.
func (f *filter) restore(times *scanTimes) {
	for i := range f.tags {
		if t := &f.tags[i]; t.gone {
			t.gone = false
			f.set(t, t.was)
			f.add(t, linewatch.Assigned|linewatch.First, max(t.at, after(times.asserted)), times)
		}
	}
}

// repeat says again what is so of the tags whose time has come.
func (f *filter) repeat(times *scanTimes) {
	if times.own && !times.through.Known() {
		return // up to when it is so cannot be told
	}
	settle := f.fresh.Known() && times.created.Sub(f.fresh) >= f.settle
	all := settle || f.syncEvery > 0 && times.created.Sub(f.synced) >= f.syncEvery
	if all {
		f.synced, f.fresh = times.created, linewatch.NoTime
	}
	if !all && !f.silences {
		return
	}
	for i := range f.tags {
		t := &f.tags[i]
		if !t.known || t.first || t.sent == times.created {
			continue
		}
		at, due := times.repeat(t, f.interval)
		if all || due {
			f.set(t, t.latest)
			f.add(t, linewatch.Assigned|linewatch.Synchronised, at, times)
		}
	}
}

// lost returns a Bad point for each tag that does not say so already. A tag
// that was read before is flagged Lst.
func (f *filter) lost(cause string, times *scanTimes) []linewatch.DataPoint {
	f.points, f.broken = f.points[:0], true
	for i := range f.tags {
		t := &f.tags[i]
		if t.known && t.isLost() {
			continue
		}
		flags := linewatch.Assigned
		if t.known {
			flags |= linewatch.Last
			t.was, t.gone = t.latest, !t.first // what was before the connect may be so no more
		}
		f.set(t, state{linewatch.Value{}, linewatch.Bad, cause})
		f.add(t, flags, times.at, times)
	}
	return f.points
}

// last returns the last point of each tag once more, flagged Lst.
func (f *filter) last(times *scanTimes) []linewatch.DataPoint {
	f.points = f.points[:0]
	for i := range f.tags {
		if t := &f.tags[i]; t.known {
			f.set(t, t.latest)
			f.add(t, linewatch.Assigned|linewatch.Last, times.at, times)
		}
	}
	return f.points
}

func (f *filter) set(t *tagState, to state) {
	if t.quality == linewatch.Ok {
		f.good--
	}
	if to.quality == linewatch.Ok {
		f.good++
	}
	t.state, t.latest, t.known = to, to, true
}

func (f *filter) add(t *tagState, flags linewatch.Flags, at linewatch.Time, times *scanTimes) {
	t.at, t.sent, t.moved = at, times.created, flags.Has(linewatch.Assigned)
	times.newest = max(times.newest, at)
	if times.unsynced && flags.Has(linewatch.Assigned) {
		flags |= linewatch.Unsynced
	}
	f.points = append(f.points, linewatch.DataPoint{
		Timestamp: at, CreatedAt: times.created, Equipment: t.equipment, Tag: t.name, Value: t.value,
		Source: f.source, Cause: t.cause, Quality: t.quality, Flags: flags,
	})
}

// trouble describes the tags whose own reading has failed; empty if there are
// none. While the answers to a connect are still coming in nothing is said.
func (f *filter) trouble(now linewatch.Time) string {
	if f.good == len(f.tags) {
		return ""
	}
	var first *tagState
	count := 0
	for i := range f.tags {
		switch t := &f.tags[i]; {
		case t.unread():
			if f.connected.Known() && now.Sub(f.connected) < f.settle {
				return ""
			}
		case t.quality != linewatch.Ok:
			if count++; count == 1 {
				first = t
			}
		}
	}
	if count == 0 {
		return ""
	}
	return fmt.Sprintf("tag %s at %s: %s (%d of %d tags)", first.name, first.address, first.cause, count, len(f.tags))
}

// unread reports whether nothing was heard of the tag since the connect.
func (t *tagState) unread() bool { return !t.known || t.first || t.gone || t.isLost() }

// isLost reports whether the tag says that its source cannot be read.
func (t *tagState) isLost() bool {
	return t.quality == linewatch.Bad && (t.cause == CauseLost || t.cause == CauseUnreachable)
}
