package edge

import (
	"context"
	"errors"

	"linewatch"
)

// Spool keeps points on disk until the uplink has them. It must be safe for
// one goroutine per source that appends and one that takes out.
type Spool interface {
	// Append stores points of one source in their order, all or none, and
	// returns when they are on disk. It assigns Sequence and Epoch, and does
	// not keep the slice. Any error is retried.
	Append(ctx context.Context, points []linewatch.DataPoint) error
	// Next returns about max of the points and gap records that wait, at least
	// one, in sequence order per source, and fairly between the sources: what
	// waits of one must not hold up the others. It waits for one until ctx
	// ends. Called again before Acknowledge, it begins at the same ones again.
	Next(ctx context.Context, max int) (points []linewatch.DataPoint, err error)
	// Acknowledge lets go of what Next returned last. An error says that the
	// next run may get it again; this one does not.
	Acknowledge() error
}

// CursorSpool is a Spool that marks its places with cursors of type C, as
// edge/spool does.
type CursorSpool[C any] interface {
	Append(ctx context.Context, points []linewatch.DataPoint) error
	Next(ctx context.Context, max int) (points []linewatch.DataPoint, upTo C, err error)
	Acknowledge(upTo C) error
}

// NewSpool returns s as a Spool.
func NewSpool[C any](s CursorSpool[C]) Spool { return &cursorSpool[C]{CursorSpool: s} }

type cursorSpool[C any] struct {
	CursorSpool[C]
	upTo C // of the last Next
}

func (s *cursorSpool[C]) Next(ctx context.Context, max int) (points []linewatch.DataPoint, err error) {
	points, s.upTo, err = s.CursorSpool.Next(ctx, max)
	return points, err
}

func (s *cursorSpool[C]) Acknowledge() error { return s.CursorSpool.Acknowledge(s.upTo) }

// Backlog tells what the spool holds of a source. Neither question may wait
// for the disk.
type Backlog interface {
	// Pending returns how many points are not acknowledged. Points that were
	// lost count until the gap record that says so is acknowledged; gap records
	// do not count themselves.
	Pending(source string) int
	// Oldest returns the lowest timestamp that waits, or an earlier one; false
	// if nothing does.
	Oldest(source string) (linewatch.Time, bool)
}

// Uplink takes blocks of points and heartbeats and returns when they are
// durable beyond this agent. Any error but ErrRefused is retried, with the same
// block. It does not keep the slice.
type Uplink interface {
	Send(ctx context.Context, points []linewatch.DataPoint) error
}

// ErrRefused is wrapped by an Uplink that will never take a block. The agent
// then divides the block until only the points at fault are left, and counts
// these as rejected.
var ErrRefused = errors.New("refused by the uplink")
