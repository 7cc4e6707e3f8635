package app

import (
	"context"

	"linewatch"
	"linewatch/edge"
	"linewatch/ingest"
	"linewatch/internal/failpoint"
	"linewatch/notify"
	"linewatch/rules"
	"linewatch/rules/boltstore"
)

// The types of this file stand around every step that a crash must not break,
// with a failpoint on either side. Where a step may be repeated, the crash
// after it is the one that repeats it.

// crashSpool is the spool of the agent.
type crashSpool struct{ edge.Spool }

// Append implements edge.Spool.
func (s crashSpool) Append(ctx context.Context, points []linewatch.DataPoint) error {
	failpoint.Hit("before-spool-append")
	err := s.Spool.Append(ctx, points)
	failpoint.Hit("after-spool-append")
	return err
}

// Acknowledge implements edge.Spool.
func (s crashSpool) Acknowledge() error {
	failpoint.Hit("before-spool-acknowledge")
	err := s.Spool.Acknowledge()
	failpoint.Hit("after-spool-acknowledge")
	return err
}

// crashLog is a log that is written: points or control.
type crashLog struct {
	ingest.Log
	before, after string
}

// Append implements ingest.Log.
func (l crashLog) Append(ctx context.Context, partition int, data ...[]byte) error {
	failpoint.Hit(l.before)
	err := l.Log.Append(ctx, partition, data...)
	failpoint.Hit(l.after)
	return err
}

func crashPointsLog(l ingest.Log) ingest.Log {
	return crashLog{l, "before-points-append", "after-points-append"}
}

func crashControlLog(l ingest.Log) ingest.Log {
	return crashLog{l, "before-control-append", "after-control-append"}
}

// crashStore is the state of the engine with its outbox.
type crashStore struct{ *boltstore.Store }

// Commit implements rules.Store.
func (s crashStore) Commit(ctx context.Context, bucket int, c rules.Commit) error {
	failpoint.Hit("before-commit")
	err := s.Store.Commit(ctx, bucket, c)
	failpoint.Hit("after-commit")
	return err
}

// Published implements rules.Outbox.
func (s crashStore) Published(ctx context.Context, bucket int, upTo uint64) error {
	failpoint.Hit("before-published")
	err := s.Store.Published(ctx, bucket, upTo)
	failpoint.Hit("after-published")
	return err
}

// crashPublish stands around the way of changes into the history.
func crashPublish(publish func(context.Context, []linewatch.StateChange) error) func(context.Context, []linewatch.StateChange) error {
	return func(ctx context.Context, changes []linewatch.StateChange) error {
		failpoint.Hit("before-history-append")
		err := publish(ctx, changes)
		failpoint.Hit("after-history-append")
		return err
	}
}

// crashNotifier is the way of changes to the broker.
type crashNotifier struct{ notify.Notifier }

// Notify implements notify.Notifier.
func (n crashNotifier) Notify(ctx context.Context, changes []linewatch.StateChange) (int, error) {
	failpoint.Hit("before-notify")
	delivered, err := n.Notifier.Notify(ctx, changes)
	failpoint.Hit("after-notify")
	return delivered, err
}

// crashCursors is how far the broker has been given the history.
type crashCursors struct{ notify.Cursors }

// SetCursor implements notify.Cursors.
func (c crashCursors) SetCursor(ctx context.Context, name string, ordinal uint64) error {
	failpoint.Hit("before-cursor")
	err := c.Cursors.SetCursor(ctx, name, ordinal)
	failpoint.Hit("after-cursor")
	return err
}
