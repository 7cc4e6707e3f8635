package host

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"linewatch"
	"linewatch/rules"
)

// brokenOutbox cannot be read while it is broken.
type brokenOutbox struct {
	rules.Outbox
	broken atomic.Bool
	failed atomic.Int64
}

func (o *brokenOutbox) Pending(context.Context, int, uint64, int) ([]rules.Output, error) {
	if o.broken.Load() {
		o.failed.Add(1)
		return nil, errors.New("no space left on device")
	}
	return nil, nil
}

// Trouble that lasts is told when it begins and when it is over: the log may
// well be on the disk that is full.
func TestPublishingTroubleIsToldOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		outbox := &brokenOutbox{}
		outbox.broken.Store(true)
		p := newPublisher(&Config{Outbox: outbox, Logger: slog.New(slog.NewTextHandler(&log, nil))})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { defer close(done); p.run(ctx) }()
		p.note(1)
		time.Sleep(30 * time.Second)
		synctest.Wait()
		outbox.broken.Store(false)
		time.Sleep(5 * time.Second)
		cancel()
		<-done
		if n := outbox.failed.Load(); n < 20 {
			t.Errorf("tried %d times in 30 s", n)
		}
		lines := strings.Split(strings.TrimSpace(log.String()), "\n")
		if len(lines) != 2 || !strings.Contains(lines[0], "cannot be published") || !strings.Contains(lines[1], "published again") {
			t.Errorf("logged:\n%s", &log)
		}
	})
}

// brokenLog cannot be read for a while.
type brokenLog struct {
	*memoryLog
	left int
}

func (l *brokenLog) Read(ctx context.Context, p int, from uint64, limit int) ([]linewatch.Record, uint64, linewatch.Time, error) {
	if l.left--; l.left >= 0 {
		return nil, from, linewatch.NoTime, errors.New("second process on the same data")
	}
	return l.memoryLog.Read(ctx, p, from, limit)
}

// So is trouble of reading.
func TestReadingTroubleIsToldOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		points, _ := oneLine(t, "line-1")
		points.append(0, base, []byte("x"))
		s := &source{log: &brokenLog{points, 20}, decode: func(linewatch.Record) input { return input{} }, ahead: make(chan struct{}, readsAhead)}
		ctx, cancel := context.WithCancel(t.Context())
		chunks, ended := make(chan chunk), make(chan error, 1)
		go func() { ended <- s.run(ctx, &Config{Logger: slog.New(slog.NewTextHandler(&log, nil))}, chunks) }()
		if c := <-chunks; len(c.inputs) != 1 {
			t.Errorf("%d records, want 1", len(c.inputs))
		}
		cancel()
		<-ended
		lines := strings.Split(strings.TrimSpace(log.String()), "\n")
		if len(lines) != 2 || !strings.Contains(lines[0], "cannot be read") || !strings.Contains(lines[1], "read again") {
			t.Errorf("logged:\n%s", &log)
		}
	})
}
