package app

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"linewatch"
	"linewatch/rules/host"
	"linewatch/ui"
)

// BenchmarkLive changes one rule of 10,000 after the other, fifty times a
// second, while points come in and states change. It runs on the machine's
// clock. Counted in rule changes.
//
// A version that was accepted is judged with the next tick of the 200 ms grid
// that moves the watermark: until then it waits for the grid, and what comes
// after is ours. In the same way an alert is measured from the tick that let
// its point through. Both end when the change is in the history. The floor is
// what the same machine lets a timer and two flushes of a small file take.
func BenchmarkLive(b *testing.B) {
	data := b.TempDir()
	p := newBenchPlant(b, data, benchSize{lines: 4, tags: 1000, rules: 10_000, live: true})
	p.block, p.step = 25, 1 // 5,000 points a second
	watch := liveWatch{accepted: map[linewatch.RuleID]linewatch.Time{}}
	engine := startBenchEngine(b, p, data, func(c *host.Config) {
		publish := c.Publish
		c.SnapshotEvery = liveSnapshots
		c.Publish = func(ctx context.Context, changes []linewatch.StateChange) error {
			err := publish(ctx, changes)
			watch.saw(changes)
			return err
		}
	})
	control, err := newControl(b.Context(), p.control, slog.New(slog.DiscardHandler))
	if err != nil {
		b.Fatal(err)
	}
	engine.take(b, p) // loads the rules
	engine.log.upTo.Store(1 << 62)
	feeding, stop := context.WithCancel(b.Context())
	var feeder sync.WaitGroup
	feeder.Go(func() { p.feed(b, feeding) })
	feeder.Go(func() { watch.floor(b, feeding) })
	waitUntil(b.Context(), func() bool { return engine.changes.Load() >= uint64(p.rules) }) // every rule has its first state
	time.Sleep(liveSnapshots + time.Second/2)                                               // and is in the store
	watch.reset()
	b.ResetTimer()
	beat := time.NewTicker(20 * time.Millisecond)
	for n := range b.N {
		<-beat.C
		watch.accept(b, p, control, n)
	}
	if !waitUntil(b.Context(), func() bool { return watch.waiting() == 0 }) {
		b.Fatal("the versions do not come into force")
	}
	b.StopTimer()
	stop()
	feeder.Wait()
	engine.log.upTo.Store(0)
	engine.take(b, p)
	engine.stop(b, p)
	watch.report(b)
}

// liveSnapshots is more often than by default, so that there are some.
const liveSnapshots = 2 * time.Second

// feed stores points until ctx ends.
func (p *benchPlant) feed(b *testing.B, ctx context.Context) {
	beat := time.NewTicker(benchSpan * time.Millisecond)
	defer beat.Stop()
	for ctx.Err() == nil {
		p.append(b, 1)
		select {
		case <-beat.C:
		case <-ctx.Done():
		}
	}
}

// liveWatch notes how long rule changes and alerts have taken.
type liveWatch struct {
	mu       sync.Mutex
	accepted map[linewatch.RuleID]linewatch.Time // versions that were not judged yet
	ours     []float64                           // milliseconds from the tick that judges a version on
	whole    []float64                           // and from its acceptance on
	alerts   []float64
	floors   []float64
}

// accept publishes a version of the next rule that is true at once, or false.
func (w *liveWatch) accept(b *testing.B, p *benchPlant, c *control, n int) {
	b.Helper()
	const even = 2 // the others have a delay
	i := n * even % p.rules
	limit := -1
	if n*even/p.rules%2 == 1 {
		limit = 101
	}
	rule := p.rule(i)
	text := fmt.Appendf(nil, `apiVersion: linewatch/v1
kind: Rule
id: %s
name: Changed
scope: {equipment: %s}
priority: 2
groups:
  - id: changed
    weight: 60
    cases:
      - state: ERROR
        all: [{tag: %s, above: %d}]
    otherwise: IDLE
`, rule.ID, rule.Scope.Equipment, benchTag(i/(p.rules/p.tags)), limit)
	if _, err := c.ApplyRule(b.Context(), "rule.yaml", text, ui.AtOnce()); err != nil {
		b.Fatal(err)
	}
	at := p.time() // it is on disk
	w.mu.Lock()
	defer w.mu.Unlock()
	w.accepted[rule.ID] = at
}

// floor does the least that an alert takes until ctx ends: it wakes up at a
// time, and makes state and history durable.
func (w *liveWatch) floor(b *testing.B, ctx context.Context) {
	file, err := os.Create(filepath.Join(b.TempDir(), "floor"))
	if err != nil {
		b.Error(err)
		return
	}
	defer file.Close()
	block := make([]byte, 4096)
	for next := time.Now(); ctx.Err() == nil; next = next.Add(50 * time.Millisecond) {
		time.Sleep(time.Until(next))
		for range 2 {
			if _, err := file.Write(block); err != nil {
				b.Error(err)
			}
			if err := file.Sync(); err != nil {
				b.Error(err)
			}
		}
		w.mu.Lock()
		w.floors = append(w.floors, time.Since(next).Seconds()*1e3)
		w.mu.Unlock()
		next = time.Now()
	}
}

func (w *liveWatch) saw(changes []linewatch.StateChange) {
	now := linewatch.TimeOf(time.Now())
	w.mu.Lock()
	defer w.mu.Unlock()
	for i := range changes {
		c := &changes[i]
		since := float64(now.Sub(c.Observed.Arrival))
		at, ok := w.accepted[c.Rule]
		switch {
		case c.Version == 1:
			w.alerts = append(w.alerts, since)
		case ok:
			delete(w.accepted, c.Rule)
			w.ours, w.whole = append(w.ours, since), append(w.whole, float64(now.Sub(at)))
		}
	}
}

func (w *liveWatch) waiting() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.accepted)
}

func (w *liveWatch) reset() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.alerts = nil
}

func (w *liveWatch) report(b *testing.B) {
	for name, all := range map[string][]float64{"rule-p99-ms": w.ours, "rule-with-grid-p99-ms": w.whole, "alert-p99-ms": w.alerts, "floor-p99-ms": w.floors} {
		slices.Sort(all)
		if len(all) > 0 {
			b.ReportMetric(all[len(all)*99/100], name)
		}
	}
	b.ReportMetric(float64(len(w.alerts)), "alerts")
}
