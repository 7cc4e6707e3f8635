package boltstore

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"linewatch/rules"
	"linewatch/rules/storetest"
)

// childVariable makes the test binary the process that is killed.
const childVariable = "LINEWATCH_BOLTSTORE_CHILD"

func TestMain(m *testing.M) {
	if path := os.Getenv(childVariable); path != "" {
		if err := writeUntilKilled(path); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// snapshotAfter is the state after n outputs: any n gives other bytes all over.
func snapshotAfter(n uint64) []byte {
	return bytes.Repeat(fmt.Appendf(nil, "%016d", n), 20<<10)
}

// writeUntilKilled starts from the checkpoint and goes on like an engine, and
// prints after each commit how far it is durable.
func writeUntilKilled(path string) error {
	s, err := Open(path, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	ctx := context.Background()
	cp, err := s.Load(ctx, 1)
	if err != nil {
		return err
	}
	for n := cp.Emitted; ; {
		c := rules.Commit{First: n, Changes: storetest.Changes(1, n, 1+int(n%4))}
		n += uint64(len(c.Changes))
		if n%3 == 0 {
			c.Snapshot, c.Emitted = snapshotAfter(n), n
		}
		if err := s.Commit(ctx, 1, c); err != nil {
			return err
		}
		fmt.Printf("%d %d\n", n, c.Emitted)
		if n%5 == 0 {
			if err := s.Published(ctx, 1, n-2); err != nil {
				return err
			}
		}
	}
}

func TestKill(t *testing.T) {
	rounds := 10
	if os.Getenv("LINEWATCH_SOAK") != "" {
		rounds = 200
	}
	path := filepath.Join(t.TempDir(), "state.db")
	var outputs, emitted uint64 // what the killed processes said was durable
	// A busy machine kills processes before they did anything.
	for round := 0; round < rounds || outputs < 100 && round < 20*rounds; round++ {
		o, e := runAndKill(t, path, time.Duration(50+rand.IntN(250))*time.Millisecond)
		outputs, emitted = max(outputs, o), max(emitted, e)
		checkAfterKill(t, path, outputs, emitted)
	}
	if outputs < 100 {
		t.Errorf("only %d outputs: the test proves little", outputs)
	}
	t.Logf("%d outputs, snapshot after %d", outputs, emitted)
}

func runAndKill(t *testing.T, path string, after time.Duration) (outputs, emitted uint64) {
	t.Helper()
	var out, stderr bytes.Buffer
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), childVariable+"="+path)
	child.Stdout, child.Stderr = &out, &stderr
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	time.Sleep(after) // a real process lives in real time
	if err := child.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := child.Wait(); !strings.Contains(err.Error(), "killed") {
		t.Fatalf("child: %v: %s", err, stderr.String())
	}
	for lines := bufio.NewScanner(&out); lines.Scan(); {
		var o, e uint64
		if n, _ := fmt.Sscan(lines.Text(), &o, &e); n == 2 {
			outputs, emitted = o, max(emitted, e)
		}
	}
	return outputs, emitted
}

func checkAfterKill(t *testing.T, path string, outputs, emitted uint64) {
	t.Helper()
	s := open(t, path)
	defer s.Close()
	cp, err := s.Load(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	if cp.Emitted < emitted {
		t.Fatalf("snapshot after %d outputs, %d was durable", cp.Emitted, emitted)
	}
	if cp.Snapshot != nil && !bytes.Equal(cp.Snapshot, snapshotAfter(cp.Emitted)) {
		t.Fatalf("the snapshot is not the one after %d outputs", cp.Emitted)
	}
	list, err := s.Pending(t.Context(), 1, 0, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	for i, o := range list {
		want := storetest.Change(1, o.Number)
		if o.Number != list[0].Number+uint64(i) || !bytes.Equal(o.Change, want.AppendJSON(nil)) {
			t.Fatalf("output %d of %d has number %d", i, len(list), o.Number)
		}
	}
	if n := len(list); outputs > 0 && (n == 0 || list[n-1].Number+1 < outputs) {
		t.Fatalf("%d outputs pending, up to number %d were durable", n, outputs)
	}
	if s.Diverged() != 0 {
		t.Fatalf("%d diverged", s.Diverged())
	}
}
