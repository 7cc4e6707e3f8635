package app

import (
	"context"
	"time"
)

const (
	settleTimeout = 10 * time.Second
	settlePoll    = 20 * time.Millisecond
)

// settle waits until what is in the log was judged, published and delivered;
// it returns false if that took too long.
func (a *App) settle(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, settleTimeout)
	defer cancel()
	upTo := a.settleTime()
	if upTo > a.clock.now().Add(a.clock.scaled(settleTimeout)) {
		a.o.Log.Warn("the clock is behind the log: the newest records are judged by a later run", "log", upTo.String())
		return false
	}
	return waitUntil(ctx, func() bool {
		ok, err := a.host.Drained(ctx, upTo)
		return err == nil && ok
	}) && waitUntil(ctx, func() bool {
		s, err := a.follower.Stats(ctx)
		return err == nil && (s.Pending == 0 || !a.notifier.Stats().Connected)
	})
}

func waitUntil(ctx context.Context, done func() bool) bool {
	tick := time.NewTicker(settlePoll)
	defer tick.Stop()
	for !done() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return false
		}
	}
	return true
}
