// Package logtest is the suite that every implementation of ingest.Log
// passes.
package logtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"linewatch"
	"linewatch/ingest"
)

// Log is what the suite needs of a log.
type Log interface {
	ingest.Log
	ingest.Trimmer
	Close() error
}

// Setup says how to come by logs.
type Setup struct {
	// Open opens the log that is kept in dir. The clock is the one its stamps
	// must come from.
	Open func(t testing.TB, dir string, partitions int, clock func() linewatch.Time) Log
	// Copy makes dir what a crash of the open log in from would leave at this
	// moment. The suite calls it while the log does nothing. Nil where a crash
	// cannot be shown like this.
	Copy func(t testing.TB, from, dir string)
}

// Run runs the suite. Each test works in a directory of its own and a bubble
// of virtual time.
func Run(t *testing.T, setup Setup) {
	tests := []struct {
		name string
		run  func(*testing.T, *bench)
	}{
		{"order", testOrder},
		{"limit", testLimit},
		{"large records", testLarge},
		{"refusals", testRefusals},
		{"many partitions", testPartitions},
		{"concurrent appends", testConcurrent},
		{"reopen", testReopen},
		{"clock steps back", testStepBack},
		{"read waits", testReadWaits},
		{"read is cancelled", testCancel},
		{"silence", testSilence},
		{"silence under load", testSilenceUnderLoad},
		{"silence after close", testSilenceAfterClose},
		{"crash", testCrash},
		{"trim", testTrim},
		{"close", testClose},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			synctest.Test(t, func(t *testing.T) {
				test.run(t, &bench{setup: setup, dir: dir, start: time.Now()})
			})
		})
	}
}

// bench is the place of one test: a directory and a clock that can be set.
type bench struct {
	setup Setup
	dir   string
	start time.Time
	mu    sync.Mutex
	skew  linewatch.Duration
}

func (b *bench) open(t *testing.T, partitions int) Log {
	t.Helper()
	return b.setup.Open(t, b.dir, partitions, b.now)
}

// now is the virtual time plus what step has added.
func (b *bench) now() linewatch.Time {
	b.mu.Lock()
	defer b.mu.Unlock()
	return linewatch.TimeOf(time.Now()).Add(b.skew)
}

func (b *bench) step(d linewatch.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.skew += d
}

func shut(t *testing.T, log Log) {
	t.Helper()
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
}

func put(t *testing.T, log Log, partition int, data ...string) {
	t.Helper()
	raw := make([][]byte, len(data))
	for i, d := range data {
		raw[i] = []byte(d)
	}
	if err := log.Append(t.Context(), partition, raw...); err != nil {
		t.Fatal(err)
	}
}

// all reads a partition up to its end and checks offsets and stamps.
func all(t *testing.T, log Log, partition int, from uint64) ([]linewatch.Record, linewatch.Time) {
	t.Helper()
	var records []linewatch.Record
	for {
		batch, err := log.Read(t.Context(), partition, from, 1000)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range batch.Records {
			if r.Offset != from || r.Partition != partition {
				t.Fatalf("record %d:%d, want %d:%d", r.Partition, r.Offset, partition, from)
			}
			if n := len(records); n > 0 && r.Arrival < records[n-1].Arrival {
				t.Fatalf("record %d is stamped %v, the one before %v", from, r.Arrival, records[n-1].Arrival)
			}
			records = append(records, r)
			from++
		}
		if batch.ClosedAt.Known() || len(batch.Records) == 0 {
			return records, batch.ClosedAt
		}
	}
}

func texts(records []linewatch.Record) string {
	var text bytes.Buffer
	for _, r := range records {
		fmt.Fprintf(&text, "%s ", r.Data)
	}
	return text.String()
}

func testOrder(t *testing.T, b *bench) {
	log := b.open(t, 1)
	defer shut(t, log)
	put(t, log, 0, "a", "b", "")
	put(t, log, 0)
	put(t, log, 0, "c")
	records, _ := all(t, log, 0, 0)
	if got, want := texts(records), "a b  c "; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	records, _ = all(t, log, 0, 3)
	if got, want := texts(records), "c "; got != want {
		t.Errorf("from 3: got %q, want %q", got, want)
	}
}

func testLimit(t *testing.T, b *bench) {
	log := b.open(t, 1)
	defer shut(t, log)
	put(t, log, 0, "a", "b", "c")
	for limit, want := range map[int]int{-1: 1, 0: 1, 1: 1, 2: 2, 3: 3, 4: 3} {
		batch, err := log.Read(t.Context(), 0, 0, limit)
		if err != nil || len(batch.Records) != want {
			t.Errorf("limit %d: %d records, %v; want %d", limit, len(batch.Records), err, want)
		}
		if batch.ClosedAt.Known() != (want == 3) {
			t.Errorf("limit %d: closed at %v", limit, batch.ClosedAt)
		}
	}
}

func testLarge(t *testing.T, b *bench) {
	log := b.open(t, 1)
	defer shut(t, log)
	ctx := t.Context()
	large := bytes.Repeat([]byte("0123456789abcdef"), ingest.MaxRecord/16)
	for i := range 12 {
		large[0] = byte(i)
		if err := log.Append(ctx, 0, large, []byte{byte(i)}); err != nil {
			t.Fatal(err)
		}
	}
	records, _ := all(t, log, 0, 0)
	if len(records) != 24 {
		t.Fatalf("%d records, want 24", len(records))
	}
	for i, r := range records {
		want := []byte{byte(i / 2)}
		if i%2 == 0 {
			large[0] = byte(i / 2)
			want = large
		}
		if !bytes.Equal(r.Data, want) {
			t.Errorf("record %d of %d bytes differs", i, len(r.Data))
		}
	}
}

func testRefusals(t *testing.T, b *bench) {
	log := b.open(t, 2)
	defer shut(t, log)
	ctx := t.Context()
	for _, p := range []int{-1, 2} {
		if err := log.Append(ctx, p, []byte("a")); !errors.Is(err, ingest.ErrPartition) {
			t.Errorf("append to %d: %v", p, err)
		}
		if _, err := log.Read(ctx, p, 0, 1); !errors.Is(err, ingest.ErrPartition) {
			t.Errorf("read of %d: %v", p, err)
		}
		if err := log.Trim(ctx, p, 0); !errors.Is(err, ingest.ErrPartition) {
			t.Errorf("trim of %d: %v", p, err)
		}
	}
	if err := log.Append(ctx, 0, []byte("a"), make([]byte, ingest.MaxRecord+1)); !errors.Is(err, ingest.ErrTooLarge) {
		t.Errorf("large record: %v", err)
	}
	if records, _ := all(t, log, 0, 0); len(records) != 0 {
		t.Errorf("%d records were stored", len(records))
	}
	_, err := log.Read(ctx, 0, 1, 1)
	if beyond, ok := errors.AsType[*ingest.BeyondError](err); !ok || beyond.Next != 0 || !errors.Is(err, ingest.ErrBeyond) {
		t.Errorf("read beyond the end: %v", err)
	}
}

func testPartitions(t *testing.T, b *bench) {
	const partitions = 40
	log := b.open(t, partitions)
	if n := log.Partitions(); n != partitions {
		t.Errorf("%d partitions, want %d", n, partitions)
	}
	for i := range 3 {
		for p := range partitions {
			put(t, log, p, fmt.Sprint(p, "/", i))
		}
	}
	shut(t, log)
	log = b.open(t, partitions)
	defer shut(t, log)
	for p := range partitions {
		records, _ := all(t, log, p, 0)
		if got, want := texts(records), fmt.Sprint(p, "/0 ", p, "/1 ", p, "/2 "); got != want {
			t.Errorf("partition %d: got %q, want %q", p, got, want)
		}
	}
}

func testConcurrent(t *testing.T, b *bench) {
	const writers, each = 20, 25
	log := b.open(t, 2)
	defer shut(t, log)
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for i := range each {
				if err := log.Append(t.Context(), w%2, []byte{byte(w), byte(i), 0}, []byte{byte(w), byte(i), 1}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	for p := range 2 {
		records, _ := all(t, log, p, 0)
		if len(records) != writers*each {
			t.Fatalf("partition %d: %d records, want %d", p, len(records), writers*each)
		}
		var next [writers]byte
		for i := 0; i < len(records); i += 2 {
			w := records[i].Data[0]
			want := []byte{w, next[w], 0}
			if !bytes.Equal(records[i].Data, want) {
				t.Fatalf("record %d is %v, want %v", i, records[i].Data, want)
			}
			if want[2] = 1; !bytes.Equal(records[i+1].Data, want) {
				t.Fatalf("record %d is %v, want %v", i+1, records[i+1].Data, want)
			}
			next[w]++
		}
	}
}

func testReopen(t *testing.T, b *bench) {
	log := b.open(t, 1)
	put(t, log, 0, "a", "b")
	before, _ := all(t, log, 0, 0)
	shut(t, log)
	log = b.open(t, 1)
	defer shut(t, log)
	put(t, log, 0, "c")
	after, _ := all(t, log, 0, 0)
	if got, want := texts(after), "a b c "; got != want {
		t.Fatalf("got %q, want %q", got, want)
	}
	for i, r := range before {
		if after[i].Arrival != r.Arrival {
			t.Errorf("record %d is stamped %v now and was %v", i, after[i].Arrival, r.Arrival)
		}
	}
}

func testTrim(t *testing.T, b *bench) {
	log := b.open(t, 2)
	put(t, log, 0, "a", "b", "c")
	put(t, log, 1, "x")
	if err := log.Trim(t.Context(), 0, 2); err != nil {
		t.Fatal(err)
	}
	check := func() {
		t.Helper()
		_, err := log.Read(t.Context(), 0, 1, 1)
		if trimmed, ok := errors.AsType[*ingest.TrimmedError](err); !ok || trimmed.First != 2 || !errors.Is(err, ingest.ErrTrimmed) {
			t.Errorf("read below the horizon: %v", err)
		}
		if records, _ := all(t, log, 0, 2); texts(records) != "c " {
			t.Errorf("got %q, want %q", texts(records), "c ")
		}
		if records, _ := all(t, log, 1, 0); texts(records) != "x " {
			t.Errorf("other partition: got %q, want %q", texts(records), "x ")
		}
	}
	check()
	shut(t, log)
	log = b.open(t, 2)
	defer func() { shut(t, log) }()
	check()
	if err := log.Trim(t.Context(), 0, 1); err != nil { // what is trimmed stays so
		t.Fatal(err)
	}
	check()
	if err := log.Trim(t.Context(), 1, 100); err != nil { // beyond the end means the end
		t.Fatal(err)
	}
	put(t, log, 1, "y")
	if records, _ := all(t, log, 1, 1); texts(records) != "y " {
		t.Errorf("got %q, want %q", texts(records), "y ")
	}
}

func testClose(t *testing.T, b *bench) {
	log := b.open(t, 1)
	waiting := make(chan error, 1)
	go func() {
		_, err := log.Read(context.Background(), 0, 0, 1)
		waiting <- err
	}()
	synctest.Wait()
	shut(t, log)
	shut(t, log)
	if err := <-waiting; !errors.Is(err, ingest.ErrClosed) {
		t.Errorf("waiting read: %v", err)
	}
	if err := log.Append(t.Context(), 0, []byte("a")); !errors.Is(err, ingest.ErrClosed) {
		t.Errorf("append: %v", err)
	}
	if _, err := log.Read(t.Context(), 0, 0, 1); !errors.Is(err, ingest.ErrClosed) {
		t.Errorf("read: %v", err)
	}
	if err := log.Trim(t.Context(), 0, 0); !errors.Is(err, ingest.ErrClosed) {
		t.Errorf("trim: %v", err)
	}
}
