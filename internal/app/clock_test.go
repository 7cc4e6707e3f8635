package app

import (
	"context"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"linewatch"
	"linewatch/edge"
	"linewatch/ui"
)

// testClock is a clock whose machine the test owns.
func testClock(start linewatch.Time, speed float64, wall func() linewatch.Time, passed *time.Duration) *clock {
	return &clock{wall: wall, since: func() time.Duration { return *passed }, start: time.UnixMilli(int64(start)), speed: speed, limit: noLimit}
}

// Setting the machine's clock changes no time, and is noticed.
func TestClockIsNotSet(t *testing.T) {
	for _, speed := range []linewatch.Duration{1, 60} {
		var set linewatch.Duration
		var passed time.Duration
		const start = linewatch.Time(1_000_000_000)
		c := testClock(start, float64(speed), func() linewatch.Time { return start.Add(set + linewatch.Duration(passed.Milliseconds())) }, &passed)
		for _, set = range []linewatch.Duration{0, linewatch.Hour, -linewatch.Hour, -linewatch.Duration(start)} {
			passed += time.Second
			if got, want := c.now(), start.Add(speed*linewatch.Duration(passed.Milliseconds())); got != want || c.stepped() != set {
				t.Errorf("speed %d, set by %v: now %v, want %v; stepped by %v", speed, set, got, want, c.stepped())
			}
		}
	}
}

func TestClockFollows(t *testing.T) {
	const start, crash, later = linewatch.Time(1_000_000_000), linewatch.Time(1_000_002_000), linewatch.Time(1_000_005_000)
	for _, test := range []struct {
		name             string
		speed            float64
		recorded, latest linewatch.Time
		want             linewatch.Time
	}{
		{"the first run", 1, linewatch.NoTime, linewatch.NoTime, start},
		{"after a run", 1, start - 1, start - 1, start},
		{"after a crash the logs are a little ahead", 1, start - 1, crash, start},
		{"after a power cut the machine's clock is a little behind", 1, start - 1, later, later},
		{"the machine's clock was set back, and no time was recorded", 1, linewatch.NoTime, start.Add(linewatch.Hour), start.Add(linewatch.Hour)},
		{"the machine's clock was set back", 1, later, later, later},
		{"after a fast run", 1, later, start, later},
		{"after a fast run that crashed", 1, later, later + 9, later + 9},
		{"a fast run after a crash", 60, linewatch.NoTime, later, later},
		{"the first run is fast", 60, linewatch.NoTime, linewatch.NoTime, start},
	} {
		var passed time.Duration
		c := testClock(start, test.speed, func() linewatch.Time { return start }, &passed)
		c.follow(test.recorded, linewatch.NoTime)
		c.follow(test.recorded, test.latest)
		if got := c.now(); got != test.want || c.stepped() != 0 {
			t.Errorf("%s: %d, want %d; stepped by %v", test.name, got, test.want, c.stepped())
		}
	}
}

// Whatever the machine's clock shows at the start or is set to, time goes on by
// itself, and what is known to be wrong with it is told.
func TestWrongClockIsTold(t *testing.T) {
	const day = linewatch.Time(1_795_000_000_000) // in 2026
	for _, test := range []struct {
		name        string
		start, last linewatch.Time
		set         linewatch.Duration // after the start
		want        string             // in what is told; empty: nothing
	}{
		{"right", day, day - 1, 0, ""},
		{"set by little", day, day - 1, 2 * linewatch.Second, ""},
		{"dead at the first boot", 0, linewatch.NoTime, 0, "was never set"},
		{"dead at a later boot", 0, day, 0, "stood behind the last run"},
		{"dead and set right meanwhile", 0, day, day.Sub(0), ""},
		{"set an hour ahead", day, linewatch.NoTime, linewatch.Hour, "1h behind the machine's clock"},
		{"set back by an hour", day, linewatch.NoTime, -linewatch.Hour, "1h ahead of the machine's clock"},
		{"set to 1970", day, linewatch.NoTime, linewatch.Time(0).Sub(day), "which was set"},
		{"set to 2106", day, linewatch.NoTime, linewatch.Time(4_294_967_296_000).Sub(day), "behind the machine's clock"},
	} {
		for _, speed := range []float64{1, 60} {
			var passed time.Duration
			set := linewatch.Duration(0)
			wall := func() linewatch.Time { return test.start.Add(set + linewatch.Duration(passed.Milliseconds())) }
			c := testClock(test.start, speed, wall, &passed)
			c.follow(max(test.last, earliest), linewatch.NoTime)
			before := c.now()
			set, passed = test.set, time.Second
			if got := c.now().Sub(before); got != linewatch.Duration(speed)*linewatch.Second || before < earliest {
				t.Errorf("%s, speed %v: time went on by %v from %v", test.name, speed, got, before)
			}
			want := test.want
			if speed > 1 {
				want = ""
			}
			got := c.trouble()
			if !strings.Contains(got, want) || (got == "") != (want == "") || c.unsynced() != (want != "") {
				t.Errorf("%s, speed %v: told %q, want %q", test.name, speed, got, want)
			}
		}
	}
}

// A machine that cannot keep up slows the time of a simulation down, by which
// nothing jumps and no source falls silent.
func TestTimeWaitsForTheEdge(t *testing.T) {
	var passed time.Duration
	const start = linewatch.Time(1_000_000_000)
	c := testClock(start, 60, nil, &passed)
	c.heard()
	for _, step := range []struct {
		real  time.Duration
		heard bool
		want  linewatch.Duration
	}{
		{50 * time.Millisecond, true, 3 * linewatch.Second},
		{100 * time.Millisecond, false, 8 * linewatch.Second}, // not 9
		{time.Hour, false, 8 * linewatch.Second},
		{0, true, 8 * linewatch.Second},
		{10 * time.Millisecond, false, 8600},
	} {
		passed += step.real
		if got := c.now().Sub(start); got != step.want {
			t.Errorf("after %v: %v, want %v", passed, got, step.want)
		}
		if step.heard {
			c.heard()
		}
	}
	c.silent()
	if passed += time.Second; c.now().Sub(start) != 8600+linewatch.Minute {
		t.Errorf("after the edge has ended time is %v", c.now().Sub(start))
	}
}

// However often it is killed or stopped, at whatever speeds and with whatever
// the machine's clock says at the next start, time never goes back.
func TestTimeNeverGoesBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		dir, err := os.MkdirTemp("", "clock")
		if err != nil {
			t.Fatal(err)
		}
		defer os.RemoveAll(dir)
		data := &dataDir{path: dir}
		log := slog.New(slog.DiscardHandler)
		wall, newest := linewatch.Time(1_000_000_000_000), linewatch.NoTime
		for range rapid.IntRange(2, 4).Draw(t, "lives") {
			var passed time.Duration
			speed := rapid.SampledFrom([]float64{1, 1, 1.5, 60, 1000}).Draw(t, "speed")
			c := testClock(wall, speed, func() linewatch.Time { return wall }, &passed)
			a := &App{clock: c, data: data, o: Options{Log: log}}
			c.follow(data.recordedTime(log), linewatch.NoTime)
			if c.now() < newest {
				t.Fatalf("time went back from %v to %v", newest, c.now())
			}
			if !c.faithful() {
				if err := a.recordAhead(); err != nil {
					t.Fatal(err)
				}
			}
			for range rapid.IntRange(0, 2).Draw(t, "seconds") {
				passed += time.Second
				if !c.faithful() {
					if err := a.recordAhead(); err != nil {
						t.Fatal(err)
					}
				}
			}
			passed += time.Duration(rapid.IntRange(0, 999).Draw(t, "rest")) * time.Millisecond
			newest = c.now()
			wall = wall.Add(linewatch.Duration(passed.Milliseconds()))
			if rapid.Bool().Draw(t, "in good order") {
				if err := a.closeClock(); err != nil {
					t.Fatal(err)
				}
				wall = wall.Add(-linewatch.Duration(rapid.IntRange(0, 3600).Draw(t, "set back")) * linewatch.Second)
			}
			wall = wall.Add(linewatch.Duration(rapid.IntRange(0, 3600).Draw(t, "stopped")) * linewatch.Second)
		}
	})
}

// A record that cannot be read is passed over: the logs know the time, too.
func TestDamagedClockRecord(t *testing.T) {
	for _, text := range []string{"", "none\n", "yesterday", "\x00\x00\x00"} {
		data := &dataDir{path: t.TempDir()}
		if err := os.WriteFile(data.file(clockFile), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		var said strings.Builder
		if got := data.recordedTime(slog.New(slog.NewTextHandler(&said, nil))); got.Known() || !strings.Contains(said.String(), clockFile) {
			t.Errorf("%q was read as %v; said %q", text, got, said.String())
		}
	}
}

// Edge and logs have one clock, wherever it stands: nothing is late or ahead.
func TestOneClock(t *testing.T) {
	for name, off := range map[string]linewatch.Duration{"behind": -linewatch.Hour, "ahead": linewatch.Hour} {
		t.Run(name, func(t *testing.T) {
			c := DefaultConfig()
			c.Data, c.HTTP, c.MQTT.Embedded = t.TempDir(), "127.0.0.1:0", "127.0.0.1:0"
			at := newClock(1)
			at.start = at.start.Add(off.Std())
			a, err := New(t.Context(), Options{Config: c, Simulate: true, Seed: 1, Exact: true, Log: slog.New(slog.DiscardHandler), clock: at})
			if err != nil {
				t.Fatal(err)
			}
			defer a.Close()
			everyPointIsJudged(t, a)
		})
	}
}

// everyPointIsJudged runs until points are judged and expects that all are.
func everyPointIsJudged(t *testing.T, a *App) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	var watcher sync.WaitGroup
	defer watcher.Wait()
	defer cancel()
	watcher.Go(func() {
		for ctx.Err() == nil && !slices.ContainsFunc(a.Status().Domains, func(d ui.Domain) bool { return d.Processed > 0 }) {
			time.Sleep(20 * time.Millisecond)
		}
		cancel()
	})
	var r Report
	if err := a.Run(ctx, func(got Report) { r = got }); err != nil {
		t.Fatal(err)
	}
	if !r.Balanced || r.Processed == 0 || r.Late+r.Quarantined > 0 {
		t.Errorf("not every point was judged: %+v", r)
	}
}

// A machine whose clock is dead at its first boot is read and judged all the
// same: the times are not the true ones, and every point says so.
func TestDeadClock(t *testing.T) {
	var said strings.Builder
	c := DefaultConfig()
	c.Data, c.HTTP, c.MQTT.Embedded = t.TempDir(), "127.0.0.1:0", "127.0.0.1:0"
	begun := time.Now()
	at := newClock(1)
	at.start = time.UnixMilli(0)
	at.wall = func() linewatch.Time { return linewatch.Time(time.Since(begun).Milliseconds()) }
	taken := &flagUplink{}
	a, err := New(t.Context(), Options{
		Config: c, Simulate: true, Seed: 1, Exact: true, Log: slog.New(slog.NewTextHandler(&said, nil)), clock: at,
		Uplink: func(up edge.Uplink) edge.Uplink { taken.Uplink = up; return taken },
	})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	told := a.Status().Edge.ClockError
	everyPointIsJudged(t, a)
	if err := a.Close(); err != nil {
		t.Error(err)
	}
	if !strings.Contains(told, "was never set") || !strings.Contains(said.String(), "the machine's clock was never set") {
		t.Errorf("the page says %q, the log %s", told, &said)
	}
	if taken.marked == 0 || taken.unmarked > 0 {
		t.Errorf("%d points with times of ours are marked, %d are not", taken.marked, taken.unmarked)
	}
}

// flagUplink counts points with assigned times.
type flagUplink struct {
	edge.Uplink
	marked, unmarked int
}

// Send implements edge.Uplink.
func (u *flagUplink) Send(ctx context.Context, points []linewatch.DataPoint) error {
	for i := range points {
		switch f := points[i].Flags; {
		case f.Has(linewatch.Assigned | linewatch.Unsynced):
			u.marked++
		case f.Has(linewatch.Assigned), f.Has(linewatch.Unsynced):
			u.unmarked++
		}
	}
	return u.Uplink.Send(ctx, points)
}

func TestClockDoesNotLagByARest(t *testing.T) {
	passed := 200 * time.Microsecond
	c := testClock(0, 1, nil, &passed)
	c.start = time.UnixMicro(1000_900)
	if got := c.now(); got != 1001 {
		t.Errorf("0.2 ms after 1000.9 ms it is %d, want 1001", got)
	}
}
