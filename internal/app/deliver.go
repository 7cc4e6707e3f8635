package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"linewatch"
	"linewatch/notify"
)

// mqttFollower is the name under which the history remembers what was published.
const mqttFollower = "mqtt"

// deliver publishes changes until ctx ends. The broker in this process starts
// empty, so what it is to keep is published again first, without the events.
func (a *App) deliver(ctx context.Context) error {
	if a.broker != nil {
		if err := a.restore(ctx); err != nil && ctx.Err() == nil {
			a.o.Log.Warn("current states and alerts are not in the broker before they change", "error", err)
		}
	}
	return a.follower.Run(ctx)
}

const (
	restoreBatch = 64
	restorePause = time.Second
)

// restore publishes the current state of every instance that was published
// before, the newest last: several rules of a machine share its state topic.
func (a *App) restore(ctx context.Context) error {
	published, err := a.history.Cursor(ctx, mqttFollower)
	if err != nil {
		return err
	}
	entries, err := a.history.Current(ctx)
	if err != nil {
		return fmt.Errorf("restore states: %w", err)
	}
	entries = slices.DeleteFunc(entries, func(e notify.Entry) bool { return e.Ordinal > published })
	slices.SortFunc(entries, func(a, b notify.Entry) int { return cmp.Compare(a.Ordinal, b.Ordinal) })
	changes := make([]linewatch.StateChange, len(entries))
	for i := range entries {
		changes[i] = entries[i].Change
	}
	for len(changes) > 0 {
		n, err := a.notifier.Restore(ctx, changes[:min(len(changes), restoreBatch)])
		if _, refused := errors.AsType[*notify.RefusedError](err); refused {
			n, err = n+1, nil
		}
		changes = changes[n:]
		if err == nil {
			continue
		}
		select {
		case <-time.After(restorePause):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}
