package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"linewatch"
	"linewatch/rules"
	"linewatch/rules/boltstore"
	"linewatch/rules/domain"
	"linewatch/rules/host"
)

// An engine without a PLC of its own ends with its error when its state cannot
// be kept any more; it must not stay behind as a process that does nothing.
func TestRunEndsWhenTheStateIsLost(t *testing.T) {
	c := DefaultConfig()
	c.Data, c.HTTP, c.MQTT.Embedded = t.TempDir(), "127.0.0.1:0", "127.0.0.1:0"
	c.Engine.SnapshotEvery = 100
	a, err := New(t.Context(), Options{Config: c, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	if _, err := a.control.ApplyAssets(t.Context(), "assets.yaml", []byte(twoLines)); err != nil {
		t.Fatal(err)
	}
	if err := a.store.Close(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- a.Run(t.Context(), nil) }()
	select {
	case err := <-ended:
		if !errors.Is(err, boltstore.ErrClosed) {
			t.Errorf("got %v, want %v", err, boltstore.ErrClosed)
		}
	case <-time.After(5 * time.Second):
		t.Fatal("it runs on without its engine")
	}
	asked := time.Now()
	if a.upToDate(t.Context()); time.Since(asked) > takeTimeout/2 {
		t.Errorf("a question waits %v for an engine that has ended", time.Since(asked))
	}
}

// What the engine has taken never becomes less, whoever says so last.
func TestTakenNeverGoesBack(t *testing.T) {
	var c control
	c.took(3)
	c.took(2)
	if got := c.taken.Load(); got != 3 {
		t.Errorf("taken is %d, want 3", got)
	}
}

// A state that another version has written stops the start, and says what can
// be done.
func TestStateOfAnotherVersion(t *testing.T) {
	c := DefaultConfig()
	c.Data, c.HTTP, c.MQTT.Embedded = t.TempDir(), "127.0.0.1:0", "127.0.0.1:0"
	store, err := boltstore.Open(filepath.Join(c.Data, stateFile), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(store.Commit(t.Context(), 0, rules.Commit{Snapshot: []byte{99}}), store.Close()); err != nil {
		t.Fatal(err)
	}
	_, err = New(t.Context(), Options{Config: c, Log: slog.New(slog.DiscardHandler)})
	if !errors.Is(err, linewatch.ErrSnapshotVersion) || !strings.Contains(err.Error(), c.Data) || !strings.Contains(err.Error(), "move state.db away") || strings.Contains(err.Error(), "same changes") {
		t.Errorf("got %v, want the directory and what to do", err)
	}
}

// Another scope than that of the stored state stops the start.
func TestStateOfAnotherScope(t *testing.T) {
	a := &App{o: Options{Config: DefaultConfig()}}
	a.o.Config.Data, a.o.Config.Engine.Scope = "/plant", "global"
	err := a.explainState(fmt.Errorf("restore: %w", host.ErrScope))
	for _, want := range []string{"/plant", "engine.scope is global", "set it back", "move state.db away"} {
		if !errors.Is(err, host.ErrScope) || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, which does not say %q", err, want)
		}
	}
}

// Damage to the state, or to a log that it was built on, says what helps.
func TestDamagedState(t *testing.T) {
	a := &App{o: Options{Config: DefaultConfig()}}
	a.o.Config.Data = "/plant"
	for _, reason := range []error{rules.ErrCorrupt, domain.ErrNotRefilled} {
		err := a.explainState(fmt.Errorf("restore bucket 29: %w", reason))
		for _, want := range []string{"/plant", "state.db", "bucket 29", "move state.db away to judge anew", "backup"} {
			if !errors.Is(err, reason) || !strings.Contains(err.Error(), want) {
				t.Errorf("got %v, which does not say %q", err, want)
			}
		}
	}
}

// An engine that does not answer, since the disk is full, holds up no report
// and so no stop.
func TestReportWithoutAnAnswer(t *testing.T) {
	c := DefaultConfig()
	c.Data, c.HTTP, c.MQTT.Embedded = t.TempDir(), "127.0.0.1:0", "127.0.0.1:0"
	a, err := New(t.Context(), Options{Config: c, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	ctx, stop := context.WithTimeout(t.Context(), 30*statusTimeout)
	defer stop()
	if r := a.report(ctx, true); r.Balanced || ctx.Err() != nil { // nothing runs that could answer
		t.Errorf("%+v, %v; want a report that does not balance, soon", r, ctx.Err())
	}
}
