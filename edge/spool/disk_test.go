package spool

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"linewatch"
	"linewatch/internal/boltfile"
)

// Directories that cannot be used are refused with their path; odd names are
// none of our business.
func TestDirectories(t *testing.T) {
	loop := filepath.Join(t.TempDir(), "loop")
	if err := os.Symlink(loop, loop); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{loop, filepath.Join(loop, "below")} {
		if _, err := Open(dir, testOptions()); !errors.Is(err, syscall.ELOOP) || !strings.Contains(err.Error(), loop) {
			t.Errorf("%s: got %v, want too many links and the path", dir, err)
		}
	}
	for _, name := range []string{"not/there/yet", "with space", "Füller 💧"} {
		dir := filepath.Join(t.TempDir(), filepath.FromSlash(name))
		s := mustOpen(t, dir, testOptions())
		put(t, s, "a", 0, 3)
		mustClose(t, s)
		if got, want := brief(drain(t, mustOpen(t, dir, testOptions()))), "a:1 a:2 a:3"; got != want {
			t.Errorf("%s: got %s, want %s", name, got, want)
		}
	}
}

const readOnlyEnv = "SPOOL_READ_ONLY"

// To root a directory without write permission is writable, so that only a
// file system can be read-only.
func TestReadOnlyDisk(t *testing.T) {
	if dir := os.Getenv(readOnlyEnv); dir != "" {
		_, err := Open(dir, testOptions())
		if !errors.Is(err, boltfile.ErrNotWritable) || !strings.Contains(err.Error(), dir) {
			t.Errorf("got %v, want not writable and the path", err)
		}
		return
	}
	onTmpfs(t, "ro", readOnlyEnv)
}

// onTmpfs runs the test again on a small file system with the given mount
// options, whose path is in the variable.
func onTmpfs(t *testing.T, options, variable string) {
	t.Helper()
	dir := t.TempDir()
	if err := exec.Command("unshare", "-m", "true").Run(); err != nil {
		if os.Getenv("LINEWATCH_REQUIRE_PEERS") == "1" {
			t.Fatal("unshare -m is needed: ", err)
		}
		t.Skip("SKIPPED: no small file system without unshare -m: ", err)
	}
	script := `mount -t tmpfs -o "$3" none "$1" && exec "$0" -test.run="^$2\$"`
	cmd := exec.Command("unshare", "-m", "sh", "-c", script, os.Args[0], dir, t.Name(), options)
	cmd.Env = append(os.Environ(), variable+"="+dir)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// Another process on the same spool is refused before it touches anything.
func TestOtherProcess(t *testing.T) {
	dir := t.TempDir()
	s := mustOpen(t, dir, testOptions())
	put(t, s, "a", 0, 2)
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childEnv+"="+dir)
	out, err := cmd.CombinedOutput()
	if err == nil || !strings.Contains(string(out), boltfile.ErrLocked.Error()) || !strings.Contains(string(out), dir) {
		t.Errorf("the other process ends with %v and says %q", err, out)
	}
	put(t, s, "a", 2, 1)
	if got, want := brief(drain(t, s)), "a:1 a:2 a:3"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// A disk that takes a second for each flush slows the producers down, and
// holds no more in memory than what each of them has in hand.
func TestSlowDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, o := newMemDisk(), testOptions()
		o.disk, o.SegmentBytes = d, 1<<20
		s := mustOpen(t, "/spool", o)
		defer mustClose(t, s)
		d.mu.Lock()
		d.slow = time.Second
		d.mu.Unlock()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		const producers, each = 4, 50
		var wg sync.WaitGroup
		for n := range producers {
			wg.Go(func() {
				for i := 0; ctx.Err() == nil; i += each {
					put(t, s, fmt.Sprint("s", n), i, each)
				}
			})
		}
		most := int64(0)
		for ctx.Err() == nil {
			time.Sleep(100 * time.Millisecond)
			s.mu.Lock()
			most = max(most, s.queued)
			s.mu.Unlock()
		}
		wg.Wait()
		st := s.Stats()
		p := point("s0", 0)
		if hand := int64(producers * each * (frameBound(&p) + 8)); most > hand || most == 0 {
			t.Errorf("%d bytes wait to be written, the producers have %d in hand", most, hand)
		}
		if st.Flushes < 20 || st.Flushes > 70 || st.Appended != st.Pending || st.Appended < 20*producers*each {
			t.Errorf("after a minute with a second for each flush: %+v", st)
		}
	})
}

// When a flush fails nobody knows what the disk holds: the spool takes nothing
// more, with the reason and the path, until it is opened again. What was
// durable is there then.
func TestFlushFails(t *testing.T) {
	d, o := newMemDisk(), testOptions()
	o.disk = d
	s := mustOpen(t, "/spool", o)
	put(t, s, "a", 0, 5)
	d.fail = func(op, path string) error {
		if op == "flush" && strings.HasSuffix(path, ".log") {
			return syscall.EIO
		}
		return nil
	}
	for range 2 {
		err := s.Append(t.Context(), []linewatch.DataPoint{point("a", 5)})
		if !errors.Is(err, syscall.EIO) || !strings.Contains(err.Error(), "/spool/spool-") {
			t.Errorf("got %v, want an input/output error and the path", err)
		}
	}
	s.Close()
	d.fail = nil
	s = mustOpen(t, "/spool", o)
	put(t, s, "a", 9, 1)
	points := drain(t, s)
	if got := brief(points[:5]); got != "a:1 a:2 a:3 a:4 a:5" {
		t.Errorf("got %s", got)
	}
	if _, lost := account(t, points, map[string]place{}); lost["a"] > 0 {
		t.Errorf("%d are said to be lost", lost["a"])
	}
}

// Whatever keeps the spool from writing for a while, a full disk or quota, a
// file system that turned read-only, no free file: each attempt says what and
// where, and once it is over all goes on without a hole, whether half a write
// was left and could be cut off or not, and after a crash in between as well.
func TestTroublesThatPass(t *testing.T) {
	for _, trouble := range []syscall.Errno{syscall.ENOSPC, syscall.EDQUOT, syscall.EFBIG, syscall.EROFS, syscall.EMFILE, syscall.EIO} {
		for _, of := range []string{"write", "write truncate", "create", "create write truncate"} {
			for _, crash := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s, %s, crash %v", trouble, of, crash), func(t *testing.T) {
					testTroubleThatPasses(t, trouble, of, crash)
				})
			}
		}
	}
}

func testTroubleThatPasses(t *testing.T, trouble syscall.Errno, of string, crash bool) {
	d, o := newMemDisk(), testOptions()
	o.disk, d.torn = d, true
	s := mustOpen(t, "/spool", o)
	taken, refused := 0, 0
	give := func(n int) {
		for range n {
			if err := s.Append(t.Context(), []linewatch.DataPoint{point("a", taken)}); err == nil {
				taken++
			} else if refused++; !errors.Is(err, trouble) || !strings.Contains(err.Error(), "/spool/spool-") {
				t.Fatalf("got %v, want %v and the path", err, trouble)
			}
		}
	}
	give(10)
	d.mu.Lock()
	d.fail = func(op, path string) error {
		if strings.Contains(of, op) && strings.HasSuffix(path, ".log") {
			return trouble
		}
		return nil
	}
	d.mu.Unlock()
	for refused < 3 {
		give(1) // "create" concerns a new segment only
	}
	if crash {
		d, o = d.clone(), testOptions()
		o.disk = d
		s = mustOpen(t, "/spool", o)
		// What was half written may be there, but for its last point, which was
		// promised to nobody.
		taken = s.Pending("a")
	} else {
		d.mu.Lock()
		d.fail = nil
		d.mu.Unlock()
	}
	refused = 0
	give(300) // some segments
	if refused > 0 {
		t.Errorf("it is over, and %d points are refused", refused)
	}
	mustClose(t, s)
	s = mustOpen(t, "/spool", o)
	came, lost := account(t, drain(t, s), map[string]place{})
	if came["a"] != taken || lost["a"] > 0 {
		t.Errorf("%d points came and %d are said to be lost, %d were taken", came["a"], lost["a"], taken)
	}
}

// A page that the disk cannot read costs the points in it, which are stated,
// and nothing else: neither while the spool runs nor at its start.
func TestUnreadablePage(t *testing.T) {
	const page = 3 * sectorBytes
	for _, restart := range []bool{false, true} {
		d, o := newMemDisk(), testOptions()
		o.disk, o.SegmentBytes = d, 1<<20
		s := mustOpen(t, "/spool", o)
		put(t, s, "a", 0, 1000)
		if restart {
			mustClose(t, s)
		}
		d.bad = func(path string, from, to int64) bool {
			return strings.HasSuffix(path, ".log") && from < page+sectorBytes && to > page
		}
		if restart {
			s = mustOpen(t, "/spool", o)
		}
		points := drain(t, s)
		came, lost := account(t, points, map[string]place{})
		p := point("a", 100)
		most := sectorBytes/len(appendFrame(nil, 0, &p)) + 2
		if came["a"]+lost["a"] != 1000 || lost["a"] == 0 || lost["a"] > most {
			t.Errorf("restart %v: %d came and %d are stated lost of 1000, a page holds %d", restart, came["a"], lost["a"], most)
		}
	}
}

// A full spool that was sent as a whole while the disk let nobody write has room
// again when that is over, though nothing more can be acknowledged then.
func TestRoomComesBackByItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, o := newMemDisk(), testOptions()
		o.disk, o.MaxBytes = d, leastBytes
		s := mustOpen(t, "/spool", o)
		stored := 0
		for room := true; room; {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			err := s.Append(ctx, []linewatch.DataPoint{point("a", stored)})
			cancel()
			if room = err == nil; room {
				stored++
			} else if !errors.Is(err, ErrFull) {
				t.Fatal(err)
			}
		}
		done := make(chan error, 1)
		go func() { done <- s.Append(t.Context(), []linewatch.DataPoint{point("a", stored)}) }()
		synctest.Wait()
		trouble := func(of syscall.Errno) {
			d.mu.Lock()
			defer d.mu.Unlock()
			d.fail = func(op, _ string) error {
				if of != 0 {
					return of
				}
				return nil
			}
		}
		trouble(syscall.EROFS)
		for sent := 0; sent < stored; {
			points, upTo, err := s.Next(t.Context(), 1000)
			if err != nil {
				t.Fatal(err)
			}
			sent += len(points)
			if err := s.Acknowledge(upTo); err != nil && !errors.Is(err, syscall.EROFS) {
				t.Fatal(err)
			}
		}
		trouble(0)
		select {
		case err := <-done:
			if err != nil {
				t.Error(err)
			}
		case <-time.After(time.Minute):
			t.Error("the spool is empty, and a point waits for room for ever")
		}
	})
}
