package watermark_test

import (
	"fmt"
	"testing"

	"linewatch"
	"linewatch/watermark"
)

var sizes = []int{1_000, 100_000}

// Each record of each sender in turn, with a tick for every 1,000 records: the
// worst order, since it is always the slowest one that moves.
func BenchmarkUpdateInTurn(b *testing.B) {
	benchmarkUpdate(b, func(i, n int) int { return i % n })
}

// Senders in an order without a pattern.
func BenchmarkUpdateMixed(b *testing.B) {
	benchmarkUpdate(b, func(i, n int) int { return int(uint64(i) * 0x9E3779B97F4A7C15 >> 33 % uint64(n)) })
}

// Blocks of 100 points per sender, as gateways send them.
func BenchmarkUpdateBlocks(b *testing.B) {
	benchmarkUpdate(b, func(i, n int) int { return i / 100 % n })
}

// The same as in turn, with a scan of all senders per tick instead.
func BenchmarkScan(b *testing.B) {
	for _, n := range sizes {
		b.Run(fmt.Sprintf("senders=%d", n), func(b *testing.B) {
			highest, heard, out := make([]int64, n), make([]int64, n), int64(0)
			for i := 0; b.Loop(); i++ {
				now := int64(i / 10)
				highest[i%n] = max(highest[i%n], now)
				heard[i%n] = now
				if i%1000 == 0 {
					lowest := now
					for s, h := range highest {
						if now-heard[s] < 1_000_000 {
							lowest = min(lowest, h)
						}
					}
					out = max(out, lowest)
				}
			}
			if out > int64(b.N) {
				b.Fatal(out)
			}
		})
	}
}

// A tick by itself, the buckets as a busy line leaves them.
func BenchmarkTick(b *testing.B) {
	for _, n := range sizes {
		b.Run(fmt.Sprintf("senders=%d", n), func(b *testing.B) {
			t, now := filled(n)
			for b.Loop() {
				t.Tick(now)
			}
		})
	}
}

func benchmarkUpdate(b *testing.B, who func(i, n int) int) {
	for _, n := range sizes {
		b.Run(fmt.Sprintf("senders=%d", n), func(b *testing.B) {
			t, start := filled(n)
			order := make([]watermark.ID, 10*n)
			for i := range order {
				order[i] = watermark.ID(who(i, n))
			}
			b.ReportAllocs()
			for i, at := 0, 0; b.Loop(); i++ {
				now := start + linewatch.Time(i/10)
				t.Point(order[at], now, now, false)
				if i%1000 == 0 {
					t.Tick(now)
				}
				if at++; at == len(order) {
					at = 0
				}
			}
		})
	}
}

func filled(n int) (*watermark.Tracker, linewatch.Time) {
	cfg := watermark.Defaults()
	cfg.IdleTimeout = 1_000_000
	t, now := watermark.New(cfg), linewatch.Time(0)
	for i := range n {
		now = linewatch.Time(i / 10)
		t.Point(t.Add(now, false), now, now, false)
	}
	return t, now
}
