package boltlog

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	bolt "go.etcd.io/bbolt"

	"linewatch"
	"linewatch/ingest"
	"linewatch/internal/boltfile"
)

// filled returns the directory of a closed log of one partition with n records
// that hold their payload.
func filled(t *testing.T, n int, o Options) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "log")
	log := mustOpen(t, dir, o)
	for i := range n {
		if err := log.Append(t.Context(), 0, payload(0, uint64(i))); err != nil {
			t.Fatal(err)
		}
	}
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	return dir
}

func mustOpen(t *testing.T, dir string, o Options) *Log {
	t.Helper()
	o.Logger = quietLogger()
	log, err := Open(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { log.Close() })
	return log
}

// survivors reads a partition past every loss.
func survivors(t *testing.T, log *Log) (found []uint64, lost []*ingest.CorruptError) {
	t.Helper()
	for next, end := uint64(0), log.parts[0].next; next < end; {
		batch, err := log.Read(t.Context(), 0, next, 100)
		if c, ok := errors.AsType[*ingest.CorruptError](err); ok && c.First == next && c.Last >= next {
			lost = append(lost, c)
			next = c.Last + 1
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range batch.Records {
			if r.Offset != next || !bytes.Equal(r.Data, payload(0, next)) {
				t.Fatalf("record %d is wrong", r.Offset)
			}
			found = append(found, next)
			next++
		}
	}
	return found, lost
}

func TestDamagedRecordIsSkipped(t *testing.T) {
	dir := filled(t, 60, Options{})
	path := segmentPath(dir, 1)
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	// Old pages may hold the record, too.
	needle := payload(0, 31)[40:80]
	for at := 0; ; at++ {
		i := bytes.Index(content[at:], needle)
		if i < 0 {
			break
		}
		at += i
		content[at] ^= 0x10
	}
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	log := mustOpen(t, dir, Options{})
	found, lost := survivors(t, log)
	if len(found) != 59 || len(lost) != 1 || lost[0].First != 31 || lost[0].Last != 31 || lost[0].Path != path {
		t.Errorf("%d records survive, lost %v; want all but 31", len(found), lost)
	}
	if n := log.Stats().Corrupt; n != 1 {
		t.Errorf("%d losses counted, want 1", n)
	}
}

// Whatever byte goes bad: the log refuses to open, or every record is either
// right or reported.
func TestFlippedBytes(t *testing.T) {
	dir := filled(t, 60, Options{})
	path := segmentPath(dir, 1)
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var refused, reported int
	for i := range 100 {
		bad := bytes.Clone(good)
		bad[(i*7919+i%24)%len(bad)] ^= 0xFF // often in the header of a page
		bad[i*4096%len(bad)+i%16] ^= 0xFF
		if err := os.WriteFile(path, bad, 0o600); err != nil {
			t.Fatal(err)
		}
		log, err := Open(dir, Options{Logger: quietLogger()})
		if err != nil {
			refused++
			if !strings.Contains(err.Error(), path) {
				t.Errorf("no path in: %v", err)
			}
			continue
		}
		_, lost := survivors(t, log)
		reported += len(lost)
		log.Close()
	}
	if refused+reported == 0 {
		t.Error("no damage was noticed")
	}
	t.Logf("%d of 100 images refused, %d losses reported", refused, reported)
}

func TestLostTransactionIsReported(t *testing.T) {
	dir := filled(t, 5, Options{})
	old, err := os.ReadFile(segmentPath(dir, 1))
	if err != nil {
		t.Fatal(err)
	}
	log := mustOpen(t, dir, Options{})
	for i := range uint64(4) {
		if err := log.Append(t.Context(), 0, payload(0, 5+i)); err != nil {
			t.Fatal(err)
		}
	}
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(segmentPath(dir, 1), old, 0o600); err != nil {
		t.Fatal(err)
	}
	log = mustOpen(t, dir, Options{})
	if err := log.Append(t.Context(), 0, payload(0, 9)); err != nil {
		t.Fatal(err)
	}
	found, lost := survivors(t, log)
	if len(found) != 6 || len(lost) != 1 || lost[0].First != 5 || lost[0].Last != 8 {
		t.Errorf("%v survive, lost %v; want 5 to 8 lost", found, lost)
	}
}

func TestRefusesToOpen(t *testing.T) {
	tests := []struct {
		name   string
		damage func(dir string) error
		want   error
		text   string
	}{
		{"other number of partitions", func(string) error { return nil }, nil, "created with 1 partitions, not 3"},
		{"empty segment", func(dir string) error { return os.Truncate(segmentPath(dir, 2), 0) }, boltfile.ErrEmpty, "segment-000000000002.db"},
		{"half a segment", func(dir string) error { return os.Truncate(segmentPath(dir, 2), 20000) }, boltfile.ErrTruncated, "segment-000000000002.db"},
		{"hole in the chain", func(dir string) error { return os.Remove(segmentPath(dir, 2)) }, nil, "segment-000000000002.db is missing"},
		{"empty state", func(dir string) error { return os.Truncate(filepath.Join(dir, "meta.db"), 0) }, boltfile.ErrEmpty, "move the whole directory"},
		{"half a state", func(dir string) error { return os.Truncate(filepath.Join(dir, "meta.db"), 9000) }, boltfile.ErrTruncated, "move the whole directory"},
		{"no state", func(dir string) error { return os.Remove(filepath.Join(dir, "meta.db")) }, errMissing, "move the whole directory"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			dir := filled(t, 60, Options{SegmentBytes: 40 << 10})
			if err := test.damage(dir); err != nil {
				t.Fatal(err)
			}
			o := Options{Logger: quietLogger()}
			if test.want == nil && test.text[0] == 'c' {
				o.Partitions = 3
			}
			log, err := Open(dir, o)
			if err == nil {
				log.Close()
				t.Fatal("opened")
			}
			if test.want != nil && !errors.Is(err, test.want) || !strings.Contains(err.Error(), test.text) {
				t.Errorf("got %v, want %v with %q", err, test.want, test.text)
			}
		})
	}
}

// A start that is refused must not leave an empty state, which would be refused
// as well.
func TestNoStateIsMade(t *testing.T) {
	dir := filled(t, 60, Options{})
	path := filepath.Join(dir, "meta.db")
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if log, err := Open(dir, Options{Logger: quietLogger()}); !errors.Is(err, errMissing) {
			if err == nil {
				log.Close()
			}
			t.Errorf("got %v, want %v", err, errMissing)
		}
		if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("a refused start made %s: %v", path, err)
		}
	}
}

func TestSecondProcess(t *testing.T) {
	dir := filled(t, 1, Options{})
	mustOpen(t, dir, Options{})
	_, err := Open(dir, Options{})
	if !errors.Is(err, boltfile.ErrLocked) || !strings.Contains(err.Error(), dir) {
		t.Errorf("got %v, want %v with the path", err, boltfile.ErrLocked)
	}
}

func TestTrimGivesDiskBack(t *testing.T) {
	dir := filled(t, 300, Options{SegmentBytes: 64 << 10})
	log := mustOpen(t, dir, Options{SegmentBytes: 64 << 10})
	before := diskUse(t, dir)
	if n := log.Stats().Segments; n < 5 {
		t.Fatalf("only %d segments", n)
	}
	// A reader inside a segment that goes away is not disturbed.
	s, _, err := log.chain.acquire(0, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := log.Trim(t.Context(), 0, 300); err != nil {
		t.Fatal(err)
	}
	err = s.db.View(func(tx *bolt.Tx) error {
		if tx.Bucket(partitionName(0)).Get(offsetKey(0)) == nil {
			return errors.New("record 0 is gone")
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	log.chain.release(s)
	if s.db != nil {
		t.Error("the trimmed segment is still open")
	}
	if after := diskUse(t, dir); after > before/3 {
		t.Errorf("%d bytes before, %d after", before, after)
	}
	if n := log.Stats().Segments; n != 1 {
		t.Errorf("%d segments, want 1", n)
	}
}

func diskUse(t *testing.T, dir string) (bytes int64) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		info, err := e.Info()
		if err != nil {
			t.Fatal(err)
		}
		bytes += info.Size()
	}
	return bytes
}

func TestManySegmentsFewOpen(t *testing.T) {
	dir := filled(t, 900, Options{SegmentBytes: 64 << 10})
	log := mustOpen(t, dir, Options{SegmentBytes: 64 << 10})
	if n := log.Stats().Segments; n < 2*maxIdle {
		t.Fatalf("only %d segments", n)
	}
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			if found, lost := survivors(t, log); len(found) != 900 || len(lost) > 0 {
				t.Errorf("%d records, lost %v", len(found), lost)
			}
		})
	}
	wg.Wait()
	open := 0
	for _, s := range log.chain.segments {
		if s.db != nil {
			open++
		}
	}
	if open > maxIdle+1 {
		t.Errorf("%d segments are open, want at most %d", open, maxIdle+1)
	}
}

func TestQueueIsBounded(t *testing.T) {
	log := mustOpen(t, filepath.Join(t.TempDir(), "log"), Options{QueueBytes: 1000})
	// With the writer held in a transaction the queue fills.
	tx, err := log.chain.active().db.Begin(true)
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for i := range 40 {
		wg.Go(func() {
			if err := log.Append(t.Context(), 0, make([]byte, 100+i)); err != nil {
				t.Error(err)
			}
		})
	}
	for log.Stats().Blocked < 5 {
		time.Sleep(time.Millisecond)
	}
	if n := log.Stats().Queued; n > 1000 {
		t.Errorf("%d bytes are queued, want at most 1000", n)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if err := log.Append(ctx, 0, make([]byte, 400)); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v, want %v", err, context.DeadlineExceeded)
	}
	if err := tx.Rollback(); err != nil {
		t.Fatal(err)
	}
	wg.Wait()
	if s := log.Stats(); s.Records != 40 || s.Queued != 0 || s.Flushes >= 40 {
		t.Errorf("%+v: want 40 records in fewer flushes and nothing queued", s)
	}
}

// While a record is being written its stamp must not be overtaken.
func TestClosedAtStaysBehindWhatIsInFlight(t *testing.T) {
	var now linewatch.Time = 1000
	log := mustOpen(t, filepath.Join(t.TempDir(), "log"), Options{Clock: func() linewatch.Time { return now }})
	tx, err := log.chain.active().db.Begin(true)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- log.Append(context.Background(), 0, []byte("a")) }()
	for inFlight := false; !inFlight; time.Sleep(time.Millisecond) {
		log.mu.Lock()
		inFlight = log.times.parts[0].inFlight.Known()
		log.mu.Unlock()
	}
	log.mu.Lock()
	now = 2000
	log.mu.Unlock()
	batch, err := log.Read(t.Context(), 0, 0, 1)
	if err != nil || batch.ClosedAt != 999 {
		t.Errorf("closed at %d, %v; want 999, just before the record on its way", batch.ClosedAt, err)
	}
	if err := tx.Rollback(); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	batch, err = log.Read(t.Context(), 0, 0, 1)
	if err != nil || len(batch.Records) != 1 || batch.Records[0].Arrival != 1000 || batch.ClosedAt != 1999 {
		t.Errorf("got %+v, %v; want stamp 1000 and closed at 1999", batch, err)
	}
}

// What is not on disk is not promised: a crash would not know of it.
func TestClosedAtStaysWithinThePromise(t *testing.T) {
	var now linewatch.Time = 1_000_000
	log := mustOpen(t, filepath.Join(t.TempDir(), "log"), Options{Clock: func() linewatch.Time { return now }})
	tx, err := log.meta.Begin(true) // no promise can be written
	if err != nil {
		t.Fatal(err)
	}
	log.mu.Lock()
	now += linewatch.Time(linewatch.Hour)
	promise := log.times.promise
	log.mu.Unlock()
	batch, err := log.Read(t.Context(), 0, 0, 1)
	if err != nil || batch.ClosedAt != promise {
		t.Errorf("closed at %v, %v; only %v is on disk", batch.ClosedAt, err, promise)
	}
	if err := tx.Rollback(); err != nil {
		t.Fatal(err)
	}
	for range 50 {
		if batch, err = log.Read(t.Context(), 0, 0, 1); err != nil {
			t.Fatal(err)
		}
		if batch.ClosedAt == now-1 {
			return
		}
	}
	t.Errorf("closed at %v after the promise could be renewed, want %v", batch.ClosedAt, now-1)
}

// A clock that runs 100 times as fast must not outrun the promise.
func TestPromiseKeepsUpWithAFastClock(t *testing.T) {
	start := time.Now()
	clock := func() linewatch.Time { return linewatch.Time(1e12 + 100*time.Since(start).Milliseconds()) }
	log := mustOpen(t, filepath.Join(t.TempDir(), "log"), Options{Clock: clock})
	var worst linewatch.Duration
	for i := range 8 {
		batch, err := log.Read(t.Context(), 0, 0, 1)
		if err != nil {
			t.Fatal(err)
		}
		if lag := clock().Sub(batch.ClosedAt); i > 2 {
			worst = max(worst, lag)
		}
	}
	if worst > 60*linewatch.Second { // 0.6 s of wall time
		t.Errorf("closed %v behind a clock of 100 s per second", worst)
	}
}

func ExampleLog() {
	dir, err := os.MkdirTemp("", "log")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	log, err := Open(dir, Options{Partitions: 2})
	if err != nil {
		panic(err)
	}
	defer log.Close()
	if err := log.Append(context.Background(), 1, []byte("first"), []byte("second")); err != nil {
		panic(err)
	}
	batch, err := log.Read(context.Background(), 1, 0, 10)
	if err != nil {
		panic(err)
	}
	for _, r := range batch.Records {
		fmt.Println(r.Partition, r.Offset, string(r.Data))
	}
	// Output:
	// 1 0 first
	// 1 1 second
}
