package boltlog

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"time"

	bolt "go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"

	"linewatch"
	"linewatch/ingest"
	"linewatch/internal/boltfile"
)

const (
	// defaultSilence is how long Read waits for a record before it reports
	// silence.
	defaultSilence = 200 * time.Millisecond
	// readBytes bounds a batch, so that a large max does not mean a large
	// batch of large records.
	readBytes = 4 << 20
)

// view is what a partition looked like at one moment.
type view struct {
	next     uint64
	closedAt linewatch.Time // holds for what is stored at or after next
	wake     <-chan struct{}
}

// Read implements ingest.Log.
func (l *Log) Read(ctx context.Context, partition int, from uint64, limit int) (ingest.Batch, error) {
	if err := errors.Join(l.check(partition), ctx.Err()); err != nil {
		return ingest.Batch{}, err
	}
	v, err := l.look(partition, from)
	if err == nil && v.next == from {
		if err = l.wait(ctx, v.wake); err == nil {
			v, err = l.look(partition, from)
		}
	}
	if err != nil {
		return ingest.Batch{}, err
	}
	if v.next == from {
		return ingest.Batch{ClosedAt: v.closedAt}, nil
	}
	return l.fetch(partition, from, uint64(max(limit, 1))-1, v)
}

// look takes a view and checks the offset against it. The closing time is
// taken together with the end: what is stored later has a later stamp.
func (l *Log) look(partition int, from uint64) (view, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	p := &l.parts[partition]
	switch {
	case l.shut:
		return view{}, ingest.ErrClosed
	case from < p.first:
		return view{}, &ingest.TrimmedError{Partition: partition, Offset: from, First: p.first}
	case from > p.next:
		return view{}, &ingest.BeyondError{Partition: partition, Offset: from, Next: p.next}
	}
	v := view{next: p.next, closedAt: l.times.close(partition), wake: p.wake}
	if l.times.due() {
		l.nudge()
	}
	return v, nil
}

func (l *Log) wait(ctx context.Context, wake <-chan struct{}) error {
	timer := time.NewTimer(l.options.Silence)
	defer timer.Stop()
	select {
	case <-wake:
	case <-timer.C:
	case <-l.stopping:
		return ingest.ErrClosed
	case <-ctx.Done():
		return ctx.Err()
	}
	return nil
}

// fetch reads the record at from and up to more after it, within one segment.
func (l *Log) fetch(partition int, from, more uint64, v view) (ingest.Batch, error) {
	s, end, err := l.chain.acquire(partition, from)
	switch {
	case errors.Is(err, fs.ErrNotExist) && s == nil:
		return ingest.Batch{}, l.recheck(partition, from)
	case err != nil && !isLoss(err):
		return ingest.Batch{}, fmt.Errorf("read log: %w", err)
	case err != nil:
		return ingest.Batch{}, l.lost(partition, from, min(end, v.next)-1, s.path, err)
	}
	defer l.chain.release(s)
	to := min(end, v.next)
	if to-from-1 > more {
		to = from + more + 1
	}
	records, err := scan(s.db, partition, from, to)
	if errors.Is(err, berrors.ErrDatabaseNotOpen) {
		return ingest.Batch{}, ingest.ErrClosed
	}
	if err != nil {
		// Something within is damaged. One record at a time the loss is exact.
		if records, err = scan(s.db, partition, from, from+1); err != nil {
			return ingest.Batch{}, l.lost(partition, from, from, s.path, err)
		}
	}
	if len(records) == 0 {
		return ingest.Batch{}, l.missing(s, partition, from, min(end, v.next))
	}
	b := ingest.Batch{Records: records, ClosedAt: linewatch.NoTime}
	if records[len(records)-1].Offset+1 == v.next {
		b.ClosedAt = v.closedAt
	}
	return b, nil
}

// isLoss reports whether a segment that cannot be opened will never be: readers
// pass over a loss for good, and what only another process or a limit stands in
// the way of must be tried again.
func isLoss(err error) bool {
	for _, loss := range [...]error{fs.ErrNotExist, boltfile.ErrEmpty, boltfile.ErrTruncated, boltfile.ErrCorrupt} {
		if errors.Is(err, loss) {
			return true
		}
	}
	return false
}

// recheck explains why no segment holds an offset: Trim was faster.
func (l *Log) recheck(partition int, from uint64) error {
	if _, err := l.look(partition, from); err != nil {
		return err
	}
	return l.lost(partition, from, from, l.chain.dir, errors.New("no segment holds it"))
}

// missing says how far the records from an offset on are missing.
func (l *Log) missing(s *segment, partition int, from, to uint64) error {
	found := to
	err := boltfile.Guard(s.path, func() error {
		return s.db.View(func(tx *bolt.Tx) error {
			b := tx.Bucket(partitionName(partition))
			if b == nil {
				return nil
			}
			if key, _ := b.Cursor().Seek(offsetKey(from)); len(key) == 8 {
				found = binary.BigEndian.Uint64(key)
			}
			return nil
		})
	})
	if err != nil || found <= from || found > to {
		found = to
	}
	return l.lost(partition, from, found-1, s.path, errors.New("not in the file"))
}

// lost counts a loss and returns its error.
func (l *Log) lost(partition int, first, last uint64, path string, cause error) error {
	l.mu.Lock()
	l.stats.Corrupt++
	l.mu.Unlock()
	return &ingest.CorruptError{Partition: partition, First: first, Last: last, Path: path, Cause: cause}
}

// scan returns the records from one offset up to, but not including, another,
// as far as they follow one another and fit a batch. It ends before a damaged
// one, and fails if that is the first.
func scan(db *bolt.DB, partition int, from, to uint64) (records []linewatch.Record, err error) {
	err = boltfile.Guard(db.Path(), func() error {
		return db.View(func(tx *bolt.Tx) error {
			b := tx.Bucket(partitionName(partition))
			if b == nil {
				return fmt.Errorf("partition %d is missing", partition)
			}
			var bytes int
			cursor := b.Cursor()
			for key, value := cursor.Seek(offsetKey(from)); from < to; key, value = cursor.Next() {
				if len(key) != 8 || binary.BigEndian.Uint64(key) != from || bytes+len(value) > readBytes && bytes > 0 {
					break
				}
				stamp, data, err := decodeValue(partition, from, value)
				if err != nil && len(records) == 0 {
					return err
				} else if err != nil {
					break
				}
				records = append(records, linewatch.Record{Partition: partition, Offset: from, Arrival: stamp, Data: data})
				bytes += len(value)
				from++
			}
			own(records, bytes)
			return nil
		})
	})
	return records, err
}

// own copies the data out of the memory map, which ends with the transaction.
func own(records []linewatch.Record, bytes int) {
	slab := make([]byte, 0, bytes)
	for i := range records {
		start := len(slab)
		slab = append(slab, records[i].Data...)
		records[i].Data = slab[start:len(slab):len(slab)]
	}
}

func offsetKey(offset uint64) []byte { return binary.BigEndian.AppendUint64(nil, offset) }
