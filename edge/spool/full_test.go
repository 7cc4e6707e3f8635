package spool

import (
	"errors"
	"os"
	"strings"
	"syscall"
	"testing"

	"linewatch"
)

const fullEnv = "SPOOL_FULL"

// A disk without room refuses points with its path, and takes them again when
// there is room; the numbers go on without a hole.
func TestDiskFull(t *testing.T) {
	if dir := os.Getenv(fullEnv); dir != "" {
		fillDisk(t, dir)
		return
	}
	onTmpfs(t, "size=512k", fullEnv)
}

func fillDisk(t *testing.T, dir string) {
	s := mustOpen(t, dir, testOptions())
	stored := 0
	for ; ; stored += 10 {
		err := appendTen(t, s, stored)
		if err == nil {
			continue
		}
		if !errors.Is(err, syscall.ENOSPC) || !strings.Contains(err.Error(), dir) {
			t.Fatalf("got %v, want no space and the path", err)
		}
		break
	}
	if stored < 1000 {
		t.Fatalf("only %d points fit", stored)
	}
	got := len(drainSome(t, s, stored/2))
	if err := appendTen(t, s, stored); err != nil {
		t.Fatal("with room again: ", err)
	}
	mustClose(t, s)
	s = mustOpen(t, dir, testOptions())
	rest := drain(t, s)
	if got += len(rest); got != stored+10 || rest[len(rest)-1].Sequence != uint64(stored+10) {
		t.Errorf("%d points came, %d were stored; the last is %d", got, stored+10, rest[len(rest)-1].Sequence)
	}
}

func appendTen(t *testing.T, s *Spool, from int) error {
	t.Helper()
	points := make([]linewatch.DataPoint, 10)
	for i := range points {
		points[i] = point("a", from+i)
	}
	return s.Append(t.Context(), points)
}

// drainSome reads and acknowledges at least n points.
func drainSome(t *testing.T, s *Spool, n int) (all []linewatch.DataPoint) {
	t.Helper()
	for len(all) < n {
		points, upTo, err := s.Next(t.Context(), 100)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Acknowledge(upTo); err != nil {
			t.Fatal(err)
		}
		all = append(all, points...)
	}
	return all
}
