package app

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"

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

// What the engine tells while it stops is kept, too.
func TestJournalsOutliveTheEngine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), quarantineFile)
		log := slog.New(slog.DiscardHandler)
		a := &App{quarantine: newQuarantine(path, log), late: newLateJournal(path+".late", log)}
		ctx, stop := context.WithCancel(t.Context())
		err := a.judge(ctx, func(context.Context) error {
			stop()
			synctest.Wait()
			for range 3 {
				a.quarantine.add(host.Quarantined{Reason: "CLOCK_AHEAD"})
			}
			return nil
		})
		if data, _ := os.ReadFile(path); err != nil || bytes.Count(data, []byte("\n")) != 3 {
			t.Errorf("%v; kept: %s", err, data)
		}
	})
}

// A disk that is full is told of once, and when there is room again: the log
// may be on it.
func TestJournalTellsOnce(t *testing.T) {
	var log bytes.Buffer
	path := filepath.Join(t.TempDir(), "none", quarantineFile)
	q := newQuarantine(path, slog.New(slog.NewTextHandler(&log, nil)))
	write := func() {
		for range 10 {
			q.write(&host.Quarantined{Reason: "CLOCK_AHEAD"})
		}
	}
	write()
	if err := os.Mkdir(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	write()
	if n := strings.Count(log.String(), "\n"); n != 2 || q.skipped.Load() != 10 {
		t.Errorf("%d skipped, logged:\n%s", q.skipped.Load(), &log)
	}
}
