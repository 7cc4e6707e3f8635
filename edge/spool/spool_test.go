package spool

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"linewatch"
	"linewatch/internal/boltfile"
)

func testOptions() Options {
	return Options{Logger: slog.New(slog.DiscardHandler), SegmentBytes: 8 << 10}
}

func mustOpen(t testing.TB, dir string, o Options) *Spool {
	t.Helper()
	s, err := Open(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func mustClose(t testing.TB, s *Spool) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// point returns the i-th point of a source.
func point(source string, i int) linewatch.DataPoint {
	return linewatch.DataPoint{
		Timestamp: linewatch.Time(1000 + i), CreatedAt: linewatch.Time(1001 + i), Equipment: "F1",
		Tag: fmt.Sprint("tag", i%7), Value: linewatch.IntValue(int64(i)), Source: source, Quality: linewatch.Ok,
	}
}

func put(t testing.TB, s *Spool, source string, from, n int) {
	t.Helper()
	points := make([]linewatch.DataPoint, n)
	for i := range points {
		points[i] = point(source, from+i)
	}
	if err := s.Append(t.Context(), points); err != nil {
		t.Fatal(err)
	}
}

// drain reads and acknowledges all that waits.
func drain(t testing.TB, s *Spool) []linewatch.DataPoint {
	t.Helper()
	var all []linewatch.DataPoint
	for s.Stats().Pending > 0 {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		points, upTo, err := s.Next(ctx, 100)
		cancel()
		if err != nil {
			t.Fatalf("%v after %d points, %+v", err, len(all), s.Stats())
		}
		if err := s.Acknowledge(upTo); err != nil {
			t.Fatal(err)
		}
		all = append(all, points...)
	}
	return all
}

// brief lists points as source:sequence, gaps as source:first-last.
func brief(points []linewatch.DataPoint) string {
	var words []string
	for i := range points {
		p := &points[i]
		if n := lossOf(p); n > 0 {
			words = append(words, fmt.Sprintf("%s:%d-%d", p.Source, p.Sequence-uint64(n)+1, p.Sequence))
			continue
		}
		words = append(words, fmt.Sprintf("%s:%d", p.Source, p.Sequence))
	}
	return strings.Join(words, " ")
}

func TestNumbersAndOrder(t *testing.T) {
	s := mustOpen(t, t.TempDir(), testOptions())
	points := []linewatch.DataPoint{point("a", 0), point("b", 0), point("a", 1)}
	if err := s.Append(t.Context(), points); err != nil {
		t.Fatal(err)
	}
	put(t, s, "b", 1, 1)
	if got, want := brief(points), "a:1 b:1 a:2"; got != want {
		t.Errorf("append wrote %s, want %s", got, want)
	}
	if s.Pending("a") != 2 || s.Pending("b") != 2 || s.Pending("c") != 0 {
		t.Errorf("pending %d, %d, %d", s.Pending("a"), s.Pending("b"), s.Pending("c"))
	}
	got := drain(t, s)
	want := append(points, point("b", 1))
	want[3].Sequence, want[3].Epoch = 2, s.Epoch()
	if diff := cmp.Diff(want, got, cmp.Comparer(func(a, b linewatch.Value) bool { return a == b })); diff != "" {
		t.Error(diff)
	}
	if st := s.Stats(); st.Appended != 4 || st.Sent != 4 || st.Pending != 0 || st.Lost != 0 {
		t.Errorf("%+v", st)
	}
}

func TestNextRepeatsUntilAcknowledged(t *testing.T) {
	s := mustOpen(t, t.TempDir(), testOptions())
	put(t, s, "a", 0, 5)
	first, upTo, err := s.Next(t.Context(), 3)
	if err != nil {
		t.Fatal(err)
	}
	again, upTo2, err := s.Next(t.Context(), 3)
	if err != nil || brief(first) != brief(again) || brief(first) != "a:1 a:2 a:3" {
		t.Fatalf("got %s, then %s, %v", brief(first), brief(again), err)
	}
	for _, other := range []Cursor{{}, upTo} {
		if err := s.Acknowledge(other); !errors.Is(err, ErrCursor) {
			t.Errorf("another cursor, %v: %v", other, err)
		}
	}
	if err := s.Acknowledge(upTo2); err != nil {
		t.Fatal(err)
	}
	if err := s.Acknowledge(upTo2); !errors.Is(err, ErrCursor) {
		t.Errorf("the same again: %v", err)
	}
	if rest := drain(t, s); brief(rest) != "a:4 a:5" {
		t.Errorf("the rest is %s", brief(rest))
	}
}

func TestReopenGoesOn(t *testing.T) {
	dir := t.TempDir()
	var epoch uint64
	var got []linewatch.DataPoint
	for run := range 6 {
		s := mustOpen(t, dir, testOptions())
		if run == 0 {
			epoch = s.Epoch()
		}
		if s.Epoch() != epoch {
			t.Fatalf("epoch %d, want %d", s.Epoch(), epoch)
		}
		if want := run * 17; s.Pending("a")+len(got) != want {
			t.Fatalf("%d pending, %d sent, want %d together", s.Pending("a"), len(got), want)
		}
		put(t, s, "a", run*17, 17)
		points, upTo, err := s.Next(t.Context(), 10)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Acknowledge(upTo); err != nil {
			t.Fatal(err)
		}
		got = append(got, points...)
		mustClose(t, s)
	}
	got = append(got, drain(t, mustOpen(t, dir, testOptions()))...)
	for i := range got {
		if got[i].Sequence != uint64(i+1) {
			t.Fatalf("point %d has number %d", i, got[i].Sequence)
		}
	}
	if len(got) != 6*17 {
		t.Errorf("%d points, want %d", len(got), 6*17)
	}
}

func TestOldest(t *testing.T) {
	s := mustOpen(t, t.TempDir(), testOptions())
	for _, at := range []int{50, 20, 90, 70} {
		put(t, s, "a", at, 1)
	}
	for _, want := range []linewatch.Time{1020, 1020, 1070, 1070} {
		if got, ok := s.Oldest("a"); !ok || got != want {
			t.Errorf("oldest %d, %v; want %d", got, ok, want)
		}
		_, upTo, err := s.Next(t.Context(), 1)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Acknowledge(upTo); err != nil {
			t.Fatal(err)
		}
	}
	if got, ok := s.Oldest("a"); ok {
		t.Errorf("oldest %d with nothing pending", got)
	}
}

// However long the backlog, Oldest is never later than the truth.
func TestOldestIsSafe(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var s sender
		// Long runs from a seed: drawn one by one they would stay short.
		times := make([]int, rapid.IntRange(1, 10000).Draw(t, "points"))
		random := rand.New(rand.NewPCG(1, rapid.Uint64().Draw(t, "seed")))
		for i := range times {
			times[i] = random.IntN(i/10 + 100)
			at := position{1, int64(i)}
			s.add(chunk{at, position{1, int64(i + 1)}, place{1, uint64(i + 1)}, linewatch.Time(times[i])}, random.IntN(3) > 0, mostChunks)
		}
		sent := rapid.IntRange(0, len(times)).Draw(t, "sent")
		s.acknowledge(place{1, uint64(sent)}, position{1, int64(sent)})
		if len(s.chunks) > mostChunks {
			t.Fatalf("%d chunks", len(s.chunks))
		}
		oldest, ok := s.oldest()
		if ok != (sent < len(times)) {
			t.Fatalf("oldest %v with %d of %d sent", ok, sent, len(times))
		}
		for _, at := range times[sent:] {
			if oldest > linewatch.Time(at) {
				t.Fatalf("oldest %d, and %d waits", oldest, at)
			}
		}
	})
}

func TestNextWaits(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		s := mustOpen(t, dir, testOptions())
		defer mustClose(t, s)
		time.AfterFunc(time.Second, func() { put(t, s, "a", 0, 1) })
		start := time.Now()
		points, _, err := s.Next(t.Context(), 10)
		if err != nil || len(points) != 1 || time.Since(start) != time.Second {
			t.Errorf("got %s, %v after %v", brief(points), err, time.Since(start))
		}
		drain(t, s)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, _, err := s.Next(ctx, 10); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
	})
}

func TestFullBlocksTheProducer(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		o := testOptions()
		o.MaxBytes, o.SegmentBytes = 1<<20, 1<<17
		s := mustOpen(t, dir, o)
		defer mustClose(t, s)
		ctx, cancel := context.WithCancel(t.Context())
		var stored int
		var stop error
		done := make(chan struct{})
		go func() {
			defer close(done)
			for stop == nil {
				points := make([]linewatch.DataPoint, 100)
				for i := range points {
					points[i] = point("a", stored+i)
				}
				if stop = s.Append(ctx, points); stop == nil {
					stored += 100
				}
			}
		}()
		synctest.Wait()
		if st := s.Stats(); st.Blocked != 1 || st.Bytes > o.MaxBytes || st.Bytes < o.MaxBytes/2 {
			t.Errorf("%+v", st)
		}
		got := 0
		for range 400 { // room comes back, and the producer goes on
			points, upTo, err := s.Next(t.Context(), 100)
			if err != nil {
				t.Fatal(err)
			}
			if err := s.Acknowledge(upTo); err != nil {
				t.Fatal(err)
			}
			got += len(points)
			synctest.Wait()
		}
		cancel()
		<-done
		if !errors.Is(stop, ErrFull) || !errors.Is(stop, context.Canceled) || !strings.Contains(stop.Error(), dir) {
			t.Errorf("ended with %v", stop)
		}
		if s.Stats().Blocked < 3 || stored < 30_000 {
			t.Errorf("%d stored, %+v", stored, s.Stats())
		}
		got += len(drain(t, s))
		if got != stored {
			t.Errorf("%d points read, %d were stored", got, stored)
		}
		if st := s.Stats(); st.Bytes > 3*o.SegmentBytes {
			t.Errorf("%d bytes are in use after everything was sent", st.Bytes)
		}
	})
}

func TestConcurrentSources(t *testing.T) {
	s := mustOpen(t, t.TempDir(), testOptions())
	const sources, each = 8, 300
	var wg sync.WaitGroup
	for n := range sources {
		wg.Go(func() {
			for i := 0; i < each; i += 3 {
				put(t, s, fmt.Sprint("s", n), i, 3)
			}
		})
	}
	wg.Wait()
	next := map[string]uint64{}
	for _, p := range drain(t, s) {
		if next[p.Source]++; p.Sequence != next[p.Source] || p.Value != linewatch.IntValue(int64(p.Sequence-1)) {
			t.Fatalf("%s: number %d, value %v; want %d", p.Source, p.Sequence, p.Value, next[p.Source])
		}
	}
	if st := s.Stats(); st.Sent != sources*each || st.Flushes >= sources*each/3 {
		t.Errorf("%+v: want %d points sent in shared flushes", st, sources*each)
	}
}

func TestRefusals(t *testing.T) {
	s := mustOpen(t, t.TempDir(), testOptions())
	heartbeat, bad := point("a", 0), point("a", 0)
	heartbeat.Tag, heartbeat.Flags = linewatch.HeartbeatTag, linewatch.Watermark
	bad.Source = ""
	for _, p := range []linewatch.DataPoint{heartbeat, bad} {
		if err := s.Append(t.Context(), []linewatch.DataPoint{point("a", 0), p}); !errors.Is(err, ErrPoint) {
			t.Errorf("%v: got %v", p, err)
		}
	}
	many := make([]linewatch.DataPoint, 1000)
	for i := range many {
		many[i] = point("a", i)
	}
	if err := s.Append(t.Context(), many); !errors.Is(err, ErrTooLarge) {
		t.Errorf("many: %v", err)
	}
	if st := s.Stats(); st.Appended != 0 || st.Pending != 0 {
		t.Errorf("%+v", st)
	}
	put(t, s, "a", 0, 1)
	mustClose(t, s)
	mustClose(t, s)
	if err := s.Append(t.Context(), many[:1]); !errors.Is(err, ErrClosed) {
		t.Errorf("append: %v", err)
	}
	if _, _, err := s.Next(t.Context(), 1); !errors.Is(err, ErrClosed) {
		t.Errorf("next: %v", err)
	}
}

func TestSecondProcess(t *testing.T) {
	dir := t.TempDir()
	mustOpen(t, dir, testOptions())
	_, err := Open(dir, testOptions())
	if !errors.Is(err, boltfile.ErrLocked) || !strings.Contains(err.Error(), dir) {
		t.Errorf("got %v", err)
	}
}

func TestDirectoryIsAFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(path, testOptions()); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("got %v", err)
	}
}

func TestCodec(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		value := rapid.OneOf(
			rapid.Just(linewatch.Value{}),
			rapid.Map(rapid.Bool(), linewatch.BoolValue),
			rapid.Map(rapid.Int64(), linewatch.IntValue),
			rapid.Map(rapid.Uint64(), linewatch.UintValue),
			rapid.Map(rapid.Float64(), linewatch.FloatValue),
			rapid.Map(rapid.String(), linewatch.StringValue),
		)
		text := rapid.StringN(-1, -1, 256)
		want := linewatch.DataPoint{
			Timestamp: linewatch.Time(rapid.Int64().Draw(t, "timestamp")), CreatedAt: linewatch.Time(rapid.Int64().Draw(t, "created")),
			Equipment: text.Draw(t, "equipment"), Tag: text.Draw(t, "tag"), Source: text.Draw(t, "source"), Cause: text.Draw(t, "cause"),
			Value: value.Draw(t, "value"), Sequence: rapid.Uint64().Draw(t, "sequence"), Epoch: rapid.Uint64().Draw(t, "epoch"),
			Quality: linewatch.Quality(rapid.IntRange(0, 2).Draw(t, "quality")), Flags: linewatch.Flags(rapid.Byte().Draw(t, "flags")),
		}
		frame := appendFrame(nil, 7, &want)
		if bound := frameBound(&want); len(frame) > bound {
			t.Fatalf("frame of %d bytes, bound %d", len(frame), bound)
		}
		var d decoder
		got, err := d.point(frame[frameHead:])
		if err != nil || got != want {
			t.Fatalf("got %+v, %v; want %+v", got, err, want)
		}
	})
}

func FuzzDecode(f *testing.F) {
	p := point("a", 1)
	f.Add(appendPoint(nil, &p))
	f.Fuzz(func(t *testing.T, payload []byte) {
		var d decoder
		if p, err := d.point(payload); err == nil {
			var again decoder
			if q, err := again.point(appendPoint(nil, &p)); err != nil || p != q {
				t.Errorf("%+v came back as %+v, %v", p, q, err)
			}
		}
		decodeState(payload)
	})
}

func ExampleSpool() {
	dir, err := os.MkdirTemp("", "spool")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	s, err := Open(dir, Options{})
	if err != nil {
		panic(err)
	}
	defer s.Close()
	ctx := context.Background()
	if err := s.Append(ctx, []linewatch.DataPoint{{
		Timestamp: 1000, Equipment: "F1", Tag: "pressure", Value: linewatch.FloatValue(2.5), Source: "plc1", Quality: linewatch.Ok,
	}}); err != nil {
		panic(err)
	}
	points, upTo, err := s.Next(ctx, 100)
	if err != nil {
		panic(err)
	}
	fmt.Println(points[0].Source, points[0].Sequence, points[0].Tag, points[0].Value)
	if err := s.Acknowledge(upTo); err != nil {
		panic(err)
	}
	fmt.Println(s.Pending("plc1"), "pending")
	// Output:
	// plc1 1 pressure 2.5
	// 0 pending
}
