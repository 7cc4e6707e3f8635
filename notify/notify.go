// Package notify carries state changes from the stored history to whoever
// wants to know of them. It owns the contract of a notifier and the follower
// that feeds one: in order, from where it stopped, again until it succeeds.
//
// It does not own the history (package bolthistory) nor any way of delivery
// (package mqtt and its neighbours).
package notify

import (
	"context"
	"fmt"

	"linewatch"
)

// Notifier delivers changes to one target.
type Notifier interface {
	// Notify delivers changes in their order and returns how many of the
	// leading ones the target has acknowledged. err says why it stopped there:
	// a *RefusedError when the change at that place can never be delivered, so
	// that trying again is useless; anything else is a failure that may pass,
	// and the caller tries again from that change on. A change may reach the
	// target more than once, always with the same id and content.
	//
	// Notify returns soon after ctx ends and within a bounded time in any case.
	Notify(ctx context.Context, changes []linewatch.StateChange) (delivered int, err error)
}

// RefusedError says that a change can never be delivered to a target.
type RefusedError struct {
	ID  string // of the change
	Err error
}

// Error implements error.
func (e *RefusedError) Error() string {
	return fmt.Sprintf("change %s is undeliverable: %v", e.ID, e.Err)
}

// Unwrap returns the reason.
func (e *RefusedError) Unwrap() error { return e.Err }

// Entry is a change with its place in the history of this machine. Ordinals
// begin at 1 and rise by 1; they mean nothing elsewhere.
type Entry struct {
	Ordinal uint64
	Change  linewatch.StateChange
}

// Source is a history that can be followed.
type Source interface {
	// After returns the entries with a higher ordinal, oldest first, at most
	// limit; none when there are none yet. A jump in the ordinals means that the
	// history has let entries go.
	After(ctx context.Context, ordinal uint64, limit int) ([]Entry, error)
	// Wait returns when there is an entry with a higher ordinal, or ctx's error.
	Wait(ctx context.Context, ordinal uint64) error
	// Last returns the highest ordinal given so far; 0 for none.
	Last(ctx context.Context) (uint64, error)
}

// Cursors remember durably how far each follower has come.
type Cursors interface {
	// Cursor returns the ordinal stored under a name; 0 for an unknown one.
	Cursor(ctx context.Context, name string) (uint64, error)
	// SetCursor stores it; when it returns nil it is on disk.
	SetCursor(ctx context.Context, name string, ordinal uint64) error
}
