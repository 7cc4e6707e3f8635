package app

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"

	"linewatch/rules"
)

// scriptedStore answers each commit with the next of its errors, and with the
// last one from then on.
type scriptedStore struct {
	engineStore
	answers []error
	commits int
	during  func() bool // reports whether the engine is said to wait
	told    int         // commits during which it was
}

func (s *scriptedStore) Commit(context.Context, int, rules.Commit) error {
	if s.during() {
		s.told++
	}
	err := s.answers[min(s.commits, len(s.answers)-1)]
	s.commits++
	return err
}

// A full disk ends no process: the engine waits, says so once, and goes on.
func TestEngineWaitsForRoomOnTheDisk(t *testing.T) {
	full := fmt.Errorf("commit bucket 3: %w", unix.ENOSPC)
	broken := errors.New("input/output error")
	for _, row := range []struct {
		name    string
		answers []error
		want    error
		commits int
		logged  int
	}{
		{"room", []error{nil}, nil, 1, 0},
		{"full for a while", []error{full, full, full, nil}, nil, 4, 2},
		{"broken", []error{broken}, broken, 1, 0},
		{"full, then broken", []error{full, broken}, broken, 2, 1},
		{"full until the stop", []error{full}, context.DeadlineExceeded, 11, 1},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var log bytes.Buffer
				inner := &scriptedStore{answers: row.answers}
				waits := &engineWait{}
				inner.during = func() bool { return waits.because() != "" }
				s := patientStore{inner, slog.New(slog.NewTextHandler(&log, nil)), waits}
				ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second+time.Millisecond)
				defer cancel()
				if err := s.Commit(ctx, 3, rules.Commit{}); !errors.Is(err, row.want) {
					t.Errorf("got %v, want %v", err, row.want)
				}
				if inner.told != max(0, inner.commits-1) || waits.because() != "" {
					t.Errorf("%d commits, %d of them while the engine was said to wait; then %q", inner.commits, inner.told, waits.because())
				}
				if lines := strings.Count(log.String(), "\n"); inner.commits != row.commits || lines != row.logged {
					t.Errorf("%d commits and %d lines, want %d and %d:\n%s", inner.commits, lines, row.commits, row.logged, &log)
				}
			})
		})
	}
}

// Parts of the engine wait each for itself, and the last one says that it goes
// on.
func TestPartsOfTheEngineWait(t *testing.T) {
	var w engineWait
	w.begin("full")
	w.begin("full")
	w.end()
	if got := w.because(); got != "full" {
		t.Errorf("one part still waits because of %q, want full", got)
	}
	w.end()
	if got := w.because(); got != "" {
		t.Errorf("none waits, because of %q", got)
	}
}
