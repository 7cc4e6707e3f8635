package boltstore

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"

	"go.etcd.io/bbolt"

	"linewatch/rules"
)

// request is a commit on its way to the file.
type request struct {
	bucket  int
	commit  rules.Commit
	records [][]byte // the outputs as they are stored
	err     error
	done    chan struct{}
}

func (r *request) finish(err error) {
	r.err = err
	close(r.done)
}

// Commit implements rules.Store. Callers that wait for the disk at the same
// time share one transaction: the first writes for all.
func (s *Store) Commit(ctx context.Context, bucket int, c rules.Commit) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if bucket < 0 || bucket > math.MaxInt32 {
		return fmt.Errorf("commit bucket %d: the number must be between 0 and %d", bucket, math.MaxInt32)
	}
	r := &request{bucket: bucket, commit: c, done: make(chan struct{}), records: make([][]byte, len(c.Changes))}
	for i := range c.Changes {
		r.records[i] = appendRecord(nil, &c.Changes[i])
	}
	if err := s.enqueue(r); err != nil {
		return fmt.Errorf("commit bucket %d: %w", bucket, err)
	}
	select {
	case s.turn <- struct{}{}:
		s.writeQueued()
		<-s.turn
		<-r.done // by this call, or by an earlier writer
	case <-r.done:
	}
	return s.outcome(r)
}

func (s *Store) enqueue(r *request) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return ErrClosed
	}
	s.queue = append(s.queue, r)
	return nil
}

func (s *Store) outcome(r *request) error {
	var diverged *rules.DivergedError
	switch {
	case r.err == nil:
		return nil
	case errors.As(r.err, &diverged):
		s.diverged.Add(uint64(len(diverged.Numbers)))
		return r.err
	}
	return fmt.Errorf("commit bucket %d: %w", r.bucket, r.err)
}

// writeQueued writes all commits that wait in one transaction.
func (s *Store) writeQueued() {
	s.mu.Lock()
	queue := s.queue
	s.queue = nil
	marks := make([]uint64, len(queue))
	for i, r := range queue {
		marks[i] = s.published[r.bucket]
	}
	s.mu.Unlock()
	if len(queue) == 0 {
		return
	}
	results := make([]error, len(queue))
	err := translate(s.db.Update(func(tx *bbolt.Tx) error {
		for i, r := range queue {
			refusal, err := r.write(tx, marks[i])
			if err != nil {
				return err
			}
			results[i] = refusal
		}
		return nil
	}))
	for i, r := range queue {
		if err != nil {
			results[i] = err
		}
		r.finish(results[i])
	}
}

// write applies a commit. The first error is this commit's own outcome, a
// refusal before anything was changed or a divergence; the second one is the
// file's and ends the transaction for all.
func (r *request) write(tx *bbolt.Tx, published uint64) (outcome, err error) {
	key := bucketKey(r.bucket)
	h, err := readHead(tx.Bucket(bucketsName).Bucket(key[:]))
	if err != nil {
		return err, nil
	}
	if err := r.check(h); err != nil {
		return err, nil
	}
	b, err := tx.Bucket(bucketsName).CreateBucketIfNotExists(key[:])
	if err != nil {
		return nil, err
	}
	outbox, err := b.CreateBucketIfNotExists(outboxName)
	if err != nil {
		return nil, err
	}
	diverged, err := r.writeOutputs(outbox, &h)
	if err != nil {
		return nil, err
	}
	if r.commit.Snapshot != nil {
		if err := writeSnapshot(b, &h, r.commit.Snapshot); err != nil {
			return nil, err
		}
		h.emitted = r.commit.Emitted
	}
	h.published = max(h.published, published)
	if err := trim(outbox, min(h.published, h.emitted)); err != nil {
		return nil, err
	}
	if diverged != nil { // a nil *DivergedError in an error would not be nil
		outcome = diverged
	}
	return outcome, b.Put(headKey, h.append(nil))
}

// check refuses what would break the contract.
func (r *request) check(h head) error {
	c, next := &r.commit, h.next
	if len(c.Changes) > 0 {
		if c.First > next {
			return fmt.Errorf("output %d after %d: %w", c.First, next, rules.ErrOutputGap)
		}
		next = max(next, c.First+uint64(len(c.Changes)))
	}
	if c.Snapshot != nil && (c.Emitted < h.emitted || c.Emitted > next) {
		return fmt.Errorf("snapshot after %d outputs, stored are a snapshot after %d and %d outputs: %w",
			c.Emitted, h.emitted, next, rules.ErrSnapshotOrder)
	}
	return nil
}

// writeOutputs stores the new outputs and compares those that are known.
func (r *request) writeOutputs(outbox *bbolt.Bucket, h *head) (*rules.DivergedError, error) {
	outbox.FillPercent = 1 // numbers only grow
	var diverged *rules.DivergedError
	for i, data := range r.records {
		number := r.commit.First + uint64(i)
		key := outputKey(number)
		if number >= h.next {
			if err := outbox.Put(key[:], data); err != nil {
				return nil, err
			}
			h.next = number + 1
			continue
		}
		known := outbox.Get(key[:])
		if known == nil {
			if number < h.emitted {
				continue // published, covered by the snapshot and deleted: nothing to compare
			}
			return nil, fmt.Errorf("output %d is missing: %w", number, rules.ErrCorrupt)
		}
		if err := r.compare(number, known, data, &diverged); err != nil {
			return nil, err
		}
	}
	return diverged, nil
}

func (r *request) compare(number uint64, known, data []byte, diverged **rules.DivergedError) error {
	was, err := readRecord(known)
	if err != nil {
		return fmt.Errorf("output %d: %w", number, err)
	}
	now, err := readRecord(data)
	if err != nil {
		return err
	}
	if bytes.Equal(was.facts(), now.facts()) {
		return nil
	}
	if *diverged == nil {
		*diverged = &rules.DivergedError{Bucket: r.bucket, Stored: was.canonical(), Emitted: now.canonical()}
	}
	(*diverged).Numbers = append((*diverged).Numbers, number)
	return nil
}

// trim deletes the outputs below limit. It seeks what comes next, since First
// would pass all the pages that are empty by now, one by one.
func trim(outbox *bbolt.Bucket, limit uint64) error {
	end, gone := outputKey(limit), []byte(nil)
	c := outbox.Cursor()
	for k, _ := c.First(); k != nil && bytes.Compare(k, end[:]) < 0; k, _ = c.Seek(gone) {
		gone = append(gone[:0], k...)
		if err := c.Delete(); err != nil {
			return err
		}
	}
	return nil
}

// savePublished stores a mark of Published.
func savePublished(tx *bbolt.Tx, bucket int, upTo uint64) error {
	key := bucketKey(bucket)
	b := tx.Bucket(bucketsName).Bucket(key[:])
	h, err := readHead(b)
	if err != nil || b == nil {
		return err
	}
	h.published = max(h.published, upTo)
	if err := trim(b.Bucket(outboxName), min(h.published, h.emitted)); err != nil {
		return err
	}
	return b.Put(headKey, h.append(nil))
}
