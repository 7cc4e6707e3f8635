// Package spool keeps data points on the local disk from the moment they are
// read until the uplink has acknowledged them.
//
// It numbers the points of each source, writes them to append-only segment
// files that are flushed before Append returns, hands them out in order, and
// removes a segment once all of it was sent. Whatever the disk loses is
// reported as gap records with exact numbers. It does not know what a PLC or
// an uplink is.
package spool

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"sync"

	"linewatch"
	"linewatch/internal/boltfile"
)

// The errors of a Spool, found with errors.Is. Those of opening are in package
// boltfile.
var (
	// ErrClosed says that the spool was closed.
	ErrClosed = errors.New("spool is closed")
	// ErrFull says that the wait for room was ended by its context. Nothing
	// was stored.
	ErrFull = errors.New("spool is full")
	// ErrTooLarge says that one call brought more than a segment can hold.
	ErrTooLarge = errors.New("too many points at once")
	// ErrPoint says that a point cannot be stored; nothing of its call was.
	ErrPoint = errors.New("point cannot be spooled")
	// ErrCursor says that a cursor is not the one that Next returned last.
	ErrCursor = errors.New("cursor is not that of the last Next")
)

// Options says how a spool is kept. The zero value suits a gateway.
type Options struct {
	// MaxBytes bounds the disk space; 0 means 1 GiB, and the least is 1 MiB.
	// When it is used up Append waits: the producer is slowed down and nothing
	// is dropped.
	MaxBytes int64
	// SegmentBytes is the size of a segment file; 0 means 32 MiB. It is at most
	// an eighth of MaxBytes.
	SegmentBytes int64
	// Mark is a file outside the directory by which a spool that was put back
	// from a backup is noticed; empty means that it is not.
	Mark string
	// Clock gives the time for epochs and gap records; nil means the wall
	// clock.
	Clock func() linewatch.Time
	// Logger hears of damage; nil means slog.Default.
	Logger *slog.Logger
}

const leastBytes = 1 << 20

// Stats counts points since Open, but for Pending and Bytes, which are as of
// now. The points of earlier runs that are still there are in Pending from the
// start.
type Stats struct {
	Appended uint64 // made durable
	Sent     uint64 // acknowledged, without gap records
	Lost     uint64 // reported in gap records that were acknowledged
	Pending  uint64 // not yet acknowledged, lost ones included
	Blocked  uint64 // calls of Append that found the spool full
	Flushes  uint64 // groups of points written
	Bytes    int64  // disk space used
}

// Cursor is a place between two points. Its zero value is before the first.
type Cursor struct {
	segment uint64
	offset  int64
}

// Spool is an open spool. Append, Pending, Oldest and Stats may be called
// concurrently; Next and Acknowledge are for one goroutine. Close it.
type Spool struct {
	dir      string
	options  Options
	state    *stateFile // used by the writer only, once Open has returned
	work     chan struct{}
	ready    chan struct{} // there may be something to read
	stopping chan struct{}
	finished chan struct{}
	closing  sync.Once
	closeErr error // set before finished is closed
	out      outlet
	active   *os.File // the newest segment; used by the writer only
	gone     bool     // there was a spool here, says the mark; used by Open only
	stale    bool     // the directory is older than the mark; used by Open only

	mu       sync.Mutex
	queue    []*request
	queued   int64
	acks     []acknowledgement
	space    chan struct{} // closed and replaced when there is more room
	shut     bool
	broken   error // why the disk can no longer be trusted
	epoch    uint64
	senders  map[string]*sender
	segments []segment // in order; the last one is active
	cursor   Cursor    // everything before it is acknowledged
	stats    Stats
}

// segment is a file and the length of what is durable in it.
type segment struct {
	index uint64
	size  int64
}

// Open opens the spool in dir and creates it if there is none. What an
// earlier run left is handed out first. The errors carry the path and are
// those of package boltfile where they fit.
func Open(dir string, options Options) (*Spool, error) {
	s := &Spool{
		dir: dir, options: options.withDefaults(),
		work: make(chan struct{}, 1), ready: make(chan struct{}, 1), space: make(chan struct{}),
		stopping: make(chan struct{}), finished: make(chan struct{}),
		senders: map[string]*sender{},
	}
	if err := boltfile.MakeDir(dir); err != nil {
		return nil, err
	}
	file, saved, err := openState(filepath.Join(dir, "spool.state"))
	if err != nil {
		return nil, err
	}
	s.state = file
	mark, err := readMark(options.Mark)
	if err == nil {
		s.gone, s.stale = saved == nil && mark > 0, saved != nil && file.serial < mark
		file.serial = max(file.serial, mark)
		err = s.recover(saved)
	}
	if err != nil {
		if s.active != nil {
			s.active.Close()
		}
		file.file.Close()
		return nil, err
	}
	s.noteMark()
	go s.write()
	return s, nil
}

func (o Options) withDefaults() Options {
	if o.MaxBytes <= 0 {
		o.MaxBytes = 1 << 30
	}
	o.MaxBytes = max(o.MaxBytes, leastBytes)
	if o.SegmentBytes <= 0 {
		o.SegmentBytes = 32 << 20
	}
	o.SegmentBytes = min(o.SegmentBytes, o.MaxBytes/8)
	if o.Clock == nil {
		o.Clock = wallClock
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	return o
}

// Close writes what is queued and closes the files. It may be called again.
func (s *Spool) Close() error {
	s.closing.Do(func() {
		s.mu.Lock()
		s.shut = true
		s.mu.Unlock()
		close(s.stopping)
	})
	<-s.finished
	return s.closeErr
}

// Epoch returns the epoch that new points get.
func (s *Spool) Epoch() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.epoch
}

// Pending returns how many points of a source wait to be acknowledged, those
// that the disk lost included.
func (s *Spool) Pending(source string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if sender := s.senders[source]; sender != nil {
		return sender.pending
	}
	return 0
}

// Oldest returns the earliest timestamp of a source that waits to be
// acknowledged, and whether any does. With more than some thousand waiting it
// may return an earlier one, never a later one.
func (s *Spool) Oldest(source string) (linewatch.Time, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if sender := s.senders[source]; sender != nil {
		return sender.oldest()
	}
	return linewatch.NoTime, false
}

// Stats returns the counters.
func (s *Spool) Stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	stats := s.stats
	for _, sender := range s.senders {
		stats.Pending += uint64(sender.pending)
	}
	stats.Bytes = s.bytes()
	return stats
}

// bytes returns the disk space used. Spool.mu is held.
func (s *Spool) bytes() (sum int64) {
	for _, segment := range s.segments {
		sum += segment.size
	}
	return sum
}

// sender returns the one for a source, new if need be. Spool.mu is held.
func (s *Spool) sender(source string) *sender {
	found := s.senders[source]
	if found == nil {
		found = &sender{}
		s.senders[source] = found
	}
	return found
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// Append numbers the points, writing Sequence and Epoch into them, and returns
// once they are on stable storage. Several callers share one flush. While the
// spool is full it waits; ctx ends that wait with ErrFull, but not a flush
// that has begun.
//
// Other errors: ErrPoint (heartbeats, gap records and whatever Validate
// refuses), ErrTooLarge, ErrClosed, or one of the disk with its path. After an
// error the numbers in the points mean nothing, and none is used up.
func (s *Spool) Append(ctx context.Context, points []linewatch.DataPoint) error {
	if len(points) == 0 {
		return ctx.Err()
	}
	r, err := newRequest(points)
	if err != nil {
		return err
	}
	if err := s.enqueue(ctx, r); err != nil {
		return err
	}
	signal(s.work)
	return <-r.done
}
