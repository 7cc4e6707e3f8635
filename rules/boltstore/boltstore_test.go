package boltstore

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"linewatch/internal/boltfile"
	"linewatch/rules"
	"linewatch/rules/storetest"
)

func TestContract(t *testing.T) {
	storetest.Run(t, func(dir string) (storetest.Store, error) {
		return Open(filepath.Join(dir, "state.db"), slog.New(slog.DiscardHandler))
	})
}

func open(t testing.TB, path string) *Store {
	t.Helper()
	s, err := Open(path, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func TestSecondProcess(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.db")
	open(t, path)
	if _, err := Open(path, nil); !errors.Is(err, boltfile.ErrLocked) {
		t.Errorf("got %v, want ErrLocked", err)
	}
}

func TestForeignFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.db")
	s := open(t, path)
	err := s.db.Update(func(tx *bbolt.Tx) error {
		return tx.Bucket(storeName).Put(formatKey, []byte("linewatch rules store 2"))
	})
	if err != nil {
		t.Fatal(err)
	}
	s.Close()
	if _, err := Open(path, nil); err == nil {
		t.Error("a newer format was opened")
	}
}

func TestClosed(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "state.db"))
	for range 2 {
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Commit(t.Context(), 1, rules.Commit{Snapshot: []byte("x")}); !errors.Is(err, ErrClosed) {
		t.Errorf("commit: %v", err)
	}
	if _, err := s.Load(t.Context(), 1); !errors.Is(err, ErrClosed) {
		t.Errorf("load: %v", err)
	}
	if err := s.Published(t.Context(), 1, 0); !errors.Is(err, ErrClosed) {
		t.Errorf("published: %v", err)
	}
}

// bbolt notices no flipped bit in its data: each part has its own checksum.
func TestDamageIsNoticed(t *testing.T) {
	inBucket := func(tx *bbolt.Tx) *bbolt.Bucket {
		key := bucketKey(1)
		return tx.Bucket(bucketsName).Bucket(key[:])
	}
	tests := []struct {
		name  string
		where func(*bbolt.Tx) (*bbolt.Bucket, []byte)
		read  func(*testing.T, *Store) error
	}{
		{
			"head", func(tx *bbolt.Tx) (*bbolt.Bucket, []byte) { return inBucket(tx), headKey },
			func(t *testing.T, s *Store) error { _, err := s.Load(t.Context(), 1); return err },
		},
		{
			"snapshot", func(tx *bbolt.Tx) (*bbolt.Bucket, []byte) { return inBucket(tx).Bucket(snapshotName), make([]byte, 4) },
			func(t *testing.T, s *Store) error { _, err := s.Load(t.Context(), 1); return err },
		},
		{
			"output read", func(tx *bbolt.Tx) (*bbolt.Bucket, []byte) { return inBucket(tx).Bucket(outboxName), make([]byte, 8) },
			func(t *testing.T, s *Store) error { _, err := s.Pending(t.Context(), 1, 0, 10); return err },
		},
		{
			"output compared", func(tx *bbolt.Tx) (*bbolt.Bucket, []byte) { return inBucket(tx).Bucket(outboxName), make([]byte, 8) },
			func(t *testing.T, s *Store) error {
				return s.Commit(t.Context(), 1, rules.Commit{Changes: storetest.Changes(1, 0, 1)})
			},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := open(t, filepath.Join(t.TempDir(), "state.db"))
			c := rules.Commit{Snapshot: bytes.Repeat([]byte("state"), 100), Emitted: 3, Changes: storetest.Changes(1, 0, 3)}
			if err := s.Commit(t.Context(), 1, c); err != nil {
				t.Fatal(err)
			}
			err := s.db.Update(func(tx *bbolt.Tx) error {
				b, key := test.where(tx)
				data := append([]byte(nil), b.Get(key)...)
				data[len(data)/2] ^= 4
				return b.Put(key, data)
			})
			if err != nil {
				t.Fatal(err)
			}
			if err := test.read(t, s); !errors.Is(err, rules.ErrCorrupt) {
				t.Errorf("got %v, want ErrCorrupt", err)
			}
		})
	}
}

// The file must not grow with the number of commits.
func TestFileStaysSmall(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.db")
	s := open(t, path)
	rng := rand.New(rand.NewPCG(1, 2))
	snapshot := make([]byte, 512<<10)
	var early int64
	for n := range uint64(300) {
		for range 40 {
			snapshot[rng.IntN(len(snapshot))]++
		}
		size := len(snapshot) - rng.IntN(64<<10)
		c := rules.Commit{First: 5 * n, Changes: storetest.Changes(1, 5*n, 5), Snapshot: snapshot[:size], Emitted: 5*n + 5}
		if err := s.Commit(t.Context(), 1, c); err != nil {
			t.Fatal(err)
		}
		if err := s.Published(t.Context(), 1, 5*n+5); err != nil {
			t.Fatal(err)
		}
		if n == 50 {
			early = fileSize(t, path)
		}
	}
	if late := fileSize(t, path); late > early+(2<<20) || late > 32<<20 {
		t.Errorf("%d bytes after 50 commits, %d after 300", early, late)
	}
}

func fileSize(t testing.TB, path string) int64 {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.Size()
}

func BenchmarkCommit(b *testing.B) {
	for _, size := range []int{0, 2 << 10, 2 << 20, 20 << 20} {
		for _, share := range []int{100, 5} {
			if size < 2<<20 && share == 5 {
				continue
			}
			b.Run(fmt.Sprintf("snapshot=%dKiB/changed=%d%%", size>>10, share), func(b *testing.B) { benchmarkCommit(b, size, share) })
		}
	}
}

// benchmarkCommit commits 10 outputs and a snapshot of which a share of the
// chunks has changed.
func benchmarkCommit(b *testing.B, size, share int) {
	path := filepath.Join(b.TempDir(), "state.db")
	s := open(b, path)
	snapshot := make([]byte, size)
	changes := storetest.Changes(1, 0, 10)
	n := uint64(0)
	for b.Loop() {
		for i := 0; i < size*share/100; i += 4096 {
			snapshot[i]++
		}
		c := rules.Commit{First: n, Changes: changes, Emitted: n + 10}
		if size > 0 {
			c.Snapshot = snapshot
		}
		if err := s.Commit(b.Context(), 1, c); err != nil {
			b.Fatal(err)
		}
		n += 10
		if err := s.Published(b.Context(), 1, n); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(fileSize(b, path))/(1<<20), "MiB-file")
}

func BenchmarkCommitBuckets(b *testing.B) {
	s := open(b, filepath.Join(b.TempDir(), "state.db"))
	const buckets = 16
	next := make(chan int, buckets)
	numbers := make([]uint64, buckets)
	for i := range buckets {
		next <- i
	}
	b.SetParallelism(buckets / 2)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			bucket := <-next
			c := rules.Commit{First: numbers[bucket], Changes: storetest.Changes(bucket, numbers[bucket], 1)}
			if err := s.Commit(b.Context(), bucket, c); err != nil {
				b.Error(err)
			}
			numbers[bucket]++
			next <- bucket
		}
	})
}

// BenchmarkTrim gives up outputs that were all published, with one commit. The
// cost of each must not grow with their number.
func BenchmarkTrim(b *testing.B) {
	for _, n := range []int{2000, 16_000} {
		b.Run(fmt.Sprintf("outputs=%d", n), func(b *testing.B) {
			s := open(b, filepath.Join(b.TempDir(), "state.db"))
			var spent time.Duration
			for i := range uint64(b.N) {
				from, to := i*uint64(n), (i+1)*uint64(n)
				c := rules.Commit{First: from, Changes: storetest.Changes(1, from, n)}
				if err := errors.Join(s.Commit(b.Context(), 1, c), s.Published(b.Context(), 1, to)); err != nil {
					b.Fatal(err)
				}
				begun := time.Now()
				if err := s.Commit(b.Context(), 1, rules.Commit{Snapshot: []byte{1}, Emitted: to}); err != nil {
					b.Fatal(err)
				}
				spent += time.Since(begun)
			}
			b.ReportMetric(float64(spent.Nanoseconds())/float64(b.N)/float64(n), "ns/output")
		})
	}
}
