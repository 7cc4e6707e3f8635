package main

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"linewatch/internal/app"
)

// The accounts of a run balance, also when the run before it was killed: what
// that one had sent and not heard of comes again and is told apart.
func TestReportAfterAKill(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	data, report := dir+"/data", filepath.Join(dir, "r.json")
	killed := start(t, program, "run", "--data", data, "--http", "127.0.0.1:0")
	address := page(killed.line("Linewatch is running. Page: ", 10*time.Second))
	eventually(t, 10*time.Second, "points arrive", func() bool {
		var s struct{ Engine struct{ Accepted int } }
		address.get(t, "/api/v1/status", &s)
		return s.Engine.Accepted > 50
	})
	killed.end(syscall.SIGKILL, 5*time.Second)
	for run := range 2 {
		if out, code := finish(t, "run", "--data", data, "--http", "127.0.0.1:0", "--for", "2s", "--report", report); code != 0 {
			t.Fatalf("run %d: exit code %d: %s", run, code, out)
		}
		var r app.Report
		if err := json.Unmarshal([]byte(read(t, report)), &r); err != nil {
			t.Fatal(err)
		}
		if !r.Balanced || !r.Settled || r.Sampled == 0 || r.Sent == 0 || r.Lost != 0 || r.StateChanges == 0 || r.Diverged != 0 {
			t.Errorf("run %d after the kill: %+v", run, r)
		}
	}
	if out, code := finish(t, "replay", "--data", data); code != 0 || !strings.Contains(out, "identical byte for byte") {
		t.Errorf("replay: exit code %d: %s", code, out)
	}
}

// The log of an empty run can be replayed; it gives nothing, and that is what
// the history holds.
func TestReplayOfNothing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	config := write(t, dir, "engine.yaml", engineOnly)
	if out, code := finish(t, "run", "--config", config, "--data", dir+"/data", "--http", "127.0.0.1:0", "--for", "100ms"); code != 0 {
		t.Fatalf("run: exit code %d: %s", code, out)
	}
	changes := filepath.Join(dir, "changes.ndjson")
	out, code := finish(t, "replay", "--data", dir+"/data", "--out", changes)
	if want := "records 0, state changes replayed 0, stored 0\nidentical byte for byte\n"; code != 0 || out != want {
		t.Errorf("exit code %d, said %q, want %q", code, out, want)
	}
	if got := read(t, changes); got != "" {
		t.Errorf("wrote %q", got)
	}
}
