package app

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// A spool that was put back from an older copy gives no numbers out again: the
// engine takes none of its new points for old ones.
func TestSpoolFromABackup(t *testing.T) {
	c := DefaultConfig()
	c.Data, c.HTTP, c.MQTT.Embedded = filepath.Join(t.TempDir(), "data"), "127.0.0.1:0", "127.0.0.1:0"
	spool, backup := filepath.Join(c.Data, spoolDir), filepath.Join(t.TempDir(), "backup")
	live := func() (r Report, said string) {
		t.Helper()
		var log strings.Builder
		a, err := New(t.Context(), Options{Config: c, Simulate: true, Seed: 1, Exact: true, Log: slog.New(slog.NewTextHandler(&log, nil))})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 1500*time.Millisecond)
		defer cancel()
		if err := errors.Join(a.Run(ctx, func(got Report) { r = got }), a.Close()); err != nil {
			t.Fatal(err)
		}
		return r, log.String()
	}
	live()
	if err := os.CopyFS(backup, os.DirFS(spool)); err != nil {
		t.Fatal(err)
	}
	if r, said := live(); !r.Balanced || r.Duplicate > 0 || strings.Contains(said, "backup") {
		t.Errorf("an ordinary restart: %+v, said\n%s", r, said)
	}
	if err := errors.Join(os.RemoveAll(spool), os.Rename(backup, spool)); err != nil {
		t.Fatal(err)
	}
	r, said := live()
	if !r.Balanced || r.Duplicate > 0 || r.Processed == 0 || r.Late+r.Quarantined > 0 {
		t.Errorf("with the older spool: %+v", r)
	}
	if !strings.Contains(said, "the spool was put back from a backup") {
		t.Errorf("said\n%s", said)
	}
}
