package edge

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cenkalti/backoff/v5"

	"linewatch"
)

// trouble is the state of something that is retried until it works. It logs
// once when the trouble begins and once when it is over.
type trouble struct {
	what     string
	log      *slog.Logger
	failures atomic.Uint64

	mu  sync.Mutex
	now string // the error that is being retried
}

func (t *trouble) note(err error) {
	t.failures.Add(1)
	t.mu.Lock()
	begins := t.now == ""
	t.now = err.Error()
	t.mu.Unlock()
	if begins {
		t.log.Warn(t.what+" fails and is retried", "error", err)
	}
}

func (t *trouble) over() {
	t.mu.Lock()
	ends := t.now != ""
	t.now = ""
	t.mu.Unlock()
	if ends {
		t.log.Info(t.what + " works again")
	}
}

func (t *trouble) current() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.now
}

// The pauses between attempts, before jitter.
const (
	firstPause = 100 * time.Millisecond
	mostPause  = 5 * time.Second
)

// retry calls operation until it succeeds, ctx ends or it returns an error for
// which retrying is useless, which is returned.
func (t *trouble) retry(ctx context.Context, operation func() error) error {
	pauses := backoff.NewExponentialBackOff()
	pauses.InitialInterval, pauses.MaxInterval, pauses.Multiplier = firstPause, mostPause, 2
	_, err := backoff.Retry(ctx, func() (struct{}, error) {
		err := operation()
		if errors.Is(err, ErrRefused) {
			return struct{}{}, backoff.Permanent(err)
		}
		return struct{}{}, err
	}, backoff.WithBackOff(pauses), backoff.WithMaxElapsedTime(0),
		backoff.WithNotify(func(err error, _ time.Duration) { t.note(err) }))
	if err == nil || errors.Is(err, ErrRefused) {
		t.over()
	}
	return err
}

// store writes to the spool, retrying while it fails, so that a full or broken
// disk stops the reading and not the agent.
type store struct {
	spool   Spool
	trouble *trouble
}

func (s *store) append(ctx context.Context, points []linewatch.DataPoint) error {
	return s.trouble.retry(ctx, func() error { return s.spool.Append(ctx, points) })
}

func sleep(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}
