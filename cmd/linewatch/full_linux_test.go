package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A start on a full disk is trouble of the data directory, and names the remedy.
func TestStartOnFullDisk(t *testing.T) {
	t.Parallel()
	const full = "/dev/full"
	if _, err := os.Stat(full); err != nil {
		t.Skipf("SKIPPED: there is no %s", full)
	}
	data := t.TempDir()
	if err := os.Symlink(full, filepath.Join(data, "clock.new")); err != nil {
		t.Fatal(err)
	}
	said, code := told(t, "run", "--data", data, "--http", "127.0.0.1:0", "--speed", "2")
	want := "linewatch: data directory " + data + ": the disk is full: record the time: "
	if code != exitData || !strings.Contains(said, want) || !strings.Contains(said, "; free some space there, as docs/operate.md says under") || strings.Count(said, "record the time") != 1 {
		t.Errorf("exit code %d, want %d: %s\nwant %s", code, exitData, said, want)
	}
}
