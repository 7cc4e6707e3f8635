package edge

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"linewatch"
)

// The newest error of a source has the time at which it came, also when it is
// over, and when the source may come back by itself.
func TestErrorsHaveATime(t *testing.T) {
	refused, waiting := Scan{Err: errors.New("connection refused")}, Scan{Waiting: errors.New("no answer")}
	for _, row := range []struct {
		name  string
		scans []Scan         // one a second, the last one again and again
		want  linewatch.Time // after the start
	}{
		{"none", []Scan{ints(true, 1, 2)}, -1},
		{"down", []Scan{refused}, 4000},
		{"over", []Scan{refused, refused, ints(true, 1, 2)}, 1000},
		{"interrupted", []Scan{ints(true, 1, 2), waiting, waiting, {}}, 2000},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				begin := linewatch.TimeOf(time.Now())
				a, stop := start(t, options(newMemorySpool(), newMemoryUplink(), map[string]Source{
					"plc": every(time.Second, func(n int) Scan { return row.scans[min(n, len(row.scans)-1)] }),
				}))
				time.Sleep(4500 * time.Millisecond)
				s := a.Status().Sources[0]
				stop()
				want := begin + row.want
				if row.want < 0 {
					want = linewatch.NoTime
				}
				if s.LastErrorAt != want || (s.LastError == "") != (row.want < 0) {
					t.Errorf("%q of %v, want %v", s.LastError, s.LastErrorAt, want)
				}
			})
		})
	}
}
