package edge

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"linewatch"
)

// repeated returns the tags that were said once more after a time, in order.
func repeated(points []linewatch.DataPoint, after linewatch.Time) (tags []string) {
	for _, p := range points {
		if p.Flags.Has(linewatch.Synchronised) && p.Timestamp > after {
			tags = append(tags, p.Tag)
		}
	}
	return tags
}

// While a source was lost, the engine went on without it. What is said of the
// time of the loss is late by then, so that it has to be said again of now.
func TestStateIsSaidAgainAfterALongLoss(t *testing.T) {
	for _, changed := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) { stateIsSaidAgain(t, changed) })
	}
}

// stateIsSaidAgain loses one of two sources for 20 s, while its tags changed or
// did not.
func stateIsSaidAgain(t *testing.T, changed bool) {
	t.Helper()
	time.Sleep(24 * time.Hour) // a clock at the year 2000 was never set
	base := linewatch.TimeOf(time.Now())
	uplink := newMemoryUplink()
	_, stop := start(t, options(newMemorySpool(), uplink, map[string]Source{
		"other": every(200*time.Millisecond, func(n int) Scan { return ints(n == 0, int64(n), 2) }),
		"plc": every(time.Second, func(n int) Scan {
			s := Scan{First: n == 0, Through: base.Add(linewatch.Duration(n-1) * 1000)}
			switch {
			case n == 0:
				s.Readings = []Reading{at(0, base.Add(-50), 1), at(1, base.Add(-60), 2)}
			case n == 30 && changed:
				s.Readings = []Reading{at(0, base.Add(12_000), 3), at(1, base.Add(13_000), 4)}
			case n >= 10 && n < 30:
				s = Scan{Through: linewatch.NoTime, Err: errors.New("connection reset")}
			}
			return s
		}),
	}))
	time.Sleep(40 * time.Second)
	got := repeated(uplink.points(), base.Add(30_000))
	stop()
	if diff := cmp.Diff([]string{"a", "b"}, got); diff != "" {
		t.Errorf("changed %v: said again after the loss (-want +got):\n%s", changed, diff)
	}
}

// The same holds when the agent could not deliver.
func TestStateIsSaidAgainAfterALongOutage(t *testing.T) {
	for _, row := range []struct {
		outage time.Duration
		want   []string
	}{{time.Second, nil}, {20 * time.Second, []string{"a", "b"}}} {
		synctest.Test(t, func(t *testing.T) {
			spool, uplink := newMemorySpool(), newMemoryUplink()
			_, stop := start(t, options(spool, uplink, map[string]Source{
				"plc": every(200*time.Millisecond, func(n int) Scan { return ints(n == 0, 1, 2) }),
			}))
			time.Sleep(5 * time.Second)
			uplink.setDown(true)
			time.Sleep(row.outage)
			uplink.setDown(false)
			over := linewatch.TimeOf(time.Now())
			time.Sleep(20 * time.Second)
			got := repeated(uplink.points(), over)
			stop()
			if diff := cmp.Diff(row.want, got); diff != "" {
				t.Errorf("said again after %v (-want +got):\n%s", row.outage, diff)
			}
		})
	}
}

// Who has begun to listen asks for the state of a source, and gets it of that
// source only, even if the source cannot be read at that moment.
func TestStateIsSaidAgainOnDemand(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		uplink := newMemoryUplink()
		lost := func(n int) Scan {
			if n >= 20 && n < 40 {
				return Scan{Err: errors.New("connection reset")}
			}
			return ints(n == 0, 3, 4) // which is not First after the loss, so that nothing else says it
		}
		a, stop := start(t, options(newMemorySpool(), uplink, map[string]Source{
			"plc":   every(200*time.Millisecond, func(n int) Scan { return ints(n == 0, 1, 2) }),
			"other": every(200*time.Millisecond, func(n int) Scan { return ints(n == 0, 1, 2) }),
			"lost":  every(200*time.Millisecond, lost),
		}))
		time.Sleep(5 * time.Second)
		asked := linewatch.TimeOf(time.Now())
		a.SayAgain("plc", "lost", "unknown")
		time.Sleep(20 * time.Second)
		got := map[string]int{}
		for _, p := range uplink.points() {
			if p.Flags.Has(linewatch.Synchronised) && p.Timestamp > asked {
				got[p.Source+" "+p.Tag]++
			}
		}
		stop()
		if diff := cmp.Diff(map[string]int{"plc a": 1, "plc b": 1, "lost a": 1, "lost b": 1}, got); diff != "" {
			t.Errorf("said again (-want +got):\n%s", diff)
		}
	})
}
