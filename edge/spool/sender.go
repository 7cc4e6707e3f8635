package spool

import "linewatch"

// sender is what is known about one source.
type sender struct {
	mark
	pending int     // points not yet acknowledged, lost ones included
	chunks  []chunk // of what is pending, in order of sequence
}

// chunk is a run of points and the earliest of their timestamps.
type chunk struct {
	epoch, last uint64 // the last of them
	oldest      linewatch.Time
}

// maxChunks bounds the memory for a long backlog: beyond it neighbours are
// put together, so that the oldest timestamp is known less exactly, on the
// safe side.
const maxChunks = 1024

// add notes a point that waits; fresh begins a new chunk.
func (s *sender) add(epoch, sequence uint64, timestamp linewatch.Time, fresh bool) {
	if n := len(s.chunks); n > 0 && !fresh {
		c := &s.chunks[n-1]
		c.epoch, c.last, c.oldest = epoch, sequence, min(c.oldest, timestamp)
		return
	}
	s.chunks = append(s.chunks, chunk{epoch, sequence, timestamp})
	if len(s.chunks) > maxChunks {
		s.halve()
	}
}

func (s *sender) halve() {
	kept := s.chunks[:0]
	for i := 0; i < len(s.chunks); i += 2 {
		c := s.chunks[i]
		if i+1 < len(s.chunks) {
			next := s.chunks[i+1]
			c = chunk{next.epoch, next.last, min(c.oldest, next.oldest)}
		}
		kept = append(kept, c)
	}
	s.chunks = kept
}

// acknowledge drops the chunks up to a point.
func (s *sender) acknowledge(epoch, sequence uint64) {
	s.sentEpoch, s.sent = epoch, sequence
	n := 0
	for n < len(s.chunks) && !after(s.chunks[n].epoch, s.chunks[n].last, epoch, sequence) {
		n++
	}
	s.chunks = append(s.chunks[:0], s.chunks[n:]...)
}

// after reports whether one point of a source comes after another.
func after(epoch, sequence, otherEpoch, otherSequence uint64) bool {
	return epoch > otherEpoch || epoch == otherEpoch && sequence > otherSequence
}

// oldest returns the earliest timestamp that waits, or an earlier one.
func (s *sender) oldest() (linewatch.Time, bool) {
	if len(s.chunks) == 0 {
		return linewatch.NoTime, false
	}
	oldest := linewatch.MaxTime
	for _, c := range s.chunks {
		oldest = min(oldest, c.oldest)
	}
	return oldest, true
}

// place is a point of a source.
type place struct{ epoch, sequence uint64 }

// tracker follows the points of each source and notices when some are missing.
type tracker struct {
	seen map[string]place
	// lenient takes the first point of a source as it comes: what was
	// acknowledged is not known.
	lenient bool
}

// lost returns how many points are missing right before p, and moves on to p.
func (t *tracker) lost(p *linewatch.DataPoint) uint64 {
	before, known := t.seen[p.Source]
	t.seen[p.Source] = place{p.Epoch, p.Sequence}
	if p.IsGap() || !known && t.lenient {
		return 0
	}
	expected := uint64(1)
	if before.epoch == p.Epoch {
		expected = before.sequence + 1
	}
	if p.Sequence < expected {
		return 0
	}
	return p.Sequence - expected
}

// gap returns the record of n lost points, the last of them with the given
// sequence number.
func gap(source string, epoch, last, n uint64, at linewatch.Time, cause string) linewatch.DataPoint {
	return linewatch.DataPoint{
		Timestamp: at, CreatedAt: at, Tag: linewatch.GapTag, Source: source, Epoch: epoch,
		Sequence: last, Value: linewatch.UintValue(n), Quality: linewatch.Bad, Cause: cause,
	}
}

// lossOf returns how many points a point stands for beside itself: those that
// a gap record reports.
func lossOf(p *linewatch.DataPoint) int {
	if !p.IsGap() {
		return 0
	}
	n, _ := p.Value.Int()
	return int(n)
}
