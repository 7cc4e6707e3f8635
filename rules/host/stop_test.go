package host

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"linewatch"
	"linewatch/rules"
	"linewatch/rules/domain"
	"linewatch/watermark"
)

// fullStore waits for room that does not come, as long as its caller does.
type fullStore struct {
	*memoryStore
	room chan struct{}
}

var errFull = errors.New("no space left on device")

func (s fullStore) Commit(ctx context.Context, _ int, _ rules.Commit) error {
	select {
	case <-s.room:
	case <-ctx.Done():
	}
	return errors.Join(ctx.Err(), errFull)
}

// A host whose store waits for ever stops all the same, and says what was not
// kept.
func TestStopDoesNotWaitForTheDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		points, control := oneLine(t, "line-1")
		store := fullStore{newMemoryStore(), make(chan struct{})}
		ctx, stop := context.WithCancel(t.Context())
		h, err := New(ctx, Config{
			Points: points, Control: control, NewDecoder: decoder, Store: store, Outbox: store,
			Publish: func(context.Context, []linewatch.StateChange) error { return nil },
			Domain:  domain.Config{Watermark: watermark.Defaults()}, Logger: slog.New(slog.DiscardHandler),
		})
		if err != nil {
			t.Fatal(err)
		}
		ended := make(chan error, 1)
		go func() { ended <- h.Run(ctx) }()
		time.Sleep(time.Minute)
		stop()
		select {
		case err := <-ended:
			if !errors.Is(err, errFull) || !strings.Contains(err.Error(), "next start") {
				t.Errorf("got %v, want %v", err, errFull)
			}
		case <-time.After(time.Hour):
			t.Error("it does not stop")
			close(store.room)
			<-ended
		}
	})
}

// What ends one worker is told once, and not what it makes of the others.
func TestBrokenStoreIsToldOnce(t *testing.T) {
	points, control, _ := plant(t, 2, 300)
	for commits := range 6 {
		store := newMemoryStore()
		store.left = commits
		if _, err := run(t, points, control, store, false); err == nil || err.Error() != errBroken.Error() {
			t.Errorf("broken behind %d commits: got %q, want %q", commits, err, errBroken)
		}
	}
}
