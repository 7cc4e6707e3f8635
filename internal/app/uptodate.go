package app

import (
	"context"
	"time"
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
	if waitUntil(ctx, func() bool {
		ok, err := a.host.Judged(ctx, upTo)
		return err == nil && ok
	}) {
		a.control.taken.Store(written)
	}
}
