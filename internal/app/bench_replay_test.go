package app

import (
	"log/slog"
	"testing"
)

// BenchmarkReplay judges a stored log again as `linewatch replay` does, with
// 1,000 rules, beside the floor: the same records read, decoded and judged on
// one goroutine. Counted in points.
func BenchmarkReplay(b *testing.B) {
	data := b.TempDir()
	p := newBenchPlant(b, data, benchSize{lines: 4, tags: 200, rules: 1000})
	p.step = 0.4
	for p.sent < b.N {
		p.append(b, min(benchPass, (b.N-p.sent+benchRound-1)/benchRound))
	}
	p.append(b, 10) // so that every rule has its first state
	floor := newBenchFloor(b, p)
	least := floor.take(b, p)
	waitUntil(b.Context(), func() bool { // the control log is closed as far as the other
		if _, err := p.control.Read(b.Context(), 0, uint64(len(p.records)), 1); err != nil {
			b.Fatal(err)
		}
		return p.control.Latest() >= p.points.Latest()
	})
	p.close(b)
	c := DefaultConfig()
	c.Data = data
	b.ResetTimer()
	before := cpu()
	r, err := Replay(b.Context(), c, nil, slog.New(slog.DiscardHandler))
	if err != nil {
		b.Fatal(err)
	}
	ours := cpu() - before
	b.StopTimer()
	if r.Replayed < p.rules {
		b.Errorf("%d points have given %d state changes", p.sent, r.Replayed)
	}
	points := float64(p.sent)
	b.ReportMetric(float64(ours)/points, "cpu-ns/point")
	b.ReportMetric(float64(least)/points, "floor-ns/point")
	b.ReportMetric(float64(ours)/float64(least), "ratio")
	b.ReportMetric(b.Elapsed().Seconds()*1e7/points, "s/10M-points")
}
