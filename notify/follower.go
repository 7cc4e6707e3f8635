package notify

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v5"

	"linewatch"
)

// FollowerOptions says how a Follower works. The zero value of each field but
// Name means its default.
type FollowerOptions struct {
	Name    string        // of its cursor; each target has its own
	Batch   int           // most changes per call of the notifier; 64
	Retry   time.Duration // about how long to wait after a first failure; 250 ms
	Longest time.Duration // about how long to wait after many; 15 s
	Logger  *slog.Logger  // nil: silent
}

func (o FollowerOptions) withDefaults() FollowerOptions {
	if o.Batch <= 0 {
		o.Batch = 64
	}
	if o.Retry <= 0 {
		o.Retry = 250 * time.Millisecond
	}
	if o.Longest <= 0 {
		o.Longest = 15 * time.Second
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o
}

// Follower feeds a notifier from the history: every change in the order of the
// history, again and again until it is acknowledged. It holds one batch in
// memory; what waits, waits in the history.
type Follower struct {
	source  Source
	cursors Cursors
	target  Notifier
	o       FollowerOptions

	mu    sync.Mutex
	stats Stats
}

// Stats are the accounts of a follower since its start.
type Stats struct {
	Cursor    uint64 // ordinal up to which everything is acknowledged or given up
	Published uint64 // changes that the target has acknowledged
	Failed    uint64 // calls of the notifier that failed and are tried again
	Refused   uint64 // changes that can never be delivered and were passed over
	Skipped   uint64 // changes that the history had let go before they were delivered
	Pending   uint64 // changes in the history that are not yet delivered
	LastError string // of the newest failure; empty once deliveries succeed again
}

// NewFollower returns a follower that Run sets going.
func NewFollower(source Source, cursors Cursors, target Notifier, o FollowerOptions) *Follower {
	return &Follower{source: source, cursors: cursors, target: target, o: o.withDefaults()}
}

// Stats returns the accounts, with Pending as of now.
func (f *Follower) Stats(ctx context.Context) (Stats, error) {
	f.mu.Lock()
	s := f.stats
	f.mu.Unlock()
	last, err := f.source.Last(ctx)
	if err != nil {
		return s, fmt.Errorf("follower %s: %w", f.o.Name, err)
	}
	if last > s.Cursor {
		s.Pending = last - s.Cursor
	}
	return s, nil
}

// Run delivers until ctx ends, which is no error. An error means that the
// history or the cursor cannot be read or written. A follower whose cursor is
// not known begins with the oldest change there is.
func (f *Follower) Run(ctx context.Context) error {
	err := f.run(ctx)
	if ctx.Err() != nil {
		return nil
	}
	return fmt.Errorf("follower %s: %w", f.o.Name, err)
}

func (f *Follower) run(ctx context.Context) error {
	cursor, err := f.cursors.Cursor(ctx, f.o.Name)
	if err != nil {
		return err
	}
	f.update(func(s *Stats) { s.Cursor = cursor })
	retry := f.newBackOff()
	for {
		entries, err := f.source.After(ctx, cursor, f.o.Batch)
		if err != nil {
			return err
		}
		if len(entries) == 0 {
			if err := f.source.Wait(ctx, cursor); err != nil {
				return err
			}
			continue
		}
		f.noteSkipped(cursor, entries[0].Ordinal)
		if err := f.deliver(ctx, entries, retry); err != nil {
			return err
		}
		cursor = entries[len(entries)-1].Ordinal
	}
}

func (f *Follower) newBackOff() *backoff.ExponentialBackOff {
	b := backoff.NewExponentialBackOff()
	b.InitialInterval, b.MaxInterval, b.Multiplier = f.o.Retry, f.o.Longest, 2
	b.Reset()
	return b
}

// noteSkipped accounts for entries between the cursor and the oldest one left.
func (f *Follower) noteSkipped(cursor, first uint64) {
	if lost := first - cursor - 1; lost > 0 {
		f.update(func(s *Stats) { s.Skipped += lost })
		f.o.Logger.Warn("changes left the history before they were delivered", "target", f.o.Name, "lost", lost, "first_left", first)
	}
}

// deliver returns when all entries are acknowledged or refused.
func (f *Follower) deliver(ctx context.Context, entries []Entry, retry *backoff.ExponentialBackOff) error {
	changes := make([]linewatch.StateChange, len(entries))
	for i := range entries {
		changes[i] = entries[i].Change
	}
	for done := 0; done < len(entries); {
		n, err := f.target.Notify(ctx, changes[done:])
		if n == 0 && err == nil {
			err = errors.New("the notifier delivered nothing and gave no reason")
		}
		refused, isRefused := errors.AsType[*RefusedError](err)
		passed := n
		if isRefused {
			passed++
		}
		if passed > 0 {
			done += passed
			retry.Reset()
			if err := f.advance(ctx, entries[done-1].Ordinal, n); err != nil {
				return err
			}
		}
		switch {
		case isRefused:
			f.update(func(s *Stats) { s.Refused++ })
			f.o.Logger.Error("change cannot be delivered", "target", f.o.Name, "error", refused)
		case err != nil:
			if err := f.pause(ctx, err, retry.NextBackOff()); err != nil {
				return err
			}
		}
	}
	return nil
}

// advance stores the cursor before it counts, so that what is counted as
// published is never published again.
func (f *Follower) advance(ctx context.Context, ordinal uint64, published int) error {
	if err := f.cursors.SetCursor(ctx, f.o.Name, ordinal); err != nil {
		return err
	}
	f.update(func(s *Stats) {
		s.Cursor = ordinal
		s.Published += uint64(published)
		s.LastError = ""
	})
	return nil
}

// pause waits after a failure.
func (f *Follower) pause(ctx context.Context, failure error, wait time.Duration) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	f.update(func(s *Stats) {
		s.Failed++
		s.LastError = failure.Error()
	})
	f.o.Logger.Warn("delivery is tried again", "target", f.o.Name, "error", failure, "wait_ms", wait.Milliseconds())
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (f *Follower) update(change func(*Stats)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change(&f.stats)
}
