package spool

import "linewatch"

// position is a place in the segments.
type position struct {
	segment uint64
	offset  int64
}

func (p position) before(other position) bool {
	return p.segment < other.segment || p.segment == other.segment && p.offset < other.offset
}

// place is a point of a source.
type place struct{ epoch, sequence uint64 }

func (p place) after(other place) bool {
	return p.epoch > other.epoch || p.epoch == other.epoch && p.sequence > other.sequence
}

func placeOf(p *linewatch.DataPoint) place { return place{p.Epoch, p.Sequence} }

// hole is a run of missing numbers of one epoch.
type hole struct{ epoch, last, n uint64 }

// trail follows the points of one source and tells which are missing.
type trail struct {
	at   place   // the last point that came or is reported
	ends []place // the last number of each epoch that is known to have ended
	// open takes the first point as it comes: what was sent is not known.
	open bool
}

// follow moves on to p and returns what is missing before it. It returns
// false for a point that the trail has passed.
func (t *trail) follow(p *linewatch.DataPoint) (holes []hole, ok bool) {
	to := placeOf(p)
	if !t.open && !to.after(t.at) {
		return nil, false
	}
	first := p.Sequence - min(p.Sequence, uint64(max(lossOf(p), 1))) + 1
	if !t.open {
		holes = t.reach(place{p.Epoch, first - 1})
	}
	t.open, t.at = false, to
	return holes, true
}

// reach moves on to a place whose point is not there and returns what is
// missing up to it, epoch by epoch.
func (t *trail) reach(to place) (holes []hole) {
	for len(t.ends) > 0 && t.ends[0].epoch < to.epoch {
		holes = t.step(t.ends[0], holes)
		t.ends = t.ends[1:]
	}
	return t.step(to, holes)
}

// step is reach within what is left of an epoch.
func (t *trail) step(to place, holes []hole) []hole {
	if to.sequence == 0 || !to.after(t.at) {
		return holes
	}
	n := to.sequence
	if t.at.epoch == to.epoch {
		n -= t.at.sequence
	}
	t.at = to
	return append(holes, hole{to.epoch, to.sequence, n})
}

// record returns the gap record of a hole.
func (h hole) record(source string, at linewatch.Time) linewatch.DataPoint {
	return linewatch.DataPoint{
		Timestamp: at, CreatedAt: at, Tag: linewatch.GapTag, Source: source, Epoch: h.epoch,
		Sequence: h.last, Value: linewatch.UintValue(h.n), Quality: linewatch.Bad, Cause: lossCause,
	}
}

// lossCause is what gap records give as their reason.
const lossCause = "lost on the edge's disk"

// lossOf returns how many points a point stands for beside itself: those that
// a gap record reports.
func lossOf(p *linewatch.DataPoint) int {
	if !p.IsGap() {
		return 0
	}
	n, _ := p.Value.Int()
	return int(n)
}
