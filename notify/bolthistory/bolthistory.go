// Package bolthistory is the durable history of state changes of one machine,
// in one bbolt file, with the cursors of those who follow it.
//
// It owns what is stored, in which order, and for how long. What a change means
// to an operator is not its business.
package bolthistory

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"

	"linewatch"
	"linewatch/internal/boltfile"
	"linewatch/notify"
)

// Layout, one bbolt bucket per line; ordinals are 8 bytes, big-endian:
//
//	history    "format"
//	log        ordinal -> record, see record.go
//	kept       ordinal -> record: too old for the log, but an instance's current state
//	ids        change id -> ordinal
//	instances  rule, equipment, seq, id (ordered, see instanceKey) -> ordinal
//	current    rule, equipment -> ordinal and seq of the newest live change
//	cursors    name -> ordinal
const format = "linewatch history 1"

var (
	historyName   = []byte("history")
	formatKey     = []byte("format")
	logName       = []byte("log")
	keptName      = []byte("kept")
	idsName       = []byte("ids")
	instancesName = []byte("instances")
	currentName   = []byte("current")
	cursorsName   = []byte("cursors")
)

// What calls may return, to be matched with errors.Is.
var (
	// ErrClosed: the history was closed.
	ErrClosed = errors.New("history is closed")
	// ErrCorrupt: a stored change fails its checksum or cannot be read.
	ErrCorrupt = errors.New("history is damaged")
)

// Options says what is kept. The current state of an instance is kept in any
// case.
type Options struct {
	MaxChanges uint64           // most changes kept; 0: 1,000,000
	MaxAge     time.Duration    // changes stored longer ago leave, but for the newest; 0: no limit
	Now        func() time.Time // nil: time.Now
	Logger     *slog.Logger     // hears of damage that could be made up for; nil: slog.Default
}

// History is a history file. Its methods may be called concurrently.
type History struct {
	db     *bbolt.DB
	path   string
	o      Options
	counts counters

	mu     sync.Mutex
	closed bool
	broken error         // damage that was met while writing: nothing is written any more
	last   uint64        // newest ordinal
	more   chan struct{} // closed when last rises or the history is closed
}

var (
	_ notify.Source  = (*History)(nil)
	_ notify.Cursors = (*History)(nil)
)

type counters struct {
	appended, duplicate, diverged, trimmed atomic.Uint64
}

// Stats are the accounts since the history was opened.
type Stats struct {
	Appended  uint64 // changes stored
	Duplicate uint64 // appended again with the same bytes: no effect
	Diverged  uint64 // appended again with other canonical bytes: the first stayed
	Trimmed   uint64 // left because of their age or number
}

// Open opens the history in the file at path and creates it when there is
// none. A file that is damaged, that another process has open or that is no
// history is an error that says what to do.
func Open(path string, o Options) (*History, error) {
	if o.MaxChanges == 0 {
		o.MaxChanges = 1_000_000
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	db, err := boltfile.Open(path, boltfile.Options{Logger: o.Logger})
	if err != nil {
		return nil, fmt.Errorf("open history: %w", err)
	}
	h := &History{db: db, path: path, o: o, more: make(chan struct{})}
	if err := h.guarded(db.Update, h.prepare); err != nil {
		return nil, errors.Join(fmt.Errorf("open history %s: %w", path, err), db.Close())
	}
	return h, nil
}

func (h *History) prepare(tx *bbolt.Tx) error {
	b, err := tx.CreateBucketIfNotExists(historyName)
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
	for _, name := range [][]byte{logName, keptName, idsName, instancesName, currentName, cursorsName} {
		if _, err := tx.CreateBucketIfNotExists(name); err != nil {
			return err
		}
	}
	h.last = tx.Bucket(logName).Sequence()
	return nil
}

// Close ends all waiting and closes the file. A second Close does nothing.
func (h *History) Close() error {
	h.mu.Lock()
	if !h.closed {
		h.closed = true
		close(h.more)
	}
	h.mu.Unlock()
	return h.db.Close()
}

// Stats returns the accounts.
func (h *History) Stats() Stats {
	return Stats{
		Appended: h.counts.appended.Load(), Duplicate: h.counts.duplicate.Load(),
		Diverged: h.counts.diverged.Load(), Trimmed: h.counts.trimmed.Load(),
	}
}

// Append stores changes, all or none; when it returns nil they are on disk. A
// change whose id is stored already has no effect: with the same canonical
// bytes it is a repetition, with others it is counted as diverged.
func (h *History) Append(ctx context.Context, changes []linewatch.StateChange) error {
	if err := ctx.Err(); err != nil || len(changes) == 0 {
		return err
	}
	var a appender
	err := h.update(func(tx *bbolt.Tx) error {
		a = appender{tx: tx, log: tx.Bucket(logName), now: h.o.Now()}
		a.log.FillPercent = 1 // ordinals only grow
		for i := range changes {
			if err := a.add(&changes[i]); err != nil {
				return fmt.Errorf("change %q: %w", changes[i].ID, err)
			}
		}
		return a.trim(h.o, 64+2*len(changes))
	})
	if err != nil {
		return fmt.Errorf("append to history: %w", translate(err))
	}
	h.counts.appended.Add(a.appended)
	h.counts.duplicate.Add(a.duplicate)
	h.counts.diverged.Add(a.diverged)
	h.counts.trimmed.Add(a.trimmed)
	h.announce(a.last)
	return nil
}

// announce wakes those who wait for entries.
func (h *History) announce(last uint64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if last <= h.last || h.closed {
		return
	}
	h.last = last
	close(h.more)
	h.more = make(chan struct{})
}

// Wait implements notify.Source.
func (h *History) Wait(ctx context.Context, ordinal uint64) error {
	for {
		h.mu.Lock()
		last, more, closed := h.last, h.more, h.closed
		h.mu.Unlock()
		switch {
		case closed:
			return ErrClosed
		case last > ordinal:
			return nil
		}
		select {
		case <-more:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Last implements notify.Source.
func (h *History) Last(context.Context) (uint64, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.last, nil
}

// Cursor implements notify.Cursors.
func (h *History) Cursor(ctx context.Context, name string) (ordinal uint64, err error) {
	err = h.view(ctx, func(tx *bbolt.Tx) error {
		if v := tx.Bucket(cursorsName).Get([]byte(name)); len(v) == 8 {
			ordinal = binary.BigEndian.Uint64(v)
		}
		return nil
	})
	return ordinal, err
}

// SetCursor implements notify.Cursors.
func (h *History) SetCursor(ctx context.Context, name string, ordinal uint64) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	err := h.update(func(tx *bbolt.Tx) error {
		return tx.Bucket(cursorsName).Put([]byte(name), ordinalKey(ordinal))
	})
	if err != nil {
		return fmt.Errorf("store cursor %q: %w", name, translate(err))
	}
	return nil
}

func (h *History) view(ctx context.Context, read func(*bbolt.Tx) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := h.guarded(h.db.View, read); err != nil {
		return fmt.Errorf("read history: %w", translate(err))
	}
	return nil
}

// update writes, until damage is met: to go on might write over what is sound.
func (h *History) update(write func(*bbolt.Tx) error) error {
	h.mu.Lock()
	err := h.broken
	h.mu.Unlock()
	if err != nil {
		return err
	}
	err = h.guarded(h.db.Update, write)
	if errors.Is(err, boltfile.ErrCorrupt) {
		h.mu.Lock()
		h.broken = err
		h.mu.Unlock()
	}
	return err
}

// guarded turns what bbolt does about damage that the start did not find, a
// panic, into an error with path and remedy.
func (h *History) guarded(transact func(func(*bbolt.Tx) error) error, do func(*bbolt.Tx) error) error {
	err := boltfile.Guard(h.path, func() error { return transact(do) })
	if errors.Is(err, berrors.ErrIncompatibleValue) { // a value where a bucket was, or the other way round
		return boltfile.Damaged(h.path, boltfile.ErrCorrupt, err)
	}
	return err
}

// translate turns bbolt's errors that a caller may meet into ours.
func translate(err error) error {
	if errors.Is(err, berrors.ErrDatabaseNotOpen) {
		return ErrClosed
	}
	return err
}
