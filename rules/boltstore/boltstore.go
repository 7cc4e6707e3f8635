// Package boltstore keeps the state, positions and outputs of all buckets of
// one machine in one bbolt file, so that each commit is one transaction.
//
// It owns the file's layout and joins concurrent commits in one transaction
// with one sync to disk. What a snapshot contains is the caller's business.
package boltstore

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"

	"go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"

	"linewatch/internal/boltfile"
	"linewatch/rules"
)

// Layout: "store" holds the format; "buckets" holds one bbolt bucket per
// bucket number (4 bytes, big-endian) with the key "head" and the bbolt buckets
// "snapshot" (chunks by index) and "outbox" (records by output number).
const format = "linewatch rules store 1"

var (
	storeName    = []byte("store")
	formatKey    = []byte("format")
	bucketsName  = []byte("buckets")
	headKey      = []byte("head")
	snapshotName = []byte("snapshot")
	outboxName   = []byte("outbox")
)

// ErrClosed is returned by calls on a closed store.
var ErrClosed = errors.New("state store is closed")

// Store implements rules.Store and rules.Outbox in one file.
type Store struct {
	db       *bbolt.DB
	turn     chan struct{} // held by the caller that writes for all that wait
	diverged atomic.Uint64

	mu        sync.Mutex
	closed    bool
	queue     []*request     // commits that wait; as many as there are callers
	published map[int]uint64 // marks not yet on disk
}

var (
	_ rules.Store  = (*Store)(nil)
	_ rules.Outbox = (*Store)(nil)
)

// Open opens the store in the file at path and creates it when there is none.
// A file that is damaged, that another process has open or that is no state
// store is an error that says what to do. log hears of damage that could be
// made up for.
func Open(path string, log *slog.Logger) (*Store, error) {
	db, err := boltfile.Open(path, boltfile.Options{Logger: log})
	if err != nil {
		return nil, fmt.Errorf("open state store: %w", err)
	}
	if err := db.Update(prepare); err != nil {
		return nil, errors.Join(fmt.Errorf("open state store %s: %w", path, err), db.Close())
	}
	return &Store{db: db, turn: make(chan struct{}, 1), published: make(map[int]uint64)}, nil
}

func prepare(tx *bbolt.Tx) error {
	b, err := tx.CreateBucketIfNotExists(storeName)
	if err != nil {
		return err
	}
	switch got := string(b.Get(formatKey)); got {
	case format:
	case "":
		if err := b.Put(formatKey, []byte(format)); err != nil {
			return err
		}
	default:
		return fmt.Errorf("the file's format is %q and this program reads %q; use the version that wrote it", got, format)
	}
	_, err = tx.CreateBucketIfNotExists(bucketsName)
	return err
}

// Close writes the marks of Published and closes the file. Calls that have
// begun end first; a second Close does nothing.
func (s *Store) Close() error {
	s.turn <- struct{}{}
	defer func() { <-s.turn }()
	s.mu.Lock()
	was, marks := s.closed, s.published
	s.closed, s.published = true, nil
	waiting := s.queue
	s.queue = nil
	s.mu.Unlock()
	for _, r := range waiting {
		r.finish(ErrClosed)
	}
	if was {
		return nil
	}
	err := s.db.Update(func(tx *bbolt.Tx) error {
		for bucket, upTo := range marks {
			if err := savePublished(tx, bucket, upTo); err != nil {
				return err
			}
		}
		return nil
	})
	return errors.Join(err, s.db.Close())
}

// Diverged counts the outputs that were emitted again with other bytes since
// the store was opened. More than 0 means that the engine is not a function of
// its log.
func (s *Store) Diverged() uint64 { return s.diverged.Load() }

// Load implements rules.Store.
func (s *Store) Load(ctx context.Context, bucket int) (cp rules.Checkpoint, err error) {
	err = s.view(ctx, bucket, func(b *bbolt.Bucket, h head) error {
		cp.Emitted = h.emitted
		cp.Snapshot, err = readSnapshot(b, h)
		return err
	})
	return cp, err
}

// Buckets implements rules.Store.
func (s *Store) Buckets(ctx context.Context) (numbers []int, err error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	err = s.db.View(func(tx *bbolt.Tx) error {
		return tx.Bucket(bucketsName).ForEachBucket(func(k []byte) error {
			numbers = append(numbers, int(binary.BigEndian.Uint32(k)))
			return nil
		})
	})
	return numbers, translate(err)
}

// Pending implements rules.Outbox.
func (s *Store) Pending(ctx context.Context, bucket int, from uint64, limit int) (list []rules.Output, err error) {
	mark := s.mark(bucket)
	err = s.view(ctx, bucket, func(b *bbolt.Bucket, h head) error {
		if h.next == 0 {
			return nil
		}
		c := b.Bucket(outboxName).Cursor()
		first := outputKey(max(from, mark, h.published))
		for k, v := c.Seek(first[:]); k != nil && len(list) < limit; k, v = c.Next() {
			r, err := readRecord(v)
			if err != nil {
				return fmt.Errorf("output %d: %w", binary.BigEndian.Uint64(k), err)
			}
			list = append(list, rules.Output{Number: binary.BigEndian.Uint64(k), Change: append([]byte(nil), r.full...)})
		}
		return nil
	})
	return list, err
}

// Published implements rules.Outbox.
func (s *Store) Published(ctx context.Context, bucket int, upTo uint64) error {
	return s.view(ctx, bucket, func(_ *bbolt.Bucket, h head) error {
		if upTo > h.next {
			return fmt.Errorf("published up to %d of %d: %w", upTo, h.next, rules.ErrOutputGap)
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.published != nil && upTo > h.published {
			s.published[bucket] = max(s.published[bucket], upTo)
		}
		return nil
	})
}

func (s *Store) mark(bucket int) uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.published[bucket]
}

// view reads one bucket; for one that is not known do gets nil and a zero head.
func (s *Store) view(ctx context.Context, bucket int, do func(*bbolt.Bucket, head) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	err := s.db.View(func(tx *bbolt.Tx) error {
		key := bucketKey(bucket)
		b := tx.Bucket(bucketsName).Bucket(key[:])
		h, err := readHead(b)
		if err != nil {
			return err
		}
		return do(b, h)
	})
	if err = translate(err); err != nil {
		return fmt.Errorf("state of bucket %d: %w", bucket, err)
	}
	return nil
}

// translate turns bbolt's errors that a caller may meet into ours.
func translate(err error) error {
	if errors.Is(err, berrors.ErrDatabaseNotOpen) {
		return ErrClosed
	}
	return err
}

func bucketKey(bucket int) (key [4]byte) {
	binary.BigEndian.PutUint32(key[:], uint32(bucket))
	return key
}

func outputKey(number uint64) (key [8]byte) {
	binary.BigEndian.PutUint64(key[:], number)
	return key
}
