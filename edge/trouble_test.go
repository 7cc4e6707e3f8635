package edge

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"linewatch"
)

// The log tells of tags whose own reading failed, once all have answered to a
// connect or had the time for it: what the connection took away is no fault of
// an address.
func TestTagsInTrouble(t *testing.T) {
	const missing = "BadNodeIdUnknown"
	bad := func(tag int) Reading { return Reading{Tag: tag, Cause: missing} }
	good := func(tag int) Reading {
		return Reading{Tag: tag, Value: linewatch.IntValue(1), Quality: linewatch.Ok}
	}
	lost := Scan{Err: errors.New("connection reset")}
	for _, row := range []struct {
		name  string
		scans []Scan // one each 200 ms, the last one again and again
		want  []string
	}{
		{"all well", []Scan{{First: true}, {Readings: []Reading{good(0), good(1)}}, {}}, nil},
		{"refused at once, the rest a moment later", []Scan{
			{First: true, Readings: []Reading{bad(0)}},
			{Readings: []Reading{good(1)}},
			{},
		}, []string{"tag a at A: " + missing + " (1 of 2 tags)"}},
		{"both", []Scan{{First: true, Readings: []Reading{bad(0)}}, {Readings: []Reading{bad(1)}}, {}}, []string{"tag a at A: " + missing + " (2 of 2 tags)"}},
		{"one that never answers", []Scan{{First: true, Readings: []Reading{bad(1)}}, {}}, []string{"tag b at B: " + missing + " (1 of 2 tags)"}},
		{"unreachable at first", []Scan{lost, {First: true}, {Readings: []Reading{good(0)}}, {Readings: []Reading{good(1)}}, {}}, nil},
		{"unreachable at first, and only one answers", []Scan{lost, {First: true}, {Readings: []Reading{good(0)}}, {}}, nil},
		{"lost and back", []Scan{
			{First: true, Readings: []Reading{good(0), good(1)}}, lost, {First: true}, {Readings: []Reading{good(1)}}, {Readings: []Reading{good(0)}}, {},
		}, nil},
		{"later", []Scan{{First: true, Readings: []Reading{good(0), good(1)}}, {Readings: []Reading{bad(1)}}, {}}, []string{"tag b at B: " + missing + " (1 of 2 tags)"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var log bytes.Buffer
				o := options(newMemorySpool(), newMemoryUplink(), map[string]Source{
					"plc": every(200*time.Millisecond, func(n int) Scan { return row.scans[min(n, len(row.scans)-1)] }),
				})
				o.Log = slog.New(slog.NewTextHandler(&log, nil))
				_, stop := start(t, o)
				time.Sleep(10 * time.Second)
				stop()
				var got []string
				for line := range strings.Lines(log.String()) {
					if _, text, found := strings.Cut(strings.TrimSpace(line), "trouble="); found {
						got = append(got, strings.Trim(text, `"`))
					}
				}
				if diff := cmp.Diff(row.want, got); diff != "" {
					t.Errorf("(-want +got)\n%s\n%s", diff, &log)
				}
			})
		})
	}
}
