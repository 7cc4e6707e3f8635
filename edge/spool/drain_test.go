package spool

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"linewatch"
)

// cost returns what n commits of 100 points each do to the disk.
func cost(t *testing.T, d *memDisk, s *Spool, n int) (ops int, written int64) {
	t.Helper()
	ops, written = d.ops, d.written
	for range n {
		put(t, s, "a", 1<<20, 100)
	}
	return d.ops - ops, d.written - written
}

// What a commit costs does not depend on what has gone through, and what was
// sent gives its disk space and memory back.
func TestCommitAfterDrain(t *testing.T) {
	d, o := newMemDisk(), testOptions()
	o.disk, o.SegmentBytes = d, 1<<20
	s := mustOpen(t, "/spool", o)
	ops, written := cost(t, d, s, 20)
	const backlog = 200_000
	for i := 0; i < backlog; i += 1000 {
		put(t, s, "a", i, 1000)
	}
	full := s.Stats().Bytes
	drain(t, s)
	opsAfter, writtenAfter := cost(t, d, s, 20)
	if float64(opsAfter) > 1.2*float64(ops) || float64(writtenAfter) > 1.2*float64(written) {
		t.Errorf("20 commits take %d operations and %d bytes, after %d points %d and %d", ops, written, backlog, opsAfter, writtenAfter)
	}
	drain(t, s)
	files, size := 0, 0
	for _, node := range d.entries {
		if filepath.Ext(node.name) == ".log" {
			files++
			size += len(node.data)
		}
	}
	if full < 5*o.SegmentBytes || files > 2 || int64(size) > 2*o.SegmentBytes {
		t.Errorf("%d bytes were in use, %d in %d files still are", full, size, files)
	}
	if chunks := cap(s.senders["a"].chunks); chunks > 2*mostChunks {
		t.Errorf("%d places are kept", chunks)
	}
}

// BenchmarkCommitAfterDrain compares small commits after b.N points have gone
// through (2,000,000 with -benchtime 2000000x) with those on an empty spool,
// in turns, so that both see the same disk.
func BenchmarkCommitAfterDrain(b *testing.B) {
	dir := b.TempDir()
	drained := mustOpen(b, dir, Options{MaxBytes: 64 << 30})
	appendParallel(b, drained, b.N)
	full := used(b, dir)
	drainFast(b, drained)
	empty := mustOpen(b, b.TempDir(), Options{})
	var after, before [1001]time.Duration
	for i := range after {
		before[i], after[i] = timeCommit(b, empty), timeCommit(b, drained)
	}
	b.ReportMetric(0, "ns/op") // of no meaning here
	b.ReportMetric(float64(median(after[:]))/float64(median(before[:])), "drained/empty")
	b.ReportMetric(float64(median(after[:]).Microseconds()), "us/commit")
	b.ReportMetric(float64(full)/1e6, "MB-full")
	drainFast(b, drained)
	b.ReportMetric(float64(used(b, dir))/1e6, "MB-drained")
}

// timeCommit commits 100 points.
func timeCommit(b *testing.B, s *Spool) time.Duration {
	b.Helper()
	points := make([]linewatch.DataPoint, 100)
	for k := range points {
		points[k] = point("plc0", k)
	}
	start := time.Now()
	if err := s.Append(b.Context(), points); err != nil {
		b.Fatal(err)
	}
	return time.Since(start)
}

// used returns the disk space that the files in dir take.
func used(b *testing.B, dir string) (sum int64) {
	b.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		b.Fatal(err)
	}
	for _, e := range entries {
		size, err := blocks(filepath.Join(dir, e.Name()))
		if err != nil {
			b.Fatal(fmt.Errorf("disk usage: %w", err))
		}
		sum += size
	}
	return sum
}
