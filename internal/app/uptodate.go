package app

import (
	"context"
	"errors"
	"time"

	"linewatch/rules/host"
)

// takeTimeout bounds how long a question waits for what was published before
// it. An engine that is behind then answers as it stands.
const takeTimeout = time.Second

// upToDate waits until the engine has taken all that was published so far, so
// that whoever publishes a rule and then asks for it is told of it.
func (a *App) upToDate(ctx context.Context) {
	written := a.control.written.Load()
	if a.control.taken.Load() >= written {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, takeTimeout)
	defer cancel()
	upTo := a.controlLog.Latest()
	var judged bool
	waitUntil(ctx, func() bool {
		ok, err := a.host.Judged(ctx, upTo)
		judged = err == nil && ok
		return judged || errors.Is(err, host.ErrStopped)
	})
	if judged {
		a.control.took(written)
	}
}

// took notes that the engine has the first n records. Of two that say so at
// the same time the one that knows less must not win.
func (c *control) took(n uint64) {
	for {
		old := c.taken.Load()
		if old >= n || c.taken.CompareAndSwap(old, n) {
			return
		}
	}
}
