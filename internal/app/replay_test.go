package app

import (
	"log/slog"
	"testing"

	"linewatch"
	"linewatch/ingest/boltlog"
)

// TestStoppedLogClosesBehindItsEnd lets a log end with a record in the very
// millisecond up to which it is read, as after a crash, when stamps stand still
// for a while. A replay must come to its end all the same.
func TestStoppedLogClosesBehindItsEnd(t *testing.T) {
	dir, log := t.TempDir(), slog.New(slog.DiscardHandler)
	const at linewatch.Time = 1_767_225_600_000 // 2026-01-01
	l, err := boltlog.Open(dir, boltlog.Options{Partitions: 1, Logger: log, Clock: func() linewatch.Time { return at }})
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Append(t.Context(), 0, []byte("last")); err != nil {
		t.Fatal(err)
	}
	end := l.Latest()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	stopped, err := openStopped(dir, linewatch.NoTime, log)
	if err != nil {
		t.Fatal(err)
	}
	defer stopped.Close()
	b, err := stopped.Read(t.Context(), 0, 1, 10)
	if err != nil {
		t.Fatal(err)
	}
	if b.ClosedAt < end || b.ClosedAt > end+1 {
		t.Errorf("closed at %v, the log ends at %v", b.ClosedAt, end)
	}
}
