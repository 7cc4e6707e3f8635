package edge

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"linewatch"
)

// start runs an agent until the returned function is called, which checks the
// promises and the accounts.
func start(t *testing.T, o Options) (*Agent, func()) {
	t.Helper()
	agent, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- agent.Run(ctx) }()
	return agent, func() {
		t.Helper()
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
		if a := agent.Status().Accounts; !a.Balanced() {
			t.Errorf("accounts do not balance: %+v", a)
		}
		if u, ok := o.Uplink.(*memoryUplink); ok && len(u.broken()) > 0 {
			t.Errorf("promises broken: %q", u.broken())
		}
	}
}

// brief formats points as tag=value, quality with cause, flags.
func brief(points []linewatch.DataPoint) (list []string) {
	for _, p := range points {
		s := p.Tag + "=" + p.Value.String() + " " + p.Quality.String()
		if p.Cause != "" {
			s += " (" + p.Cause + ")"
		}
		list = append(list, s+" "+p.Flags.String())
	}
	return list
}

func TestOnlyChangesAreSampled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		spool, uplink := newMemorySpool(), newMemoryUplink()
		scans := []Scan{
			ints(true, 1, 2), ints(false, 1, 2), ints(false, 1, 3),
			{Readings: []Reading{{Tag: 0, Cause: "S7 short read"}}},
			{Readings: []Reading{{Tag: 0, Cause: "S7 short read"}}},
		}
		agent, stop := start(t, options(spool, uplink, map[string]Source{
			"plc": every(200*time.Millisecond, func(n int) Scan { return scans[min(n, len(scans)-1)] }),
		}))
		time.Sleep(1900 * time.Millisecond)
		status := agent.Status().Sources[0]
		stop()
		want := []string{
			"a=1 Ok Fst,Ats", "b=2 Ok Fst,Ats", "b=3 Ok Ats", "a=null Bad (S7 short read) Ats",
			"a=null Bad (S7 short read) Lst,Ats", "b=3 Ok Lst,Ats",
		}
		if diff := cmp.Diff(want, brief(uplink.points())); diff != "" {
			t.Errorf("points (-want +got):\n%s", diff)
		}
		if status.Scans != 10 || status.TagsOk != 1 || status.TagsBad != 1 || status.Connection != Connected || status.Accounts.Sampled != 4 {
			t.Errorf("status = %+v", status)
		}
		if want := "tag a at A: S7 short read (1 of 2 tags)"; status.Trouble != want {
			t.Errorf("trouble = %q, want %q", status.Trouble, want)
		}
		if got := agent.Status().Accounts; got != (Accounts{Sampled: 6, Sent: 6}) {
			t.Errorf("accounts = %+v", got)
		}
	})
}

func TestPointsOfAScanShareATimeThatRises(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		spool, uplink := newMemorySpool(), newMemoryUplink()
		o := options(spool, uplink, map[string]Source{"plc": every(100*time.Millisecond, func(n int) Scan { return ints(n == 0, int64(n), int64(-n)) })})
		begin := time.Now()
		o.Now = func() linewatch.Time { // goes back by a minute after a second
			now := linewatch.TimeOf(time.Now())
			if time.Since(begin) > time.Second {
				now = now.Add(-linewatch.Minute)
			}
			return now
		}
		_, stop := start(t, o)
		time.Sleep(3 * time.Second)
		stop()
		points := uplink.points()
		if len(points) < 60 {
			t.Fatalf("%d points", len(points))
		}
		for i := 0; i+2 < len(points); i += 2 {
			if points[i].Timestamp != points[i+1].Timestamp || points[i+2].Timestamp <= points[i].Timestamp {
				t.Fatalf("times of two scans: %v %v, %v", points[i].Timestamp, points[i+1].Timestamp, points[i+2].Timestamp)
			}
		}
	})
}

func TestLostConnectionIsSaidOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		spool, uplink := newMemorySpool(), newMemoryUplink()
		refused := Scan{Err: errors.New("connection refused")}
		scans := []Scan{refused, refused, ints(true, 1, 2), refused, refused, refused, ints(true, 1, 2), ints(false, 1, 2)}
		agent, stop := start(t, options(spool, uplink, map[string]Source{
			"plc": every(100*time.Millisecond, func(n int) Scan { return scans[min(n, len(scans)-1)] }),
		}))
		time.Sleep(time.Second)
		status := agent.Status().Sources[0]
		stop()
		want := []string{
			"a=null Bad (source not reachable) Ats", "b=null Bad (source not reachable) Ats",
			"a=1 Ok Fst,Ats", "b=2 Ok Fst,Ats",
			"a=null Bad (connection lost) Lst,Ats", "b=null Bad (connection lost) Lst,Ats",
			"a=1 Ok Fst,Ats", "b=2 Ok Fst,Ats",
			"a=1 Ok Lst,Ats", "b=2 Ok Lst,Ats",
		}
		if diff := cmp.Diff(want, brief(uplink.points())); diff != "" {
			t.Errorf("points (-want +got):\n%s", diff)
		}
		if status.Failures != 5 || status.LastError != "connection refused" || status.Connection != Connected {
			t.Errorf("status = %+v", status)
		}
	})
}

// A source that may come back by itself is shown to be away at once; of its tags
// nothing is said until it is lost.
func TestInterruptedSourceIsShown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		spool, uplink := newMemorySpool(), newMemoryUplink()
		away := Scan{Waiting: errors.New("connection reset"), Through: linewatch.NoTime}
		scans := []Scan{ints(true, 1, 2), away, away, ints(false, 1, 3), away, {Err: errors.New("connection refused")}}
		agent, stop := start(t, options(spool, uplink, map[string]Source{
			"plc": every(100*time.Millisecond, func(n int) Scan { return scans[min(n, len(scans)-1)] }),
		}))
		time.Sleep(50 * time.Millisecond)
		var seen []string
		for range 6 {
			status := agent.Status().Sources[0]
			seen = append(seen, status.Connection.String()+" "+status.LastError)
			time.Sleep(100 * time.Millisecond)
		}
		stop()
		if diff := cmp.Diff([]string{
			"connected ", "interrupted connection reset", "interrupted connection reset",
			"connected connection reset", "interrupted connection reset", "disconnected connection refused",
		}, seen); diff != "" {
			t.Errorf("status (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff([]string{
			"a=1 Ok Fst,Ats", "b=2 Ok Fst,Ats", "b=3 Ok Ats",
			"a=null Bad (connection lost) Lst,Ats", "b=null Bad (connection lost) Lst,Ats",
			"a=null Bad (connection lost) Lst,Ats", "b=null Bad (connection lost) Lst,Ats", // at the stop
		}, brief(uplink.points())); diff != "" {
			t.Errorf("points (-want +got):\n%s", diff)
		}
	})
}

func TestQuietSourcesSendHeartbeats(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		spool, uplink := newMemorySpool(), newMemoryUplink()
		_, stop := start(t, options(spool, uplink, map[string]Source{
			"quiet": every(200*time.Millisecond, func(n int) Scan { return ints(n == 0, 1, 2) }),
			"dead":  every(200*time.Millisecond, func(n int) Scan { return Scan{Err: errors.New("no route to host")} }),
			"busy":  every(200*time.Millisecond, func(n int) Scan { return ints(n == 0, int64(n), 2) }),
		}))
		begin := linewatch.TimeOf(time.Now())
		time.Sleep(10*time.Second + time.Millisecond)
		for source, want := range map[string]int{"quiet": 11, "dead": 11, "busy": 51} {
			beats := uplink.heartbeats(source)
			if len(beats) < want || len(beats) > want+2 {
				t.Errorf("%s: %d heartbeats in 10 s, want about %d", source, len(beats), want)
			}
			last := beats[len(beats)-1]
			if late := last.Timestamp.Sub(begin.Add(10 * linewatch.Second)); late < -linewatch.Second || last.Value != linewatch.IntValue(0) || last.Sequence != 0 {
				t.Errorf("%s: last heartbeat %+v", source, last)
			}
		}
		stop()
	})
}

func TestSlowSourcesSendHeartbeats(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		spool, uplink := newMemorySpool(), newMemoryUplink()
		_, stop := start(t, options(spool, uplink, map[string]Source{"slow": every(time.Minute, func(n int) Scan { return ints(n == 0, 1, 2) })}))
		time.Sleep(30*time.Second + time.Millisecond)
		beats := uplink.heartbeats("slow")
		if behind := linewatch.TimeOf(time.Now()).Sub(beats[len(beats)-1].Timestamp); behind > linewatch.Second {
			t.Errorf("between two scans the heartbeats are %v behind", behind)
		}
		stop()
	})
}

// TestLargeScans has scans that are divided on their way into the spool and
// out of it: a heartbeat must not cover the part that is still to come.
func TestLargeScans(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		spool, uplink := newMemorySpool(), newMemoryUplink()
		spool.delay, uplink.delay = 50*time.Millisecond, 20*time.Millisecond
		values := make([]int64, 12_345)
		o := options(spool, uplink, map[string]Source{"large": every(300*time.Millisecond, func(n int) Scan {
			for i := range values {
				values[i] = int64(n)
			}
			return ints(n == 0, values...)
		})})
		for i := len(o.Config.Sources[0].Tags); i < len(values); i++ {
			o.Config.Sources[0].Tags = append(o.Config.Sources[0].Tags, TagConfig{Name: fmt.Sprint("t", i)})
		}
		_, stop := start(t, o)
		time.Sleep(1500 * time.Millisecond)
		uplink.setDown(true)
		time.Sleep(1500 * time.Millisecond)
		uplink.setDown(false)
		time.Sleep(5 * time.Second)
		stop()
		if got := len(uplink.points()); got < 10*len(values) || got%len(values) != 0 {
			t.Errorf("%d points arrived", got)
		}
	})
}

func TestBlocksEndWithHeartbeats(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		spool, uplink := newMemorySpool(), newMemoryUplink()
		_, stop := start(t, options(spool, uplink, map[string]Source{
			"busy": every(200*time.Millisecond, func(n int) Scan { return ints(n == 0, int64(n), 2) }),
		}))
		time.Sleep(2 * time.Second)
		uplink.mu.Lock()
		for i, block := range uplink.blocks {
			if last := block[len(block)-1]; !last.IsHeartbeat() || len(block) > 1 && last.Timestamp < block[len(block)-2].Timestamp {
				t.Errorf("block %d ends with %+v", i, last)
			}
		}
		uplink.mu.Unlock()
		stop()
		if last := uplink.points()[len(uplink.points())-1]; !last.Flags.Has(linewatch.Last) {
			t.Errorf("the last point has flags %v", last.Flags)
		}
		end := uplink.blocks[len(uplink.blocks)-1]
		if end[len(end)-1].IsHeartbeat() {
			t.Error("after its last values a stopped source still sends a heartbeat")
		}
	})
}

func TestOutageOfTheUplink(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		spool, uplink := newMemorySpool(), newMemoryUplink()
		uplink.delay = 30 * time.Millisecond
		agent, stop := start(t, options(spool, uplink, map[string]Source{
			"p1": every(3*time.Millisecond, func(n int) Scan { return ints(n == 0, int64(n), int64(n)) }),
			"p2": every(100*time.Millisecond, func(n int) Scan { return ints(n == 0, int64(n), 2) }),
		}))
		time.Sleep(time.Second)
		uplink.setDown(true)
		time.Sleep(20 * time.Second)
		status := agent.Status()
		if status.UplinkError == "" || status.UplinkFailures == 0 || status.Accounts.Spooled < 12000 || !status.Accounts.Balanced() {
			t.Errorf("during the outage: %+v", status)
		}
		uplink.setDown(false)
		time.Sleep(10 * time.Second) // longer than the longest pause
		if status = agent.Status(); status.UplinkError != "" || status.Accounts.Spooled > 50 {
			t.Errorf("after the outage: %+v", status)
		}
		stop()
		if a := agent.Status().Accounts; a.Spooled != 0 || int(a.Sent) != len(uplink.points()) {
			t.Errorf("accounts %+v, %d points arrived", a, len(uplink.points()))
		}
		behind := false
		for _, beat := range uplink.heartbeats("p1") {
			n, _ := beat.Value.Int()
			behind = behind || n > 100
		}
		if !behind {
			t.Error("no heartbeat told of the points that waited")
		}
	})
}

func TestBrokenSpoolHoldsTheSource(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		spool, uplink := newMemorySpool(), newMemoryUplink()
		agent, stop := start(t, options(spool, uplink, map[string]Source{
			"plc": every(100*time.Millisecond, func(n int) Scan { return ints(n == 0, int64(n), 2) }),
		}))
		time.Sleep(time.Second)
		spool.setBroken(true)
		before := agent.Status().Accounts.Sampled
		time.Sleep(10 * time.Second)
		status := agent.Status()
		if status.SpoolError != errBroken.Error() || status.Accounts.Sampled > before+2 {
			t.Errorf("with a broken spool: %+v", status)
		}
		spool.setBroken(false)
		time.Sleep(20 * time.Second)
		if status = agent.Status(); status.SpoolError != "" || status.Accounts.Sent < before+40 {
			t.Errorf("with the spool mended: %+v", status)
		}
		stop()
	})
}

func TestRefusedPointsAreFoundAndCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		spool, uplink := newMemorySpool(), newMemoryUplink()
		uplink.refuse = func(p *linewatch.DataPoint) bool { n, _ := p.Value.Int(); return !p.IsHeartbeat() && n%7 == 3 }
		uplink.delay = 100 * time.Millisecond
		agent, stop := start(t, options(spool, uplink, map[string]Source{
			"plc": every(10*time.Millisecond, func(n int) Scan { return ints(n == 0, int64(n), 0) }),
		}))
		time.Sleep(690 * time.Millisecond)
		stop()
		if a := agent.Status().Accounts; a.Rejected != 10 || int(a.Sent) != len(uplink.points()) || a.Spooled != 0 {
			t.Errorf("accounts %+v, %d arrived", a, len(uplink.points()))
		}
	})
}

func TestStopIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		spool, uplink := newMemorySpool(), newMemoryUplink()
		sources := map[string]Source{"plc": every(100*time.Millisecond, func(n int) Scan { return ints(n == 0, int64(n), 2) })}
		uplink.setDown(true)
		agent, stop := start(t, options(spool, uplink, sources))
		time.Sleep(950 * time.Millisecond)
		begin := time.Now()
		stop()
		if took := time.Since(begin); took > DefaultStopTimeout+time.Duration(DefaultTimeout) {
			t.Errorf("stopping took %v", took)
		}
		left := agent.Status().Accounts
		if left.Spooled != 13 || left.Sampled != 13 {
			t.Errorf("accounts = %+v, want 11 readings and 2 last values spooled", left)
		}

		uplink.setDown(false)
		next, err := New(options(spool, uplink, sources))
		if err != nil {
			t.Fatal(err)
		}
		if a := next.Status().Accounts; a != (Accounts{Sampled: 13, Spooled: 13}) {
			t.Errorf("accounts of the next run begin with %+v", a)
		}
		agent, stop = start(t, options(spool, uplink, sources))
		time.Sleep(time.Second)
		stop()
		if a := agent.Status().Accounts; a.Spooled != 0 || int(a.Sent) != len(uplink.points()) {
			t.Errorf("accounts %+v, %d points arrived", a, len(uplink.points()))
		}
	})
}

func TestPointsThatTheSpoolNeverTakesAreRejected(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		spool, uplink := newMemorySpool(), newMemoryUplink()
		agent, err := New(options(spool, uplink, map[string]Source{
			"plc": every(100*time.Millisecond, func(n int) Scan { return ints(n == 0, int64(n), 2) }),
		}))
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		time.AfterFunc(time.Second, func() { spool.setBroken(true) })
		begin := time.Now()
		err = agent.Run(ctx)
		if took := time.Since(begin); !errors.Is(err, errBroken) && !errors.Is(err, context.Canceled) || took > 10*time.Second {
			t.Errorf("Run returned %v after %v", err, took)
		}
		if a := agent.Status().Accounts; a.Rejected == 0 || !a.Balanced() {
			t.Errorf("accounts = %+v", a)
		}
	})
}

func TestPointsThatCannotTravelAreRejected(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		spool, uplink := newMemorySpool(), newMemoryUplink()
		agent, stop := start(t, options(spool, uplink, map[string]Source{"plc": every(time.Second, func(n int) Scan {
			return Scan{Readings: []Reading{{Tag: 0, Quality: linewatch.Ok}, {Tag: 1, Value: linewatch.IntValue(1), Quality: linewatch.Ok}}}
		})}))
		time.Sleep(100 * time.Millisecond)
		if a := agent.Status().Accounts; a != (Accounts{Sampled: 2, Sent: 1, Rejected: 1}) {
			t.Errorf("a null of quality Ok and a number give %+v", a)
		}
		stop()
	})
}

func TestVanishedPointsUnbalanceTheAccounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		spool, uplink := newMemorySpool(), newMemoryUplink()
		uplink.setDown(true)
		agent, err := New(options(spool, uplink, map[string]Source{
			"plc": every(100*time.Millisecond, func(n int) Scan { return ints(n == 0, int64(n), 2) }),
		}))
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := agent.Run(ctx); err != nil {
			t.Fatal(err)
		}
		if !agent.Status().Accounts.Balanced() {
			t.Error("accounts do not balance before the damage")
		}
		spool.damage(func(points []linewatch.DataPoint) []linewatch.DataPoint { return points[:len(points)-1] })
		if a := agent.Status().Accounts; a.Balanced() {
			t.Errorf("a point vanished from the spool and the accounts still balance: %+v", a)
		}
	})
}

func TestSourceThatCannotGoOnEndsTheAgent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		spool, uplink := newMemorySpool(), newMemoryUplink()
		agent, err := New(options(spool, uplink, map[string]Source{
			"bad":  every(time.Second, func(n int) Scan { return ints(true, 1, 2, 3) }),
			"good": every(time.Second, func(n int) Scan { return ints(n == 0, 1, 2) }),
		}))
		if err != nil {
			t.Fatal(err)
		}
		if err := agent.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "source bad: reading of tag number 2, and there are 2") {
			t.Errorf("got %v", err)
		}
	})
}

func TestNewReportsEverySource(t *testing.T) {
	o := options(newMemorySpool(), newMemoryUplink(), map[string]Source{"x": nil, "y": nil})
	o.Open = func(c SourceConfig) (Source, error) { return nil, fmt.Errorf("%s.tags: wrong", SourcePath(c.ID)) }
	if _, err := New(o); err == nil || err.Error() != "sources[x].tags: wrong\nsources[y].tags: wrong" {
		t.Errorf("got %v", err)
	}
	o.Config.Gateway = ""
	if _, err := New(o); err == nil || !strings.Contains(err.Error(), "gateway: missing") {
		t.Errorf("got %v", err)
	}
}

func TestLongStringIsBad(t *testing.T) {
	f := newFilter(SourceConfig{ID: "plc", Tags: []TagConfig{{Name: "a", Equipment: "F1"}}})
	points, err := f.scan(&Scan{Readings: []Reading{{Value: linewatch.StringValue(strings.Repeat("x", 1025)), Quality: linewatch.Ok}}}, &scanTimes{at: 1, created: 1})
	if err != nil || len(points) != 1 || !points[0].Value.IsNull() || points[0].Quality != linewatch.Bad {
		t.Errorf("got %+v, %v", points, err)
	}
}

// In a simulation that runs ten times as fast, scans and heartbeats do, too.
func TestSpeed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		spool, uplink := newMemorySpool(), newMemoryUplink()
		o := options(spool, uplink, map[string]Source{"plc": every(20*time.Millisecond, func(n int) Scan { return ints(n == 0, 1, 2) })})
		o.Speed = 10
		o.Config.Sources[0].MaxSilence = Span(10 * time.Second)
		begin := time.Now()
		o.Now = func() linewatch.Time { return linewatch.TimeOf(begin.Add(10 * time.Since(begin))) }
		open := o.Open
		o.Open = func(c SourceConfig) (Source, error) {
			if c.Interval != Span(20*time.Millisecond) || c.Timeout != DefaultTimeout || c.Speed != 10 {
				t.Errorf("interval %v, timeout %v, speed %v", c.Interval, c.Timeout, c.Speed)
			}
			return open(c)
		}
		_, stop := start(t, o)
		time.Sleep(2950 * time.Millisecond)
		beats := uplink.heartbeats("plc")
		if len(beats) < 28 || len(beats) > 34 {
			t.Errorf("%d heartbeats in 29 s of the source", len(beats))
		}
		stop()
		if got := len(withoutLast(uplink.points())); got != 6 {
			t.Errorf("%d points, want 2 at the beginning and 2 each 10 s", got)
		}
	})
}

func TestIntervalHasAFloor(t *testing.T) {
	for _, test := range []struct {
		interval, want time.Duration
		speed          float64
		scan           linewatch.Duration
	}{
		{200, 200, 1, 200}, {200, 20, 10, 200}, {200, 5, 1000, 5000}, {10, 5, 60, 300}, {3, 3, 1, 3},
	} {
		c := SourceConfig{Interval: Span(test.interval * time.Millisecond)}.at(test.speed)
		if c.Interval != Span(test.want*time.Millisecond) || c.byClock(c.Interval) != test.scan {
			t.Errorf("%+v: interval %v, %v of its clock", test, c.Interval, c.byClock(c.Interval))
		}
	}
}
