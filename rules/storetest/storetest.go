// Package storetest is the suite that every implementation of the crash
// contract of package rules passes.
package storetest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"linewatch"
	"linewatch/rules"
)

// Store is what is tested: both halves of the contract and an orderly close.
type Store interface {
	rules.Store
	rules.Outbox
	Close() error
}

// Run checks an implementation. Open opens the store in a directory: the same
// directory gives the same store again once the former one is closed.
func Run(t *testing.T, open func(dir string) (Store, error)) {
	for _, test := range []struct {
		name string
		run  func(*testing.T, *bench)
	}{
		{"unknown bucket", unknownBucket},
		{"checkpoint and outputs survive", checkpointSurvives},
		{"a commit without a snapshot keeps the stored one", keepsSnapshot},
		{"an empty snapshot is one", emptySnapshot},
		{"a snapshot is the caller's again", snapshotReused},
		{"snapshots grow and shrink", snapshotSizes},
		{"emitted again", emittedAgain},
		{"divergence", divergence},
		{"observed is not compared", observedDiffers},
		{"gaps are refused", gapsRefused},
		{"snapshots never go back", snapshotOrder},
		{"outputs leave when published and covered", outputsLeave},
		{"pending in pages", pendingPages},
		{"buckets are independent", bucketsIndependent},
		{"concurrent buckets", concurrentBuckets},
		{"an ended context", endedContext},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := &bench{dir: t.TempDir(), open: open}
			b.start(t)
			t.Cleanup(func() { b.store.Close() })
			test.run(t, b)
		})
	}
	t.Run("model", func(t *testing.T) { model(t, open) })
}

// bench is a store that can be closed and opened again.
type bench struct {
	dir   string
	open  func(dir string) (Store, error)
	store Store
}

// testing.TB cannot be had from rapid.T, hence the part of it that is needed.
type fataler interface {
	Helper()
	Fatal(...any)
	Fatalf(string, ...any)
}

func (b *bench) start(t fataler) {
	t.Helper()
	var err error
	if b.store, err = b.open(b.dir); err != nil {
		t.Fatalf("open: %v", err)
	}
}

func (b *bench) reopen(t fataler) {
	t.Helper()
	if err := b.store.Close(); err != nil {
		t.Fatalf("close: %v", err)
	}
	b.start(t)
}

func (b *bench) commit(t fataler, bucket int, c rules.Commit) {
	t.Helper()
	if err := b.store.Commit(context.Background(), bucket, c); err != nil {
		t.Fatalf("commit: %v", err)
	}
}

func (b *bench) publish(t fataler, bucket int, upTo uint64) {
	t.Helper()
	if err := b.store.Published(context.Background(), bucket, upTo); err != nil {
		t.Fatalf("published: %v", err)
	}
}

func (b *bench) wantCheckpoint(t fataler, bucket int, snapshot []byte, emitted uint64) {
	t.Helper()
	got, err := b.store.Load(context.Background(), bucket)
	if err != nil {
		t.Fatalf("load: %v", err)
	}
	if !bytes.Equal(got.Snapshot, snapshot) || (got.Snapshot == nil) != (snapshot == nil) || got.Emitted != emitted {
		t.Fatalf("checkpoint of bucket %d: %d bytes after %d outputs, want %d bytes after %d", bucket, len(got.Snapshot), got.Emitted, len(snapshot), emitted)
	}
}

// wantPending checks that exactly these outputs are pending, byte for byte.
func (b *bench) wantPending(t fataler, bucket int, first uint64, changes []linewatch.StateChange) {
	t.Helper()
	got, err := b.store.Pending(context.Background(), bucket, 0, len(changes)+100)
	if err != nil {
		t.Fatalf("pending: %v", err)
	}
	if len(got) != len(changes) {
		t.Fatalf("bucket %d: %d pending outputs, want %d", bucket, len(got), len(changes))
	}
	for i := range changes {
		if got[i].Number != first+uint64(i) {
			t.Fatalf("pending output %d has number %d, want %d", i, got[i].Number, first+uint64(i))
		}
		if diff := cmp.Diff(string(changes[i].AppendJSON(nil)), string(got[i].Change)); diff != "" {
			t.Fatalf("output %d (-want +got):\n%s", got[i].Number, diff)
		}
	}
}

// Change returns output number n of a bucket, as a deterministic engine would
// emit it.
func Change(bucket int, n uint64) linewatch.StateChange {
	at := linewatch.Time(1_700_000_000_000 + 1000*int64(n))
	equipment := fmt.Sprintf("F%d", bucket)
	from, to := linewatch.Idle, linewatch.Warning
	if n%2 == 1 {
		from, to = to, from
	}
	return linewatch.StateChange{
		ID: linewatch.ChangeID(linewatch.Live, "rule", 1, equipment, at, 0), Kind: linewatch.Live, Rule: "rule", Version: 1,
		Site: "site", Line: "line", Equipment: equipment, From: from, To: to, Group: "limits", EventTime: at, Seq: n + 1, Priority: 2,
		Observed: linewatch.Observed{Watermark: at, Arrival: at + 5},
	}
}

// Changes returns the outputs first to first+n-1.
func Changes(bucket int, first uint64, n int) []linewatch.StateChange {
	list := make([]linewatch.StateChange, n)
	for i := range list {
		list[i] = Change(bucket, first+uint64(i))
	}
	return list
}

func unknownBucket(t *testing.T, b *bench) {
	b.wantCheckpoint(t, 7, nil, 0)
	b.wantPending(t, 7, 0, nil)
	if got, err := b.store.Buckets(t.Context()); err != nil || len(got) != 0 {
		t.Errorf("buckets %v, %v", got, err)
	}
	if err := b.store.Published(t.Context(), 7, 1); !errors.Is(err, rules.ErrOutputGap) {
		t.Errorf("published beyond the outputs: %v", err)
	}
}

func checkpointSurvives(t *testing.T, b *bench) {
	changes := Changes(3, 0, 5)
	b.commit(t, 3, rules.Commit{Snapshot: []byte("five"), Emitted: 5, Changes: changes})
	for range 2 {
		b.wantCheckpoint(t, 3, []byte("five"), 5)
		b.wantPending(t, 3, 0, changes)
		b.reopen(t)
	}
	var back linewatch.StateChange
	list, err := b.store.Pending(t.Context(), 3, 4, 1)
	if err != nil || len(list) != 1 {
		t.Fatalf("%d outputs, %v", len(list), err)
	}
	if err := json.Unmarshal(list[0].Change, &back); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(changes[4], back, cmp.AllowUnexported(linewatch.Value{})); diff != "" {
		t.Errorf("output 4 (-want +got):\n%s", diff)
	}
}

func keepsSnapshot(t *testing.T, b *bench) {
	b.commit(t, 1, rules.Commit{Snapshot: []byte("two"), Emitted: 2, Changes: Changes(1, 0, 2)})
	b.commit(t, 1, rules.Commit{Emitted: 99, First: 2, Changes: Changes(1, 2, 3)})
	b.commit(t, 1, rules.Commit{First: 99}) // neither outputs nor a snapshot
	b.reopen(t)
	b.wantCheckpoint(t, 1, []byte("two"), 2)
	b.wantPending(t, 1, 0, Changes(1, 0, 5))
}

func emptySnapshot(t *testing.T, b *bench) {
	b.commit(t, 1, rules.Commit{Snapshot: []byte{}})
	b.reopen(t)
	b.wantCheckpoint(t, 1, []byte{}, 0)
}

func snapshotReused(t *testing.T, b *bench) {
	room := []byte("mine")
	b.commit(t, 1, rules.Commit{Snapshot: room})
	copy(room, "gone")
	b.wantCheckpoint(t, 1, []byte("mine"), 0)
	b.commit(t, 1, rules.Commit{First: 0, Changes: Changes(1, 0, 1)})
	b.reopen(t)
	b.wantCheckpoint(t, 1, []byte("mine"), 0)
}

func snapshotSizes(t *testing.T, b *bench) {
	pattern := make([]byte, 3<<20)
	for i := range pattern {
		pattern[i] = byte(i * 7 >> 3)
	}
	for _, size := range []int{10, 3 << 20, 1 << 17, 1<<17 + 1, 0, 2<<20 - 1, 1} {
		pattern[size/2]++
		b.commit(t, 1, rules.Commit{Snapshot: pattern[:size:size]})
		b.wantCheckpoint(t, 1, pattern[:size:size], 0)
		b.reopen(t)
		b.wantCheckpoint(t, 1, pattern[:size:size], 0)
	}
}

func emittedAgain(t *testing.T, b *bench) {
	b.commit(t, 1, rules.Commit{Snapshot: []byte("a"), Emitted: 2, Changes: Changes(1, 0, 2)})
	b.commit(t, 1, rules.Commit{First: 2, Changes: Changes(1, 2, 6)})
	b.reopen(t)
	b.wantCheckpoint(t, 1, []byte("a"), 2)
	// Other steps than before: commits may be cut elsewhere.
	b.commit(t, 1, rules.Commit{First: 2, Changes: Changes(1, 2, 1)})
	b.commit(t, 1, rules.Commit{First: 3, Changes: Changes(1, 3, 7), Snapshot: []byte("b"), Emitted: 10})
	b.wantPending(t, 1, 0, Changes(1, 0, 10))
	b.wantCheckpoint(t, 1, []byte("b"), 10)
}

func divergence(t *testing.T, b *bench) {
	b.commit(t, 1, rules.Commit{Changes: Changes(1, 0, 4)})
	again := Changes(1, 1, 5)
	again[1].Group, again[2].Group = "other", "other"
	err := b.store.Commit(t.Context(), 1, rules.Commit{First: 1, Changes: again, Snapshot: []byte("s"), Emitted: 6})
	var diverged *rules.DivergedError
	if !errors.As(err, &diverged) {
		t.Fatalf("error %v, want a DivergedError", err)
	}
	first := Change(1, 2)
	want := &rules.DivergedError{Bucket: 1, Numbers: []uint64{2, 3}, Stored: first.AppendCanonical(nil), Emitted: again[1].AppendCanonical(nil)}
	if diff := cmp.Diff(want, diverged); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	b.reopen(t)
	b.wantPending(t, 1, 0, Changes(1, 0, 6)) // the first ones stay, the new ones are in
	b.wantCheckpoint(t, 1, []byte("s"), 6)
}

func observedDiffers(t *testing.T, b *bench) {
	b.commit(t, 1, rules.Commit{Changes: Changes(1, 0, 2)})
	again := Changes(1, 0, 2)
	again[0].Observed.Processed = 12345
	b.commit(t, 1, rules.Commit{Changes: again})
	b.wantPending(t, 1, 0, Changes(1, 0, 2))
}

func gapsRefused(t *testing.T, b *bench) {
	b.commit(t, 1, rules.Commit{Changes: Changes(1, 0, 2)})
	err := b.store.Commit(t.Context(), 1, rules.Commit{First: 3, Changes: Changes(1, 3, 1), Snapshot: []byte("s"), Emitted: 4})
	if !errors.Is(err, rules.ErrOutputGap) {
		t.Errorf("commit: %v", err)
	}
	if err := b.store.Published(t.Context(), 1, 3); !errors.Is(err, rules.ErrOutputGap) {
		t.Errorf("published: %v", err)
	}
	err = b.store.Commit(t.Context(), 2, rules.Commit{First: 1, Changes: Changes(2, 1, 1)})
	if !errors.Is(err, rules.ErrOutputGap) {
		t.Errorf("first commit of a bucket: %v", err)
	}
	b.wantPending(t, 1, 0, Changes(1, 0, 2))
	b.wantCheckpoint(t, 1, nil, 0)
	if got, err := b.store.Buckets(t.Context()); err != nil || !cmp.Equal(got, []int{1}) {
		t.Errorf("buckets %v, %v: a refused commit left something behind", got, err)
	}
}

func snapshotOrder(t *testing.T, b *bench) {
	b.commit(t, 1, rules.Commit{Snapshot: []byte("s"), Emitted: 3, Changes: Changes(1, 0, 4)})
	for _, emitted := range []uint64{2, 6} {
		err := b.store.Commit(t.Context(), 1, rules.Commit{Snapshot: []byte("x"), Emitted: emitted, First: 4, Changes: Changes(1, 4, 1)})
		if !errors.Is(err, rules.ErrSnapshotOrder) {
			t.Errorf("snapshot after %d: %v", emitted, err)
		}
	}
	b.wantCheckpoint(t, 1, []byte("s"), 3)
	b.wantPending(t, 1, 0, Changes(1, 0, 4))
	b.commit(t, 1, rules.Commit{Snapshot: []byte("t"), Emitted: 3})
	b.wantCheckpoint(t, 1, []byte("t"), 3)
}

func outputsLeave(t *testing.T, b *bench) {
	b.commit(t, 1, rules.Commit{Snapshot: []byte("s"), Emitted: 2, Changes: Changes(1, 0, 6)})
	b.publish(t, 1, 5)
	b.publish(t, 1, 1) // goes back: no effect
	b.wantPending(t, 1, 5, Changes(1, 5, 1))
	b.reopen(t)
	b.wantPending(t, 1, 5, Changes(1, 5, 1)) // an orderly close keeps the mark
	// Published but above the snapshot: still there to be compared with.
	again := Changes(1, 2, 4)
	again[0].Group = "other"
	var diverged *rules.DivergedError
	if err := b.store.Commit(t.Context(), 1, rules.Commit{First: 2, Changes: again}); !errors.As(err, &diverged) {
		t.Fatalf("a published output above the snapshot was not compared: %v", err)
	}
	// Below the snapshot and published: gone, and nothing to compare with.
	b.commit(t, 1, rules.Commit{Snapshot: []byte("t"), Emitted: 6})
	b.commit(t, 1, rules.Commit{First: 2, Changes: again})
	b.wantPending(t, 1, 5, Changes(1, 5, 1)) // not published: stays
	b.publish(t, 1, 6)
	b.commit(t, 1, rules.Commit{First: 6, Changes: Changes(1, 6, 1)})
	b.reopen(t)
	b.wantPending(t, 1, 6, Changes(1, 6, 1)) // numbers go on after all are gone
}

func pendingPages(t *testing.T, b *bench) {
	b.commit(t, 1, rules.Commit{Changes: Changes(1, 0, 25)})
	for from := uint64(0); from < 25; from += 10 {
		list, err := b.store.Pending(t.Context(), 1, from, 10)
		if err != nil || len(list) != int(min(10, 25-from)) || list[0].Number != from {
			t.Fatalf("from %d: %d outputs, %v", from, len(list), err)
		}
	}
}

func bucketsIndependent(t *testing.T, b *bench) {
	for _, bucket := range []int{1023, 0, 300} {
		b.commit(t, bucket, rules.Commit{Snapshot: fmt.Append(nil, bucket), Emitted: 1, Changes: Changes(bucket, 0, 2)})
	}
	b.publish(t, 300, 2)
	b.reopen(t)
	if got, err := b.store.Buckets(t.Context()); err != nil || !cmp.Equal(got, []int{0, 300, 1023}) {
		t.Errorf("buckets %v, %v", got, err)
	}
	b.wantCheckpoint(t, 1023, []byte("1023"), 1)
	b.wantPending(t, 0, 0, Changes(0, 0, 2))
	b.wantPending(t, 300, 2, nil)
	b.wantPending(t, 1023, 0, Changes(1023, 0, 2))
}

func concurrentBuckets(t *testing.T, b *bench) {
	const buckets, steps = 8, 20
	var wg sync.WaitGroup
	for bucket := range buckets {
		wg.Go(func() {
			for n := range uint64(steps) {
				c := rules.Commit{First: n, Changes: Changes(bucket, n, 1), Snapshot: fmt.Append(nil, n), Emitted: n + 1}
				if err := b.store.Commit(t.Context(), bucket, c); err != nil {
					t.Error(err)
				}
				list, err := b.store.Pending(t.Context(), bucket, 0, 100)
				if err != nil || len(list) == 0 || list[len(list)-1].Number != n {
					t.Errorf("bucket %d after output %d: %d pending, %v", bucket, n, len(list), err)
				}
				if n%3 == 0 {
					if err := b.store.Published(t.Context(), bucket, n); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	wg.Wait()
	b.reopen(t)
	for bucket := range buckets {
		b.wantCheckpoint(t, bucket, fmt.Append(nil, steps-1), steps)
		b.wantPending(t, bucket, steps-2, Changes(bucket, steps-2, 2))
	}
}

func endedContext(t *testing.T, b *bench) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := b.store.Commit(ctx, 1, rules.Commit{Snapshot: []byte("s")}); !errors.Is(err, context.Canceled) {
		t.Errorf("commit: %v", err)
	}
	if _, err := b.store.Load(ctx, 1); !errors.Is(err, context.Canceled) {
		t.Errorf("load: %v", err)
	}
	b.wantCheckpoint(t, 1, nil, 0)
}

// model drives random steps, with restarts from the stored checkpoint between
// them, beside an obvious model.
func model(t *testing.T, open func(dir string) (Store, error)) {
	rapid.Check(t, func(rt *rapid.T) {
		b := &bench{dir: t.TempDir(), open: open}
		b.start(rt)
		defer func() { b.store.Close() }()
		m := modelBucket{}
		for range rapid.IntRange(1, 12).Draw(rt, "steps") {
			m.step(rt, b)
		}
		b.reopen(rt)
		m.check(rt, b)
	})
}

// modelBucket is what bucket 1 must look like.
type modelBucket struct {
	snapshot  []byte
	emitted   uint64 // by the stored snapshot
	next      uint64 // outputs stored
	published uint64
	at        uint64 // how far the running engine has come
}

func (m *modelBucket) step(t *rapid.T, b *bench) {
	switch rapid.SampledFrom([]string{"run", "run", "run", "publish", "restart"}).Draw(t, "what") {
	case "run":
		c := rules.Commit{First: m.at, Changes: Changes(1, m.at, rapid.IntRange(0, 5).Draw(t, "changes"))}
		m.at += uint64(len(c.Changes))
		m.next = max(m.next, m.at)
		if rapid.Bool().Draw(t, "snapshot") {
			c.Snapshot, c.Emitted = fmt.Append(nil, "state after ", m.at), m.at
			m.snapshot, m.emitted = c.Snapshot, m.at
		}
		b.commit(t, 1, c)
	case "publish":
		m.published = rapid.Uint64Range(m.published, m.next).Draw(t, "upTo")
		b.publish(t, 1, m.published)
	case "restart":
		b.reopen(t)
		m.at = m.emitted
	}
	m.check(t, b)
}

func (m *modelBucket) check(t *rapid.T, b *bench) {
	b.wantCheckpoint(t, 1, m.snapshot, m.emitted)
	b.wantPending(t, 1, m.published, Changes(1, m.published, int(m.next-m.published)))
}
