package edge

import (
	"time"

	"linewatch"
)

// scanTimes gives the points of one scan their times. It is used by the
// goroutine of the source only.
type scanTimes struct {
	own      bool           // readings have their own times
	now      linewatch.Time // of the agent
	unsynced bool           // and known to be wrong
	created  linewatch.Time // CreatedAt of the scan's points
	at       linewatch.Time // of whatever has no time of its own
	asserted linewatch.Time // what heartbeats may have said before
	through  linewatch.Time // up to which a source with its own times is known
	given    linewatch.Time // the newest time given before
	newest   linewatch.Time // the newest time given in this scan
	late     int            // points at or before asserted
	clock    clockState     // of a source with its own times
	behind   linewatch.Duration
}

// clockState is what can be told of a source's clock from one scan.
type clockState uint8

const (
	clockUntold clockState = iota
	clockGood
	clockBehind      // the line waits for it
	clockDisbelieved // the agent's time is used instead
)

// farBehind is how far behind the agent's clock a source's is called wrong.
const farBehind = Span(10 * time.Second)

// judgeClock compares what a source says it has given completely with the
// agent's clock. A scan that says nothing newer than before tells nothing.
func (t *scanTimes) judgeClock(through, before linewatch.Time, lag, far linewatch.Duration) {
	switch {
	case through == 0, !through.Known():
		return
	case !plausible(through, t.now):
		t.clock = clockDisbelieved
	case through > before:
		t.clock = clockGood
		if t.behind = t.now.Sub(through) - lag; t.behind > far {
			t.clock = clockBehind
		}
	}
}

// of returns the time of a reading that is let through, and Assigned if it is
// not the source's.
//
// A tag's first value after a connect says what is so now, however long it has
// been so; with its own time, which may lie hours back, it would be late and
// count for nothing. So it is moved up to the connect, and what follows it is
// not let in before it.
func (t *scanTimes) of(r *Reading, tag *tagState, first bool) (linewatch.Time, linewatch.Flags) {
	if !t.own {
		return t.at, linewatch.Assigned
	}
	at, assigned := r.At, r.Assigned
	if !plausible(at, t.now) || first && at < t.at || assigned && at <= t.asserted {
		at, assigned = t.at, true
	}
	if at < tag.at && (assigned || tag.moved && tag.at > t.asserted) {
		at, assigned = tag.at, true
	}
	if !assigned {
		if at <= t.asserted {
			t.late++
		}
		return at, 0
	}
	return at, linewatch.Assigned
}

// repeat returns the time at which the state of a tag can be said again, and
// whether its silence has lasted long enough for that. interval is that of the
// scans.
//
// For a source with its own times that is the newest time that it has given or
// is known up to: an older one might lie behind the bound, within which the
// engine takes points in any order. But if the source has given nothing since
// the silence had lasted long enough, the tag is known to have been the same
// then, and it is said of that time.
func (t *scanTimes) repeat(tag *tagState, interval linewatch.Duration) (at linewatch.Time, due bool) {
	if !t.own {
		return t.at, tag.shape.limited() && t.created.Sub(tag.sent) > tag.shape.silence-interval
	}
	given := max(t.given, t.newest)
	at = max(t.through, given, after(t.asserted))
	end := t.silentUntil(tag)
	if end > t.asserted && end >= given && end <= t.through {
		return end, true
	}
	return at, end.Add(-interval) <= at
}

// silentUntil returns the time at which a tag of a source with its own times
// has been silent for as long as it may be; MaxTime if there is no limit.
func (t *scanTimes) silentUntil(tag *tagState) linewatch.Time {
	if !t.own || !tag.shape.limited() {
		return linewatch.MaxTime
	}
	return tag.at.Add(tag.shape.silence)
}

// The times that a source is believed.
const (
	// mostAhead is how far a source may be ahead of the agent's clock. The
	// engine quarantines what is further ahead than five minutes.
	mostAhead = linewatch.Minute
	// mostBehind is how far the agent's clock is believed to be ahead of what a
	// source should have given completely, where its clock has to be guessed.
	mostBehind = 10 * linewatch.Second
	// earliest is 2000-01-01: before, a clock was never set.
	earliest = linewatch.Time(946_684_800_000)
)

func plausible(t, now linewatch.Time) bool { return t >= earliest && t <= now.Add(mostAhead) }

// believed returns what a source says it has given completely. If its clock is
// not to be believed its readings get the agent's time, and so does this.
func believed(through, now linewatch.Time) linewatch.Time {
	switch {
	case through == 0, !through.Known():
		return linewatch.NoTime
	case !plausible(through, now):
		return now
	}
	return through
}

// estimate returns what a source's clock shows at the agent's time now, when it
// has just given everything up to through, which should be no more than lag ago.
func estimate(through, now linewatch.Time, lag linewatch.Duration) linewatch.Time {
	if !through.Known() {
		return now
	}
	return min(max(through, now), through.Add(lag+mostBehind))
}
