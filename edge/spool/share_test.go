package spool

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"linewatch"
)

// slowUplink takes out what waits at 30,000 points a second, 5,000 at a time,
// until ctx ends, and tells how late each point was.
func slowUplink(ctx context.Context, s *Spool, arrived func(p *linewatch.DataPoint)) error {
	for {
		points, upTo, err := s.Next(ctx, 5000)
		if err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return err
		}
		time.Sleep(time.Duration(len(points)) * time.Second / 30_000)
		for i := range points {
			arrived(&points[i])
		}
		if err := s.Acknowledge(upTo); err != nil {
			return err
		}
	}
}

// However much of one source waits, and even while that fills the spool: what
// another one says arrives within a second of being said.
func TestBacklogDoesNotDelayOthers(t *testing.T) {
	for name, room := range map[string]int64{"with room": 0, "in a full spool": 8 << 20} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				o := testOptions()
				o.disk, o.SegmentBytes, o.MaxBytes = newMemDisk(), 0, room
				s := mustOpen(t, "/spool", o)
				defer mustClose(t, s)
				ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
				defer cancel()
				var wg sync.WaitGroup
				wg.Go(func() { pileUp(ctx, t, s, 350_000) })
				synctest.Wait() // until all of it is in, or the spool is full
				worst, live := time.Duration(0), 0
				wg.Go(func() {
					if err := slowUplink(ctx, s, func(p *linewatch.DataPoint) {
						if p.Source == "live" {
							live++
							worst = max(worst, time.Duration(linewatch.TimeOf(time.Now())-p.CreatedAt)*time.Millisecond)
						}
					}); err != nil {
						t.Error(err)
					}
				})
				for ctx.Err() == nil {
					time.Sleep(100 * time.Millisecond)
					speak(ctx, t, s, 20)
				}
				wg.Wait()
				if live < 1500 || worst > time.Second || s.Pending("backlog") < 10_000 {
					t.Errorf("%d live points, the latest after %v, backlog %d", live, worst, s.Pending("backlog"))
				}
				t.Logf("%d live points, the latest after %v; %d of the backlog wait, %+v", live, worst, s.Pending("backlog"), s.Stats())
			})
		})
	}
}

// pileUp appends n points, as there is room, until ctx ends.
func pileUp(ctx context.Context, t *testing.T, s *Spool, n int) {
	points := make([]linewatch.DataPoint, 1000)
	for done := 0; done < n; done += len(points) {
		for i := range points {
			points[i] = point("backlog", done+i)
		}
		err := s.Append(ctx, points)
		if errors.Is(err, ErrFull) {
			return
		}
		if err != nil {
			t.Error(err)
			return
		}
	}
}

func speak(ctx context.Context, t *testing.T, s *Spool, n int) {
	points := make([]linewatch.DataPoint, n)
	for i := range points {
		points[i] = point("live", i)
		points[i].CreatedAt = linewatch.TimeOf(time.Now())
	}
	if err := s.Append(ctx, points); err != nil && ctx.Err() == nil {
		t.Error(err)
	}
}

// Nobody with less than an equal share waiting is put off; nobody waits for
// ever; and each one's points come in order, all of them.
func TestShares(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		o := testOptions()
		o.disk = newMemDisk()
		s := mustOpen(t, "/spool", o)
		defer s.Close()
		sources := rapid.IntRange(1, 12).Draw(rt, "sources")
		limit := rapid.IntRange(1, 40).Draw(rt, "limit")
		random := rand.New(rand.NewPCG(3, rapid.Uint64().Draw(rt, "seed")))
		waiting := map[string]int{}
		for range 30 {
			source := fmt.Sprint("s", random.IntN(sources))
			n := 1 + random.IntN(10)
			put(t, s, source, 0, n)
			waiting[source] += n
		}
		idle := map[string]int{}
		at := map[string]uint64{}
		for len(waiting) > 0 {
			points, upTo, err := s.Next(t.Context(), limit)
			if err != nil || len(points) > limit {
				rt.Fatalf("%d points for %d, %v", len(points), limit, err)
			}
			got := map[string]int{}
			for _, p := range points {
				if at[p.Source]++; p.Sequence != at[p.Source] {
					rt.Fatalf("%s: %d is the %d.", p.Source, p.Sequence, at[p.Source])
				}
				got[p.Source]++
			}
			share := limit / len(waiting)
			for source, n := range waiting {
				if got[source] < min(n, share) {
					rt.Fatalf("%s has %d of its %d, the equal share is %d", source, got[source], n, share)
				}
				if idle[source]++; got[source] > 0 {
					idle[source] = 0
				} else if idle[source]*limit > sources+limit {
					rt.Fatalf("%s had nothing %d times", source, idle[source])
				}
				if waiting[source] -= got[source]; waiting[source] == 0 {
					delete(waiting, source)
				}
			}
			if err := s.Acknowledge(upTo); err != nil {
				rt.Fatal(err)
			}
		}
		if st := s.Stats(); st.Pending != 0 {
			rt.Fatalf("%+v", st)
		}
	})
}
