package spool

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// markedOptions keeps the mark beside the directory, as a data directory does.
func markedOptions(t *testing.T) Options {
	o := testOptions()
	o.Mark = filepath.Join(t.TempDir(), "spool.mark")
	return o
}

// sendOne opens the spool, puts n points through it, and returns the epoch.
func sendOne(t *testing.T, dir string, o Options, n int, during func()) uint64 {
	t.Helper()
	s := mustOpen(t, dir, o)
	for i := range n {
		put(t, s, "a", i, 1)
	}
	drain(t, s)
	during()
	epoch := s.Epoch()
	mustClose(t, s)
	return epoch
}

// A directory that was put back from a backup would give numbers out again
// that its points already have, and the receiver would take new points for old
// ones.
func TestBackupPutBackBeginsAnEpoch(t *testing.T) {
	for name, open := range map[string]bool{"of a stopped spool": false, "of a running one": true} {
		t.Run(name, func(t *testing.T) {
			o, dir, backup := markedOptions(t), t.TempDir(), filepath.Join(t.TempDir(), "backup")
			save := func() {
				if err := os.CopyFS(backup, os.DirFS(dir)); err != nil {
					t.Fatal(err)
				}
			}
			before := sendOne(t, dir, o, 3, func() {
				if open {
					save()
				}
			})
			if !open {
				save()
				if again := sendOne(t, dir, o, 5, func() {}); again != before {
					t.Fatalf("an orderly restart went from epoch %d to %d", before, again)
				}
			}
			if after := sendOne(t, backup, o, 1, func() {}); after <= before {
				t.Errorf("the backup goes on in epoch %d, its points were numbered in %d", after, before)
			}
		})
	}
}

// A spool that is gone as a whole is told of, unlike one that never was.
func TestVanishedSpoolIsTold(t *testing.T) {
	o := markedOptions(t)
	var said strings.Builder
	o.Logger = slog.New(slog.NewTextHandler(&said, nil))
	before := sendOne(t, t.TempDir(), o, 1, func() {})
	if said.Len() > 0 {
		t.Errorf("the first start says %s", &said)
	}
	if after := sendOne(t, t.TempDir(), o, 1, func() {}); after <= before || !strings.Contains(said.String(), "is gone") {
		t.Errorf("epoch %d after %d, said %q", after, before, &said)
	}
}

// What is no mark is none: it costs no epoch.
func TestDamagedMarkIsPassedOver(t *testing.T) {
	o, dir := markedOptions(t), t.TempDir()
	before := sendOne(t, dir, o, 1, func() {})
	for _, damage := range []string{"", "short", "twelve bytes, and more"} {
		if err := os.WriteFile(o.Mark, []byte(damage), 0o600); err != nil {
			t.Fatal(err)
		}
		if after := sendOne(t, dir, o, 1, func() {}); after != before {
			t.Errorf("%q: epoch %d, want %d", damage, after, before)
		}
	}
	if err := os.Remove(o.Mark); err != nil {
		t.Fatal(err)
	}
	if after := sendOne(t, dir, o, 1, func() {}); after != before {
		t.Errorf("without a mark: epoch %d, want %d", after, before)
	}
}
