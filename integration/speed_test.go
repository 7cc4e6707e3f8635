package integration

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"linewatch"
	"linewatch/ingest"
	"linewatch/internal/app"
)

// TestSpeeds runs the simulated line at several speeds on one data directory,
// killed or stopped in between. Time never goes back: not the stamps of the
// log, and not the times that the edge gives to what it reads. Every run's
// accounts balance, and the whole log gives the history again.
func TestSpeeds(t *testing.T) {
	t.Parallel()
	program, dir := build(t), t.TempDir()
	data, report := filepath.Join(dir, "data"), filepath.Join(dir, "report.json")
	arguments := func(speed string) []string {
		return []string{"run", "--data", data, "--http", "127.0.0.1:0", "--speed", speed}
	}
	for _, speed := range []string{"60", "1", "2.5"} {
		c := start(t, "run at speed "+speed+" to be killed", nil, program, arguments(speed)...)
		if _, ok := c.says(regexp.MustCompile(`(source connected)`), 10*time.Second); !ok {
			t.Fatal("it does not start")
		}
		time.Sleep(700 * time.Millisecond)
		c.stop(os.Kill)

		c = start(t, "run at speed "+speed, nil, program, append(arguments(speed), "--for", "1500ms", "--report", report)...)
		if !c.wait(30*time.Second) || c.fate != nil {
			t.Fatalf("it did not end well: %v", c.fate)
		}
		var r app.Report
		text, err := os.ReadFile(report)
		if err == nil {
			err = json.Unmarshal(text, &r)
		}
		if err != nil || !r.Balanced || !r.Settled || r.Sent == 0 || r.Lost+r.Rejected+r.Quarantined > 0 {
			t.Errorf("accounts: %+v, %v", r, err)
		}
	}
	c := start(t, "replay", nil, program, "replay", "--data", data)
	if !c.wait(time.Minute) || c.fate != nil || !strings.Contains(c.out.text(), "identical byte for byte") {
		t.Errorf("replay: %v", c.fate)
	}
	checkTimes(t, filepath.Join(data, "points"))
}

// checkTimes asks that the stamps of a points log rise, and the times of each
// source whose clock is the edge's, points and heartbeats alike.
func checkTimes(t *testing.T, dir string) {
	t.Helper()
	d, err := ingest.NewDecoder("unknown")
	if err != nil {
		t.Fatal(err)
	}
	begun, stamp := linewatch.NoTime, linewatch.NoTime
	newest, asserted := map[string]linewatch.Time{}, map[string]linewatch.Time{}
	seen, s7 := map[place]bool{}, s7Sources()
	for _, r := range readRecords(t, dir) {
		if r.Arrival < stamp {
			t.Fatalf("record %d is stamped %v, after %v", r.Offset, r.Arrival, stamp)
		}
		if stamp = r.Arrival; !begun.Known() {
			begun = stamp
		}
		for _, p := range d.Decode(r.Data).Points {
			at := place{linewatch.Sender{Gateway: "demo", Source: p.Source}, p.Epoch, p.Sequence}
			if !s7[p.Source] || seen[at] {
				continue // with a clock of its own, or sent again
			}
			seen[at] = !p.IsHeartbeat()
			said := newest // by points
			if p.IsHeartbeat() {
				said = asserted
			}
			if p.Timestamp < said[p.Source] || !p.IsHeartbeat() && p.Timestamp <= asserted[p.Source] {
				t.Fatalf("record %d: %s goes back from %v, asserted %v, to %v", r.Offset, p.Source, newest[p.Source], asserted[p.Source], p.Timestamp)
			}
			said[p.Source] = p.Timestamp
		}
	}
	if span := stamp.Sub(begun); len(newest) < 3 || span < linewatch.Minute || span > 30*linewatch.Minute {
		t.Errorf("%d sources in %v: the line did not run at its speed", len(newest), span)
	}
}

func s7Sources() map[string]bool {
	list := map[string]bool{}
	for _, s := range app.SimulatedEdge().Sources {
		list[s.ID] = s.Protocol == "s7"
	}
	return list
}
