package spool

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"linewatch"
)

const (
	benchCall    = 500 // points in one Append: what a fast source reads in 100 ms
	benchCallers = 4
)

// BenchmarkAppend makes points durable, in turns with the floor: the same
// bytes appended to a file and flushed as often, so that both see the same
// disk. "spool/floor" is the median of the ratios of their times.
func BenchmarkAppend(b *testing.B) {
	const round = 50_000
	s := mustOpen(b, b.TempDir(), Options{MaxBytes: 64 << 30})
	floor, err := os.Create(filepath.Join(b.TempDir(), "floor"))
	if err != nil {
		b.Fatal(err)
	}
	defer floor.Close()
	var spools, floors time.Duration
	var ratios []float64
	b.ReportAllocs()
	for done := 0; done < b.N; done += round {
		before, start := s.Stats(), time.Now()
		appendParallel(b, s, min(round, b.N-done))
		took, after := time.Since(start), s.Stats()
		b.StopTimer()
		start = time.Now()
		appendRaw(b, floor, int(after.Flushes-before.Flushes), after.Bytes-before.Bytes)
		raw := time.Since(start)
		ratios = append(ratios, took.Seconds()/raw.Seconds())
		spools, floors = spools+took, floors+raw
		b.StartTimer()
	}
	st := s.Stats()
	b.ReportMetric(float64(st.Bytes)/float64(st.Appended), "B/point")
	b.ReportMetric(float64(st.Appended)/float64(st.Flushes), "points/flush")
	b.ReportMetric(float64(b.N)/spools.Seconds(), "points/s")
	b.ReportMetric(float64(b.N)/floors.Seconds(), "floor-points/s")
	slices.Sort(ratios)
	b.ReportMetric(ratios[len(ratios)/2], "spool/floor")
}

// appendRaw writes and flushes a number of bytes in equal parts.
func appendRaw(b *testing.B, file *os.File, flushes int, bytes int64) {
	b.Helper()
	data := make([]byte, bytes/int64(flushes))
	for range flushes {
		if _, err := file.Write(data); err != nil {
			b.Fatal(err)
		}
		if err := flushData(file); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkDrain reads and acknowledges a backlog, 5,000 points at a time.
func BenchmarkDrain(b *testing.B) {
	s := mustOpen(b, b.TempDir(), Options{MaxBytes: 64 << 30})
	appendParallel(b, s, b.N)
	b.ResetTimer()
	drainFast(b, s)
	report(b)
}

func drainFast(b *testing.B, s *Spool) {
	b.Helper()
	for s.Stats().Pending > 0 {
		_, upTo, err := s.Next(context.Background(), 5000)
		if err != nil {
			b.Fatal(err)
		}
		if err := s.Acknowledge(upTo); err != nil {
			b.Fatal(err)
		}
	}
}

func median(times []time.Duration) time.Duration {
	slices.Sort(times)
	return times[len(times)/2]
}

// BenchmarkOpen opens a spool with a backlog of b.N points.
func BenchmarkOpen(b *testing.B) {
	dir := b.TempDir()
	s := mustOpen(b, dir, Options{MaxBytes: 64 << 30})
	appendParallel(b, s, b.N)
	mustClose(b, s)
	b.ResetTimer()
	mustOpen(b, dir, Options{MaxBytes: 64 << 30})
	report(b)
}

func appendParallel(b *testing.B, s *Spool, n int) {
	b.Helper()
	var wg sync.WaitGroup
	for c := range benchCallers {
		wg.Go(func() {
			points := make([]linewatch.DataPoint, benchCall)
			for i := range points {
				points[i] = point("plc"+string(rune('0'+c)), i)
				points[i].Equipment = "84068f2f-3f39-4b9c-a995-d2a84d878689"
				points[i].Value = linewatch.FloatValue(float64(i) / 7)
				points[i].Timestamp += 1_790_000_000_000
				points[i].CreatedAt += 1_790_000_000_000
			}
			for done := c * benchCall; done < n; done += benchCallers * benchCall {
				if err := s.Append(context.Background(), points[:min(benchCall, n-done)]); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
}

func report(b *testing.B) {
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "points/s")
}

// blocks returns the disk space of a file.
func blocks(path string) (int64, error) {
	var st syscall.Stat_t
	if err := syscall.Stat(path, &st); err != nil {
		return 0, err
	}
	return st.Blocks * 512, nil
}
