package logtest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"linewatch"
)

// quiet reads at the end of a partition until it is said to be closed at or
// after a time, and returns when.
func quiet(t *testing.T, log Log, partition int, end uint64, until linewatch.Time) linewatch.Time {
	t.Helper()
	last := linewatch.NoTime
	for range 1000 {
		batch, err := log.Read(t.Context(), partition, end, 10)
		if err != nil {
			t.Fatal(err)
		}
		if batch.ClosedAt < last {
			t.Fatalf("closed at %v, and before at %v", batch.ClosedAt, last)
		}
		if last = batch.ClosedAt; last >= until || len(batch.Records) > 0 {
			return last
		}
	}
	t.Fatalf("closed at %v, want %v", last, until)
	return last
}

func testStepBack(t *testing.T, b *bench) {
	log := b.open(t, 1)
	for i := range 50 {
		put(t, log, 0, fmt.Sprint(i))
		time.Sleep(100 * time.Millisecond)
		b.step(linewatch.Duration(i%7-3) * linewatch.Second)
	}
	_, closed := all(t, log, 0, 0)
	b.step(-linewatch.Hour)
	put(t, log, 0, "late")
	records, _ := all(t, log, 0, 50)
	if got := records[0].Arrival; got <= closed {
		t.Errorf("stamped %v, but the partition was closed at %v", got, closed)
	}
	shut(t, log)
	log = b.open(t, 1)
	defer shut(t, log)
	put(t, log, 0, "later")
	all(t, log, 0, 0)
}

func testReadWaits(t *testing.T, b *bench) {
	log := b.open(t, 1)
	defer shut(t, log)
	start := time.Now()
	batch, err := log.Read(t.Context(), 0, 0, 10)
	if err != nil || len(batch.Records) != 0 || !batch.ClosedAt.Known() {
		t.Errorf("got %+v, %v; want silence", batch, err)
	}
	if took := time.Since(start); took < 100*time.Millisecond || took > time.Second {
		t.Errorf("an empty read took %v", took)
	}
	start = time.Now()
	time.AfterFunc(50*time.Millisecond, func() { log.Append(context.Background(), 0, []byte("a")) })
	batch, err = log.Read(t.Context(), 0, 0, 10)
	if err != nil || len(batch.Records) != 1 {
		t.Errorf("got %+v, %v; want a record", batch, err)
	}
	// Only waiting takes virtual time.
	if took := time.Since(start); took != 50*time.Millisecond {
		t.Errorf("woke up after %v, want 50ms", took)
	}
}

func testCancel(t *testing.T, b *bench) {
	log := b.open(t, 1)
	defer shut(t, log)
	ctx, cancel := context.WithCancel(t.Context())
	start := time.Now()
	time.AfterFunc(30*time.Millisecond, cancel)
	if _, err := log.Read(ctx, 0, 0, 10); !errors.Is(err, context.Canceled) {
		t.Errorf("read: %v", err)
	}
	if took := time.Since(start); took != 30*time.Millisecond {
		t.Errorf("ended after %v, want 30ms", took)
	}
	if err := log.Append(ctx, 0, []byte("a")); !errors.Is(err, context.Canceled) {
		t.Errorf("append: %v", err)
	}
	if _, err := log.Read(ctx, 0, 0, 10); !errors.Is(err, context.Canceled) {
		t.Errorf("read: %v", err)
	}
}

// testSilence holds that time passes without records, and not faster than the
// clock.
func testSilence(t *testing.T, b *bench) {
	log := b.open(t, 1)
	defer shut(t, log)
	put(t, log, 0, "a")
	for range 20 {
		time.Sleep(500 * time.Millisecond)
		now := b.now()
		closed := quiet(t, log, 0, 1, now)
		if after := b.now(); closed > after {
			t.Errorf("closed at %v, and it is only %v", closed, after)
		} else if after.Sub(now) > linewatch.Second {
			t.Errorf("took until %v to close %v", after, now)
		}
	}
	put(t, log, 0, "b")
	records, _ := all(t, log, 0, 1)
	if lead := records[0].Arrival.Sub(b.now()); lead > 0 {
		t.Errorf("stamped %v ahead of the clock", lead)
	}
}

// testSilenceUnderLoad holds that no record is stamped at or before what a
// reader was told, while several write and the clock jumps.
func testSilenceUnderLoad(t *testing.T, b *bench) {
	log := b.open(t, 2)
	defer shut(t, log)
	ctx, cancel := context.WithCancel(t.Context())
	var readers, writers sync.WaitGroup
	for p := range 2 {
		readers.Go(func() { follow(ctx, t, log, p) })
	}
	for w := range 6 {
		writers.Go(func() {
			for i := range 60 {
				if err := log.Append(ctx, w%2, []byte{byte(i)}); err != nil {
					t.Error(err)
				}
				time.Sleep(time.Duration(i*w%9) * 10 * time.Millisecond)
				if w == 0 {
					b.step(linewatch.Duration(i%5-2) * 20)
				}
			}
		})
	}
	writers.Wait()
	cancel()
	readers.Wait()
}

// follow reads a partition until ctx ends.
func follow(ctx context.Context, t *testing.T, log Log, partition int) {
	var next uint64
	closed := linewatch.NoTime
	for {
		batch, err := log.Read(ctx, partition, next, 3)
		if errors.Is(err, context.Canceled) {
			return
		}
		if err != nil {
			t.Error(err)
			return
		}
		for _, r := range batch.Records {
			if r.Arrival <= closed {
				t.Errorf("record %d:%d is stamped %v after the partition was closed at %v", partition, r.Offset, r.Arrival, closed)
			}
			next++
		}
		if batch.ClosedAt.Known() && batch.ClosedAt < closed {
			t.Errorf("closed at %v, and before at %v", batch.ClosedAt, closed)
		}
		closed = max(closed, batch.ClosedAt)
	}
}

func testSilenceAfterClose(t *testing.T, b *bench) {
	log := b.open(t, 2)
	put(t, log, 0, "a")
	time.Sleep(5 * time.Second)
	closed := quiet(t, log, 0, 1, b.now().Add(-linewatch.Second))
	shut(t, log)
	b.step(-linewatch.Hour)
	log = b.open(t, 2)
	put(t, log, 0, "b")
	records, _ := all(t, log, 0, 1)
	if got := records[0].Arrival; got <= closed {
		t.Errorf("stamped %v, but the partition was closed at %v", got, closed)
	} else if got > closed+1 {
		t.Errorf("stamped %v after an orderly end; %v is possible", got, closed+1)
	}
	shut(t, log)
}

// testCrash takes crash images at many moments and holds each against what
// was acknowledged and promised until then.
func testCrash(t *testing.T, b *bench) {
	if b.setup.Copy == nil {
		t.Skip("no crash images of this log")
	}
	log := b.open(t, 1)
	defer shut(t, log)
	closed := linewatch.NoTime
	for i := range 25 {
		put(t, log, 0, fmt.Sprint(i))
		time.Sleep(time.Duration(i*i%13) * 77 * time.Millisecond)
		closed = max(closed, quiet(t, log, 0, uint64(i+1), linewatch.NoTime))
		synctest.Wait()
		image := fmt.Sprint(b.dir, "/../crash-", i)
		b.setup.Copy(t, b.dir, image)
		b.afterCrash(t, image, i+1, closed)
	}
}

func (b *bench) afterCrash(t *testing.T, image string, stored int, closed linewatch.Time) {
	t.Helper()
	log := b.setup.Open(t, image, 1, func() linewatch.Time { return b.now().Add(-linewatch.Hour) })
	defer shut(t, log)
	if records, _ := all(t, log, 0, 0); len(records) != stored {
		t.Fatalf("%d records after the crash, want %d", len(records), stored)
	}
	put(t, log, 0, "after")
	records, _ := all(t, log, 0, uint64(stored))
	got := records[0].Arrival
	if got <= closed {
		t.Errorf("stamped %v, but before the crash the partition was closed at %v", got, closed)
	}
	if lead := got.Sub(max(b.now(), closed)); lead > linewatch.Minute {
		t.Errorf("stamped %v ahead of all clocks", lead)
	}
}
