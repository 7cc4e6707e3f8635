package domain

import (
	"testing"

	"pgregory.net/rapid"

	"linewatch"
)

// seenModel remembers everything: when each sequence number was heard first.
type seenModel map[uint64]map[uint64]linewatch.Time

func (m seenModel) add(epoch, seq uint64, now linewatch.Time) (known, old bool) {
	if m[epoch] == nil {
		m[epoch] = map[uint64]linewatch.Time{}
	}
	_, known = m[epoch][seq]
	for above, t := range m[epoch] {
		// Beyond the horizon: a number at or above it was heard so long ago.
		old = old || above >= seq && now.Sub(t) > horizon
	}
	if !known {
		m[epoch][seq] = now
	}
	return known, old
}

func TestSeenAgainstModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var s seen
		model, now := seenModel{}, base
		for range rapid.IntRange(1, 200).Draw(t, "steps") {
			now = now.Add(linewatch.Duration(rapid.SampledFrom([]int64{0, 1, 1000, int64(linewatch.Hour), int64(linewatch.Day), int64(3 * linewatch.Day), int64(horizon), int64(horizon) + 1}).Draw(t, "pause")))
			epoch := rapid.Uint64Range(0, 2).Draw(t, "epoch")
			seq := rapid.Uint64Range(0, 40).Draw(t, "seq")
			known, old := model.add(epoch, seq, now)
			got := s.add(epoch, seq, now)
			switch {
			case got == forgotten && !old:
				t.Fatalf("%d:%d is forgotten within the horizon", epoch, seq)
			case got == fresh && known:
				t.Fatalf("%d:%d is fresh the second time", epoch, seq)
			case got == duplicate && !known:
				t.Fatalf("%d:%d is a duplicate the first time", epoch, seq)
			}
			if rapid.IntRange(0, 20).Draw(t, "restart") == 0 {
				var again seen
				r := linewatch.NewBinaryReader(s.append(nil))
				again.restore(r)
				if r.Err() != nil || len(r.Rest()) > 0 {
					t.Fatalf("restore: %v, %d bytes left", r.Err(), len(r.Rest()))
				}
				s = again
			}
		}
	})
}

func TestSeenRangesAgainstModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var s seen
		model := map[uint64]bool{}
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			from := rapid.Uint64Range(0, 60).Draw(t, "from")
			to := from + rapid.Uint64Range(0, 10).Draw(t, "more")
			want := fresh
			if model[to] {
				want = duplicate
			}
			if got := s.addRange(0, from, to, base); got != want {
				t.Fatalf("%d to %d: %d, want %d", from, to, got, want)
			}
			for n := from; n <= to; n++ {
				model[n] = true
			}
			for i, r := range s.epochs[0].runs {
				if r.from > r.to || i > 0 && s.epochs[0].runs[i-1].to+1 >= r.from {
					t.Fatalf("runs %v touch one another", s.epochs[0].runs)
				}
			}
		}
	})
}

// A point that comes late, far below a long run, is remembered as well as any.
func TestSeenRemembersWhatCameLate(t *testing.T) {
	var s seen
	s.addRange(0, 100, 200, base)
	now := base.Add(horizon + linewatch.Day)
	s.add(0, 201, now)
	if v := s.add(0, 50, now); v != fresh {
		t.Errorf("first time: %d, want fresh", v)
	}
	if v := s.add(0, 50, now.Add(1)); v != duplicate {
		t.Errorf("second time: %d, want duplicate", v)
	}
	if v := s.add(0, 51, now.Add(1)); v != fresh {
		t.Errorf("its neighbour: %d, want fresh", v)
	}
}

// What is dropped at the horizon takes nothing along that is above it.
func TestSeenAfterALongSilence(t *testing.T) {
	var s seen
	s.add(0, 10, base)
	now := base.Add(horizon + 1)
	s.add(0, 20, now)
	if v := s.add(0, 15, now); v != fresh {
		t.Errorf("between the runs: %d, want fresh", v)
	}
	if v := s.add(0, 9, now); v != forgotten {
		t.Errorf("below what was dropped: %d, want forgotten", v)
	}
}

func TestSeenIsBounded(t *testing.T) {
	var s seen
	for i := range uint64(maxRuns + 100) {
		if v := s.add(7, 2*i, base); v != fresh {
			t.Fatalf("number %d: %d, want fresh", i, v)
		}
	}
	if n := len(s.epochs[0].runs); n != maxRuns {
		t.Errorf("%d runs, want %d", n, maxRuns)
	}
	if v := s.add(7, 2, base); v != forgotten {
		t.Errorf("dropped number: %d, want forgotten", v)
	}
	for epoch := range uint64(maxEpochs + 2) {
		s.add(10+epoch, 1, base)
	}
	if len(s.epochs) != maxEpochs {
		t.Errorf("%d epochs, want %d", len(s.epochs), maxEpochs)
	}
	if v := s.add(10, 2, base); v != forgotten {
		t.Errorf("epoch before the oldest: %d, want forgotten", v)
	}
	if v := s.add(12, 2, base); v != fresh {
		t.Errorf("epoch among the newest: %d, want fresh", v)
	}
}
