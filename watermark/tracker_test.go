package watermark_test

import (
	"encoding"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"linewatch"
	"linewatch/watermark"
)

func TestDefaultsAreValid(t *testing.T) {
	if err := watermark.Defaults().Validate(); err != nil {
		t.Error(err)
	}
}

func TestValidateNamesTheField(t *testing.T) {
	for want, spoil := range map[string]func(*watermark.Config){
		"bound -1ms: must be at least 0s":            func(c *watermark.Config) { c.Bound = -1 },
		"idle-timeout 0s: must be at least 1ms":      func(c *watermark.Config) { c.IdleTimeout = 0 },
		"max-future-skew -1ms: must be at least 0s":  func(c *watermark.Config) { c.MaxFutureSkew = -1 },
		"join-grace -1ms: must be at least 0s":       func(c *watermark.Config) { c.JoinGrace = -1 },
		"max-hold -1s: must be at least 0s":          func(c *watermark.Config) { c.MaxHold = -linewatch.Second },
		"catchup 2: must be hold or skip":            func(c *watermark.Config) { c.CatchUp = 2 },
		"on-all-idle 3: must be auto, flush or hold": func(c *watermark.Config) { c.OnAllIdle = 3 },
	} {
		c := watermark.Defaults()
		spoil(&c)
		if err := c.Validate(); err == nil || err.Error() != want {
			t.Errorf("error %v, want %s", err, want)
		}
	}
}

func TestHabitsReadAndWriteTheirNames(t *testing.T) {
	for _, name := range []string{"hold", "skip"} {
		var c watermark.CatchUp
		roundTrip(t, name, &c, &c)
	}
	for _, name := range []string{"auto", "flush", "hold"} {
		var o watermark.OnAllIdle
		roundTrip(t, name, &o, &o)
	}
	if got := watermark.OnAllIdle(7).String(); got != "unknown(7)" {
		t.Errorf("name of no habit: %s", got)
	}
}

func roundTrip(t *testing.T, name string, in encoding.TextUnmarshaler, out encoding.TextMarshaler) {
	t.Helper()
	if err := in.UnmarshalText([]byte(name)); err != nil {
		t.Error(err)
	}
	if got, err := out.MarshalText(); err != nil || string(got) != name {
		t.Errorf("%s became %s, %v", name, got, err)
	}
	if err := in.UnmarshalText([]byte("Skip!")); err == nil || !strings.Contains(err.Error(), "must be") {
		t.Errorf("unknown name: error %v", err)
	}
}

func TestTransitionsComeInOrderAndOnce(t *testing.T) {
	tr := watermark.New(watermark.Config{IdleTimeout: 10})
	a, b, c := tr.Add(0, false), tr.Add(0, true), tr.Add(0, false)
	tr.SetIdle(b) // has never been online
	tr.Point(c, 0, 1, false)
	tr.Point(b, 1, 1, false)
	tr.Heartbeat(a, 2, 1, false)
	tr.Point(c, 3, 1, false)
	tr.Tick(20)
	tr.Point(b, 21, 1, false)
	tr.SetIdle(b)
	tr.SetIdle(b)
	want := []watermark.Transition{{c, true}, {b, true}, {a, true}, {b, false}, {a, false}, {c, false}, {b, true}, {b, false}}
	if diff := cmp.Diff(want, tr.Transitions()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if again := tr.Transitions(); len(again) > 0 {
		t.Errorf("told twice: %v", again)
	}
}

// What Transitions returned stays while new ones happen.
func TestTransitionsSurviveWhatFollows(t *testing.T) {
	tr := watermark.New(watermark.Config{IdleTimeout: 10})
	a, b := tr.Add(0, false), tr.Add(0, false)
	tr.Point(a, 0, 1, false)
	first := tr.Transitions()
	tr.Point(b, 0, 1, false)
	if diff := cmp.Diff([]watermark.Transition{{a, true}}, first); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// A sender with its clock ahead is offline once nothing could be believed for
// idle-timeout, and a quarantined record does not bring it back.
func TestQuarantinedRecordsAreSilence(t *testing.T) {
	tr := watermark.New(watermark.Config{IdleTimeout: 10, MaxFutureSkew: 5})
	a := tr.Add(0, false)
	tr.Point(a, 0, 1, false)
	for at := linewatch.Time(1); at <= 12; at++ {
		if tr.Point(a, at, at+6, false) {
			t.Fatalf("believed a timestamp 6 ms ahead at %d", at)
		}
		tr.Tick(at)
	}
	if diff := cmp.Diff([]watermark.Transition{{a, true}, {a, false}}, tr.Transitions()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if s := tr.Bucket(a); !s.Ahead || !s.Idle || s.LastArrival != 0 {
		t.Errorf("status %+v", s)
	}
}

func TestRemovedIDIsRefused(t *testing.T) {
	tr := watermark.New(watermark.Defaults())
	gone := tr.Add(0, false)
	tr.Remove(gone)
	for _, id := range []watermark.ID{gone, -1, 7} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("a point of bucket %d was taken", id)
				}
			}()
			tr.Point(id, 0, 0, false)
		}()
	}
	if again := tr.Add(0, false); again != gone {
		t.Errorf("next ID %d, want the free one %d", again, gone)
	}
}

// A sender that holds with the highest watermark of all is found as holder,
// though the tree's unused places are as high.
func TestHolderAtTheEndOfTime(t *testing.T) {
	tr := watermark.New(watermark.Config{IdleTimeout: 10})
	var ids [3]watermark.ID
	for i := range ids {
		ids[i] = tr.Add(0, false)
	}
	tr.Heartbeat(ids[2], 0, linewatch.MaxTime, false)
	if id, ok := tr.Holder(); !ok || id != ids[2] {
		t.Errorf("holder %d %v, want %d", id, ok, ids[2])
	}
	tr.Tick(0)
	if !tr.Late(linewatch.MaxTime) {
		t.Error("the last of all times is not late")
	}
}

// An update and a tick leave nothing for the garbage collector.
func TestUpdatesDoNotAllocate(t *testing.T) {
	tr, now := filled(1000)
	i := 0
	if n := testing.AllocsPerRun(5000, func() {
		now++
		tr.Point(watermark.ID(i%1000), now, now, false)
		tr.Heartbeat(watermark.ID(i*7%1000), now, now, false)
		tr.Tick(now)
		i++
	}); n > 0 {
		t.Errorf("%v allocations per update", n)
	}
}

// However many senders there are, the tracker agrees with a scan of them.
func TestManySendersAgreeWithAScan(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		tr := watermark.New(watermark.Config{IdleTimeout: 1000})
		n := rapid.IntRange(1, 300).Draw(t, "senders")
		highest := make([]linewatch.Time, n)
		for i := range highest {
			ts := linewatch.Time(rapid.IntRange(-50, 50).Draw(t, "first"))
			tr.Point(tr.Add(0, false), 0, ts, false)
			highest[i] = ts
		}
		for range 20 {
			i := rapid.IntRange(0, n-1).Draw(t, "who")
			ts := linewatch.Time(rapid.IntRange(-50, 100).Draw(t, "ts"))
			tr.Point(watermark.ID(i), 0, ts, false)
			highest[i] = max(highest[i], ts)
			slowest := 0
			for s, h := range highest {
				if h < highest[slowest] {
					slowest = s
				}
			}
			tr.Tick(0)
			if got, want := tr.Watermark(), highest[slowest]-1; got != want {
				t.Fatalf("watermark %d, want %d", got, want)
			}
			if got, _ := tr.Holder(); int(got) != slowest {
				t.Fatalf("holder %d, want %d", got, slowest)
			}
		}
	})
}
