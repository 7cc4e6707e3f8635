package bolthistory

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.etcd.io/bbolt"
	"pgregory.net/rapid"

	"linewatch"
	"linewatch/internal/boltfile"
	"linewatch/notify"
)

func open(t testing.TB, path string, o Options) *History {
	t.Helper()
	o.Logger = slog.New(slog.DiscardHandler)
	h, err := Open(path, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.Close() })
	return h
}

func fresh(t testing.TB, o Options) *History {
	return open(t, filepath.Join(t.TempDir(), "history.db"), o)
}

func change(rule, equipment string, seq uint64) linewatch.StateChange {
	at := linewatch.Time(1_700_000_000_000 + int64(seq))
	return linewatch.StateChange{
		ID: linewatch.ChangeID(linewatch.Live, linewatch.RuleID(rule), 1, equipment, at, 0), Kind: linewatch.Live,
		Rule: linewatch.RuleID(rule), Version: 1, Equipment: equipment, Line: "l", Site: "s",
		From: linewatch.Idle, To: linewatch.Active, Group: "g", EventTime: at, Seq: seq, Priority: 2,
		Observed: linewatch.Observed{Watermark: at, Arrival: at + 3},
	}
}

func series(rule, equipment string, first, last uint64) (list []linewatch.StateChange) {
	for seq := first; seq <= last; seq++ {
		list = append(list, change(rule, equipment, seq))
	}
	return list
}

func add(t testing.TB, h *History, changes ...linewatch.StateChange) {
	t.Helper()
	if err := h.Append(t.Context(), changes); err != nil {
		t.Fatal(err)
	}
}

// names writes entries as "ordinal:rule/equipment#seq".
func names(list []notify.Entry) (out []string) {
	for _, e := range list {
		out = append(out, fmt.Sprintf("%d:%s/%s#%d", e.Ordinal, e.Change.Rule, e.Change.Equipment, e.Change.Seq))
	}
	return out
}

func wantEntries(t *testing.T, what string, list []notify.Entry, err error, want ...string) {
	t.Helper()
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	if diff := cmp.Diff(want, names(list)); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

func TestReads(t *testing.T) {
	path := filepath.Join(t.TempDir(), "history.db")
	h := open(t, path, Options{})
	add(t, h, change("b", "F1", 1), change("a", "F1", 1))
	add(t, h, change("a", "F10", 1), change("a", "F1", 2), change("a", "F1", 10))
	for range 2 { // again after a restart
		ctx := t.Context()
		list, err := h.After(ctx, 0, 3)
		wantEntries(t, "after 0", list, err, "1:b/F1#1", "2:a/F1#1", "3:a/F10#1")
		list, err = h.After(ctx, 3, 100)
		wantEntries(t, "after 3", list, err, "4:a/F1#2", "5:a/F1#10")
		list, err = h.After(ctx, 5, 100)
		wantEntries(t, "after the last", list, err)
		list, err = h.Newest(ctx, 2)
		wantEntries(t, "newest", list, err, "5:a/F1#10", "4:a/F1#2")
		list, err = h.Instance(ctx, "a", "F1", 2)
		wantEntries(t, "instance", list, err, "5:a/F1#10", "4:a/F1#2")
		list, err = h.Instance(ctx, "b", "F1", 9)
		wantEntries(t, "last instance", list, err, "1:b/F1#1")
		list, err = h.Instance(ctx, "a", "F", 9)
		wantEntries(t, "unknown instance", list, err)
		list, err = h.Current(ctx)
		wantEntries(t, "current", list, err, "5:a/F1#10", "3:a/F10#1", "1:b/F1#1")
		e, found, err := h.CurrentOf(ctx, "a", "F1")
		if err != nil || !found || !cmp.Equal(e.Change, change("a", "F1", 10), cmp.AllowUnexported(linewatch.Value{})) {
			t.Errorf("current of a/F1: %+v, %v, %v", e, found, err)
		}
		if _, found, err := h.CurrentOf(ctx, "a", "F"); found || err != nil {
			t.Errorf("current of an unknown instance: %v, %v", found, err)
		}
		if last, err := h.Last(ctx); last != 5 || err != nil {
			t.Errorf("last %d, %v", last, err)
		}
		h.Close()
		h = open(t, path, Options{})
	}
}

func TestSameIDTwice(t *testing.T) {
	h := fresh(t, Options{})
	first := change("a", "F1", 1)
	again, other := first, first
	again.Observed.Processed = 99
	other.Group = "elsewhere"
	add(t, h, first, again)
	add(t, h, other, change("a", "F1", 2), again)
	want := Stats{Appended: 2, Duplicate: 2, Diverged: 1}
	if diff := cmp.Diff(want, h.Stats()); diff != "" {
		t.Errorf("stats (-want +got):\n%s", diff)
	}
	list, err := h.After(t.Context(), 0, 10)
	wantEntries(t, "stored", list, err, "1:a/F1#1", "2:a/F1#2")
	if list[0].Change.Group != "g" || list[0].Change.Observed.Processed != 0 {
		t.Errorf("the first one did not stay: %+v", list[0].Change)
	}
}

func TestExportIsByteIdentical(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		var all []linewatch.StateChange
		for _, rule := range []string{"a", "ab", "b"} {
			for _, equipment := range []string{"F", "F1", "F10", "F2", "F\x00x"} {
				all = append(all, series(rule, equipment, 1, uint64(rapid.IntRange(0, 3).Draw(rt, "n")))...)
			}
		}
		var want []string
		sort.SliceStable(all, func(i, j int) bool {
			a, b := all[i], all[j]
			if a.Rule != b.Rule {
				return a.Rule < b.Rule
			}
			if a.Equipment != b.Equipment {
				return a.Equipment < b.Equipment
			}
			return a.Seq < b.Seq
		})
		for i := range all {
			want = append(want, string(all[i].AppendCanonical(nil))+"\n")
		}
		h := fresh(t, Options{})
		defer h.Close()
		for _, c := range rapid.Permutation(all).Draw(rt, "order") {
			c.Observed.Processed = linewatch.Time(rapid.Int64().Draw(rt, "processed"))
			add(t, h, c)
		}
		var got bytes.Buffer
		if err := h.Export(t.Context(), &got); err != nil {
			rt.Fatal(err)
		}
		if diff := cmp.Diff(strings.Join(want, ""), got.String()); diff != "" {
			rt.Fatalf("(-want +got):\n%s", diff)
		}
	})
}

func TestCurrentIsOnlyLiveAndNeverGoesBack(t *testing.T) {
	h := fresh(t, Options{})
	shadow, correction := change("a", "F1", 7), change("a", "F1", 8)
	shadow.Kind, correction.Kind = linewatch.Shadow, linewatch.Correction
	shadow.ID, correction.ID = "shadow", "correction"
	add(t, h, change("a", "F1", 2), change("a", "F1", 1), shadow, correction)
	list, err := h.Current(t.Context())
	wantEntries(t, "current", list, err, "1:a/F1#2")
}

func TestRetentionByCount(t *testing.T) {
	h := fresh(t, Options{MaxChanges: 5})
	add(t, h, change("quiet", "F1", 1))
	add(t, h, series("busy", "F1", 1, 20)...)
	list, err := h.After(t.Context(), 0, 100)
	wantEntries(t, "log", list, err, "17:busy/F1#16", "18:busy/F1#17", "19:busy/F1#18", "20:busy/F1#19", "21:busy/F1#20")
	list, err = h.Current(t.Context())
	wantEntries(t, "current", list, err, "21:busy/F1#20", "1:quiet/F1#1")
	list, err = h.Instance(t.Context(), "quiet", "F1", 9)
	wantEntries(t, "kept because it is current", list, err, "1:quiet/F1#1")
	add(t, h, change("quiet", "F1", 1)) // still known
	if got := h.Stats(); got != (Stats{Appended: 21, Duplicate: 1, Trimmed: 16}) {
		t.Errorf("stats %+v", got)
	}
	add(t, h, change("quiet", "F1", 2))
	list, err = h.Instance(t.Context(), "quiet", "F1", 9)
	wantEntries(t, "replaced", list, err, "22:quiet/F1#2")
	for _, name := range [][]byte{keptName} {
		if n := keys(t, h, name); n != 0 {
			t.Errorf("%s holds %d", name, n)
		}
	}
	for _, name := range [][]byte{logName, idsName, instancesName} {
		if n := keys(t, h, name); n != 5 {
			t.Errorf("%s holds %d, want 5", name, n)
		}
	}
}

func keys(t *testing.T, h *History, bucket []byte) (n int) {
	t.Helper()
	if err := h.db.View(func(tx *bbolt.Tx) error { n = tx.Bucket(bucket).Stats().KeyN; return nil }); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestRetentionByAge(t *testing.T) {
	now := time.UnixMilli(1_700_000_000_000)
	h := fresh(t, Options{MaxAge: time.Hour, Now: func() time.Time { return now }})
	add(t, h, series("a", "F1", 1, 3)...)
	now = now.Add(time.Hour)
	add(t, h, change("a", "F1", 4))
	if got := h.Stats().Trimmed; got != 0 {
		t.Errorf("%d left at exactly the age", got)
	}
	now = now.Add(time.Millisecond)
	add(t, h, change("a", "F1", 5))
	list, err := h.After(t.Context(), 0, 100)
	wantEntries(t, "log", list, err, "4:a/F1#4", "5:a/F1#5")
	// The newest stays, for Wait says that it is there: a follower that did not
	// find it would ask for it without a pause.
	now = now.Add(24 * time.Hour)
	add(t, h, change("a", "F1", 5))
	if err := h.Wait(t.Context(), 3); err != nil {
		t.Fatal(err)
	}
	list, err = h.After(t.Context(), 3, 100)
	wantEntries(t, "log after a repetition", list, err, "5:a/F1#5")
}

func TestCursors(t *testing.T) {
	path := filepath.Join(t.TempDir(), "history.db")
	h := open(t, path, Options{})
	if err := h.SetCursor(t.Context(), "mqtt", 7); err != nil {
		t.Fatal(err)
	}
	h.Close()
	h = open(t, path, Options{})
	for name, want := range map[string]uint64{"mqtt": 7, "mail": 0} {
		if got, err := h.Cursor(t.Context(), name); got != want || err != nil {
			t.Errorf("%s: %d, %v, want %d", name, got, err, want)
		}
	}
}

func TestWait(t *testing.T) {
	h := fresh(t, Options{})
	woken := make(chan error)
	go func() { woken <- h.Wait(context.Background(), 1) }()
	add(t, h, change("a", "F1", 1))
	select {
	case err := <-woken:
		t.Fatalf("woken before there is an entry after 1: %v", err)
	case <-time.After(20 * time.Millisecond):
	}
	add(t, h, change("a", "F1", 1)) // a repetition is no entry
	add(t, h, change("a", "F1", 2))
	if err := <-woken; err != nil {
		t.Error(err)
	}
	if err := h.Wait(t.Context(), 1); err != nil {
		t.Errorf("an entry is there already: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	go func() { woken <- h.Wait(ctx, 2) }()
	cancel()
	if err := <-woken; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	go func() { woken <- h.Wait(context.Background(), 2) }()
	h.Close()
	if err := <-woken; !errors.Is(err, ErrClosed) {
		t.Error(err)
	}
}

func TestConcurrentUse(t *testing.T) {
	h := fresh(t, Options{MaxChanges: 50})
	var wg sync.WaitGroup
	for g := range 4 {
		wg.Go(func() {
			for seq := range uint64(25) {
				if err := h.Append(t.Context(), []linewatch.StateChange{change("a", fmt.Sprint(g), seq)}); err != nil {
					t.Error(err)
				}
				if _, err := h.Newest(t.Context(), 5); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if got := h.Stats(); got.Appended != 100 || got.Trimmed != 50 {
		t.Errorf("stats %+v", got)
	}
	list, err := h.Current(t.Context())
	if err != nil || len(list) != 4 || list[3].Change.Seq != 24 {
		t.Errorf("current %v, %v", names(list), err)
	}
}

func TestDamageAndRefusals(t *testing.T) {
	path := filepath.Join(t.TempDir(), "history.db")
	h := open(t, path, Options{})
	if _, err := Open(path, Options{}); !errors.Is(err, boltfile.ErrLocked) {
		t.Errorf("second open: %v", err)
	}
	if err := h.Append(t.Context(), []linewatch.StateChange{change("a", "F1", 1), {}}); err == nil {
		t.Error("a change without an id was stored")
	}
	if list, err := h.Newest(t.Context(), 9); err != nil || len(list) != 0 {
		t.Errorf("a refused append left %v, %v", names(list), err)
	}
	add(t, h, change("a", "F1", 1))
	err := h.db.Update(func(tx *bbolt.Tx) error {
		b := tx.Bucket(logName)
		data := bytes.Clone(b.Get(ordinalKey(1)))
		data[40] ^= 1
		return b.Put(ordinalKey(1), data)
	})
	if err != nil {
		t.Fatal(err)
	}
	_, newest := h.Newest(t.Context(), 1)
	_, after := h.After(t.Context(), 0, 1)
	_, current := h.Current(t.Context())
	for i, err := range []error{newest, after, current, h.Export(t.Context(), &bytes.Buffer{}), h.Append(t.Context(), series("a", "F1", 1, 1))} {
		if !errors.Is(err, ErrCorrupt) {
			t.Errorf("read %d of a damaged record: %v", i, err)
		}
	}
	h.Close()
	if err := h.Append(t.Context(), series("a", "F1", 2, 2)); !errors.Is(err, ErrClosed) {
		t.Errorf("append to a closed history: %v", err)
	}
}

// bbolt panics about pages that make no sense, or overflows the stack. What is
// damaged when a history is opened is found then, and leads nobody astray.
func TestDamagedPagesAreErrors(t *testing.T) {
	path, content := filled(t)
	met := map[string]int{}
	for at := 0; at < len(content); at += os.Getpagesize() {
		for _, flip := range []int{8, 20, 24} { // kind; position and size of the first key
			damaged := bytes.Clone(content)
			damaged[at+flip] ^= 0x5f
			damaged[at+flip+1] ^= 0x5f
			if err := os.WriteFile(path, damaged, boltfile.FileMode); err != nil {
				t.Fatal(err)
			}
			h, err := Open(path, Options{MaxChanges: 190, Logger: slog.New(slog.DiscardHandler)})
			if err != nil {
				met["open"]++
				refused(t, path, err)
				continue
			}
			met["nowhere"]++ // a part that is not in use
			if err := errors.Join(write(t, h), read(t, h)); err != nil {
				t.Errorf("byte %d: opened, and then %v", at+flip, err)
			}
			h.Close()
		}
	}
	if met["open"] < 30 || met["nowhere"] == 0 {
		t.Errorf("damage was met at %v", met)
	}
}

// A disk may go bad under a history that is open.
func TestPagesDamagedInUseAreErrors(t *testing.T) {
	met := 0
	for page := 2; ; page++ {
		path, content := filled(t)
		at := page * os.Getpagesize()
		if at >= len(content) {
			break
		}
		h := open(t, path, Options{MaxChanges: 190})
		file, err := os.OpenFile(path, os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		_, err = file.WriteAt([]byte{0x5d}, int64(at+8)) // neither a branch nor a leaf
		if err := errors.Join(err, file.Close()); err != nil {
			t.Fatal(err)
		}
		if err := write(t, h); err != nil {
			met++
			refused(t, path, err)
			if again := write(t, h); !errors.Is(again, boltfile.ErrCorrupt) {
				t.Errorf("page %d: appended behind %v: %v", page, err, again)
			}
		}
		if err := read(t, h); err != nil {
			refused(t, path, err)
		}
		h.Close()
	}
	if met < 5 {
		t.Errorf("damage was met on %d pages", met)
	}
}

// filled returns the file of a history of 200 changes, closed.
func filled(t *testing.T) (path string, content []byte) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "history.db")
	h := open(t, path, Options{})
	for first := uint64(1); first < 200; first += 50 {
		add(t, h, series("a", "F1", first, first+49)...)
	}
	if err := h.Close(); err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return path, content
}

// refused checks what is said about damaged pages.
func refused(t *testing.T, path string, err error) {
	t.Helper()
	for _, want := range []string{path, "move the file away"} {
		if !errors.Is(err, boltfile.ErrCorrupt) || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want damage with %q", err, want)
		}
	}
}

func write(t *testing.T, h *History) error {
	t.Helper()
	return errors.Join(h.Append(t.Context(), series("a", "F1", 201, 201)), h.Append(t.Context(), series("a", "F1", 202, 202)))
}

func read(t *testing.T, h *History) error {
	t.Helper()
	_, err := h.After(t.Context(), 0, 1000)
	return errors.Join(err, h.Export(t.Context(), io.Discard))
}

func BenchmarkAppend(b *testing.B) {
	for _, n := range []int{1, 10, 100, 1000} {
		b.Run(fmt.Sprintf("changes=%d", n), func(b *testing.B) {
			h := fresh(b, Options{})
			seq := uint64(1)
			for b.Loop() {
				add(b, h, series("rule", "F1", seq, seq+uint64(n)-1)...)
				seq += uint64(n)
			}
			b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N*n), "us/change")
		})
	}
}
