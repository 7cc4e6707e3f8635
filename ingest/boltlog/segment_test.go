package boltlog

import (
	"bytes"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"linewatch"
	"linewatch/ingest"
	"linewatch/internal/boltfile"
)

// A segment that cannot be opened for the moment is not lost: whoever reads
// passes over a loss for good.
func TestSegmentThatIsLockedIsNotLost(t *testing.T) {
	o := Options{SegmentBytes: 64 << 10}
	dir := filled(t, 200, o)
	log := mustOpen(t, dir, o)
	if log.Stats().Segments < 2 {
		t.Fatalf("%d segments, want some", log.Stats().Segments)
	}
	f, err := os.Open(segmentPath(dir, 1))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		t.Fatal(err)
	}
	if _, err := log.Read(t.Context(), 0, 0, 10); !errors.Is(err, boltfile.ErrLocked) || errors.Is(err, ingest.ErrCorrupt) {
		t.Errorf("got %v, want %v and no loss", err, boltfile.ErrLocked)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_UN); err != nil {
		t.Fatal(err)
	}
	if found, lost := survivors(t, log); len(found) != 200 || len(lost) > 0 {
		t.Errorf("%d records, %d losses; want 200 and none", len(found), len(lost))
	}
}

// A trimmed segment that cannot be removed leaves no hole in front of others,
// with which the log could not be opened again.
func TestSegmentThatCannotBeRemoved(t *testing.T) {
	o := Options{SegmentBytes: 64 << 10}
	dir := filled(t, 400, o)
	log := mustOpen(t, dir, o)
	if log.Stats().Segments < 4 {
		t.Fatalf("%d segments, want four", log.Stats().Segments)
	}
	path, aside := segmentPath(dir, 1), filepath.Join(t.TempDir(), "aside")
	if err := os.Rename(path, aside); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(path, "full"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := log.Trim(t.Context(), 0, 390); err == nil {
		t.Error("Trim is silent about a segment that it cannot remove")
	}
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.RemoveAll(path), os.Rename(aside, path)); err != nil {
		t.Fatal(err)
	}
	log, err := Open(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	if first, next, _ := log.Bounds(0); first != 390 || next != 400 || log.Stats().Segments > 2 {
		t.Errorf("records %d to %d in %d segments; want 390 to 400 in one or two", first, next, log.Stats().Segments)
	}
}

// A promise that cannot be written is told of once: with a reader at the end of
// the log it is tried many times a second, and the disk may be full of log.
func TestBrokenPromiseIsToldOnce(t *testing.T) {
	var now atomic.Int64
	var told bytes.Buffer
	log, err := Open(filepath.Join(t.TempDir(), "log"), Options{
		Clock: func() linewatch.Time { return linewatch.Time(now.Load()) }, Silence: time.Millisecond,
		Logger: slog.New(slog.NewTextHandler(&told, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := log.meta.Close(); err != nil { // so that nothing can be written to it
		t.Fatal(err)
	}
	now.Add(int64(linewatch.Minute))
	for range 200 {
		if _, err := log.Read(t.Context(), 0, 0, 1); err != nil {
			t.Fatal(err)
		}
	}
	log.Close()
	if n := strings.Count(told.String(), "silence stands still"); n != 1 {
		t.Errorf("told %d times, want once", n)
	}
}

// A reader that comes to a segment while the log is closed leaves no file open.
func TestSegmentIsNotOpenedBehindClose(t *testing.T) {
	o := Options{SegmentBytes: 64 << 10}
	log := mustOpen(t, filled(t, 200, o), o)
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	s, _, err := log.chain.acquire(0, 0)
	if !errors.Is(err, ingest.ErrClosed) || s.db != nil {
		t.Errorf("got %v and an open file: %t; want %v", err, s.db != nil, ingest.ErrClosed)
	}
}
