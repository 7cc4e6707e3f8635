package spool

import (
	"cmp"
	"slices"
)

// Fairness: what one source has piled up must not hold up what another one
// says now. Each batch is divided so that a source that has less than an equal
// share waiting has all of it taken, and the others share the rest alike.

// taker is a source's part of a batch in the making.
type taker struct {
	source string
	sender *sender // belongs to Spool.mu
	share  int     // points still to be taken
	trail  trail
	last   place    // of the chunks that are read
	end    position // behind what was taken
	taken  int      // points, lost ones included
	any    bool
}

// divide returns who has a part in a batch of limit points, each with its
// share. Spool.mu is held.
func (s *Spool) divide(limit int) []*taker {
	var takers []*taker
	for source, sender := range s.senders {
		if len(sender.chunks) > 0 {
			takers = append(takers, &taker{source: source, sender: sender})
		}
	}
	if len(takers) > limit {
		slices.SortFunc(takers, func(a, b *taker) int {
			return cmp.Or(cmp.Compare(a.sender.served, b.sender.served), cmp.Compare(a.source, b.source))
		})
		takers = takers[:limit]
	}
	slices.SortFunc(takers, func(a, b *taker) int { return cmp.Compare(a.sender.pending, b.sender.pending) })
	for i, t := range takers {
		t.share = min(max(t.sender.pending, 1), limit/(len(takers)-i))
		limit -= t.share
	}
	return takers
}

// span is a part of the segments that has to be read.
type span struct{ from, to position }

// plan chooses the chunks that hold the share, and returns where they lie.
// Spool.mu is held.
func (t *taker) plan(spans []span) []span {
	t.trail = trail{at: t.sender.sent, ends: t.sender.ends}
	t.last = t.sender.sent
	for n, i := 0, 0; n < t.share && i < len(t.sender.chunks); i++ {
		c := &t.sender.chunks[i]
		if c.last.epoch == t.last.epoch {
			n += int(c.last.sequence - t.last.sequence)
		} else {
			n += int(c.last.sequence)
		}
		t.last = c.last
		spans = append(spans, span{c.from, c.to})
	}
	return spans
}

// union sorts spans and puts together those that touch.
func union(spans []span) []span {
	slices.SortFunc(spans, func(a, b span) int {
		return cmp.Or(cmp.Compare(a.from.segment, b.from.segment), cmp.Compare(a.from.offset, b.from.offset))
	})
	out := spans[:0]
	for _, sp := range spans {
		if n := len(out); n > 0 && !out[n-1].to.before(sp.from) {
			if out[n-1].to.before(sp.to) {
				out[n-1].to = sp.to
			}
			continue
		}
		out = append(out, sp)
	}
	return out
}

// reserved returns how much of the room a source may not use, so that the
// backlog of one leaves some to the others: an eighth, for those with more
// than the average waiting. Spool.mu is held.
func (s *Spool) reserved(source string) int64 {
	pending, waiting := 0, 0
	for _, sender := range s.senders {
		if sender.pending > 0 {
			pending += sender.pending
			waiting++
		}
	}
	own := s.senders[source]
	if own == nil || own.pending == 0 || own.pending*waiting < pending {
		return 0
	}
	return s.options.MaxBytes / 8
}
