// Package spool keeps data points on the local disk from the moment they are
// read until the uplink has acknowledged them.
//
// It numbers the points of each source, writes them to append-only segment
// files that are flushed before Append returns, hands them out in the order of
// their numbers and fairly between sources, and removes a segment once all of
// it was sent. Whatever the disk loses is reported as gap records with exact
// numbers. It does not know what a PLC or an uplink is.
package spool

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"

	"linewatch"
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
	// is dropped. The last eighth is kept for sources with less than the
	// average waiting.
	MaxBytes int64
	// SegmentBytes is the size of a segment file; 0 means 32 MiB. It is at most
	// an eighth of MaxBytes.
	SegmentBytes int64
	// Mark is a file outside the directory by which a spool that is gone, or
	// was put back from a backup, is noticed; empty means that it is not.
	Mark string
	// Clock gives the time for epochs and gap records; nil means the wall
	// clock.
	Clock func() linewatch.Time
	// Logger hears of damage; nil means slog.Default.
	Logger *slog.Logger

	disk disk // nil means that of the operating system
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
	active   file       // the newest segment; used by the writer only
	frames   []byte     // reused; used by the writer only
	tail     bool       // a write has failed and may have left something; used by the writer only
	unkept   bool       // the state could not be written; used by the writer only
	owed     bool       // what is acknowledged could not be let go of; used by the writer only
	noted    *stateFile // the mark; nil if there is none

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
	if err := s.options.disk.makeDir(dir); err != nil {
		return nil, err
	}
	if err := s.open(); err != nil {
		return nil, errors.Join(err, s.closeFiles())
	}
	go s.write()
	return s, nil
}

func (s *Spool) open() (err error) {
	var r recovery
	if s.state, r.saved, err = openState(s.options.disk, filepath.Join(s.dir, "spool.state"), stateSeed); err != nil {
		return err
	}
	if s.options.Mark != "" {
		if s.noted, r.noted, err = openState(s.options.disk, s.options.Mark, markSeed); err != nil {
			return fmt.Errorf("mark of the spool: %w", err)
		}
		r.stale = r.saved != nil && s.state.serial < s.noted.serial
		s.state.serial = max(s.state.serial, s.noted.serial)
	}
	if err := s.recover(&r); err != nil {
		return err
	}
	s.noteMark()
	return nil
}

func (s *Spool) closeFiles() error {
	var errs []error
	if s.active != nil {
		errs = append(errs, s.active.Close())
	}
	for _, f := range [...]*stateFile{s.state, s.noted} {
		if f != nil {
			errs = append(errs, f.file.Close())
		}
	}
	return errors.Join(errs...)
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
	if o.disk == nil {
		o.disk = osDisk{}
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

// floor returns the position before which everything is acknowledged.
// Spool.mu is held.
func (s *Spool) floor() position {
	last := s.segments[len(s.segments)-1]
	floor := position{last.index, last.size}
	for _, sender := range s.senders {
		if len(sender.chunks) > 0 && sender.chunks[0].from.before(floor) {
			floor = sender.chunks[0].from
		}
	}
	return floor
}

// mostChunks returns how many chunks a source may have. Spool.mu is held.
func (s *Spool) mostChunks() int {
	return min(max(chunkMemory/max(len(s.senders), 1), leastChunks), mostChunks)
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
