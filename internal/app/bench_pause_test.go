package app

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"linewatch"
	"linewatch/rules"
	"linewatch/rules/host"
)

// BenchmarkPause stores the state of 20,000 rules on one line again and again,
// twice a second. A pause is how long no point of that line is judged: from the
// first byte of the snapshot until the commit has returned, with the time of
// the disk in it. The CPU time of a pause grows with the rules and is given for
// 100,000.
func BenchmarkPause(b *testing.B) {
	const size, scale = 20_000, 5
	data := b.TempDir()
	p := newBenchPlant(b, data, benchSize{lines: 1, tags: 2000, rules: size})
	var pauses pauses
	engine := startBenchEngine(b, p, data, func(c *host.Config) {
		pauses.Store = c.Store
		c.Store, c.Now, c.SnapshotEvery = &pauses, pauses.begin, time.Second/2
	})
	engine.take(b, p) // loads the rules
	snapshots := func(n int) {
		pauses.reset()
		for pauses.count() < n {
			p.append(b, 1)
			engine.take(b, p)
		}
	}
	snapshots(1) // encodes the rules
	b.ResetTimer()
	snapshots(b.N)
	b.StopTimer()
	wall, cpu := pauses.reset()
	engine.stop(b, p)
	b.ReportMetric(wall[len(wall)/2].Seconds()*1e3, "median-ms")
	b.ReportMetric(wall[len(wall)-1].Seconds()*1e3, "max-ms")
	b.ReportMetric(cpu[len(cpu)/2].Seconds()*1e3*scale, "cpu-ms/100k-rules")
	b.ReportMetric(float64(pauses.bytes)/size, "B/rule")
}

// pauses times commits with a snapshot. The host asks for the time right before
// it takes one; with one line nobody else asks, or does anything, meanwhile.
type pauses struct {
	rules.Store
	mu     sync.Mutex
	begun  time.Time
	before time.Duration
	wall   []time.Duration
	cpu    []time.Duration
	bytes  int // of the last snapshot
}

func (p *pauses) begin() linewatch.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.begun, p.before = time.Now(), cpu()
	return linewatch.TimeOf(p.begun)
}

// Commit implements rules.Store.
func (p *pauses) Commit(ctx context.Context, bucket int, c rules.Commit) error {
	err := p.Store.Commit(ctx, bucket, c)
	p.mu.Lock()
	defer p.mu.Unlock()
	if c.Snapshot != nil {
		p.wall, p.cpu, p.bytes = append(p.wall, time.Since(p.begun)), append(p.cpu, cpu()-p.before), len(c.Snapshot)
	}
	return err
}

func (p *pauses) count() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.wall)
}

// reset returns what was measured, the shortest first.
func (p *pauses) reset() (wall, cpu []time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	wall, cpu = p.wall, p.cpu
	p.wall, p.cpu = nil, nil
	slices.Sort(wall)
	slices.Sort(cpu)
	return wall, cpu
}
