package app

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"linewatch"
)

// Setting the machine's clock changes no time, and is noticed.
func TestClockIsNotSet(t *testing.T) {
	var set, passed linewatch.Duration
	const start = linewatch.Time(1_000_000_000)
	c := &clock{
		wall: func() linewatch.Time { return start.Add(set + passed) }, since: func() time.Duration { return passed.Std() }, start: start,
	}
	for _, set = range []linewatch.Duration{0, linewatch.Hour, -linewatch.Hour, -linewatch.Duration(start)} {
		passed += linewatch.Second
		if got, want := c.now(), start.Add(passed); got != want || c.stepped() != set {
			t.Errorf("set by %v: now %v, want %v; stepped by %v", set, got, want, c.stepped())
		}
	}
	set = 0
	for _, ahead := range []linewatch.Duration{linewatch.Second, linewatch.Hour} {
		c.follow(c.now().Add(ahead), slog.New(slog.DiscardHandler))
	}
	if got, want := c.now(), start.Add(passed+linewatch.Hour); got != want || c.stepped() != 0 {
		t.Errorf("behind the log: now %v, want %v; stepped by %v", got, want, c.stepped())
	}
}

// Edge and logs have one clock, wherever it stands: nothing is late or ahead.
func TestOneClock(t *testing.T) {
	for name, off := range map[string]linewatch.Duration{"behind": -linewatch.Hour, "ahead": linewatch.Hour} {
		t.Run(name, func(t *testing.T) {
			c := DefaultConfig()
			c.Data, c.HTTP, c.MQTT.Embedded = t.TempDir(), "127.0.0.1:0", "127.0.0.1:0"
			at := newClock()
			at.start = at.start.Add(off)
			a, err := New(t.Context(), Options{Config: c, Simulate: true, Seed: 1, Exact: true, Log: slog.New(slog.DiscardHandler), clock: at})
			if err != nil {
				t.Fatal(err)
			}
			defer a.Close()
			ctx, cancel := context.WithTimeout(t.Context(), 1500*time.Millisecond)
			defer cancel()
			var r Report
			if err := a.Run(ctx, func(got Report) { r = got }); err != nil {
				t.Fatal(err)
			}
			if !r.Balanced || r.Processed == 0 || r.Late+r.Quarantined > 0 {
				t.Errorf("not every point was judged: %+v", r)
			}
		})
	}
}

func TestClockDoesNotLagByARest(t *testing.T) {
	c := &clock{start: 1000, rest: 900 * time.Microsecond, since: func() time.Duration { return 200 * time.Microsecond }}
	if got := c.now(); got != 1001 {
		t.Errorf("0.2 ms after 1000.9 ms it is %d, want 1001", got)
	}
}
