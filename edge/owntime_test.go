package edge

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"linewatch"
)

// at is a good reading of an integer with a time of its own.
func at(tag int, t linewatch.Time, v int64) Reading {
	return Reading{Tag: tag, Value: linewatch.IntValue(v), Quality: linewatch.Ok, At: t}
}

// timed formats points like brief, with their times relative to base.
func timed(points []linewatch.DataPoint, base linewatch.Time) (list []string) {
	for i, s := range brief(points) {
		list = append(list, fmt.Sprintf("%v %s", points[i].Timestamp.Sub(base), s))
	}
	return list
}

// play runs an agent on a source that emits the scans that script makes of the
// time, one a second, and returns what arrived and the status before the stop.
func play(t *testing.T, uplink *memoryUplink, script func(base linewatch.Time) []Scan) (base linewatch.Time, status SourceStatus) {
	t.Helper()
	return playTo(t, uplink, slog.New(slog.DiscardHandler), script)
}

// playLogged does the same and returns what was logged.
func playLogged(t *testing.T, uplink *memoryUplink, script func(base linewatch.Time) []Scan) string {
	t.Helper()
	var log bytes.Buffer
	playTo(t, uplink, slog.New(slog.NewTextHandler(&log, nil)), script)
	return log.String()
}

func playTo(t *testing.T, uplink *memoryUplink, log *slog.Logger, script func(base linewatch.Time) []Scan) (base linewatch.Time, status SourceStatus) {
	t.Helper()
	time.Sleep(24 * time.Hour) // a clock at the year 2000 was never set
	base = linewatch.TimeOf(time.Now())
	spool := newMemorySpool()
	spool.delay = 10 * time.Millisecond // so that heartbeats come between the scans
	scans := script(base)
	o := options(spool, uplink, map[string]Source{
		"plc": sourceFunc(func(ctx context.Context, emit func(Scan) error) error {
			begin := time.Now()
			for n, s := range scans {
				sleep(ctx, time.Until(begin.Add(time.Duration(n+1)*time.Second)))
				if err := emit(s); err != nil {
					return err
				}
			}
			<-ctx.Done()
			return nil
		}),
	})
	o.Log = log
	agent, stop := start(t, o)
	time.Sleep(time.Duration(len(scans))*time.Second + 500*time.Millisecond)
	synctest.Wait()
	status = agent.Status().Sources[0]
	stop()
	return base, status
}

// beats returns the distinct times that heartbeats asserted while nothing
// waited in the spool, relative to base.
func beats(u *memoryUplink, base linewatch.Time) (list []string) {
	for _, b := range u.heartbeats("plc") {
		if waiting, _ := b.Value.Int(); waiting == 0 {
			list = append(list, b.Timestamp.Sub(base).String())
		}
	}
	return slices.Compact(list)
}

func withoutLast(points []linewatch.DataPoint) []linewatch.DataPoint {
	return slices.DeleteFunc(points, func(p linewatch.DataPoint) bool { return p.Flags.Has(linewatch.Last) && p.Quality == linewatch.Ok })
}

func TestOwnTimesAreKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		uplink := newMemoryUplink()
		base, status := play(t, uplink, func(base linewatch.Time) []Scan {
			return []Scan{
				{First: true, Through: linewatch.NoTime, Readings: []Reading{at(0, base.Add(1100), 1), at(1, base.Add(1050), 2)}},
				{Through: base.Add(1900), Readings: []Reading{at(0, base.Add(1700), 3), at(0, base.Add(1800), 4), at(1, base.Add(1750), 5)}},
				{Through: base.Add(2900)},
				{Through: base.Add(3900), Readings: []Reading{{Tag: 1, Value: linewatch.IntValue(6), Quality: linewatch.Ok, At: base.Add(3500), Assigned: true}}},
			}
		})
		want := []string{
			"1050ms b=2 Ok Fst", "1100ms a=1 Ok Fst", "1700ms a=3 Ok ", "1750ms b=5 Ok ", "1800ms a=4 Ok ", "3500ms b=6 Ok Ats",
			"3900ms a=4 Ok Syn,Ats", // once more after the connect
		}
		if diff := cmp.Diff(want, timed(withoutLast(uplink.points()), base)); diff != "" {
			t.Errorf("points (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff([]string{"1900ms", "2900ms", "3900ms"}, beats(uplink, base)); diff != "" {
			t.Errorf("heartbeats (-want +got):\n%s", diff)
		}
		if status.Late+status.Overflows+status.Interruptions > 0 {
			t.Errorf("status = %+v", status)
		}
	})
}

// A tag that has not changed for a day is a fact of now after a connect, and
// nothing that the source reports later comes before it.
func TestFirstValuesAreMovedToTheConnect(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		uplink := newMemoryUplink()
		base, _ := play(t, uplink, func(base linewatch.Time) []Scan {
			return []Scan{
				{First: true, Through: base.Add(200), Readings: []Reading{at(0, base.Add(-linewatch.Day), 1), at(0, base.Add(900), 2), at(1, base.Add(-5), 7)}},
				{Through: base.Add(1200), Readings: []Reading{at(0, base.Add(950), 3), at(1, base.Add(1001), 8)}},
			}
		})
		want := []string{
			"1s a=1 Ok Fst,Ats", "1s a=2 Ok Ats", "1s b=7 Ok Fst,Ats", "1s a=3 Ok Ats", "1001ms b=8 Ok ",
		}
		if diff := cmp.Diff(want, timed(withoutLast(uplink.points()), base)); diff != "" {
			t.Errorf("points (-want +got):\n%s", diff)
		}
	})
}

// While the agent's clock is known to be wrong the times that it gives are
// flagged, and those of the source are not.
func TestUnsyncedClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(24 * time.Hour)
		base := linewatch.TimeOf(time.Now())
		var wrong atomic.Bool
		spool, uplink := newMemorySpool(), newMemoryUplink()
		scans := []Scan{
			{First: true, Through: base.Add(100), Readings: []Reading{at(0, base.Add(50), 1)}},
			{Through: base.Add(1200), Readings: []Reading{at(0, base.Add(1100), 2), {Tag: 1, Value: linewatch.IntValue(3), Quality: linewatch.Ok}}},
			{Through: base.Add(2200), Readings: []Reading{{Tag: 1, Value: linewatch.IntValue(4), Quality: linewatch.Ok}}},
		}
		o := options(spool, uplink, map[string]Source{"plc": every(time.Second, func(n int) Scan {
			wrong.Store(n == 1)
			if n < len(scans) {
				return scans[n]
			}
			return Scan{Through: base.Add(linewatch.Duration(n)*linewatch.Second + 200)}
		})})
		o.Unsynced = wrong.Load
		_, stop := start(t, o)
		time.Sleep(3500 * time.Millisecond)
		stop()
		want := []string{"a=1 Ok Fst,Ats", "a=2 Ok ", "b=3 Ok Fst,Ats,Uns", "b=4 Ok Ats"}
		got := brief(withoutLast(uplink.points()))
		got = slices.DeleteFunc(got, func(s string) bool { return strings.Contains(s, "Syn") })
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("points (-want +got):\n%s", diff)
		}
	})
}

// A source is not blamed for a clock of the agent that is known to be wrong.
func TestWhoseClockIsWrong(t *testing.T) {
	for _, row := range []struct {
		wrong bool
		off   linewatch.Duration // of the source's clock from ours
		want  []string
	}{
		{false, linewatch.Hour, []string{"check its clock"}},
		{true, linewatch.Hour, []string{"ours, which is known to be wrong"}},
		{false, -linewatch.Hour, []string{"check its clock"}},
		{true, -linewatch.Hour, []string{"our time, which is known to be wrong", "set this machine's clock right", "new data directory", "behind_ms=3599800"}},
	} {
		synctest.Test(t, func(t *testing.T) {
			time.Sleep(24 * time.Hour)
			base := linewatch.TimeOf(time.Now()).Add(row.off)
			spool, uplink := newMemorySpool(), newMemoryUplink()
			o := options(spool, uplink, map[string]Source{"plc": every(time.Second, func(n int) Scan {
				at := base.Add(linewatch.Duration(n) * linewatch.Second)
				return Scan{First: n == 0, Through: at, Readings: []Reading{{Value: linewatch.IntValue(int64(n)), Quality: linewatch.Ok, At: at}}}
			})})
			var log bytes.Buffer
			o.Log, o.Unsynced = slog.New(slog.NewTextHandler(&log, nil)), func() bool { return row.wrong }
			uplink.lateOk = true
			_, stop := start(t, o)
			time.Sleep(5 * time.Second)
			stop()
			for _, want := range row.want {
				if !strings.Contains(log.String(), want) {
					t.Errorf("wrong %v, source off by %v: %q is missing in %s", row.wrong, row.off, want, &log)
				}
			}
			if blamed := strings.Contains(log.String(), "check its clock"); blamed == row.wrong {
				t.Errorf("wrong %v, source off by %v: said %s", row.wrong, row.off, &log)
			}
		})
	}
}

func TestLossOfASourceWithOwnTimes(t *testing.T) {
	cut := Scan{Through: linewatch.NoTime, Err: errors.New("connection reset")}
	for _, test := range []struct {
		name  string
		after func(base linewatch.Time) Scan
		want  []string
		lost  uint64
	}{
		{"survived", func(base linewatch.Time) Scan {
			return Scan{Through: base.Add(3900), Readings: []Reading{at(0, base.Add(2100), 3)}}
		}, []string{"2s b=2 Ok Fst,Ats", "2100ms a=3 Ok Fst"}, 0},
		{"interrupted", func(base linewatch.Time) Scan {
			return Scan{Through: base.Add(3900), Interrupted: true, First: true, Readings: []Reading{at(0, base.Add(2100), 3), at(1, base.Add(-linewatch.Hour), 2)}}
		}, []string{"4s a=3 Ok Fst,Ats", "4s b=2 Ok Fst,Ats"}, 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				uplink := newMemoryUplink()
				base, status := play(t, uplink, func(base linewatch.Time) []Scan {
					first := Scan{First: true, Through: base.Add(1900), Readings: []Reading{at(0, base.Add(1999), 1), at(1, base.Add(1950), 2)}}
					return []Scan{first, cut, cut, test.after(base)}
				})
				want := append([]string{
					"1950ms b=2 Ok Fst", "1999ms a=1 Ok Fst", "2s a=null Bad (connection lost) Lst,Ats", "2s b=null Bad (connection lost) Lst,Ats",
				}, test.want...)
				if diff := cmp.Diff(want, timed(withoutLast(uplink.points()), base)); diff != "" {
					t.Errorf("points (-want +got):\n%s", diff)
				}
				if diff := cmp.Diff([]string{"1900ms", "3900ms"}, beats(uplink, base)); diff != "" {
					t.Errorf("heartbeats (-want +got):\n%s", diff)
				}
				if status.Interruptions != test.lost || status.Late > 0 {
					t.Errorf("status = %+v", status)
				}
			})
		})
	}
}

// While it is not known whether the past will still come, a source is silent.
func TestNoHeartbeatsWithoutThrough(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cut := Scan{Through: linewatch.NoTime, Err: errors.New("connection reset")}
		uplink := newMemoryUplink()
		play(t, uplink, func(base linewatch.Time) []Scan {
			return []Scan{cut, cut, {First: true, Through: linewatch.NoTime, Readings: []Reading{at(0, base.Add(2900), 1)}}, cut, cut, cut}
		})
		if got := uplink.heartbeats("plc"); len(got) > 0 {
			t.Errorf("heartbeats: %+v", got)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		uplink := newMemoryUplink()
		base, _ := play(t, uplink, func(base linewatch.Time) []Scan {
			gone := Scan{Through: base.Add(2500), Err: errors.New("the subscription has expired")}
			return []Scan{{First: true, Through: base.Add(900)}, {Through: base.Add(900)}, {Through: base.Add(900)}, gone, gone, gone}
		})
		if diff := cmp.Diff([]string{"900ms", "2500ms"}, beats(uplink, base)); diff != "" {
			t.Errorf("heartbeats (-want +got):\n%s", diff)
		}
	})
}

func TestTimesThatCannotBe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		uplink := newMemoryUplink()
		uplink.lateOk = true
		base, status := play(t, uplink, func(base linewatch.Time) []Scan {
			return []Scan{
				{First: true, Through: linewatch.MaxTime, Readings: []Reading{at(0, linewatch.NoTime, 1), at(1, linewatch.MaxTime, 2)}},
				{Through: -1, Readings: []Reading{at(0, -11_644_473_600_000, 3), at(1, base.Add(linewatch.Hour), 4)}},
				{Through: base.Add(2900), Readings: []Reading{at(0, base.Add(1500), 5), at(1, base.Add(2500), 6)}},
			}
		})
		want := []string{"1s a=1 Ok Fst,Ats", "1s b=2 Ok Fst,Ats", "2s a=3 Ok Ats", "2s b=4 Ok Ats", "1500ms a=5 Ok ", "2500ms b=6 Ok "}
		if diff := cmp.Diff(want, timed(withoutLast(uplink.points()[:6]), base)); diff != "" {
			t.Errorf("points (-want +got):\n%s", diff)
		}
		if status.Late != 1 || uplink.late != 1 {
			t.Errorf("%d points counted as late, %d were", status.Late, uplink.late)
		}
	})
}

// The good-bye of a source is in its own clock, too: in that of an agent which
// is ahead, it would make everything late that the next run reads.
func TestLastValuesKeepToTheSourcesClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		uplink := newMemoryUplink()
		const behind = 10 * linewatch.Minute
		play(t, uplink, func(base linewatch.Time) []Scan {
			return []Scan{
				{First: true, Through: base.Add(900 - behind), Readings: []Reading{at(0, base.Add(950-behind), 1), at(1, base.Add(-behind), 2)}},
				{Through: base.Add(1900 - behind), Readings: []Reading{at(0, base.Add(1950-behind), 3)}},
			}
		})
		points := uplink.points()
		newest := points[len(points)-1]
		if limit := linewatch.TimeOf(time.Now()).Add(-behind + 15*linewatch.Second); !newest.Flags.Has(linewatch.Last) || newest.Timestamp > limit {
			t.Errorf("the last point is %v at %v, want a good-bye no later than %v", brief(points[len(points)-1:]), newest.Timestamp, limit)
		}
		for i := range points[1:] {
			if points[i+1].Timestamp < points[i].Timestamp {
				t.Errorf("the times of %q fall", timed(points, 0))
			}
		}
	})
}

// A wrong clock at a source delays its whole line, or costs its times. Whoever
// runs the line has to hear of it, and once.
func TestWrongClockOfASourceIsTold(t *testing.T) {
	for _, row := range []struct {
		name string
		off  []linewatch.Duration // by scan
		want []string
	}{
		{"right", []linewatch.Duration{0, -9 * linewatch.Second, 0}, nil},
		{"behind", []linewatch.Duration{-linewatch.Hour, -linewatch.Hour, 0, 0}, []string{"source is behind", "right again"}},
		{"ahead", []linewatch.Duration{linewatch.Hour, linewatch.Hour}, []string{"more than a minute ahead"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				uplink := newMemoryUplink()
				uplink.lateOk = true
				log := playLogged(t, uplink, func(base linewatch.Time) (scans []Scan) {
					for n, off := range row.off {
						scans = append(scans, Scan{First: n == 0, Through: base.Add(linewatch.Duration(n)*linewatch.Second + off)})
					}
					return scans
				})
				var got []string
				for line := range strings.Lines(log) {
					if strings.Contains(line, "clock") {
						got = append(got, line)
					}
				}
				if len(got) != len(row.want) {
					t.Fatalf("logged %q, want %q", got, row.want)
				}
				for i := range got {
					if !strings.Contains(got[i], row.want[i]) {
						t.Errorf("logged %q, want %q in it", got[i], row.want[i])
					}
				}
			})
		})
	}
}

func TestLossesAtTheSourceAreCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		uplink := newMemoryUplink()
		base, status := play(t, uplink, func(base linewatch.Time) []Scan {
			return []Scan{
				{First: true, Through: base.Add(900), Readings: []Reading{at(0, base.Add(1000), 1)}},
				{Through: base.Add(1900), Overflows: 2, Readings: []Reading{at(0, base.Add(1800), 2)}},
				{Through: base.Add(2900), Overflows: 1, Interrupted: true, Readings: []Reading{at(0, base.Add(3000), 2)}},
			}
		})
		want := []string{"1s a=1 Ok Fst", "1800ms a=2 Ok ", "3s a=2 Ok Fst"}
		if diff := cmp.Diff(want, timed(withoutLast(uplink.points()), base)); diff != "" {
			t.Errorf("points (-want +got):\n%s", diff)
		}
		if status.Overflows != 3 || status.Interruptions != 1 || !status.Accounts.Balanced() {
			t.Errorf("status = %+v", status)
		}
	})
}

// TestHeartbeatsOfOwnTimes lets sources with clocks of their own go through
// cuts, losses and nonsense while uplink and spool fail. A source that keeps
// its promise has no late point, and the values of a tag keep their order; of
// one that does not, every late point is counted.
func TestHeartbeatsOfOwnTimes(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		seed, honest := rapid.Uint64().Draw(rt, "seed"), rapid.Bool().Draw(rt, "honest")
		var fault string
		synctest.Test(t, func(t *testing.T) { fault = ownTimesRun(t.Context(), seed, honest) })
		if fault != "" {
			rt.Fatal(fault)
		}
	})
}

func ownTimesRun(ctx context.Context, seed uint64, honest bool) string {
	time.Sleep(24 * time.Hour)
	random := rand.New(rand.NewPCG(seed, 4))
	spool, uplink := newMemorySpool(), newMemoryUplink()
	uplink.lateOk = !honest
	spool.most = 1 + random.IntN(20)
	spool.delay = time.Duration(random.IntN(50)) * time.Millisecond
	uplink.delay = time.Duration(random.IntN(300)) * time.Millisecond
	o := options(spool, uplink, map[string]Source{"plc": &ownTimed{random: rand.New(rand.NewPCG(seed, 5)), honest: honest}})
	o.Config.Sources[0].SyncEvery = Span(7 * time.Second)
	o.Config.Sources[0].Tags[0].MaxSilence = Span(time.Duration(1+random.IntN(3)) * time.Second)
	agent, err := New(o)
	if err != nil {
		return err.Error()
	}
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() { done <- agent.Run(ctx) }()
	for range 20 {
		time.Sleep(time.Duration(random.IntN(2000)) * time.Millisecond)
		uplink.setDown(random.IntN(3) == 0)
		spool.setBroken(random.IntN(5) == 0)
	}
	uplink.setDown(false)
	spool.setBroken(false)
	time.Sleep(10 * time.Second)
	cancel()
	if err := <-done; err != nil {
		return err.Error()
	}
	status := agent.Status().Sources[0]
	faults := uplink.broken()
	switch {
	case len(faults) > 0:
		return fmt.Sprint("promises broken: ", faults)
	case !status.Accounts.Balanced():
		return fmt.Sprintf("accounts = %+v", status.Accounts)
	case uplink.late > int(status.Late):
		return fmt.Sprintf("%d points came after their heartbeat, %d were counted", uplink.late, status.Late)
	case honest && status.Late > 0:
		return fmt.Sprintf("%d points of an honest source are counted as late", status.Late)
	case honest:
		return disorder(uplink.points())
	}
	return ""
}

// disorder names the first point that lies before an earlier one of its tag, or
// is repeated at a time before one of any tag.
func disorder(points []linewatch.DataPoint) string {
	newest, ever := map[string]linewatch.Time{}, linewatch.NoTime
	for i, p := range points {
		if p.Flags.Has(linewatch.Synchronised) && p.Timestamp < ever {
			return fmt.Sprintf("in %q the last one is repeated at %v, behind %v", brief(points[max(0, i-5):i+1]), p.Timestamp, ever)
		}
		ever = max(ever, p.Timestamp)
		if p.Timestamp < newest[p.Tag] {
			return fmt.Sprintf("in %q the last one goes back from %v to %v", brief(points[max(0, i-5):i+1]), newest[p.Tag], p.Timestamp)
		}
		newest[p.Tag] = p.Timestamp
	}
	return ""
}

// ownTimed is a source whose clock differs from the agent's. It is honest if
// it gives nothing at or before what it has said it gave completely.
type ownTimed struct {
	random  *rand.Rand
	honest  bool
	through linewatch.Time
	tags    [2]linewatch.Time // of the newest reading
}

func (s *ownTimed) Run(ctx context.Context, emit func(Scan) error) error {
	off, up := linewatch.Duration(s.random.IntN(40_000)-20_000), false
	s.through = linewatch.NoTime
	for n := int64(0); ctx.Err() == nil; n++ {
		sleep(ctx, time.Duration(1+s.random.IntN(600))*time.Millisecond)
		now := linewatch.TimeOf(time.Now()).Add(off)
		scan := Scan{Through: linewatch.NoTime, Overflows: s.random.IntN(2)}
		switch {
		case s.random.IntN(10) == 0:
			scan.Err, up = fmt.Errorf("attempt %d", n), false
		case !up:
			fresh := !s.through.Known() || s.random.IntN(2) == 0
			scan.First, scan.Interrupted, up = fresh, fresh && s.through.Known(), true
		}
		if scan.Err == nil {
			s.read(&scan, now, n)
		}
		if s.random.IntN(4) > 0 {
			scan.Through = max(s.through, now.Add(-linewatch.Duration(s.random.IntN(1000))))
			s.through = scan.Through
		}
		if err := emit(scan); err != nil {
			return err
		}
	}
	return nil
}

// read adds readings of each tag in the order of their times, and nonsense.
func (s *ownTimed) read(scan *Scan, now linewatch.Time, n int64) {
	for tag := range s.tags {
		t := max(s.tags[tag], s.through)
		if scan.First {
			t = now.Add(-linewatch.Hour)
		}
		for ; s.random.IntN(3) > 0 && t < now; n++ {
			t = t.Add(1 + linewatch.Duration(s.random.Int64N(int64(now-t))))
			r := at(tag, t, n)
			switch s.random.IntN(20) {
			case 0:
				r.At = []linewatch.Time{0, -1, linewatch.NoTime, linewatch.MaxTime}[s.random.IntN(4)]
			case 1:
				r.Assigned = true
			case 2:
				if !s.honest {
					r.At = t.Add(-linewatch.Duration(s.random.IntN(3000)))
				}
			}
			scan.Readings = append(scan.Readings, r)
		}
		s.tags[tag] = t
	}
}
