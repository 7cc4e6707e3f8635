package app

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"linewatch"
	"linewatch/ingest/boltlog"
	"linewatch/internal/boltfile"
	"linewatch/notify/bolthistory"
	"linewatch/rules"
	"linewatch/rules/host"
)

// ReplayResult compares what a stored log gives with the stored history.
type ReplayResult struct {
	Records   uint64 // of the points log
	Replayed  int    // state changes that the log gives
	Stored    int    // state changes in the history
	Identical bool   // byte for byte
	FirstDiff string // the first change that differs; empty if none
}

// Replay judges the whole log of a data directory again, in a fresh engine,
// and compares the state changes with the stored history byte for byte. out,
// if not nil, gets the canonical changes, one per line. The directory must not
// be in use.
func Replay(ctx context.Context, c Config, out io.Writer, log *slog.Logger) (ReplayResult, error) {
	if _, err := os.Stat(filepath.Join(c.Data, pointsDir)); err != nil {
		return ReplayResult{}, noData("the data directory %s holds no log; name with --data the one that linewatch run has used", c.Data)
	}
	data, err := openData(c.Data)
	if errors.Is(err, boltfile.ErrLocked) {
		err = &boltfile.Error{Path: c.Data, Reason: boltfile.ErrLocked, Remedy: "stop the other process first, or replay a copy of the directory"}
	}
	if err != nil {
		return ReplayResult{}, err
	}
	defer data.close()
	stored, err := exportHistory(ctx, data, log)
	if err != nil {
		return ReplayResult{}, err
	}
	changes, records, err := judgeAgain(ctx, c, data, log)
	if err != nil {
		return ReplayResult{}, err
	}
	replayed := canonicalLines(changes)
	r := ReplayResult{Records: records, Replayed: len(replayed), Stored: len(stored)}
	r.FirstDiff = firstDifference(stored, replayed)
	r.Identical = r.FirstDiff == ""
	if out == nil {
		return r, nil
	}
	w := bufio.NewWriter(out)
	for _, line := range replayed {
		fmt.Fprintln(w, line) // Flush reports the first error
	}
	if err := w.Flush(); err != nil {
		return r, fmt.Errorf("write state changes: %w", err)
	}
	return r, nil
}

// exportHistory returns the stored changes: those of shadows behind the others.
func exportHistory(ctx context.Context, data *dataDir, log *slog.Logger) (all []string, err error) {
	for _, name := range []string{historyFile, shadowFile} {
		h, err := bolthistory.Open(data.file(name), bolthistory.Options{Logger: log})
		if err != nil {
			return nil, fmt.Errorf("history: %w", err)
		}
		var b bytes.Buffer
		if err := errors.Join(h.Export(ctx, &b), h.Close()); err != nil {
			return nil, fmt.Errorf("history: %w", err)
		}
		all = append(all, lines(b.String())...)
	}
	return all, nil
}

func lines(s string) []string {
	if s = strings.TrimSuffix(s, "\n"); s == "" {
		return nil
	}
	return strings.Split(s, "\n")
}

// judgeAgain runs a host over the logs, up to where they are closed.
func judgeAgain(ctx context.Context, c Config, data *dataDir, log *slog.Logger) ([]linewatch.StateChange, uint64, error) {
	recorded := data.recordedTime(log)
	control, err := openStopped(data.file(controlDir), recorded, log)
	if err != nil {
		return nil, 0, fmt.Errorf("control log: %w", err)
	}
	defer control.Close()
	points, err := openStopped(data.file(pointsDir), recorded, log)
	if err != nil {
		return nil, 0, fmt.Errorf("points log: %w", err)
	}
	defer points.Close()
	var records uint64
	for p := range points.Partitions() {
		first, next, err := points.Bounds(p)
		if err != nil {
			return nil, 0, err
		}
		if first > 0 {
			return nil, 0, fmt.Errorf("partition %d starts at record %d: %w", p, first, errTrimmedLog)
		}
		records += next
	}
	gateway := c.Edge.Gateway
	if gateway == "" {
		gateway = "unknown"
	}
	if _, err := newHostDecoder(gateway); err != nil {
		return nil, 0, err
	}
	var lost atomic.Uint64
	memory := &memoryStore{}
	h, err := host.New(ctx, host.Config{
		Points: hostLog{points, "points", log, &lost}, Control: hostLog{control, "control", log, &lost},
		NewDecoder: func() host.Decoder {
			d, err := newHostDecoder(gateway)
			if err != nil {
				panic("app: " + err.Error()) // it could be made a moment ago
			}
			return d
		},
		Store: memory, Outbox: memory, Publish: func(context.Context, []linewatch.StateChange) error { return nil },
		Domain: c.Engine.domain(), Global: c.Engine.Scope == "global", Logger: log,
	})
	if err != nil {
		return nil, 0, err
	}
	upTo := min(points.Latest(), control.Latest())
	running, stop := context.WithCancel(ctx)
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- h.Run(running) }()
	waitUntil(running, func() bool {
		ok, err := h.Drained(running, upTo)
		return err != nil || ok
	})
	stop()
	if err := errors.Join(<-ended, ctx.Err()); err != nil {
		return nil, 0, err
	}
	return memory.changes, records, nil
}

var errTrimmedLog = errors.New("older records were given up; only a log that is whole can be compared with the history")

// openStopped opens a log whose clock stands still right after the end of the
// log, so that no time passes that the process which wrote it has not seen.
// recorded is the time that this process has recorded.
func openStopped(dir string, recorded linewatch.Time, log *slog.Logger) (*boltlog.Log, error) {
	var at atomic.Int64 // the log asks from a goroutine of its own
	at.Store(int64(max(linewatch.TimeOf(timeNow()), recorded)))
	l, err := boltlog.Open(dir, boltlog.Options{
		Logger: log, Silence: logSilence, Clock: func() linewatch.Time { return linewatch.Time(at.Load()) },
	})
	if err == nil {
		at.Store(int64(l.Latest().Add(1))) // what is stamped in this millisecond might still come
	}
	return l, err
}

// canonicalLines returns the canonical bytes of changes in the order of the
// history's export.
func canonicalLines(changes []linewatch.StateChange) []string {
	slices.SortFunc(changes, func(a, b linewatch.StateChange) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Rule, b.Rule), cmp.Compare(a.Equipment, b.Equipment), cmp.Compare(a.Seq, b.Seq), cmp.Compare(a.ID, b.ID))
	})
	out := make([]string, len(changes))
	for i := range changes {
		out[i] = string(changes[i].AppendCanonical(nil))
	}
	return out
}

func firstDifference(stored, replayed []string) string {
	for i := range max(len(stored), len(replayed)) {
		switch {
		case i >= len(stored):
			return "only in the replay: " + replayed[i]
		case i >= len(replayed):
			return "only in the history: " + stored[i]
		case stored[i] != replayed[i]:
			return "history: " + stored[i] + "\nreplay:  " + replayed[i]
		}
	}
	return ""
}

// memoryStore collects what a replay gives.
type memoryStore struct {
	mu      sync.Mutex
	changes []linewatch.StateChange
}

// Load implements rules.Store: a replay starts from nothing.
func (*memoryStore) Load(context.Context, int) (rules.Checkpoint, error) {
	return rules.Checkpoint{}, nil
}

// Commit implements rules.Store.
func (m *memoryStore) Commit(_ context.Context, _ int, c rules.Commit) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.changes = append(m.changes, c.Changes...)
	return nil
}

// Buckets implements rules.Store.
func (*memoryStore) Buckets(context.Context) ([]int, error) { return nil, nil }

// Pending implements rules.Outbox: nothing is published.
func (*memoryStore) Pending(context.Context, int, uint64, int) ([]rules.Output, error) {
	return nil, nil
}

// Published implements rules.Outbox.
func (*memoryStore) Published(context.Context, int, uint64) error { return nil }
