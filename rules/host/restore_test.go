package host

import (
	"errors"
	"log/slog"
	"testing"

	"linewatch"
	"linewatch/rules"
	"linewatch/rules/domain"
	"linewatch/watermark"
)

const restoreStart linewatch.Time = 1_767_225_600_000 // 2026-01-01

func restoreConfig() *Config {
	return &Config{Domain: domain.Config{Watermark: watermark.Defaults()}, Logger: slog.New(slog.DiscardHandler)}
}

// reading is record n of the points log, with one point that waits for the
// watermark.
func reading(n uint64) *item {
	at := restoreStart + linewatch.Time(n)
	return &item{kind: pointsItem, home: "line-1", arrival: at, offset: n, gateway: "gw", points: []linewatch.DataPoint{{
		Timestamp: at, CreatedAt: at, Equipment: "m1", Tag: "temp", Value: linewatch.IntValue(int64(n)),
		Quality: linewatch.Ok, Source: "plc", Sequence: n + 1,
	}}}
}

// waiting returns a bucket that has taken one record, whose point waits.
func waiting(t *testing.T) *bucket {
	t.Helper()
	b := newBucket(restoreConfig(), 1, positions{next: []uint64{0}})
	assets := &linewatch.Control{Version: 1, Assets: &linewatch.Assets{
		Equipment: []linewatch.Equipment{{ID: "m1", Line: "line-1", Site: "s"}},
		Senders:   []linewatch.SenderDef{{Gateway: "gw", Source: "plc", Line: "line-1"}},
	}}
	at := positions{control: 1, next: []uint64{0}}
	if err := b.open(&item{home: "line-1", pos: at, history: []controlRecord{{restoreStart - 1, assets}}}); err != nil {
		t.Fatal(err)
	}
	if err := b.points(reading(0)); err != nil {
		t.Fatal(err)
	}
	if err := b.close(&item{kind: closeItem, arrival: restoreStart, pos: positions{control: 1, next: []uint64{1}}}); err != nil {
		t.Fatal(err)
	}
	if n := b.domains["line-1"].Accounts().Buffered; n != 1 {
		t.Fatalf("%d points wait, want 1: %+v", n, b.domains["line-1"].Accounts())
	}
	return b
}

func restored(t *testing.T, from *bucket) *bucket {
	t.Helper()
	snapshot, err := from.appendSnapshot(nil)
	if err != nil {
		t.Fatal(err)
	}
	b := newBucket(restoreConfig(), 1, positions{next: []uint64{0}})
	if err := b.restore(rules.Checkpoint{Snapshot: snapshot}); err != nil {
		t.Fatal(err)
	}
	return b
}

// TestRestoreReadsOnWithoutAPause gives a restored bucket the record that it
// waits for and the next one in one breath, as a reader does that finds both in
// the log.
func TestRestoreReadsOnWithoutAPause(t *testing.T) {
	b := restored(t, waiting(t))
	for n := range uint64(2) {
		if err := b.points(reading(n)); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.close(&item{kind: closeItem, arrival: restoreStart + 1, pos: positions{control: 1, next: []uint64{2}}}); err != nil {
		t.Fatal(err)
	}
	a := b.domains["line-1"].Accounts()
	if a.Received != 2 || a.Buffered != 2 || !a.Balanced() {
		t.Errorf("accounts %+v, want two points, both waiting", a)
	}
}

// TestRestoreMissesARecord asks that a log which has lost what the snapshot
// waits for is noticed, before anything new is judged.
func TestRestoreMissesARecord(t *testing.T) {
	b := restored(t, waiting(t))
	if err := b.points(reading(1)); !errors.Is(err, domain.ErrNotRefilled) {
		t.Errorf("got %v, want %v", err, domain.ErrNotRefilled)
	}
}
