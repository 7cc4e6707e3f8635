package boltlog

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"syscall"

	bolt "go.etcd.io/bbolt"

	"linewatch"
	"linewatch/ingest"
	"linewatch/internal/boltfile"
)

// groupBytes is how much is written with one flush, unless a single Append is
// larger.
const groupBytes = 4 << 20

// request is one Append on its way.
type request struct {
	partition int
	values    [][]byte
	bytes     int
	done      chan error // holds one
}

type trimRequest struct {
	partition int
	before    uint64
	done      chan error // holds one
}

// Append implements ingest.Log.
func (l *Log) Append(ctx context.Context, partition int, data ...[]byte) error {
	if err := errors.Join(l.check(partition), ingest.CheckRecords(data), ctx.Err()); err != nil {
		return err
	}
	if len(data) == 0 {
		return nil
	}
	r := &request{partition: partition, values: make([][]byte, len(data)), done: make(chan error, 1)}
	for i, d := range data {
		r.values[i] = newValue(d)
		r.bytes += len(r.values[i])
	}
	if err := l.enqueue(ctx, r); err != nil {
		return err
	}
	l.nudge()
	return <-r.done
}

// enqueue waits until there is room for r.
func (l *Log) enqueue(ctx context.Context, r *request) error {
	for blocked := false; ; blocked = true {
		l.mu.Lock()
		if l.shut || l.broken != nil {
			err := ingest.ErrClosed
			if l.broken != nil {
				err = l.broken
			}
			l.mu.Unlock()
			return err
		}
		if l.stats.Queued == 0 || l.stats.Queued+r.bytes <= l.options.QueueBytes {
			l.queue = append(l.queue, r)
			l.stats.Queued += r.bytes
			l.mu.Unlock()
			return nil
		}
		if !blocked {
			l.stats.Blocked++
		}
		space := l.space
		l.mu.Unlock()
		select {
		case <-space:
		case <-ctx.Done():
			return ctx.Err()
		case <-l.stopping:
			return ingest.ErrClosed
		}
	}
}

// write is the goroutine that does all writing.
func (l *Log) write() {
	defer close(l.finished)
	failing := false // that was told; a reader at the end has it tried many times a second
	for stop := false; !stop; {
		select {
		case <-l.work:
		case <-l.stopping:
			stop = true
		}
		for l.writeGroup() {
		}
		l.runTrims()
		if l.renewalDue() {
			failing = l.tellRenewal(l.renew(), failing)
		}
	}
	l.closeErr = l.finish()
}

// tellRenewal tells when promises begin to fail, and when they hold again.
func (l *Log) tellRenewal(err error, failing bool) bool {
	switch {
	case err != nil && !failing:
		l.options.Logger.Error("the log cannot promise further: silence stands still", "error", err)
	case err == nil && failing:
		l.options.Logger.Info("the log promises again: silence goes on", "path", l.meta.Path())
	}
	return err != nil
}

// group is what goes to disk with one flush.
type group struct {
	requests []*request
	stamps   map[int]linewatch.Time // of each partition concerned
	next     map[int]uint64
	bytes    int
	records  int
	refused  error // why it must not be written
}

// writeGroup writes some of the queue, and reports whether there was any.
func (l *Log) writeGroup() bool {
	g := l.takeGroup()
	if g == nil {
		return false
	}
	err := g.refused
	if err == nil {
		err = l.rollIfFull()
	}
	if err == nil {
		err = l.commit(g)
	}
	l.settle(g, err)
	for _, r := range g.requests {
		r.done <- err
	}
	return true
}

// takeGroup takes requests from the queue and stamps them. From here on no
// partition concerned is said to be closed as late as its stamp.
func (l *Log) takeGroup() *group {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.queue) == 0 {
		return nil
	}
	g := &group{refused: l.broken, stamps: map[int]linewatch.Time{}, next: map[int]uint64{}}
	for len(l.queue) > 0 && (g.bytes == 0 || g.bytes+l.queue[0].bytes <= groupBytes) {
		r := l.queue[0]
		l.queue[0] = nil
		l.queue = l.queue[1:]
		g.requests = append(g.requests, r)
		g.bytes += r.bytes
		g.records += len(r.values)
		if _, ok := g.stamps[r.partition]; !ok {
			g.stamps[r.partition] = l.times.stamp(r.partition)
			g.next[r.partition] = l.parts[r.partition].next
		}
	}
	return g
}

// commit puts the group on disk. The offsets go up in g.next.
func (l *Log) commit(g *group) error {
	db := l.chain.active().db
	err := boltfile.Guard(db.Path(), func() error {
		return db.Update(func(tx *bolt.Tx) error {
			for _, r := range g.requests {
				b := tx.Bucket(partitionName(r.partition))
				if b == nil {
					return boltfile.Damaged(db.Path(), boltfile.ErrCorrupt, fmt.Errorf("partition %d is missing", r.partition))
				}
				b.FillPercent = 1 // keys only ever rise
				for _, value := range r.values {
					offset := g.next[r.partition]
					seal(value, r.partition, offset, g.stamps[r.partition])
					if err := b.Put(binary.BigEndian.AppendUint64(nil, offset), value); err != nil {
						return err
					}
					g.next[r.partition]++
				}
			}
			return nil
		})
	})
	if err != nil {
		return fmt.Errorf("append to %s: %w", db.Path(), err)
	}
	return nil
}

// settle makes the outcome of a group known.
func (l *Log) settle(g *group, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for p := range g.stamps {
		l.times.landed(p)
		if err == nil {
			l.parts[p].next = g.next[p]
			close(l.parts[p].wake)
			l.parts[p].wake = make(chan struct{})
		}
	}
	if err == nil {
		l.stats.Flushes++
		l.stats.Records += uint64(g.records)
		l.stats.Bytes += uint64(g.bytes - valueHead*g.records)
	} else if !outOfSpace(err) && l.broken == nil {
		// After a flush that went wrong nobody knows what the disk holds.
		l.broken = fmt.Errorf("the log has to be opened again: %w", err)
	}
	l.stats.Queued -= g.bytes
	close(l.space)
	l.space = make(chan struct{})
}

// outOfSpace reports whether err goes away when there is room again.
func outOfSpace(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) || errors.Is(err, syscall.EFBIG) ||
		errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE)
}

// rollIfFull begins a new segment if the active one has reached its size.
func (l *Log) rollIfFull() error {
	s := l.chain.active()
	var size int64
	err := boltfile.Guard(s.path, func() error {
		return s.db.View(func(tx *bolt.Tx) error {
			size = tx.Size()
			return nil
		})
	})
	if err != nil || size < int64(l.options.SegmentBytes) {
		return err
	}
	return l.roll()
}

// roll begins a new segment and makes it the active one.
func (l *Log) roll() error {
	index := uint64(1)
	if l.chain.length() > 0 {
		index = l.chain.active().index + 1
	}
	l.mu.Lock()
	head := make([]base, len(l.parts))
	for i := range head {
		head[i] = base{offset: l.parts[i].next, last: l.times.parts[i].last}
	}
	l.mu.Unlock()
	path := segmentPath(l.chain.dir, index)
	db, err := openWritable(path, l.options.SegmentBytes, true, l.options.Logger)
	if err != nil {
		return fmt.Errorf("begin segment: %w", err)
	}
	if err := begin(db, head); err != nil {
		return errors.Join(fmt.Errorf("begin segment %s: %w", path, err), db.Close())
	}
	l.chain.push(&segment{index: index, path: path, head: head, db: db})
	return nil
}

func (l *Log) runTrims() {
	l.mu.Lock()
	trims := l.trims
	l.trims = nil
	for _, t := range trims {
		p := &l.parts[t.partition]
		p.first = max(p.first, min(t.before, p.next))
	}
	l.mu.Unlock()
	if len(trims) == 0 {
		return
	}
	// First the horizon, then the files: a crash in between leaves files that
	// nobody wants, not readers that find nothing.
	err := l.renew()
	if err == nil {
		err = l.chain.trim(l.firsts())
	}
	for _, t := range trims {
		t.done <- err
	}
}

func (l *Log) renewalDue() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return !l.shut && l.times.due()
}

// renew writes the state with a new promise and puts that in force.
func (l *Log) renew() error {
	l.mu.Lock()
	promise, span := l.times.proposal()
	s := l.state()
	l.mu.Unlock()
	s.promise = promise
	if err := saveState(l.meta, s); err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.times.keep(promise, span)
	return nil
}

// state describes the log as it is now. Log.mu is held.
func (l *Log) state() state {
	s := state{promise: l.times.promise, parts: make([]partitionState, len(l.parts))}
	for i, p := range l.parts {
		s.parts[i] = partitionState{first: p.first, next: p.next, closed: l.times.parts[i].closed}
	}
	return s
}

// finish answers whoever still waits and closes the files.
func (l *Log) finish() error {
	l.mu.Lock()
	s := l.state()
	s.clean = l.broken == nil
	trims := l.trims
	l.trims = nil
	l.mu.Unlock()
	for _, t := range trims {
		t.done <- ingest.ErrClosed
	}
	return errors.Join(saveState(l.meta, s), l.chain.close(), l.meta.Close())
}
