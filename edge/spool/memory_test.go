package spool

import (
	"runtime"
	"testing"
)

// What waits lies on the disk and not in memory, however much it is, also when
// it is taken up again after an end of the process.
func TestBacklogTakesLittleMemory(t *testing.T) {
	const batches, each, most = 300, 1000, 8 << 20
	o, dir := testOptions(), t.TempDir()
	o.MaxBytes, o.SegmentBytes = 256<<20, 4<<20
	before := heap()
	s := mustOpen(t, dir, o)
	for n := range batches {
		put(t, s, "a", n*each, each)
	}
	check := func(when string) {
		t.Helper()
		if grown := heap() - before; grown > most {
			t.Errorf("%s: %d points that wait take %d bytes of memory", when, s.Stats().Pending, grown)
		}
		if got := s.Stats().Pending; got != batches*each {
			t.Errorf("%s: %d points wait", when, got)
		}
	}
	check("as they came")
	mustClose(t, s)
	s = mustOpen(t, dir, o)
	check("after a start")
	mustClose(t, s)
}

// heap returns the memory that is in use.
func heap() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
