package boltlog

import (
	"errors"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
)

const fullEnv = "BOLTLOG_FULL"

// A disk without room refuses records with its path and keeps what it has;
// with room again the log goes on.
func TestDiskFull(t *testing.T) {
	if dir := os.Getenv(fullEnv); dir != "" {
		fillDisk(t, dir)
		return
	}
	dir := t.TempDir()
	if err := exec.Command("unshare", "-m", "true").Run(); err != nil {
		if os.Getenv("LINEWATCH_REQUIRE_PEERS") == "1" {
			t.Fatal("unshare -m is needed: ", err)
		}
		t.Skip("SKIPPED: no small file system without unshare -m: ", err)
	}
	cmd := exec.Command("unshare", "-m", "sh", "-c", `mount -t tmpfs -o size=2m none "$1" && exec "$0" -test.run='^TestDiskFull$'`, os.Args[0], dir)
	cmd.Env = append(os.Environ(), fullEnv+"="+dir)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

func fillDisk(t *testing.T, dir string) {
	o := Options{SegmentBytes: 200 << 10}
	log := mustOpen(t, dir, o)
	stored := uint64(0)
	for {
		err := log.Append(t.Context(), 0, payload(0, stored))
		if err == nil {
			stored++
			continue
		}
		if !errors.Is(err, syscall.ENOSPC) || !strings.Contains(err.Error(), dir) {
			t.Fatalf("got %v, want no space and the path", err)
		}
		break
	}
	if stored < 200 {
		t.Fatalf("only %d records fit", stored)
	}
	// Trim needs no room that is not there already.
	if err := log.Trim(t.Context(), 0, stored/2); err != nil {
		t.Fatal(err)
	}
	for range 20 {
		if err := log.Append(t.Context(), 0, payload(0, stored)); err != nil {
			t.Fatal("with room again: ", err)
		}
		stored++
	}
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	log = mustOpen(t, dir, o)
	first, next, _ := log.Bounds(0)
	if next != stored {
		t.Errorf("%d records, want %d", next, stored)
	}
	for first < next {
		batch, err := log.Read(t.Context(), 0, first, 1000)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range batch.Records {
			if string(r.Data) != string(payload(0, r.Offset)) {
				t.Fatalf("record %d differs", r.Offset)
			}
		}
		first += uint64(len(batch.Records))
	}
}
