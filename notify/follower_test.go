package notify

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"linewatch"
)

// fakeHistory is a history in memory.
type fakeHistory struct {
	mu      sync.Mutex
	entries []Entry
	more    chan struct{}
	cursor  uint64
	stored  []uint64 // every cursor that was set
}

func newFakeHistory() *fakeHistory { return &fakeHistory{more: make(chan struct{})} }

func (h *fakeHistory) add(ordinals ...uint64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, o := range ordinals {
		h.entries = append(h.entries, Entry{Ordinal: o, Change: linewatch.StateChange{ID: fmt.Sprint(o)}})
	}
	close(h.more)
	h.more = make(chan struct{})
}

func (h *fakeHistory) After(_ context.Context, ordinal uint64, limit int) (list []Entry, _ error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, e := range h.entries {
		if e.Ordinal > ordinal && len(list) < limit {
			list = append(list, e)
		}
	}
	return list, nil
}

func (h *fakeHistory) Wait(ctx context.Context, ordinal uint64) error {
	for {
		h.mu.Lock()
		more := h.more
		h.mu.Unlock()
		if last, _ := h.Last(ctx); last > ordinal {
			return nil
		}
		select {
		case <-more:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (h *fakeHistory) Last(context.Context) (uint64, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.entries) == 0 {
		return 0, nil
	}
	return h.entries[len(h.entries)-1].Ordinal, nil
}

func (h *fakeHistory) Cursor(context.Context, string) (uint64, error) { return h.cursor, nil }

func (h *fakeHistory) SetCursor(_ context.Context, _ string, ordinal uint64) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.cursor = ordinal
	h.stored = append(h.stored, ordinal)
	return nil
}

// script answers the calls of Notify one after the other, then accepts all.
type script struct {
	calls     [][]string
	at        []time.Duration
	start     time.Time
	delivered []string
	answers   []func(n int) (int, error)
}

func (s *script) Notify(_ context.Context, changes []linewatch.StateChange) (int, error) {
	var ids []string
	for _, c := range changes {
		ids = append(ids, c.ID)
	}
	s.calls = append(s.calls, ids)
	s.at = append(s.at, time.Since(s.start))
	n, err := len(changes), error(nil)
	if len(s.answers) > 0 {
		n, err = s.answers[0](n)
		s.answers = s.answers[1:]
	}
	s.delivered = append(s.delivered, ids[:n]...)
	return n, err
}

// follow runs a follower for some virtual time and returns its accounts.
func follow(t *testing.T, h *fakeHistory, target *script, o FollowerOptions, d time.Duration, during func()) Stats {
	t.Helper()
	target.start = time.Now()
	f := NewFollower(h, h, target, o)
	ctx, cancel := context.WithCancel(t.Context())
	result := make(chan error, 1)
	go func() { result <- f.Run(ctx) }()
	synctest.Wait()
	if during != nil {
		during()
	}
	time.Sleep(d)
	synctest.Wait()
	stats, err := f.Stats(ctx)
	if err != nil {
		t.Error(err)
	}
	cancel()
	if err := <-result; err != nil {
		t.Errorf("run: %v", err)
	}
	return stats
}

func fail(after int) func(int) (int, error) {
	return func(int) (int, error) { return after, errors.New("broker is away") }
}

func TestDeliversInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, target := newFakeHistory(), &script{}
		h.add(1, 2, 3)
		stats := follow(t, h, target, FollowerOptions{Name: "mqtt", Batch: 2}, time.Second, func() { h.add(4, 5) })
		if diff := cmp.Diff([]string{"1", "2", "3", "4", "5"}, target.delivered); diff != "" {
			t.Errorf("delivered (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff(Stats{Cursor: 5, Published: 5}, stats); diff != "" {
			t.Errorf("stats (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff([]uint64{2, 3, 5}, h.stored); diff != "" {
			t.Errorf("cursors (-want +got):\n%s", diff)
		}
	})
}

func TestGoesOnFromItsCursor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, target := newFakeHistory(), &script{}
		h.add(1, 2, 3)
		h.cursor = 2
		follow(t, h, target, FollowerOptions{}, time.Second, nil)
		if diff := cmp.Diff([]string{"3"}, target.delivered); diff != "" {
			t.Errorf("delivered (-want +got):\n%s", diff)
		}
	})
}

func TestTriesAgainWithBackOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, target := newFakeHistory(), &script{}
		h.add(1, 2, 3)
		for range 40 {
			target.answers = append(target.answers, fail(0))
		}
		stats := follow(t, h, target, FollowerOptions{Retry: time.Second, Longest: 10 * time.Second}, 2*time.Minute, nil)
		if stats.Pending != 3 || stats.Failed != uint64(len(target.calls)) || stats.LastError != "broker is away" || stats.Published != 0 {
			t.Errorf("while the broker is away: %+v after %d calls", stats, len(target.calls))
		}
		for i := 1; i < len(target.at); i++ {
			lowest, highest := min(time.Second<<(i-1), 10*time.Second)/2, min(time.Second<<(i-1), 10*time.Second)*3/2
			if wait := target.at[i] - target.at[i-1]; i < 5 && wait < lowest || wait > highest+time.Millisecond {
				t.Errorf("wait %d is %v, want about %v to %v", i, wait, lowest, highest)
			}
		}
		if len(target.calls) < 8 || len(target.calls) > 30 {
			t.Errorf("%d calls in two minutes", len(target.calls))
		}
		target.answers = nil
		stats = follow(t, h, target, FollowerOptions{}, time.Second, nil)
		if stats.Pending != 0 || stats.Published != 3 {
			t.Errorf("after its return: %+v", stats)
		}
	})
}

func TestPartialDelivery(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, target := newFakeHistory(), &script{answers: []func(int) (int, error){fail(2), fail(0), fail(1)}}
		h.add(1, 2, 3, 4)
		stats := follow(t, h, target, FollowerOptions{}, time.Minute, nil)
		want := [][]string{{"1", "2", "3", "4"}, {"3", "4"}, {"3", "4"}, {"4"}}
		if diff := cmp.Diff(want, target.calls); diff != "" {
			t.Errorf("calls (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff([]uint64{2, 3, 4}, h.stored); diff != "" {
			t.Errorf("cursors: never beyond what is acknowledged (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff(Stats{Cursor: 4, Published: 4, Failed: 3}, stats); diff != "" {
			t.Errorf("stats (-want +got):\n%s", diff)
		}
	})
}

func TestRefusedIsPassedOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		refuse := func(int) (int, error) {
			return 1, fmt.Errorf("mqtt: %w", &RefusedError{ID: "2", Err: errors.New("too long")})
		}
		h, target := newFakeHistory(), &script{answers: []func(int) (int, error){refuse}}
		h.add(1, 2, 3)
		stats := follow(t, h, target, FollowerOptions{}, time.Minute, nil)
		if diff := cmp.Diff([]string{"1", "3"}, target.delivered); diff != "" {
			t.Errorf("delivered (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff(Stats{Cursor: 3, Published: 2, Refused: 1}, stats); diff != "" {
			t.Errorf("stats (-want +got):\n%s", diff)
		}
	})
}

func TestSkippedAreCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, target := newFakeHistory(), &script{}
		h.cursor = 4
		h.add(11, 12)
		stats := follow(t, h, target, FollowerOptions{}, time.Second, nil)
		if diff := cmp.Diff(Stats{Cursor: 12, Published: 2, Skipped: 6}, stats); diff != "" {
			t.Errorf("stats (-want +got):\n%s", diff)
		}
	})
}

type brokenCursors struct{ fakeHistory }

func (*brokenCursors) SetCursor(context.Context, string, uint64) error {
	return errors.New("disk full")
}

func TestHistoryErrorEndsRun(t *testing.T) {
	h := &brokenCursors{*newFakeHistory()}
	h.add(1)
	err := NewFollower(h, h, &script{}, FollowerOptions{Name: "mqtt"}).Run(t.Context())
	if err == nil || err.Error() != "follower mqtt: disk full" {
		t.Errorf("got %v", err)
	}
}

func TestProgressShortensTheWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, target := newFakeHistory(), &script{}
		h.add(1, 2, 3)
		for range 6 {
			target.answers = append(target.answers, fail(0))
		}
		target.answers = append(target.answers, fail(1))
		follow(t, h, target, FollowerOptions{Retry: time.Second, Longest: time.Minute}, 10*time.Minute, nil)
		if wait := target.at[7] - target.at[6]; wait > 1500*time.Millisecond {
			t.Errorf("after a delivery the wait is still %v", wait)
		}
	})
}
