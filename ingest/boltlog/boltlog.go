// Package boltlog is the embedded log: one directory on the local disk, kept
// in bbolt files.
//
// The records of all partitions share a chain of segment files of bounded
// size, so that one flush serves every caller and trimmed data give their disk
// space back at once. A small file beside them holds what must outlive a
// crash: how far the partitions are closed, where they start and how far they
// had come. Every record carries a checksum that is verified when it is read.
package boltlog

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"
	"time"

	bolt "go.etcd.io/bbolt"

	"linewatch"
	"linewatch/ingest"
	"linewatch/internal/boltfile"
)

var (
	_ ingest.Log     = (*Log)(nil)
	_ ingest.Trimmer = (*Log)(nil)
)

// Options says how a log is kept. The zero value is a log of one partition,
// or of as many as it was created with.
type Options struct {
	// Partitions is their number; 0 means what the log was created with, or 1.
	Partitions int
	// Clock gives the stamps; nil means the wall clock at Open and the time
	// that has passed since. It is called with a lock held, so that it must not
	// block.
	Clock func() linewatch.Time
	// SegmentBytes is the size at which a segment file is closed and the next
	// one begun; 0 means 64 MiB.
	SegmentBytes int
	// QueueBytes bounds what waits to be written; 0 means 16 MiB. Append waits
	// while it is exceeded.
	QueueBytes int
	// Silence is how long a Read that finds nothing waits before it says so; 0
	// means 200 ms. Whoever waits for ClosedAt waits that long.
	Silence time.Duration
	// Logger hears of damage and of clocks that went back; nil means
	// slog.Default.
	Logger *slog.Logger
}

func (o Options) withDefaults() Options {
	if o.SegmentBytes <= 0 {
		o.SegmentBytes = 64 << 20
	}
	if o.QueueBytes <= 0 {
		o.QueueBytes = 16 << 20
	}
	if o.Silence <= 0 {
		o.Silence = defaultSilence
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	if o.Clock == nil {
		start := time.Now()
		o.Clock = func() linewatch.Time { return linewatch.TimeOf(start.Add(time.Since(start))) }
	}
	return o
}

// Stats counts since Open, but for the two that say what is.
type Stats struct {
	Records  uint64 // appended
	Bytes    uint64 // appended, without overhead
	Flushes  uint64 // groups written
	Blocked  uint64 // calls of Append that found the queue full
	Corrupt  uint64 // ranges that Read found lost, each time it did
	Segments int    // files that exist
	Queued   int    // bytes that wait to be written
}

// Log is an open log. Close it.
type Log struct {
	options  Options
	meta     *bolt.DB // holds the state, and its lock the directory
	chain    *chain
	work     chan struct{} // there is something for the writer to do
	stopping chan struct{} // closed by Close
	finished chan struct{} // closed by the writer when it has ended
	closing  sync.Once
	closeErr error // set before finished is closed

	mu    sync.Mutex
	queue []*request
	trims []trimRequest
	space chan struct{} // closed and replaced when the queue gets shorter
	shut  bool          // nothing more is accepted or promised
	stats Stats
	times clock
	parts []partition
	// broken is why the storage can no longer be trusted; the log has to be
	// opened again.
	broken error
}

// partition is what is known about one, guarded by Log.mu.
type partition struct {
	first uint64        // lowest offset that can be read
	next  uint64        // offset of the next record to be stored
	wake  chan struct{} // closed and replaced when next rises
}

// metaName is the file beside the segments.
const metaName = "meta.db"

// Open opens the log in dir, and creates it if there is none. The errors are
// those of package boltfile, or say what in the directory does not fit.
func Open(dir string, options Options) (*Log, error) {
	options = options.withDefaults()
	metaPath := filepath.Join(dir, metaName)
	if err := checkMeta(dir, metaPath); err != nil {
		return nil, fmt.Errorf("open log: %w", err)
	}
	meta, err := boltfile.Open(metaPath, boltfile.Options{GrowBy: 64 << 10, Logger: options.Logger})
	if err != nil {
		return nil, fmt.Errorf("open log: %w", wholeLog(dir, err))
	}
	l := &Log{
		options: options, meta: meta,
		work: make(chan struct{}, 1), space: make(chan struct{}),
		stopping: make(chan struct{}), finished: make(chan struct{}),
	}
	if err := l.recover(dir); err != nil {
		if l.chain != nil {
			l.chain.close()
		}
		meta.Close()
		return nil, fmt.Errorf("open log: %w", wholeLog(dir, err))
	}
	go l.write()
	return l, nil
}

// Partitions implements ingest.Log.
func (l *Log) Partitions() int { return len(l.parts) }

// Bounds returns the lowest offset of a partition that can be read and the one
// that its next record will get. The error is ingest.ErrPartition.
func (l *Log) Bounds(partition int) (first, next uint64, err error) {
	if err := l.check(partition); err != nil {
		return 0, 0, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.parts[partition].first, l.parts[partition].next, nil
}

// Latest returns the latest stamp or promise of the log. A clock that starts
// again after a restart should start no earlier, or else time stands still
// until it has come so far.
func (l *Log) Latest() linewatch.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.times.latest()
}

// Stats returns the counters.
func (l *Log) Stats() Stats {
	segments := l.chain.length()
	l.mu.Lock()
	defer l.mu.Unlock()
	stats := l.stats
	stats.Segments = segments
	return stats
}

// Close writes what is queued, notes exactly how far the partitions are
// closed, and closes the files. It may be called again.
func (l *Log) Close() error {
	l.closing.Do(func() {
		l.mu.Lock()
		l.shut = true
		l.mu.Unlock()
		close(l.stopping)
	})
	<-l.finished
	return l.closeErr
}

// Trim implements ingest.Trimmer.
func (l *Log) Trim(ctx context.Context, partition int, before uint64) error {
	if err := l.check(partition); err != nil {
		return err
	}
	t := trimRequest{partition: partition, before: before, done: make(chan error, 1)}
	l.mu.Lock()
	if l.shut {
		l.mu.Unlock()
		return ingest.ErrClosed
	}
	l.trims = append(l.trims, t)
	l.mu.Unlock()
	l.nudge()
	select {
	case err := <-t.done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (l *Log) check(partition int) error {
	if partition < 0 || partition >= len(l.parts) {
		return fmt.Errorf("%w: %d of %d", ingest.ErrPartition, partition, len(l.parts))
	}
	return nil
}

// nudge tells the writer that there is something to do.
func (l *Log) nudge() {
	select {
	case l.work <- struct{}{}:
	default:
	}
}
