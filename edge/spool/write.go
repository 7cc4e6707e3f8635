package spool

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"linewatch"
	"linewatch/internal/boltfile"
)

const (
	// groupBytes is how much is written with one flush, unless one Append is
	// larger.
	groupBytes = 1 << 20
	// stateEvery is how often the state is flushed while points come in. In
	// between it is only written, which survives the end of the process.
	stateEvery = time.Second
	// writtenSenders is up to how many sources the state is written with each
	// group; with more it takes too long, and is written when it is flushed.
	writtenSenders = 256
)

// request is one Append on its way.
type request struct {
	points   []linewatch.DataPoint
	bound    int64      // most bytes it takes
	from, to position   // where it was written
	done     chan error // holds one
}

func newRequest(points []linewatch.DataPoint) (*request, error) {
	r := &request{points: points, done: make(chan error, 1)}
	for i := range points {
		p := &points[i]
		if p.IsHeartbeat() || p.IsGap() {
			return nil, fmt.Errorf("point %d: %w: %s takes no number here", i, ErrPoint, p.Tag)
		}
		p.Sequence, p.Epoch = 0, 0
		if err := p.Validate(); err != nil {
			return nil, fmt.Errorf("point %d: %w: %w", i, ErrPoint, err)
		}
		r.bound += int64(frameBound(p))
	}
	return r, nil
}

// enqueue waits until there is room for r.
func (s *Spool) enqueue(ctx context.Context, r *request) error {
	if r.bound > s.options.SegmentBytes {
		return fmt.Errorf("%d points of up to %d bytes: %w (at most %d bytes)", len(r.points), r.bound, ErrTooLarge, s.options.SegmentBytes)
	}
	for blocked := false; ; blocked = true {
		s.mu.Lock()
		switch {
		case s.broken != nil || s.shut:
			err := s.broken
			if err == nil {
				err = ErrClosed
			}
			s.mu.Unlock()
			return err
		case s.bytes()+s.queued+r.bound <= s.options.MaxBytes-s.reserved(r.points[0].Source):
			s.queue = append(s.queue, r)
			s.queued += r.bound
			s.mu.Unlock()
			return nil
		}
		if !blocked {
			s.stats.Blocked++
		}
		space := s.space
		s.mu.Unlock()
		select {
		case <-space:
		case <-s.stopping:
			return ErrClosed
		case <-ctx.Done():
			return fmt.Errorf("%s: %w: %w", s.dir, ErrFull, ctx.Err())
		}
	}
}

// write is the goroutine that does all writing.
func (s *Spool) write() {
	defer close(s.finished)
	saved := time.Now()
	for stop := false; !stop; {
		var again <-chan time.Time
		if s.owed { // all others may be waiting for the room
			again = time.After(stateEvery)
		}
		select {
		case <-s.work:
		case <-again:
		case <-s.stopping:
			stop = true
		}
		for s.writeGroup() {
		}
		s.settleAcks(&saved)
		if time.Since(saved) >= stateEvery {
			s.keepState(true)
			saved = time.Now()
		}
	}
	s.closeErr = s.finish()
}

// writeGroup writes some of the queue, and reports whether there was any.
func (s *Spool) writeGroup() bool {
	group, bound, broken := s.takeGroup()
	if len(group) == 0 {
		return false
	}
	err := broken
	if err == nil {
		err = s.rollIfFull(bound)
	}
	var highs map[string]uint64
	var size int64
	if err == nil {
		highs, size, err = s.writePoints(group)
	}
	if s.settle(group, bound, highs, size, err) <= writtenSenders {
		s.keepState(false)
	}
	for _, r := range group {
		r.done <- err
	}
	return true
}

func (s *Spool) takeGroup() (group []*request, bound int64, broken error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.queue) > 0 && (bound == 0 || bound+s.queue[0].bound <= groupBytes) {
		bound += s.queue[0].bound
		group = append(group, s.queue[0])
		s.queue[0] = nil
		s.queue = s.queue[1:]
	}
	return group, bound, s.broken
}

// writePoints numbers the points of a group and puts them on disk. It returns
// the highest number of each source and the new size of the segment.
func (s *Spool) writePoints(group []*request) (highs map[string]uint64, size int64, err error) {
	highs, known := s.highsOf(group)
	if known > maxSenders {
		return nil, 0, fmt.Errorf("%s: %w: more than %d sources", s.dir, ErrPoint, maxSenders)
	}
	s.mu.Lock()
	active, epoch := s.segments[len(s.segments)-1], s.epoch
	s.mu.Unlock()
	data := s.frames[:0]
	seed := segmentSeed(active.index)
	for _, r := range group {
		r.from = position{active.index, active.size + int64(len(data))}
		for run := range runs(r.points) {
			high := highs[run[0].Source]
			for i := range run {
				high++
				run[i].Sequence, run[i].Epoch = high, epoch
				data = appendFrame(data, seed, &run[i])
			}
			highs[run[0].Source] = high
		}
		r.to = position{active.index, active.size + int64(len(data))}
	}
	if cap(data) <= 2*groupBytes {
		s.frames = data
	}
	return highs, active.size + int64(len(data)), s.appendData(data, active.size)
}

// highsOf returns the highest numbers of the sources in a group, and how many
// sources there are with them.
func (s *Spool) highsOf(group []*request) (highs map[string]uint64, known int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	highs, known = map[string]uint64{}, len(s.senders)
	for _, r := range group {
		for run := range runs(r.points) {
			source := run[0].Source
			if _, ok := highs[source]; ok {
				continue
			}
			if sender := s.senders[source]; sender != nil {
				highs[source] = sender.high
			} else {
				highs[source] = 0
				known++
			}
		}
	}
	return highs, known
}

// appendData puts data behind what is durable in the active segment.
func (s *Spool) appendData(data []byte, at int64) error {
	path := s.activePath()
	if err := s.cutTail(at); err != nil {
		return err
	}
	if _, err := s.active.WriteAt(data, at); err != nil {
		s.tail = true
		_ = s.cutTail(at) // or before the next write
		return boltfile.Explain(path, fmt.Errorf("append to spool: %w", err))
	}
	if err := s.active.flush(); err != nil {
		// Nobody knows what the disk holds now.
		return s.breaks(fmt.Errorf("flush %s: %w", path, err))
	}
	return nil
}

// cutTail cuts off what a write that failed has left of a group behind at, the
// end of the active segment. A disk that lets nobody write does not let it do
// that either; it is tried again before anything else is written, for no later
// segment may follow on such a tail.
func (s *Spool) cutTail(at int64) error {
	if !s.tail {
		return nil
	}
	path := s.activePath()
	if err := s.active.Truncate(at); err != nil {
		return boltfile.Explain(path, fmt.Errorf("cut off half a write: %w", err))
	}
	s.tail = false
	return nil
}

func (s *Spool) activePath() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return segmentPath(s.dir, s.segments[len(s.segments)-1].index)
}

func (s *Spool) breaks(err error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.broken = fmt.Errorf("the spool has to be opened again: %w", err)
	return s.broken
}

// settle makes the outcome of a group known, and returns how many sources
// there are.
func (s *Spool) settle(group []*request, bound int64, highs map[string]uint64, size int64, err error) (senders int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.queued -= bound
	defer s.freed()
	if err != nil {
		return len(s.senders)
	}
	s.stats.Flushes++
	s.segments[len(s.segments)-1].size = size
	for source, high := range highs {
		s.sender(source).high = high
	}
	for _, r := range group {
		s.stats.Appended += uint64(len(r.points))
		s.await(r)
	}
	signal(s.ready)
	return len(s.senders)
}

// await notes points that wait to be sent. Spool.mu is held.
func (s *Spool) await(r *request) {
	begun := map[string]bool{}
	most := s.mostChunks()
	for run := range runs(r.points) {
		c := chunk{r.from, r.to, placeOf(&run[len(run)-1]), run[0].Timestamp}
		for i := range run {
			c.oldest = min(c.oldest, run[i].Timestamp)
		}
		sender := s.sender(run[0].Source)
		sender.pending += len(run)
		sender.add(c, !begun[run[0].Source], most)
		begun[run[0].Source] = true
	}
}

// runs divides points where the source changes.
func runs(points []linewatch.DataPoint) iter.Seq[[]linewatch.DataPoint] {
	return func(yield func([]linewatch.DataPoint) bool) {
		for len(points) > 0 {
			n := 1
			for n < len(points) && points[n].Source == points[0].Source {
				n++
			}
			if !yield(points[:n]) {
				return
			}
			points = points[n:]
		}
	}
}

// freed wakes those who wait for room. Spool.mu is held.
func (s *Spool) freed() {
	close(s.space)
	s.space = make(chan struct{})
}

func (s *Spool) finish() error {
	s.mu.Lock()
	acks := s.acks
	s.acks = nil
	s.mu.Unlock()
	for _, a := range acks {
		a.done <- ErrClosed
	}
	err := s.saveState(true)
	if err == nil {
		s.noteMark()
	}
	return errors.Join(err, s.closeFiles())
}
