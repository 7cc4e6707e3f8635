package edge

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"linewatch"
)

func number(f float64) *float64 { return &f }

func TestScale(t *testing.T) {
	ranges := &Scale{Raw: []float64{0, 27648}, EU: []float64{0, 100}}
	for _, test := range []struct {
		scale *Scale
		raw   linewatch.Value
		want  string
	}{
		{nil, linewatch.IntValue(7), "7 Ok"},
		{ranges, linewatch.IntValue(0), "0.0 Ok"},
		{ranges, linewatch.IntValue(27648), "100.0 Ok"},
		{ranges, linewatch.IntValue(13824), "50.0 Ok"},
		{ranges, linewatch.IntValue(-27648), "-100.0 Ok"},
		{ranges, linewatch.FloatValue(30412.8), "110.0 Ok"},
		{&Scale{Raw: []float64{4, 20}, EU: []float64{-50, 150}}, linewatch.FloatValue(12), "50.0 Ok"},
		{&Scale{Raw: []float64{0, 10}, EU: []float64{10, 0}}, linewatch.IntValue(3), "7.0 Ok"},
		{&Scale{Raw: []float64{0, 49}, EU: []float64{0, 1}}, linewatch.IntValue(49), "1.0 Ok"},
		{&Scale{Factor: number(0.1), Offset: -40}, linewatch.UintValue(math.MaxUint64), "1844674407370955300.0 Ok"},
		{&Scale{Factor: number(0.5)}, linewatch.IntValue(5), "2.5 Ok"},
		{&Scale{Offset: 1}, linewatch.IntValue(5), "6.0 Ok"},
		{&Scale{Factor: number(1e300)}, linewatch.FloatValue(1e300), "null Bad scale: the result is not a finite number"},
		{ranges, linewatch.StringValue("12"), "null Bad scale: the value is not a number"},
		{ranges, linewatch.BoolValue(true), "null Bad scale: the value is not a number"},
	} {
		p := newShape(SourceConfig{}, TagConfig{Scale: test.scale})
		got := p.apply(state{test.raw, linewatch.Ok, ""})
		if s := strings.TrimSpace(fmt.Sprint(got.value.String(), " ", got.quality, " ", got.cause)); s != test.want {
			t.Errorf("%+v of %v: got %s, want %s", test.scale, test.raw, s, test.want)
		}
	}
	bad := state{linewatch.Value{}, linewatch.Bad, "S7 short read"}
	if got := newShape(SourceConfig{}, TagConfig{Scale: ranges}).apply(bad); got != bad {
		t.Errorf("a bad value became %+v", got)
	}
}

// feed gives a filter a scan with one reading of its only tag and returns what
// is let through.
func feed(t interface{ Fatal(...any) }, f *filter, s Scan, times *scanTimes) string {
	points, err := f.scan(&s, times)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(brief(points), "; ")
}

func TestDeadband(t *testing.T) {
	ok := func(v linewatch.Value) Reading { return Reading{Value: v, Quality: linewatch.Ok} }
	float := func(f float64) Reading { return ok(linewatch.FloatValue(f)) }
	for _, test := range []struct {
		name  string
		tag   TagConfig
		feed  []Reading
		wants []string
	}{
		{
			"a slow drift passes when it is far enough from what was sent",
			TagConfig{Deadband: Deadband{Width: 0.5}},
			[]Reading{float(10), float(10.3), float(10.5), float(10.6), float(10.2), float(10)},
			[]string{"a=10.0 Ok Fst,Ats", "", "", "a=10.6 Ok Ats", "", "a=10.0 Ok Ats"},
		}, {
			"quality and cause always pass",
			TagConfig{Deadband: Deadband{Width: 100}},
			[]Reading{float(1), {Value: linewatch.FloatValue(1), Quality: linewatch.Uncertain, Cause: "x"}, {Value: linewatch.FloatValue(2), Quality: linewatch.Uncertain, Cause: "y"}, {Cause: "gone"}, float(3)},
			[]string{"a=1.0 Ok Fst,Ats", "a=1.0 Uncertain (x) Ats", "a=2.0 Uncertain (y) Ats", "a=null Bad (gone) Ats", "a=3.0 Ok Ats"},
		}, {
			"what is no number passes on every change",
			TagConfig{Deadband: Deadband{Width: 100}},
			[]Reading{ok(linewatch.BoolValue(false)), ok(linewatch.BoolValue(true)), ok(linewatch.StringValue("x")), ok(linewatch.StringValue("y")), float(0)},
			[]string{"a=false Ok Fst,Ats", "a=true Ok Ats", "a=x Ok Ats", "a=y Ok Ats", "a=0.0 Ok Ats"},
		}, {
			"percent of the eu range, after scaling",
			TagConfig{Deadband: Deadband{1, true}, Scale: &Scale{Raw: []float64{0, 1000}, EU: []float64{100, -100}}},
			[]Reading{ok(linewatch.IntValue(0)), ok(linewatch.IntValue(10)), ok(linewatch.IntValue(11))},
			[]string{"a=100.0 Ok Fst,Ats", "", "a=97.8 Ok Ats"},
		}, {
			"whole numbers are compared exactly",
			TagConfig{Deadband: Deadband{Width: 1}},
			[]Reading{ok(linewatch.IntValue(math.MaxInt64 - 2)), ok(linewatch.IntValue(math.MaxInt64 - 1)), ok(linewatch.IntValue(math.MaxInt64)), ok(linewatch.IntValue(math.MinInt64))},
			[]string{"a=9223372036854775805 Ok Fst,Ats", "", "a=9223372036854775807 Ok Ats", "a=-9223372036854775808 Ok Ats"},
		},
	} {
		test.tag.Name, test.tag.Equipment = "a", "F1"
		f := newFilter(SourceConfig{ID: "plc", Tags: []TagConfig{test.tag}})
		var got []string
		for i, r := range test.feed {
			got = append(got, feed(t, f, Scan{Readings: []Reading{r}}, &scanTimes{at: linewatch.Time(i), created: linewatch.Time(i)}))
		}
		if diff := cmp.Diff(test.wants, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, diff)
		}
	}
}

// A deadband hides the newest value, which is not what is said at the end.
func TestLastValueIsTheNewest(t *testing.T) {
	f := newFilter(SourceConfig{ID: "plc", Tags: []TagConfig{{Name: "a", Deadband: Deadband{Width: 5}}}})
	for v := range int64(4) {
		feed(t, f, Scan{Readings: []Reading{at(0, 0, v)}}, &scanTimes{created: linewatch.Time(v)})
	}
	if got := brief(f.last(&scanTimes{created: 9})); got[0] != "a=3 Ok Lst,Ats" {
		t.Errorf("got %q", got)
	}
}

// However a value moves, what was sent last is never further from it than the
// deadband, and what is sent is always further from the one before.
func TestDeadbandHoldsAgainstTheLastSent(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		width := rapid.Float64Range(0.001, 10).Draw(t, "width")
		f := newFilter(SourceConfig{ID: "plc", Tags: []TagConfig{{Name: "a", Equipment: "F1", Deadband: Deadband{Width: width}}}})
		v, sent := 0.0, math.NaN()
		for i, step := range rapid.SliceOfN(rapid.Float64Range(-3, 3), 1, 200).Draw(t, "steps") {
			v += step * width / 2
			points, err := f.scan(&Scan{Readings: []Reading{{Value: linewatch.FloatValue(v), Quality: linewatch.Ok}}}, &scanTimes{created: linewatch.Time(i)})
			if err != nil {
				t.Fatal(err)
			}
			if len(points) > 0 {
				now, _ := points[0].Value.Float()
				if math.Abs(now-sent) <= width {
					t.Fatalf("%v was sent after %v", now, sent)
				}
				sent = now
			}
			if math.Abs(v-sent) > width {
				t.Fatalf("%v was not sent after %v", v, sent)
			}
		}
	})
}

func TestMaxSilenceAndSynchronisation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		spool, uplink := newMemorySpool(), newMemoryUplink()
		o := options(spool, uplink, map[string]Source{"plc": every(200*time.Millisecond, func(n int) Scan {
			return ints(n == 0, int64(n/50), 2, 3)
		})})
		o.Config.Sources[0].Tags = []TagConfig{{Name: "a"}, {Name: "b", MaxSilence: Span(3 * time.Second)}, {Name: "c"}}
		o.Config.Sources[0].SyncEvery = Span(10 * time.Second)
		agent, stop := start(t, o)
		begin := linewatch.TimeOf(time.Now())
		time.Sleep(19900 * time.Millisecond)
		sampled := agent.Status().Accounts.Sampled
		stop()
		points := withoutLast(uplink.points())
		for i := range points { // a heartbeat at the same instant moves a scan by a millisecond
			points[i].Timestamp -= points[i].Timestamp % 100
		}
		got := timed(points, begin)
		want := []string{
			"0s a=0 Ok Fst,Ats", "0s b=2 Ok Fst,Ats", "0s c=3 Ok Fst,Ats",
			"3s a=0 Ok Syn,Ats", "3s b=2 Ok Syn,Ats", "3s c=3 Ok Syn,Ats", // once more, since the engine may have gone on
			"6s b=2 Ok Syn,Ats", "9s b=2 Ok Syn,Ats", "10s a=1 Ok Ats", "12s b=2 Ok Syn,Ats",
			"13s a=1 Ok Syn,Ats", "13s b=2 Ok Syn,Ats", "13s c=3 Ok Syn,Ats",
			"16s b=2 Ok Syn,Ats", "19s b=2 Ok Syn,Ats",
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("points (-want +got):\n%s", diff)
		}
		if int(sampled) != len(want) {
			t.Errorf("%d sampled, want %d", sampled, len(want))
		}
	})
}

// However unevenly scans come and values change, a connected source with a
// maximum silence is never silent for longer, but for scans that come late.
func TestMaxSilenceIsKept(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		own := rapid.Bool().Draw(t, "own")
		const silence, interval = 5 * linewatch.Second, linewatch.Second
		f := newFilter(SourceConfig{ID: "plc", Interval: Span(time.Second), Tags: []TagConfig{{Name: "a", Equipment: "F1", MaxSilence: Span(5 * time.Second)}}})
		clock := newSourceClock(SourceConfig{})
		now, last := linewatch.Time(1_000_000_000_000), linewatch.NoTime
		changes := rapid.SliceOfN(rapid.IntRange(0, 5), 1, 100).Draw(t, "changes")
		for i, c := range changes {
			now = now.Add(interval)
			scan := Scan{First: i == 0, Readings: []Reading{{Value: linewatch.IntValue(int64(i * (1 - min(c, 1)))), Quality: linewatch.Ok}}}
			if own {
				scan.Through = now.Add(-200)
				scan.Readings[0].At = now.Add(-100)
				if i > 0 && c > 0 {
					scan.Readings = nil
				}
			}
			times := clock.begin(&scan, now)
			points, err := f.scan(&scan, times)
			if err != nil {
				t.Fatal(err)
			}
			clock.end(times)
			for _, p := range points {
				if last.Known() && p.Timestamp.Sub(last) > silence {
					t.Fatalf("silent for %v", p.Timestamp.Sub(last))
				}
				last = p.Timestamp
			}
			if asserted, _ := clock.assert(now, linewatch.NoTime); asserted.Sub(last) > silence {
				t.Fatalf("a heartbeat of %v comes after silence since %v", asserted, last)
			}
		}
	})
}

// An OPC UA server that publishes now and then only is known to have been the
// same in between: its tags are repeated in the time that was silent.
func TestMaxSilenceOfOwnTimes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(24 * time.Hour)
		base := linewatch.TimeOf(time.Now())
		spool, uplink := newMemorySpool(), newMemoryUplink()
		o := options(spool, uplink, map[string]Source{"plc": sourceFunc(func(ctx context.Context, emit func(Scan) error) error {
			for n := 0; ctx.Err() == nil; n++ {
				now := linewatch.TimeOf(time.Now())
				scan := Scan{First: n == 0, Through: now.Add(-500)}
				if n == 0 {
					scan.Readings = []Reading{at(0, now, 1), at(1, now, 2)}
				}
				if err := emit(scan); err != nil {
					return err
				}
				sleep(ctx, 5*time.Second)
			}
			return nil
		})})
		o.Config.Sources[0].Tags[0].MaxSilence = Span(6 * time.Second)
		o.Config.Sources[0].SyncEvery = Span(20 * time.Second)
		_, stop := start(t, o)
		time.Sleep(26 * time.Second)
		stop()
		want := []string{
			"0s a=1 Ok Fst", "0s b=2 Ok Fst", "4500ms a=1 Ok Syn,Ats", "4500ms b=2 Ok Syn,Ats",
			"10500ms a=1 Ok Syn,Ats", "16500ms a=1 Ok Syn,Ats", "22500ms a=1 Ok Syn,Ats", "24500ms b=2 Ok Syn,Ats",
		}
		if diff := cmp.Diff(want, timed(withoutLast(uplink.points()), base)); diff != "" {
			t.Errorf("points (-want +got):\n%s", diff)
		}
	})
}

// After a lost subscription nothing is repeated of a tag that has not come yet.
func TestUnknownTagsAreNotRepeated(t *testing.T) {
	f, clock := newFilter(SourceConfig{ID: "plc", SyncEvery: Span(time.Hour), Tags: []TagConfig{{Name: "a", MaxSilence: Span(time.Second)}}}), newSourceClock(SourceConfig{})
	now := linewatch.Time(1_000_000_000_000)
	for i, scan := range []Scan{{First: true, Readings: []Reading{at(0, now, 1)}}, {Interrupted: true}, {}} {
		scan.Through = now.Add(linewatch.Duration(i) * linewatch.Day)
		times := clock.begin(&scan, scan.Through)
		if got := feed(t, f, scan, times); i > 0 && got != "" {
			t.Errorf("scan %d: got %q", i, got)
		}
		clock.end(times)
	}
}

// A tag whose first value after a lost subscription had not come when the
// connection broke as well stays lost when that is back: what it was before the
// subscription is not known to be so.
func TestUnknownTagsAreNotRestored(t *testing.T) {
	f, clock := newFilter(SourceConfig{ID: "plc", Tags: []TagConfig{{Name: "a"}, {Name: "b"}}}), newSourceClock(SourceConfig{})
	now := linewatch.Time(1_000_000_000_000)
	down := errors.New("down")
	for i, step := range []struct {
		scan Scan
		want string
	}{
		{Scan{First: true, Readings: []Reading{at(0, now, 1), at(1, now, 2)}}, "a=1 Ok Fst; b=2 Ok Fst"},
		{Scan{First: true, Interrupted: true, Readings: []Reading{at(1, now.Add(1100), 3)}}, "b=3 Ok Fst"},
		{Scan{Err: down}, "a=null Bad (connection lost) Lst,Ats; b=null Bad (connection lost) Lst,Ats"},
		{Scan{}, "b=3 Ok Fst,Ats"},
		{Scan{Readings: []Reading{at(0, now.Add(3100), 4)}}, "a=4 Ok Fst,Ats"},
	} {
		scan, through := step.scan, now.Add(linewatch.Duration(i)*linewatch.Second)
		if scan.Through = through; scan.Err != nil {
			scan.Through = linewatch.NoTime
		}
		times := clock.begin(&scan, through)
		got := ""
		if scan.Err != nil {
			got = strings.Join(brief(f.lost(CauseLost, times)), "; ")
		} else {
			got = feed(t, f, scan, times)
		}
		if got != step.want {
			t.Errorf("scan %d: got %q, want %q", i, got, step.want)
		}
		clock.end(times)
	}
}

func TestDeadbandReadsAndWritesText(t *testing.T) {
	for _, s := range []string{"0.5", "1%", "100%", "1e-06"} {
		var d Deadband
		if err := d.UnmarshalText([]byte(s)); err != nil || d.String() != s {
			t.Errorf("%q was read as %v, %v", s, d, err)
		}
	}
	for _, s := range []string{"", "%", "0", "-1", "0%", "101%", "1 %", "NaN", "inf", "x", "1e999"} {
		if err := new(Deadband).UnmarshalText([]byte(s)); err == nil {
			t.Errorf("%q was accepted", s)
		}
	}
}

func TestShapeMistakesNameTheField(t *testing.T) {
	ranges := func(raw, eu []float64) func(*TagConfig) {
		return func(t *TagConfig) { t.Scale = &Scale{Raw: raw, EU: eu} }
	}
	for _, test := range []struct {
		want   string
		damage func(*TagConfig)
	}{
		{"scale: says nothing; give raw and eu", func(t *TagConfig) { t.Scale = &Scale{} }},
		{"scale: both ranges and factor or offset", func(t *TagConfig) { t.Scale = &Scale{Offset: 1, Raw: []float64{0, 1}} }},
		{"scale.factor: 0 makes every value the same", func(t *TagConfig) { t.Scale = &Scale{Factor: number(0)} }},
		{"scale: a number is not finite", func(t *TagConfig) { t.Scale = &Scale{Factor: number(math.Inf(1))} }},
		{"scale.raw: 1 numbers; give the lower and the upper end", ranges([]float64{1}, []float64{0, 1})},
		{"scale.eu: 0 numbers", ranges([]float64{0, 1}, nil)},
		{"scale.raw: both ends are 3", ranges([]float64{3, 3}, []float64{0, 1})},
		{"scale.eu: both ends are 3", ranges([]float64{0, 1}, []float64{3, 3})},
		{"deadband: 1% is a percentage of the eu range, and there is none; give scale", func(t *TagConfig) { t.Deadband = Deadband{1, true} }},
		{"deadband: -1; use a number above 0", func(t *TagConfig) { t.Deadband = Deadband{Width: -1} }},
		{"maxSilence: 300ms; use 400ms, which is twice the interval, to 1d", func(t *TagConfig) { t.MaxSilence = Span(300 * time.Millisecond) }},
		{"maxSilence: 25h", func(t *TagConfig) { t.MaxSilence = Span(25 * time.Hour) }},
	} {
		c := goodConfig()
		test.damage(&c.Sources[0].Tags[0])
		err := c.Validate()
		if err == nil || !strings.Contains(err.Error(), "sources[filler].tags[speed]."+test.want) {
			t.Errorf("got %v, want %q in it", err, test.want)
		}
	}
	c := goodConfig()
	c.Sources[0].MaxSilence, c.Sources[0].SyncEvery = Span(time.Millisecond), Span(time.Millisecond)
	err := c.Validate()
	for _, want := range []string{"sources[filler].maxSilence: 1ms; use", "sources[filler].syncEvery: 1ms; use"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q in it", err, want)
		}
	}
}

func TestSilenceOfATag(t *testing.T) {
	for _, test := range []struct {
		source, sync, tag, want time.Duration
	}{{0, 0, 0, 0}, {10, 0, 0, 10}, {10, 0, 5, 5}, {10, 0, 20, 20}, {0, 7, 0, 7}, {10, 7, 0, 7}, {10, 30, 0, 10}} {
		c := SourceConfig{MaxSilence: Span(test.source * time.Second), SyncEvery: Span(test.sync * time.Second)}
		if got := c.Silence(TagConfig{MaxSilence: Span(test.tag * time.Second)}); got.Std() != test.want*time.Second {
			t.Errorf("%+v: got %v", test, got)
		}
	}
}
