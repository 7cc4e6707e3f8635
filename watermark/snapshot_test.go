package watermark

import (
	"bytes"
	"encoding/binary"
	"errors"
	"testing"

	"linewatch"
)

// seal makes a snapshot of what stands between version and checksum.
func seal(body []byte) []byte {
	b := append([]byte{snapshotVersion}, body...)
	return binary.LittleEndian.AppendUint32(b, checksum(b))
}

// busy returns a tracker with a bucket of every kind.
func busy() *Tracker {
	t := New(Config{Bound: 1, IdleTimeout: 10, MaxFutureSkew: 100, JoinGrace: 50, MaxHold: 20})
	active, gone, idle, fast := t.Add(0, false), t.Add(0, false), t.Add(0, false), t.Add(0, false)
	silent := t.Add(0, true)
	t.Point(idle, 0, 3, true)
	t.Heartbeat(idle, 0, 2, true)
	t.Heartbeat(active, 1, 5, false)
	t.Point(fast, 2, 5000, false)
	t.Remove(gone)
	t.Remove(t.Add(2, true))
	t.LagSlowest(3)
	t.LagSlowest(3)
	t.Tick(10)
	t.Point(active, 11, 7, false)
	_ = silent
	return t
}

func starting() *Tracker {
	t := New(Config{IdleTimeout: 10, JoinGrace: 50})
	t.Point(t.Add(0, false), 0, 7, false)
	t.Add(1, true)
	t.Add(2, true)
	return t
}

func TestSnapshotOfEqualHistoriesIsEqual(t *testing.T) {
	if a, b := busy().AppendSnapshot(nil), busy().AppendSnapshot(nil); !bytes.Equal(a, b) {
		t.Errorf("two snapshots of one history:\n%x\n%x", a, b)
	}
}

// Any damage to a snapshot is an error, and leaves the tracker as it was.
func TestRestoreRefusesDamage(t *testing.T) {
	for _, snapshot := range [][]byte{New(Defaults()).AppendSnapshot(nil), starting().AppendSnapshot(nil), busy().AppendSnapshot(nil)} {
		into := busy()
		before := into.AppendSnapshot(nil)
		for n := range snapshot {
			if into.Restore(snapshot[:n]) == nil {
				t.Errorf("took the first %d of %d bytes", n, len(snapshot))
			}
			for bit := range 8 {
				damaged := bytes.Clone(snapshot)
				damaged[n] ^= 1 << bit
				if into.Restore(damaged) == nil {
					t.Errorf("took a snapshot with bit %d of byte %d turned", bit, n)
				}
			}
		}
		if into.Restore(append(bytes.Clone(snapshot), 0)) == nil {
			t.Error("took a snapshot with one more byte")
		}
		if !bytes.Equal(into.AppendSnapshot(nil), before) {
			t.Error("a refused snapshot changed the tracker")
		}
		if err := into.Restore(snapshot); err != nil {
			t.Errorf("intact snapshot: %v", err)
		}
	}
}

// A snapshot that is sealed but contradicts itself is refused too.
func TestRestoreRefusesContradictions(t *testing.T) {
	num := func(ns ...int64) (b []byte) {
		for _, n := range ns {
			b = binary.AppendUvarint(b, uint64(n))
		}
		return b
	}
	z := func(n int64) int64 { return n << 1 } // a time of 0 or more
	const up = int64(inUse | spoken)
	for name, body := range map[string][]byte{
		"more buckets than bytes":      num(z(9), z(9), 3, 1<<40),
		"unknown mark":                 num(z(9), z(9), 3, 1, int64(allMarks)+1, 0, 0, 0, 0, 0, 0, 0),
		"marks without use":            num(z(9), z(9), 3, 1, int64(spoken), 0, 0, 0, 0, 1, 0, 0, 0),
		"idle and never spoken":        num(z(9), z(9), 3, 1, int64(inUse|idle), 0, 0, 0, 0, 0, 0, 0),
		"joining after the emission":   num(z(9), z(9), 3, 1, int64(inUse|joining), -1, 0, 0, 1, 0, 0, 0, 0),
		"backlog without a heartbeat":  num(z(9), z(9), 3, 1, up|int64(backlog), 0, 0, 0, 0, 1, 0, 0, 0),
		"arrival above the clock":      num(z(9), z(9), 3, 1, up, 0, z(10), 0, 0, 1, 0, 0, 0),
		"awake and not in the queue":   num(z(9), z(9), 3, 1, up, 0, 0, 0, 0, 0, 0, 0),
		"queue with an unknown bucket": num(z(9), z(9), 3, 1, up, 0, 0, 0, 0, 1, 1, 0, 0),
		"queue names one twice":        num(z(9), z(9), 3, 2, up, 0, 0, 0, up, 0, 0, 0, 0, 2, 0, 0, 0, 0),
		"queue out of order":           num(z(9), z(9), 3, 2, up, 0, z(5), 0, up, 0, z(4), 0, 0, 2, 0, 1, 0, 0),
		"free ID missing":              num(z(9), z(9), 3, 1, 0, 0, 0, 0, 0),
		"free ID in use":               num(z(9), z(9), 3, 2, up, 0, 0, 0, 0, 0, 1, 0, 1, 0, 0),
		"free ID twice":                num(z(9), z(9), 3, 2, 0, 0, 0, 0, 2, 1, 1, 0),
		"ahead since a tick to come":   num(z(9), z(9), 3, 1, up|int64(ahead), 0, 0, 0, 4, 0, 1, 0, 0, 0),
		"transition of an unknown":     num(z(9), z(9), 3, 0, 0, 0, 0, 1, 0),
		"bytes after the end":          num(z(9), z(9), 3, 0, 0, 0, 0, 0, 0),
	} {
		if New(Defaults()).Restore(seal(body)) == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if err := New(Defaults()).Restore(seal(num(z(9), z(9), 3, 2, up, 0, z(4), 0, up, 0, z(5), 0, 0, 2, 0, 1, 0, 0))); err != nil {
		t.Errorf("the form that the others depart from: %v", err)
	}
}

func TestRestoreNamesAnUnknownVersion(t *testing.T) {
	b := busy().AppendSnapshot(nil)
	b[0] = 9
	want := "watermark snapshot: the snapshot was written by another version of Linewatch: layout 9, this one knows 2"
	if err := New(Defaults()).Restore(b); err == nil || err.Error() != want || !errors.Is(err, linewatch.ErrSnapshotVersion) {
		t.Errorf("error %v, want %s", err, want)
	}
}

// Whatever Restore takes behaves: it can be used without a panic and comes out
// again as it went in.
func FuzzRestore(f *testing.F) {
	for _, seed := range []*Tracker{New(Defaults()), starting(), busy()} {
		b := seed.AppendSnapshot(nil)
		f.Add(b[1 : len(b)-4])
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		tracker := New(Config{IdleTimeout: 10, JoinGrace: 50, MaxHold: 20})
		_ = tracker.Restore(body) // as foreign bytes
		if tracker.Restore(seal(body)) != nil {
			return
		}
		first := tracker.AppendSnapshot(nil)
		again := New(tracker.cfg)
		if err := again.Restore(first); err != nil {
			t.Fatalf("own snapshot: %v", err)
		}
		if second := again.AppendSnapshot(nil); !bytes.Equal(first, second) {
			t.Fatalf("came out as %x, went in as %x", second, first)
		}
		exercise(tracker)
	})
}

// exercise uses each bucket once and checks that the output never falls.
func exercise(t *Tracker) {
	out := t.Watermark()
	for i := range t.buckets {
		if id := ID(i); t.buckets[i].marks != 0 {
			t.Point(id, t.now.Add(1), linewatch.Time(i), false)
			t.Heartbeat(id, t.now, t.now, true)
			t.Tick(t.now.Add(3))
			t.SetIdle(id)
			t.Remove(id)
		}
	}
	t.Point(t.Add(t.now, true), t.now, 5, false)
	t.LagSlowest(t.now)
	t.Tick(linewatch.MaxTime)
	if t.Watermark() < out {
		panic("the output fell")
	}
}
