package app

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"os"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"linewatch"
	"linewatch/internal/boltfile"
	"linewatch/rules/host"
)

const (
	quarantineQueue = 1024
	quarantineBytes = 8 << 20 // of a file; one older file is kept
	lateBytes       = 64 << 20
)

// journal keeps in a file what the engine did not judge, for people and for
// later corrections. It holds nothing up: what does not fit the queue is only
// counted, as everything is.
type journal[T any] struct {
	path    string
	most    int64 // bytes of a file
	queue   chan T
	line    func(*T) ([]byte, error)
	skipped atomic.Uint64
	log     *slog.Logger
	failing bool // that was told
}

// newQuarantine keeps what was refused.
func newQuarantine(path string, log *slog.Logger) *journal[host.Quarantined] {
	return &journal[host.Quarantined]{path: path, most: quarantineBytes, queue: make(chan host.Quarantined, quarantineQueue), line: quarantinedLine, log: log}
}

// newLateJournal keeps the points that came too late to be judged, so that it
// is known what a correction would have to look at.
func newLateJournal(path string, log *slog.Logger) *journal[host.Late] {
	return &journal[host.Late]{path: path, most: lateBytes, queue: make(chan host.Late, quarantineQueue), line: lateLine, log: log}
}

// judge runs the engine, and the journals for as long: to its last record it
// tells them of points.
func (a *App) judge(ctx context.Context, engine func(context.Context) error) error {
	telling, told := context.WithCancel(context.WithoutCancel(ctx))
	var journals errgroup.Group
	journals.Go(func() error { return a.quarantine.run(telling) })
	journals.Go(func() error { return a.late.run(telling) })
	err := engine(ctx)
	told()
	return errors.Join(err, journals.Wait())
}

// add takes one of them.
func (q *journal[T]) add(x T) {
	select {
	case q.queue <- x:
	default:
		q.skipped.Add(1)
	}
}

// run writes until ctx ends and the queue is empty.
func (q *journal[T]) run(ctx context.Context) error {
	for {
		select {
		case x := <-q.queue:
			q.write(&x)
		case <-ctx.Done():
			for len(q.queue) > 0 {
				x := <-q.queue
				q.write(&x)
			}
			return nil
		}
	}
}

// write appends one line. A disk that is full costs the line, not the run.
func (q *journal[T]) write(x *T) {
	line, err := q.line(x)
	if err == nil {
		err = q.appendLine(append(line, '\n'))
	}
	if err != nil {
		q.skipped.Add(1)
	}
	switch was := q.failing; {
	case err != nil && !was:
		q.log.Warn("what is not judged cannot be kept", "path", q.path, "error", err)
	case err == nil && was:
		q.log.Info("what is not judged is kept again", "path", q.path)
	}
	q.failing = err != nil
}

func quarantinedLine(x *host.Quarantined) ([]byte, error) {
	return json.Marshal(struct {
		Arrival string `json:"arrival"`
		Line    string `json:"line"`
		Sender  string `json:"sender"`
		Reason  string `json:"reason"`
		Detail  string `json:"detail,omitempty"`
		Raw     []byte `json:"raw"` // base64: it may be anything
	}{x.Arrival.String(), x.Line, x.Sender.String(), x.Reason, x.Detail, x.Raw})
}

// lateLine flags a late point. Its sender, epoch and sequence number find it in
// the points log; they also tell a line that a crash has written twice.
func lateLine(x *host.Late) ([]byte, error) {
	return json.Marshal(struct {
		Arrival   string               `json:"arrival"`
		Watermark string               `json:"watermark"` // of the line when it came
		Line      string               `json:"line"`
		Sender    string               `json:"sender"`
		Late      linewatch.LatePolicy `json:"late"` // backfill, or drop where every rule that reads the tag says so
		Point     json.RawMessage      `json:"point"`
	}{x.Arrival.String(), x.Watermark.String(), x.Line, x.Sender.String(), x.Policy, x.Point.AppendJSON(nil)})
}

func (q *journal[T]) appendLine(line []byte) error {
	if info, err := os.Stat(q.path); err == nil && info.Size()+int64(len(line)) > q.most {
		if err := os.Rename(q.path, q.path+".old"); err != nil {
			return err
		}
	}
	f, err := os.OpenFile(q.path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, boltfile.FileMode)
	if err != nil {
		return err
	}
	if _, err := f.Write(line); err != nil {
		f.Close()
		return err
	}
	return f.Close()
}
