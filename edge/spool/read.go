package spool

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"linewatch"
)

// lossCause is what gap records give as their reason.
const lossCause = "lost on the edge's disk"

// batch is what one Next returned.
type batch struct {
	end      Cursor
	marks    map[string]place // of each source in it, the last point
	bySource map[string]int   // points of it, lost ones included
	points   int              // without gap records
	lost     int
}

// outlet is the reading side, used by the goroutine that calls Next.
type outlet struct {
	decoder decoder
	last    *batch
}

// Next returns the oldest points that are not acknowledged, in the order in
// which they were appended, and the cursor behind them. It waits until there
// is one. Where the disk has lost points, a gap record stands for them. It
// returns about limit points at most, and the same ones again until they are
// acknowledged.
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
			s.out.last = b
			return points, b.end, nil
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

// Acknowledge notes that everything up to the cursor of the last Next has
// arrived, and gives its space back. Errors: ErrCursor, ErrClosed, or one of
// the disk, after which the next run may send the points again.
func (s *Spool) Acknowledge(upTo Cursor) error {
	b := s.out.last
	if b == nil || b.end != upTo {
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

// collect reads from the cursor on.
func (s *Spool) collect(limit int) ([]linewatch.DataPoint, *batch, error) {
	s.mu.Lock()
	if s.shut {
		s.mu.Unlock()
		return nil, nil, ErrClosed
	}
	segments, cursor := append([]segment(nil), s.segments...), s.cursor
	c := &collector{
		limit: limit, clock: s.options.Clock, decoder: &s.out.decoder,
		tracker: tracker{seen: map[string]place{}},
		batch:   &batch{end: cursor, marks: map[string]place{}, bySource: map[string]int{}},
	}
	highs := map[string]place{}
	for name, sender := range s.senders {
		c.tracker.seen[name] = place{sender.sentEpoch, sender.sent}
		if sender.high > 0 {
			highs[name] = place{s.epoch, sender.high}
		}
	}
	s.mu.Unlock()
	for _, segment := range segments {
		if segment.index < cursor.segment {
			continue
		}
		if err := s.collectSegment(c, segment, cursor); err != nil {
			return nil, nil, err
		}
		if len(c.points) >= limit {
			return c.points, c.batch, nil
		}
	}
	c.missing(highs)
	return c.points, c.batch, nil
}

func (s *Spool) collectSegment(c *collector, segment segment, from Cursor) error {
	file, err := os.Open(segmentPath(s.dir, segment.index))
	if errors.Is(err, os.ErrNotExist) {
		return nil // what is missing shows in the numbers
	}
	if err != nil {
		return fmt.Errorf("read spool: %w", err)
	}
	defer file.Close()
	pos := int64(segmentHead)
	if segment.index == from.segment {
		pos = from.offset
	}
	scanner := newScanner(file, segment.index, pos, segment.size)
	for len(c.points) < c.limit {
		payload, err := scanner.next()
		if errors.Is(err, io.EOF) {
			c.batch.end = Cursor{segment.index, segment.size}
			return nil
		}
		if err != nil {
			return fmt.Errorf("read spool %s: %w", file.Name(), err)
		}
		c.take(payload)
		c.batch.end = Cursor{segment.index, scanner.pos}
	}
	return nil
}

// collector turns payloads into points and gaps.
type collector struct {
	limit   int
	clock   func() linewatch.Time
	decoder *decoder
	tracker tracker
	points  []linewatch.DataPoint
	batch   *batch
}

// take adds the point in payload, and before it the gap that it reveals.
func (c *collector) take(payload []byte) {
	p, err := c.decoder.point(payload)
	if err != nil {
		return // its number is missed
	}
	if n := c.tracker.lost(&p); n > 0 {
		c.add(gap(p.Source, p.Epoch, p.Sequence-1, n, p.Timestamp, lossCause))
	}
	c.add(p)
}

func (c *collector) add(p linewatch.DataPoint) {
	c.points = append(c.points, p)
	c.batch.marks[p.Source] = place{p.Epoch, p.Sequence}
	if lost := lossOf(&p); lost > 0 {
		c.batch.lost += lost
		c.batch.bySource[p.Source] += lost
		return
	}
	c.batch.points++
	c.batch.bySource[p.Source]++
}

// missing adds gaps for sources of which less was found than was stored. It
// is called when everything was read.
func (c *collector) missing(highs map[string]place) {
	for source, high := range highs {
		found := c.tracker.seen[source]
		if found.epoch != high.epoch {
			found.sequence = 0
		}
		if found.sequence < high.sequence {
			c.add(gap(source, high.epoch, high.sequence, high.sequence-found.sequence, c.clock(), lossCause))
		}
	}
}

// marksOf returns how far each source was acknowledged.
func marksOf(s *state) map[string]place {
	seen := map[string]place{}
	for name, m := range s.senders {
		seen[name] = place{m.sentEpoch, m.sent}
	}
	return seen
}
