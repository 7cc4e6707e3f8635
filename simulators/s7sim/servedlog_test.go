package s7sim

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func served(n uint64) Served {
	return Served{At: time.UnixMilli(1700000000000), Connection: n, Results: []Result{
		{Item{DataBlock, 1, 28, 0, Byte, 4}, OK, []byte{0x42, 0x96, 0, 0}},
		{Item{Flags, 0, 2, 5, Bit, 1}, OK, []byte{1}},
		{db(9, 0, 1), NoSuchObject, nil},
	}}
}

func TestServedLogWritesLines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		l, out := NewServedLog(), new(bytes.Buffer)
		add := l.Of("filler")
		done := make(chan error, 1)
		go func() { done <- l.Run(ctx, out) }()
		add(served(1))
		synctest.Wait()
		want := `{"plc":"filler","at":1700000000000,"connection":1,"items":[` +
			`{"area":"DB","db":1,"start":28,"code":255,"bytes":"42960000"},` +
			`{"area":"M","start":2,"bit":5,"code":255,"bytes":"01"},` +
			`{"area":"DB","db":9,"start":0,"code":10}]}` + "\n"
		if got := out.String(); got != want {
			t.Errorf("got  %swant %s", got, want)
		}
		for n := range uint64(3000) { // more than the queue holds
			add(served(n))
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if got := strings.Count(out.String(), "\n"); got != 3001 || l.Pending() != 0 {
			t.Errorf("%d lines, %d pending; want 3001 and 0", got, l.Pending())
		}
		add(served(1)) // must not block
		if l.Pending() != 1 {
			t.Errorf("%d pending, want the one that came too late", l.Pending())
		}
	})
}

// full is a disk without room.
type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("no space left") }

func TestServedLogStopsAtAWriteError(t *testing.T) {
	l := NewServedLog()
	add := l.Of("filler")
	add(served(1))
	if err := l.Run(t.Context(), full{}); err == nil || !strings.Contains(err.Error(), "no space left") {
		t.Errorf("Run: %v", err)
	}
	for n := range uint64(3000) { // must not block
		add(served(n))
	}
	if got := l.Pending(); got != 3001 {
		t.Errorf("%d pending, want all 3001", got)
	}
}
