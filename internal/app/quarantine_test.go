package app

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"linewatch/rules/host"
)

// The quarantine keeps the newest, in two files of bounded size.
func TestQuarantineRotates(t *testing.T) {
	path := filepath.Join(t.TempDir(), quarantineFile)
	q := newQuarantine(path, slog.New(slog.DiscardHandler))
	raw := bytes.Repeat([]byte{0xff}, 1<<20)
	for i := range 20 {
		q.write(&host.Quarantined{Reason: "UNREADABLE", Detail: string(rune('a' + i)), Raw: raw})
	}
	for _, name := range []string{path, path + ".old"} {
		if info, err := os.Stat(name); err != nil || info.Size() > quarantineBytes || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", name, info, err)
		}
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	lines := bytes.Split(bytes.TrimSpace(data), []byte("\n"))
	var last struct {
		Reason, Detail string
		Raw            []byte
	}
	if err := json.Unmarshal(lines[len(lines)-1], &last); err != nil || last.Detail != "t" || last.Reason != "UNREADABLE" || !bytes.Equal(last.Raw, raw) {
		t.Errorf("the newest is %s %s, %v", last.Reason, last.Detail, err)
	}
	if q.skipped.Load() != 0 {
		t.Errorf("%d were skipped", q.skipped.Load())
	}
}

// What waits is written at the end; what does not fit or cannot be written is
// counted and holds nothing up.
func TestQuarantineIsBounded(t *testing.T) {
	path := filepath.Join(t.TempDir(), quarantineFile)
	q := newQuarantine(path, slog.New(slog.DiscardHandler))
	for range quarantineQueue + 5 {
		q.add(host.Quarantined{Reason: "CLOCK_AHEAD"})
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := q.run(ctx); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if n := bytes.Count(data, []byte("\n")); err != nil || n != quarantineQueue || q.skipped.Load() != 5 {
		t.Errorf("%d lines and %d skipped, %v", n, q.skipped.Load(), err)
	}
	q.path = filepath.Join(path, "impossible")
	q.write(&host.Quarantined{})
	if q.skipped.Load() != 6 {
		t.Error("a line that could not be written was not counted")
	}
}
