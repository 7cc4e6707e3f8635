package boltlog

import (
	"context"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
)

const benchRecord = 4096 // a block of about 120 points

// BenchmarkAppend writes records of 4 KiB, from 16 callers that share flushes,
// beside the floor: the same bytes appended to a file with one fdatasync for
// every 16 of them.
func BenchmarkAppend(b *testing.B) {
	b.Run("log", func(b *testing.B) {
		log := benchLog(b, b.TempDir())
		defer log.Close()
		b.SetBytes(benchRecord)
		b.ResetTimer()
		appendParallel(b, log, b.N, 16)
		report(b)
		b.ReportMetric(float64(log.Stats().Records)/float64(log.Stats().Flushes), "records/flush")
	})
	b.Run("floor", func(b *testing.B) {
		file, err := os.Create(filepath.Join(b.TempDir(), "floor"))
		if err != nil {
			b.Fatal(err)
		}
		defer file.Close()
		data := make([]byte, benchRecord)
		b.SetBytes(benchRecord)
		b.ResetTimer()
		for i := range b.N {
			if _, err := file.Write(data); err != nil {
				b.Fatal(err)
			}
			if i%16 == 15 || i == b.N-1 {
				if err := syscall.Fdatasync(int(file.Fd())); err != nil {
					b.Fatal(err)
				}
			}
		}
		report(b)
	})
}

// BenchmarkRead reads records of 4 KiB from the start, 256 at a time, beside
// the floor: the same bytes read from files.
func BenchmarkRead(b *testing.B) {
	dir := b.TempDir()
	log := benchLog(b, dir)
	defer log.Close()
	const stored = 50_000 // 200 MB
	appendParallel(b, log, stored, 64)
	b.Run("log", func(b *testing.B) {
		b.SetBytes(benchRecord)
		for n, next := 0, uint64(0); n < b.N; {
			batch, err := log.Read(context.Background(), 0, next%stored, 256)
			if err != nil {
				b.Fatal(err)
			}
			n += len(batch.Records)
			next += uint64(len(batch.Records))
		}
		report(b)
	})
	b.Run("floor", func(b *testing.B) {
		file, err := os.Open(segmentPath(dir, 1))
		if err != nil {
			b.Fatal(err)
		}
		defer file.Close()
		b.SetBytes(benchRecord)
		for n := 0; n < b.N; n += 256 {
			data := make([]byte, 256*benchRecord)
			if _, err := file.ReadAt(data, int64(n/256%40*len(data))); err != nil {
				b.Fatal(err)
			}
		}
		report(b)
	})
}

func benchLog(b *testing.B, dir string) *Log {
	b.Helper()
	log, err := Open(dir, Options{Logger: quietLogger()})
	if err != nil {
		b.Fatal(err)
	}
	return log
}

func appendParallel(b *testing.B, log *Log, n, callers int) {
	b.Helper()
	var wg sync.WaitGroup
	for c := range callers {
		wg.Go(func() {
			data := make([]byte, benchRecord)
			for i := c; i < n; i += callers {
				if err := log.Append(context.Background(), 0, data); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
}

func report(b *testing.B) {
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "records/s")
}
