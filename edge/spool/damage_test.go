package spool

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"linewatch"
	"linewatch/internal/boltfile"
)

// image fills a spool, copies its directory and returns the copy: of an
// orderly end, or of a power cut that took what was not flushed of the state,
// so that it knows of the first sent points only.
func image(t *testing.T, points, sent int, clean bool) string {
	t.Helper()
	dir, copied := t.TempDir(), filepath.Join(t.TempDir(), "image")
	s := mustOpen(t, dir, testOptions())
	flushed := readState(t, dir)
	for i := range points {
		put(t, s, []string{"a", "b"}[i%2], i/2, 1)
		if i+1 == sent {
			drain(t, s)
			flushed = readState(t, dir)
		}
	}
	if clean {
		mustClose(t, s)
	}
	if err := os.CopyFS(copied, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	if !clean {
		if err := os.WriteFile(filepath.Join(copied, "spool.state"), flushed, boltfile.FileMode); err != nil {
			t.Fatal(err)
		}
	}
	return copied
}

func readState(t *testing.T, dir string) []byte {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(dir, "spool.state"))
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// fork returns a copy of an image.
func fork(t *testing.T, dir string) string {
	t.Helper()
	copied, err := os.MkdirTemp(filepath.Dir(dir), "fork")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(copied, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	return copied
}

func lastSegment(t *testing.T, dir string) string {
	t.Helper()
	list, err := listSegments(osDisk{}, dir)
	if err != nil || len(list) == 0 {
		t.Fatal(list, err)
	}
	return segmentPath(dir, list[len(list)-1])
}

// account returns how many points of each source and epoch came or were
// reported as lost, after checking that numbers rise without an unreported
// hole.
func account(t *testing.T, points []linewatch.DataPoint, from map[string]place) (came, lost map[string]int) {
	t.Helper()
	came, lost = map[string]int{}, map[string]int{}
	at := from
	for i := range points {
		p := &points[i]
		before := at[p.Source]
		if before.epoch != p.Epoch {
			before = place{p.Epoch, 0}
		}
		n := lossOf(p)
		first := p.Sequence
		if n > 0 {
			first = p.Sequence - uint64(n) + 1
			lost[p.Source] += n
		} else {
			came[p.Source]++
		}
		if first != before.sequence+1 {
			t.Fatalf("%s: %d follows %d in epoch %d", p.Source, first, before.sequence, p.Epoch)
		}
		at[p.Source] = place{p.Epoch, p.Sequence}
	}
	return came, lost
}

// Wherever a crash tears the end: what was whole before is there, and the
// numbers go on without a hole or a repetition.
func TestTornTail(t *testing.T) {
	dir := image(t, 40, 0, false)
	info, err := os.Stat(lastSegment(t, dir))
	if err != nil {
		t.Fatal(err)
	}
	for cut := int64(0); cut < 90; cut++ {
		torn := fork(t, dir)
		if err := os.Truncate(lastSegment(t, torn), info.Size()-cut); err != nil {
			t.Fatal(err)
		}
		s := mustOpen(t, torn, testOptions())
		put(t, s, "a", 0, 1)
		put(t, s, "b", 0, 1)
		came, lost := account(t, drain(t, s), map[string]place{})
		total, lostAny := came["a"]+came["b"], lost["a"]+lost["b"]
		if lostAny > 0 || total < 40-2 && cut < 60 || cut == 0 && total != 42 || total > 42 {
			t.Fatalf("cut %d: %d points came, %d lost", cut, total, lostAny)
		}
		mustClose(t, s)
		os.RemoveAll(torn)
	}
}

// After an orderly end every cut is a loss that can be stated exactly, and
// numbers that may have been seen elsewhere are not given out again.
func TestCutAfterOrderlyEnd(t *testing.T) {
	dir := image(t, 40, 0, true)
	info, err := os.Stat(lastSegment(t, dir))
	if err != nil {
		t.Fatal(err)
	}
	for cut := int64(1); cut < info.Size(); cut += 17 {
		torn := fork(t, dir)
		if err := os.Truncate(lastSegment(t, torn), info.Size()-cut); err != nil {
			t.Fatal(err)
		}
		s := mustOpen(t, torn, testOptions())
		epoch := s.Epoch()
		put(t, s, "a", 0, 1)
		points := drain(t, s)
		came, lost := account(t, points, map[string]place{})
		if lost["a"]+lost["b"] == 0 || came["a"]+lost["a"] != 21 || came["b"]+lost["b"] != 20 {
			t.Fatalf("cut %d: came %v, lost %v", cut, came, lost)
		}
		if p := points[len(points)-1]; p.Epoch != epoch || p.Sequence != 1 || points[0].Epoch >= epoch {
			t.Fatalf("cut %d: the new point is %d/%d, epoch is %d", cut, p.Epoch, p.Sequence, epoch)
		}
		if st := s.Stats(); st.Lost != uint64(lost["a"]+lost["b"]) {
			t.Fatalf("cut %d: %+v, lost %v", cut, st, lost)
		}
		mustClose(t, s)
		os.RemoveAll(torn)
	}
}

// Whatever bytes go bad in the segments: each point comes unchanged or is
// reported as lost, exactly once.
func TestFlippedBytes(t *testing.T) {
	dir := image(t, 200, 31, true)
	images := 60
	if os.Getenv("LINEWATCH_SOAK") != "" {
		images = 1000
	}
	for i := range images {
		random := rand.New(rand.NewPCG(1, uint64(i)))
		bad := fork(t, dir)
		list, _ := listSegments(osDisk{}, bad)
		path := segmentPath(bad, list[random.IntN(len(list))])
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for range 1 + random.IntN(4) {
			data[random.IntN(len(data))] ^= 1 << random.IntN(8)
		}
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		s := mustOpen(t, bad, testOptions())
		put(t, s, "a", 0, 1)
		put(t, s, "b", 0, 1)
		points := drain(t, s)
		epoch := points[0].Epoch
		came, lost := account(t, points, map[string]place{"a": {epoch, 16}, "b": {epoch, 15}})
		if came["a"]+lost["a"] != 100-16+1 || came["b"]+lost["b"] != 100-15+1 {
			t.Fatalf("image %d: came %v, lost %v", i, came, lost)
		}
		for _, p := range points {
			if lossOf(&p) == 0 && p.Epoch == epoch && p.Value != linewatch.IntValue(int64(p.Sequence-1)) &&
				p.Value != linewatch.IntValue(0) {
				t.Fatalf("image %d: %s:%d holds %v", i, p.Source, p.Sequence, p.Value)
			}
		}
		mustClose(t, s)
		os.RemoveAll(bad)
	}
}

func TestDamageWhileRunning(t *testing.T) {
	dir := t.TempDir()
	s := mustOpen(t, dir, testOptions())
	put(t, s, "a", 0, 10)
	path := lastSegment(t, dir)
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for i := len(data) * 7 / 10; i < len(data); i++ { // from within the seventh on
		data[i] = 0
	}
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := file.WriteAt(data, 0); err != nil {
		t.Fatal(err)
	}
	file.Close()
	if got, want := brief(drain(t, s)), "a:1 a:2 a:3 a:4 a:5 a:6 a:7-10"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	put(t, s, "a", 10, 1)
	if got, want := brief(drain(t, s)), "a:11"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestNewEpoch(t *testing.T) {
	remove := func(pattern string) func(*testing.T, string) {
		return func(t *testing.T, dir string) {
			found, err := filepath.Glob(filepath.Join(dir, pattern))
			if err != nil || len(found) == 0 {
				t.Fatal(found, err)
			}
			for _, path := range found {
				if err := os.Remove(path); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	cut := func(pattern string, to float64) func(*testing.T, string) {
		return func(t *testing.T, dir string) {
			found, err := filepath.Glob(filepath.Join(dir, pattern))
			if err != nil || len(found) == 0 {
				t.Fatal(found, err)
			}
			for _, path := range found {
				info, err := os.Stat(path)
				if err != nil {
					t.Fatal(err)
				}
				if err := os.Truncate(path, int64(to*float64(info.Size()))); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	tests := []struct {
		name   string
		damage func(*testing.T, string)
		want   string // what is handed out after one more point of a
		same   bool
	}{
		{"nothing", func(*testing.T, string) {}, "b:2 a:3 b:3 a:4", true},
		{"segments lost", remove("spool-*.log"), "a:3-3 b:2-3 a:1", false},
		{"segments emptied", cut("spool-*.log", 0), "a:3-3 b:2-3 a:1", false},
		{"segments cut in half", cut("spool-*.log", 0.5), "a:3-3 b:2-3 a:1", false},
		{"state lost", remove("spool.state"), "a:1 b:1 a:2 b:2 a:3 b:3 a:1", false},
		{"state emptied", cut("spool.state", 0), "a:1 b:1 a:2 b:2 a:3 b:3 a:1", false},
		{"all lost", remove("*"), "a:1", false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			// The clock is slow: the epoch must not depend on it alone.
			o := testOptions()
			o.Clock = func() linewatch.Time { return 5 }
			if test.name == "all lost" {
				o.Clock = nil
			}
			dir := image(t, 6, 3, true)
			probe := mustOpen(t, fork(t, dir), o)
			before := probe.Epoch()
			mustClose(t, probe)
			test.damage(t, dir)
			s := mustOpen(t, dir, o)
			if got := s.Epoch(); got < before || got == before != test.same {
				t.Errorf("epoch %d after %d", got, before)
			}
			put(t, s, "a", 0, 1)
			if got := brief(drain(t, s)); got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
			mustClose(t, s)
			// The new epoch stays.
			again := mustOpen(t, dir, o)
			if again.Epoch() != s.Epoch() || again.Stats().Pending != 0 {
				t.Errorf("epoch %d, %+v after another start", again.Epoch(), again.Stats())
			}
		})
	}
}

// A segment that ends before what was acknowledged: nothing waits and nothing
// is lost, but what else the disk forgot nobody knows.
func TestCutBehindTheCursor(t *testing.T) {
	dir := image(t, 6, 6, true)
	before := mustOpen(t, fork(t, dir), testOptions()).Epoch()
	if err := os.Truncate(lastSegment(t, dir), segmentHead+5); err != nil {
		t.Fatal(err)
	}
	s := mustOpen(t, dir, testOptions())
	if s.Epoch() <= before || s.Stats().Pending != 0 {
		t.Errorf("epoch %d after %d, %+v; want a new one and nothing pending", s.Epoch(), before, s.Stats())
	}
	put(t, s, "a", 0, 1)
	if got, want := brief(drain(t, s)), "a:1"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// A start that dies after each of its steps must not lose the loss.
func TestInterruptedNewEpoch(t *testing.T) {
	dir := image(t, 6, 3, true)
	segments, err := filepath.Glob(filepath.Join(dir, "spool-*.log"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range segments {
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
	}
	state, err := os.ReadFile(filepath.Join(dir, "spool.state"))
	if err != nil {
		t.Fatal(err)
	}
	first := mustOpen(t, dir, testOptions())
	epoch := first.Epoch()
	mustClose(t, first)
	if err := os.WriteFile(filepath.Join(dir, "spool.state"), state, boltfile.FileMode); err != nil {
		t.Fatal(err)
	}
	s := mustOpen(t, dir, testOptions())
	if s.Epoch() < epoch {
		t.Errorf("epoch %d, the start before chose %d", s.Epoch(), epoch)
	}
	put(t, s, "a", 0, 1)
	if got, want := brief(drain(t, s)), "a:3-3 b:2-3 a:1"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestStateSlots(t *testing.T) {
	path := filepath.Join(t.TempDir(), "spool.state")
	file, _, err := openState(osDisk{}, path, stateSeed)
	if err != nil {
		t.Fatal(err)
	}
	for epoch := uint64(1); epoch <= 9; epoch++ {
		if err := file.save(state{epoch: epoch}, epoch%3 == 0); err != nil {
			t.Fatal(err)
		}
	}
	file.file.Close()
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for slot, want := range map[int]string{-1: "9", 0: "9", 1: "6"} {
		bad := bytes.Clone(good)
		if slot >= 0 {
			bad[slot*slotBytes+slotHead+1] ^= 1
		}
		if err := os.WriteFile(path, bad, 0o600); err != nil {
			t.Fatal(err)
		}
		file, s, err := openState(osDisk{}, path, stateSeed)
		if err != nil || s == nil {
			t.Fatal(s, err)
		}
		file.file.Close()
		if got := fmt.Sprint(s.epoch); got != want {
			t.Errorf("slot %d damaged: epoch %s, want %s", slot, got, want)
		}
	}
}

// What an epoch that has ended still has to deliver is remembered, so that
// more damage, to its points or to the very record of a loss, is stated too.
func TestDamageToAnEpochThatEnded(t *testing.T) {
	dir := image(t, 6, 2, true)
	info, err := os.Stat(lastSegment(t, dir))
	if err != nil {
		t.Fatal(err)
	}
	first := lastSegment(t, dir)
	if err := os.Truncate(first, info.Size()-1); err != nil { // of b:3
		t.Fatal(err)
	}
	s := mustOpen(t, dir, testOptions())
	put(t, s, "b", 0, 1)
	mustClose(t, s)
	for name, damaged := range map[string]string{"record": lastSegment(t, dir), "points": first} {
		t.Run(name, func(t *testing.T) {
			bad := fork(t, dir)
			if err := os.Truncate(filepath.Join(bad, filepath.Base(damaged)), segmentHead); err != nil {
				t.Fatal(err)
			}
			s := mustOpen(t, bad, testOptions())
			put(t, s, "a", 0, 1)
			want := map[string]string{
				"record": "a:2 b:2 a:3 b:3-3 b:1-1 a:1", // the point of the new epoch is gone, too
				"points": "b:2-2 b:3-3 b:1 a:2-3 a:1",
			}[name]
			if got := brief(drain(t, s)); got != want {
				t.Errorf("got %s, want %s", got, want)
			}
		})
	}
}
