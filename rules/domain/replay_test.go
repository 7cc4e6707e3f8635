package domain

import (
	"errors"
	"testing"
	"time"

	"linewatch"
	"linewatch/watermark"
)

// reading is a point of F1's temperature.
func reading(source string, seq uint64, at linewatch.Duration) linewatch.DataPoint {
	return linewatch.DataPoint{
		Timestamp: base.Add(at), Equipment: "F1", Tag: "temp", Value: linewatch.IntValue(80), Source: source, Sequence: seq, Quality: linewatch.Ok,
	}
}

// holding returns a domain in which records 3 and 5 of partition 1 wait.
func holding(t *testing.T) (*Domain, map[uint64][]linewatch.DataPoint) {
	t.Helper()
	d := New(Config{AnyEquipment: true, OpenSenders: 10, Watermark: watermark.Defaults()})
	records := map[uint64][]linewatch.DataPoint{
		1: {reading("plc", 1, 0)},
		3: {reading("plc", 2, 5000), reading("plc", 1, 4500), reading("plc", 3, 5001)}, // one of them twice
		4: {reading("plc", 4, 100)},                                                    // late
		5: {reading("plc", 5, 6000)},
	}
	for _, offset := range []uint64{1, 3, 4, 5} {
		d.Points(base.Add(linewatch.Duration(offset)*linewatch.Second), linewatch.Position{Partition: 1, Offset: offset}, "gw", records[offset])
		d.Close(base.Add(linewatch.Duration(offset)*linewatch.Second + 500))
	}
	if a := d.Accounts(); a.Buffered != 3 || a.Late != 1 || a.Duplicate != 1 || !a.Balanced() {
		t.Fatalf("accounts %+v", a)
	}
	return d, records
}

func TestReplayFromTheFirstRecordThatWaits(t *testing.T) {
	d, records := holding(t)
	if got := d.ReplayFrom(1, 6); got != 3 {
		t.Errorf("replay partition 1 from %d, want 3", got)
	}
	if got := d.ReplayFrom(0, 9); got != 9 {
		t.Errorf("replay partition 0 from %d, want 9: nothing of it waits", got)
	}
	again := restored(t, d)
	for _, offset := range []uint64{3, 4, 5} {
		again.Refill(linewatch.Position{Partition: 1, Offset: offset}, "gw", records[offset])
	}
	if err := again.Refilled(); err != nil {
		t.Error(err)
	}
	if got, want := again.Accounts(), d.Accounts(); got != want {
		t.Errorf("accounts %+v, want %+v", got, want)
	}
}

func TestRefilledNoticesWhatTheLogLost(t *testing.T) {
	d, records := holding(t)
	again := restored(t, d)
	again.Refill(linewatch.Position{Partition: 1, Offset: 5}, "gw", records[5])
	again.Refill(linewatch.Position{Partition: 0, Offset: 3}, "gw", records[3]) // of another partition
	if err := again.Refilled(); !errors.Is(err, ErrNotRefilled) {
		t.Errorf("got %v, want ErrNotRefilled", err)
	}
}

func restored(t *testing.T, d *Domain) *Domain {
	t.Helper()
	state, err := d.AppendSnapshot(nil)
	if err != nil {
		t.Fatal(err)
	}
	again := New(d.cfg)
	if err := again.Restore(state); err != nil {
		t.Fatal(err)
	}
	return again
}

// A sender that holds everything back is left out when the buffer is full, and
// its points are late from then on.
func TestFullBufferLeavesOutTheSlowest(t *testing.T) {
	cfg := watermark.Defaults()
	cfg.IdleTimeout, cfg.MaxHold, cfg.Bound = linewatch.Day, 0, 0
	d := New(Config{AnyEquipment: true, OpenSenders: 10, Watermark: cfg, BufferCap: 100})
	d.Points(base, linewatch.Position{Offset: 0}, "gw", []linewatch.DataPoint{reading("slow", 1, 0)})
	for i := range uint64(98) {
		d.Points(base.Add(1), linewatch.Position{Offset: 1 + i}, "gw", []linewatch.DataPoint{reading("fast", 1+i, linewatch.Duration(1+i))})
	}
	d.Close(base.Add(200))
	if a := d.Accounts(); a.Lagged != 0 || a.Buffered != 99 {
		t.Fatalf("below the bound: %+v", a)
	}
	d.Points(base.Add(201), linewatch.Position{Offset: 100}, "gw", []linewatch.DataPoint{reading("fast", 99, 200), reading("fast", 100, 201)})
	d.Close(base.Add(400))
	if a := d.Accounts(); a.Lagged != 1 || a.Buffered > 1 {
		t.Fatalf("at the bound: %+v", a)
	}
	d.Points(base.Add(401), linewatch.Position{Offset: 101}, "gw", []linewatch.DataPoint{reading("slow", 2, 50)})
	if a := d.Accounts(); a.Late != 1 || !a.Balanced() {
		t.Errorf("a point of the sender that was left out: %+v", a)
	}
}

// To fill the order buffer again costs about what it cost to fill it: a restart
// must not wait for it.
func TestRefillOfManyRecords(t *testing.T) {
	const many = 50_000
	w := watermark.Defaults()
	w.Bound = linewatch.Hour
	d := New(Config{AnyEquipment: true, OpenSenders: 10, Watermark: w})
	record := func(n int) []linewatch.DataPoint {
		return []linewatch.DataPoint{reading("plc", uint64(n+1), linewatch.Duration(n))}
	}
	began := time.Now()
	for n := range many {
		d.Points(base.Add(linewatch.Duration(n)), linewatch.Position{Partition: n % 2, Offset: uint64(n / 2)}, "gw", record(n))
	}
	fill := time.Since(began)
	again := restored(t, d)
	began = time.Now()
	for n := range many {
		again.Refill(linewatch.Position{Partition: n % 2, Offset: uint64(n / 2)}, "gw", record(n))
	}
	refill := time.Since(began)
	if err := again.Refilled(); err != nil || again.Accounts() != d.Accounts() {
		t.Errorf("%v; accounts %+v, want %+v", err, again.Accounts(), d.Accounts())
	}
	if refill > 10*fill {
		t.Errorf("filled in %v and again in %v, want less than ten times as long", fill, refill)
	}
}
