package app

import (
	"context"
	"encoding/json"
	"log/slog"
	"os"
	"sync/atomic"

	"linewatch/internal/boltfile"
	"linewatch/rules/host"
)

const (
	quarantineQueue = 1024
	quarantineBytes = 8 << 20 // of a file; one older file is kept
)

// quarantine keeps what was refused in a file, for people to look at. It holds
// nothing up: what does not fit the queue is only counted, as everything is.
type quarantine struct {
	path    string
	queue   chan host.Quarantined
	skipped atomic.Uint64
	log     *slog.Logger
}

func newQuarantine(path string, log *slog.Logger) *quarantine {
	return &quarantine{path: path, queue: make(chan host.Quarantined, quarantineQueue), log: log}
}

// add takes one refused thing.
func (q *quarantine) add(x host.Quarantined) {
	select {
	case q.queue <- x:
	default:
		q.skipped.Add(1)
	}
}

// run writes until ctx ends and the queue is empty.
func (q *quarantine) run(ctx context.Context) error {
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
func (q *quarantine) write(x *host.Quarantined) {
	line, err := json.Marshal(struct {
		Arrival string `json:"arrival"`
		Line    string `json:"line"`
		Sender  string `json:"sender"`
		Reason  string `json:"reason"`
		Detail  string `json:"detail,omitempty"`
		Raw     []byte `json:"raw"` // base64: it may be anything
	}{x.Arrival.String(), x.Line, x.Sender.String(), x.Reason, x.Detail, x.Raw})
	if err == nil {
		err = q.appendLine(append(line, '\n'))
	}
	if err != nil {
		q.skipped.Add(1)
		q.log.Warn("quarantined data could not be kept", "path", q.path, "error", err)
	}
}

func (q *quarantine) appendLine(line []byte) error {
	if info, err := os.Stat(q.path); err == nil && info.Size()+int64(len(line)) > quarantineBytes {
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
