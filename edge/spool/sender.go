package spool

import (
	"maps"
	"slices"

	"linewatch"
)

// sender is what is known about one source.
type sender struct {
	mark
	pending int     // points not yet acknowledged, lost ones included
	served  uint64  // the last batch that it had a part in
	chunks  []chunk // of what is pending, in order of sequence
}

// mark says how far a source has come. It is saved.
type mark struct {
	high uint64  // highest durable sequence number of the current epoch
	sent place   // the last point acknowledged
	ends []place // the last number of each earlier epoch that is not sent yet
}

// maxEnds bounds how many epochs wait at once. Each begins with damage while
// nothing is sent; beyond it the end of the oldest is forgotten.
const maxEnds = 64

// chunk is a run of a source's points, with the earliest of their timestamps.
type chunk struct {
	from, to position // its frames lie in here, maybe among those of others
	last     place    // the last of them
	oldest   linewatch.Time
}

// chunkMemory bounds the memory for a long backlog: beyond it neighbours are
// put together, so that more has to be read past, and the oldest timestamp is
// known less exactly, on the safe side.
const (
	chunkMemory = 1 << 17 // chunks of all sources
	leastChunks = 64      // of one source
	mostChunks  = 1 << 12 // of one source
)

// add notes a point that waits; fresh begins a new chunk. most is how many
// there may be.
func (s *sender) add(c chunk, fresh bool, most int) {
	if n := len(s.chunks); n > 0 && !fresh && s.chunks[n-1].last.epoch == c.last.epoch {
		s.chunks[n-1].join(c)
		return
	}
	s.chunks = append(s.chunks, c)
	if len(s.chunks) > most {
		s.halve()
	}
}

// join takes in the chunk that follows.
func (c *chunk) join(next chunk) {
	c.to, c.last, c.oldest = next.to, next.last, min(c.oldest, next.oldest)
}

func (s *sender) halve() {
	kept := s.chunks[:0]
	for i := 0; i < len(s.chunks); i += 2 {
		c := s.chunks[i]
		if i+1 < len(s.chunks) {
			c.join(s.chunks[i+1])
		}
		kept = append(kept, c)
	}
	s.chunks = kept
}

// acknowledge lets go of what was sent: everything up to a point, which lies
// before the given position.
func (s *sender) acknowledge(to place, end position) {
	s.sent = to
	n := 0
	for n < len(s.chunks) && !s.chunks[n].last.after(to) {
		n++
	}
	s.chunks = slices.Delete(s.chunks, 0, n)
	if len(s.chunks) > 0 && s.chunks[0].from.before(end) {
		s.chunks[0].from = end
	}
	for len(s.ends) > 0 && !s.ends[0].after(to) {
		s.ends = s.ends[1:]
	}
}

// endAll notes that the epochs up to now end, with what was found of each
// and the place of the last one.
func (s *sender) endAll(found []place, last place) {
	highest := map[uint64]uint64{}
	for _, end := range append(append(slices.Clone(s.ends), found...), last) {
		if end.sequence > 0 && end.after(s.sent) {
			highest[end.epoch] = max(highest[end.epoch], end.sequence)
		}
	}
	s.ends = nil
	for _, epoch := range slices.Sorted(maps.Keys(highest)) {
		s.ends = append(s.ends, place{epoch, highest[epoch]})
	}
	s.ends = s.ends[max(0, len(s.ends)-maxEnds):]
	s.high = 0
}

// oldest returns the earliest timestamp that waits, or an earlier one.
func (s *sender) oldest() (linewatch.Time, bool) {
	if len(s.chunks) == 0 {
		return linewatch.NoTime, false
	}
	oldest := linewatch.MaxTime
	for i := range s.chunks {
		oldest = min(oldest, s.chunks[i].oldest)
	}
	return oldest, true
}
