package edge

import (
	"testing"
	"testing/synctest"
	"time"

	"linewatch"
)

func TestGapRecordsCountAsLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		spool, uplink := newMemorySpool(), newMemoryUplink()
		uplink.setDown(true)
		agent, stop := start(t, options(spool, uplink, map[string]Source{
			"plc": every(100*time.Millisecond, func(n int) Scan { return ints(n == 0, int64(n), 2) }),
		}))
		time.Sleep(2050 * time.Millisecond) // 22 points
		spool.damage(func(points []linewatch.DataPoint) []linewatch.DataPoint {
			gap := linewatch.DataPoint{Tag: linewatch.GapTag, Source: "plc", Sequence: 15, Value: linewatch.IntValue(5), Timestamp: points[14].Timestamp}
			return append(append(append([]linewatch.DataPoint{}, points[:10]...), gap), points[15:]...)
		})
		uplink.setDown(false)
		time.Sleep(10 * time.Second)
		stop()
		if a := agent.Status().Accounts; a.Lost != 5 || int(a.Sent)+1 != len(uplink.points()) {
			t.Errorf("accounts %+v, %d arrived", a, len(uplink.points()))
		}
	})
}

// A gap record has the time at which the loss was found, and says nothing about
// how far the points behind it have come.
func TestGapRecordsAssertNothing(t *testing.T) {
	for _, most := range []int{1, 11} { // alone in a batch, and the last of one
		synctest.Test(t, func(t *testing.T) {
			spool, uplink := newMemorySpool(), newMemoryUplink()
			spool.most = most
			uplink.setDown(true)
			_, stop := start(t, options(spool, uplink, map[string]Source{
				"plc": every(100*time.Millisecond, func(n int) Scan { return ints(n == 0, int64(n), 2) }),
			}))
			time.Sleep(2050 * time.Millisecond)
			spool.damage(func(points []linewatch.DataPoint) []linewatch.DataPoint {
				gap := linewatch.DataPoint{Tag: linewatch.GapTag, Source: "plc", Sequence: 15, Value: linewatch.IntValue(5)}
				gap.Timestamp = linewatch.TimeOf(time.Now())
				gap.CreatedAt = gap.Timestamp
				return append(append(append([]linewatch.DataPoint{}, points[:10]...), gap), points[15:]...)
			})
			uplink.setDown(false)
			time.Sleep(10 * time.Second)
			stop()
			if faults := uplink.broken(); len(faults) > 0 {
				t.Errorf("batches of %d: %v", most, faults)
			}
		})
	}
}
