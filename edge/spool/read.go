package spool

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"linewatch"
)

// Cursor names what one Next returned. Its zero value names nothing.
type Cursor struct{ batch uint64 }

// batch is what one Next returned.
type batch struct {
	number uint64
	takers []*taker // with something in it
	points int      // without gap records
	lost   int
}

// outlet is the reading side, used by the goroutine that calls Next.
type outlet struct {
	decoder decoder
	buf     []byte // reused
	last    *batch
	number  uint64
}

// Next returns points that are not acknowledged, those of each source in the
// order of their numbers, and a cursor to acknowledge them with. A source of
// which much waits does not hold up the others: all of what little they have
// is taken, too. Next waits until there is a point. Where the disk has lost
// points, a gap record stands for them. It returns about limit points at most,
// and again what is not acknowledged.
//
// Errors: ErrClosed, ctx's, or one of the disk.
func (s *Spool) Next(ctx context.Context, limit int) ([]linewatch.DataPoint, Cursor, error) {
	for {
		if err := ctx.Err(); err != nil {
			return nil, Cursor{}, err
		}
		points, b, err := s.collect(max(limit, 1))
		if err != nil {
			return nil, Cursor{}, err
		}
		if len(points) > 0 {
			s.out.number++
			b.number = s.out.number
			s.out.last = b
			return points, Cursor{b.number}, nil
		}
		select {
		case <-s.ready:
		case <-s.stopping:
			return nil, Cursor{}, ErrClosed
		case <-ctx.Done():
			return nil, Cursor{}, ctx.Err()
		}
	}
}

// Acknowledge notes that what the last Next returned has arrived, and gives
// its space back. Errors: ErrCursor, ErrClosed, or one of the disk, after
// which the next run may send the points again.
func (s *Spool) Acknowledge(upTo Cursor) error {
	b := s.out.last
	if b == nil || b.number != upTo.batch {
		return ErrCursor
	}
	s.out.last = nil
	a := acknowledgement{batch: b, done: make(chan error, 1)}
	s.mu.Lock()
	if s.shut {
		s.mu.Unlock()
		return ErrClosed
	}
	s.acks = append(s.acks, a)
	s.mu.Unlock()
	signal(s.work)
	return <-a.done
}

// collect reads what the shares of a batch call for.
func (s *Spool) collect(limit int) ([]linewatch.DataPoint, *batch, error) {
	s.mu.Lock()
	if s.shut {
		s.mu.Unlock()
		return nil, nil, ErrClosed
	}
	c := &collector{decoder: &s.out.decoder, takers: map[string]*taker{}}
	takers := s.divide(limit)
	var spans []span
	for _, t := range takers {
		spans = t.plan(spans)
		c.takers[t.source] = t
	}
	segments := append([]segment(nil), s.segments...)
	s.mu.Unlock()

	c.open = len(takers)
	most := 0
	for _, t := range takers {
		most += t.share
	}
	c.points = make([]linewatch.DataPoint, 0, most)
	r := reader{disk: s.options.disk, dir: s.dir, segments: segments, buf: &s.out.buf}
	if err := r.read(union(spans), c.take); err != nil {
		return nil, nil, err
	}
	now := s.options.Clock()
	b := &batch{}
	for _, t := range takers {
		if t.share > 0 {
			c.add(t, t.trail.reach(t.last), now)
		}
		if t.any {
			b.takers = append(b.takers, t)
		}
	}
	b.points, b.lost = c.whole, c.lost
	return c.points, b, nil
}

// reader reads spans of the segments.
type reader struct {
	disk     disk
	dir      string
	segments []segment
	buf      *[]byte // reused
}

// read hands the payloads of the sound frames in the spans to take, until
// that returns false.
func (r reader) read(spans []span, take func(payload []byte, end position) bool) error {
	for _, segment := range r.segments {
		var within []span
		for _, sp := range spans {
			if sp.from.segment <= segment.index && segment.index <= sp.to.segment {
				within = append(within, sp.within(segment))
			}
		}
		if len(within) == 0 {
			continue
		}
		more, err := r.readSegment(segment.index, within, take)
		if err != nil || !more {
			return err
		}
	}
	return nil
}

// within returns the part of a span in a segment.
func (sp span) within(s segment) span {
	if sp.from.segment < s.index {
		sp.from = position{s.index, segmentHead}
	}
	if sp.to.segment > s.index {
		sp.to = position{s.index, s.size}
	}
	return sp
}

func (r reader) readSegment(index uint64, spans []span, take func([]byte, position) bool) (more bool, err error) {
	file, err := r.disk.open(segmentPath(r.dir, index), os.O_RDONLY)
	if errors.Is(err, os.ErrNotExist) {
		return true, nil // what is missing shows in the numbers
	}
	if err != nil {
		return false, fmt.Errorf("read spool: %w", err)
	}
	defer file.Close()
	scanner := newScanner(file, index, 0, 0)
	scanner.buf = *r.buf
	defer func() { *r.buf = scanner.buf }()
	for _, sp := range spans {
		scanner.move(sp.from.offset, sp.to.offset)
		for {
			payload, err := scanner.next()
			if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
				break // a segment that was cut: the same
			}
			if err != nil {
				return false, fmt.Errorf("read spool %s: %w", segmentPath(r.dir, index), err)
			}
			if !take(payload, position{index, scanner.pos}) {
				return false, nil
			}
		}
	}
	return true, nil
}

// collector turns payloads into points and gaps.
type collector struct {
	decoder *decoder
	takers  map[string]*taker
	open    int // takers whose share is not used up
	points  []linewatch.DataPoint
	whole   int
	lost    int
}

// take adds the point in payload if its source has a share left, and before
// it the gaps that it reveals.
func (c *collector) take(payload []byte, end position) bool {
	p, err := c.decoder.head(payload)
	if err != nil {
		return true // its number is missed
	}
	t := c.takers[p.Source]
	if t == nil || t.share <= 0 || placeOf(&p).after(t.last) {
		return true
	}
	if err := c.decoder.rest(&p); err != nil {
		return true
	}
	holes, ok := t.trail.follow(&p)
	if !ok {
		return true
	}
	c.add(t, holes, p.Timestamp)
	c.points = append(c.points, p)
	t.end, t.any = end, true
	t.share--
	if n := lossOf(&p); n > 0 {
		c.lost += n
		t.taken += n
	} else {
		c.whole++
		t.taken++
	}
	if t.share <= 0 {
		c.open--
	}
	return c.open > 0
}

// add adds gap records.
func (c *collector) add(t *taker, holes []hole, at linewatch.Time) {
	for _, h := range holes {
		c.points = append(c.points, h.record(t.source, at))
		c.lost += int(h.n)
		t.taken += int(h.n)
		t.share--
		t.any = true
	}
}
