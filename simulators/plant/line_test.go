package plant

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestLineTellsThoseAttachedOfEveryStep(t *testing.T) {
	now := start
	l := NewLine(New(Options{Seed: 1, Start: start}), func() time.Time { return now })
	var first, second []time.Time
	l.Attach(func(p *Plant) { first = append(first, p.Now()) })
	l.Step() // no tick fits
	now = start.Add(250 * time.Millisecond)
	l.Step()
	l.Attach(func(p *Plant) { second = append(second, p.Now()) })
	now = now.Add(-time.Hour) // a clock that is set back
	l.Step()
	now = start.Add(time.Second)
	l.Step()
	at := func(d time.Duration) time.Time { return start.Add(d) }
	for name, c := range map[string]struct{ got, want []time.Time }{
		"first":  {first, []time.Time{at(0), at(200 * time.Millisecond), at(time.Second)}},
		"second": {second, []time.Time{at(200 * time.Millisecond), at(time.Second)}},
	} {
		if len(c.got) != len(c.want) {
			t.Fatalf("%s was told %v, want %v", name, c.got, c.want)
		}
		for i := range c.want {
			if !c.got[i].Equal(c.want[i]) {
				t.Errorf("%s was told %v, want %v", name, c.got, c.want)
			}
		}
	}
}

func TestLineIsSharedSafely(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := NewLine(New(Options{Seed: 1, Start: time.Now()}), time.Now)
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second+50*time.Millisecond)
		defer cancel()
		var readers sync.WaitGroup
		for range 3 {
			readers.Go(func() {
				for ctx.Err() == nil {
					l.View(func(p *Plant) { p.Machine("F1").Read("speed") })
					time.Sleep(30 * time.Millisecond)
				}
			})
		}
		began := time.Now()
		if err := l.Run(ctx, Tick); err != nil {
			t.Error(err)
		}
		readers.Wait()
		l.View(func(p *Plant) {
			if got := p.Now().Sub(began); got != 10*time.Second {
				t.Errorf("the plant moved by %v, want 10s", got)
			}
		})
	})
}
