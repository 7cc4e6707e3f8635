package domain

import (
	"bytes"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"linewatch"
	"linewatch/watermark"
)

const noTemperature = `{"id":"missing","name":"No temperature","scope":{"equipment":"F1"},"priority":2,"groups":[
	{"id":"g","weight":1,"otherwise":"IDLE","cases":[{"state":"WARNING","tag":"temp","missing":"2m"}]}]}`

// A log that goes on years later, because the plant stood still or the clock
// was wrong at first, costs no tick for each fifth of a second of them, and
// gives what it would have given with all of these ticks.
func TestYearsOfSilence(t *testing.T) {
	silent := func() *Domain {
		b := newBench(t, Config{Watermark: watermark.Defaults()}, noTemperature, rinseWater)
		b.point(0, "plc", "temp", linewatch.IntValue(20))
		b.heartbeat(30_000, "plc")
		return b.d
	}
	at, stepwise := silent(), silent()
	for tick := base; tick <= base.Add(linewatch.Hour); tick = tick.Add(defaultTick) {
		stepwise.Close(tick)
	}
	at.Close(base.Add(linewatch.Hour))
	want, err := stepwise.AppendSnapshot(nil)
	got, also := at.AppendSnapshot(nil)
	if err != nil || also != nil || !bytes.Equal(want, got) {
		t.Errorf("an hour at once is not what its ticks are: %v, %v", err, also)
	}
	if diff := cmp.Diff(stepwise.Take(), at.Take(), cmp.Comparer(linewatch.Value.Equal)); diff != "" {
		t.Error(diff)
	}
	began := time.Now()
	at.Close(base.Add(60 * 366 * linewatch.Day)) // 9 billion ticks
	if took := time.Since(began); took > 10*time.Second || at.NextTick() < linewatch.MaxTime-linewatch.Time(defaultTick) {
		t.Errorf("60 years took %v, and then comes a tick at %v", took, at.NextTick())
	}
}

// Everybody falls silent and event time stands still: the alarm comes at the
// arrival at which the sender was found silent plus what was left of the two
// minutes, with the watermark as its event time, and comes again the same
// after a restart.
func TestSilentLineRaisesItsAlarm(t *testing.T) {
	for _, policy := range []watermark.OnAllIdle{watermark.Auto, watermark.HoldAll} {
		w := watermark.Defaults()
		w.OnAllIdle = policy
		b := newBench(t, Config{Watermark: w}, noTemperature)
		b.point(0, "plc", "temp", linewatch.IntValue(20))
		b.heartbeat(30_000, "plc") // nobody speaks after this
		b.d.Take()
		saved, err := b.d.AppendSnapshot(nil)
		if err != nil {
			t.Fatal(err)
		}
		restored := New(b.d.cfg)
		if err := restored.Restore(saved); err != nil {
			t.Fatal(err)
		}
		for _, d := range []*Domain{b.d, restored} {
			// Found silent after 10 s; then 90 s of the two minutes are left.
			due := base.Add(40_000 + 90_000)
			d.Close(due - 1)
			if c := d.Take(); len(c) != 0 {
				t.Fatalf("%v: too early: %+v", policy, c)
			}
			d.Close(due)
			c := d.Take()
			if len(c) != 1 || c[0].To != linewatch.Warning || c[0].EventTime != base.Add(30_000) || c[0].Observed.Arrival != due {
				t.Fatalf("%v: got %+v, want WARNING with the watermark, at %v", policy, c, due)
			}
			d.Close(due.Add(linewatch.Hour))
			if c := d.Take(); len(c) != 0 {
				t.Errorf("%v: and then %+v", policy, c)
			}
		}
	}
}
