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
	synctest.Test(t, func(t *testing.T) {
		uplink := newMemoryUplink()
		base, _ := play(t, uplink, func(base linewatch.Time) []Scan {
			scans := []Scan{{First: true, Through: base.Add(900), Readings: []Reading{at(0, base.Add(950), 1), at(1, base.Add(940), 2)}}}
			for n := linewatch.Duration(1); n < 40; n++ {
				s := Scan{Through: base.Add(n*1000 + 900)}
				if n >= 10 && n < 30 {
					s = Scan{Through: linewatch.NoTime, Err: errors.New("connection reset")}
				}
				scans = append(scans, s)
			}
			return scans
		})
		got := repeated(uplink.points(), base.Add(30_000))
		if diff := cmp.Diff([]string{"a", "b"}, got); diff != "" {
			t.Errorf("said again after the loss (-want +got):\n%s", diff)
		}
	})
}

// The same holds when the agent could not deliver.
func TestStateIsSaidAgainAfterALongOutage(t *testing.T) {
	for _, row := range []struct {
		outage time.Duration
		want   []string
	}{{3 * time.Second, nil}, {20 * time.Second, []string{"a", "b"}}} {
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
