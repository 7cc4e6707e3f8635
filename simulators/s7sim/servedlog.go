package s7sim

import (
	"bufio"
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"sync/atomic"
)

// servedLine is one line of a ServedLog.
type servedLine struct {
	PLC        string       `json:"plc,omitempty"`
	At         int64        `json:"at"` // milliseconds since 1970 UTC
	Connection uint64       `json:"connection"`
	Items      []servedItem `json:"items"`
}

type servedItem struct {
	Area  string `json:"area"`
	DB    int    `json:"db,omitempty"`
	Start int    `json:"start"`
	Bit   int    `json:"bit,omitempty"`
	Code  Code   `json:"code"` // 255 is OK
	Bytes string `json:"bytes,omitempty"`
}

// ServedLog writes everything that servers serve, one JSON object per line and
// read request:
//
//	{"plc":"filler","at":1763791440123,"connection":1,"items":[{"area":"DB","db":1,"start":28,"code":255,"bytes":"42960000"}]}
//
// What Of returns is made for Options.OnRead. The queue is bounded; when it is full,
// adding waits for the writer, so that a slow disk slows the PLC down rather than
// losing lines. End Run after the servers: what is added later is not written.
type ServedLog struct {
	lines   chan []byte
	stopped chan struct{}
	pending atomic.Int64
	passed  int64 // lines in Run's buffer
}

// NewServedLog returns a log; lines are written while Run runs.
func NewServedLog() *ServedLog {
	return &ServedLog{lines: make(chan []byte, 1024), stopped: make(chan struct{})}
}

// Of returns what queues one read of the PLC with a name. After Run has ended
// it does nothing but count.
func (l *ServedLog) Of(plc string) func(Served) {
	return func(s Served) { l.add(plc, s) }
}

func (l *ServedLog) add(plc string, s Served) {
	line := servedLine{PLC: plc, At: s.At.UnixMilli(), Connection: s.Connection, Items: make([]servedItem, len(s.Results))}
	for i, r := range s.Results {
		line.Items[i] = servedItem{
			Area: r.Item.Area.String(), Start: r.Item.Start, Bit: r.Item.Bit,
			Code: r.Code, Bytes: hex.EncodeToString(r.Data),
		}
		if r.Item.Area == DataBlock {
			line.Items[i].DB = r.Item.DB
		}
	}
	l.pending.Add(1)
	b, err := json.Marshal(line)
	if err != nil { // a struct of numbers and strings always has a JSON form
		return
	}
	select {
	case <-l.stopped:
	case l.lines <- append(b, '\n'):
	}
}

// Pending returns how many reads were added and have not reached the writer;
// after Run has ended, how many were lost.
func (l *ServedLog) Pending() int64 { return l.pending.Load() }

// Run writes to w until ctx ends, then what is still queued, and returns. It
// also returns at the first error of w. It may run once. Whenever the queue is
// empty, every line so far has been handed to w.
func (l *ServedLog) Run(ctx context.Context, w io.Writer) error {
	defer close(l.stopped)
	out := bufio.NewWriterSize(w, 64<<10)
	for {
		select {
		case line := <-l.lines:
			if err := l.write(out, line); err != nil {
				return err
			}
		case <-ctx.Done():
			return l.drain(out)
		}
	}
}

// write passes a line on, through the buffer when none follows.
func (l *ServedLog) write(out *bufio.Writer, line []byte) error {
	_, err := out.Write(line)
	l.passed++
	if err == nil && len(l.lines) == 0 {
		if err = out.Flush(); err == nil {
			l.pending.Add(-l.passed)
			l.passed = 0
		}
	}
	if err != nil {
		return fmt.Errorf("write the log of what was served: %w", err)
	}
	return nil
}

func (l *ServedLog) drain(out *bufio.Writer) error {
	for {
		select {
		case line := <-l.lines:
			if err := l.write(out, line); err != nil {
				return err
			}
		default:
			return nil
		}
	}
}
