package host

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	"linewatch"
	"linewatch/rules/domain"
	"linewatch/watermark"
)

// neighbour returns the name of a line that shares its bucket with Nowhere.
func neighbour() string {
	for i := 0; ; i++ {
		if name := fmt.Sprintf("line-%d", i); bucketOf(name) == bucketOf(Nowhere) {
			return name
		}
	}
}

func controlData(t *testing.T, c linewatch.Control) []byte {
	t.Helper()
	c.Version = 1
	b, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func pointData(at linewatch.Time, equipment string, seq uint64) []byte {
	p := linewatch.DataPoint{
		Timestamp: at, CreatedAt: at, Equipment: equipment, Tag: "temp", Value: linewatch.IntValue(1),
		Quality: linewatch.Ok, Source: "plc", Sequence: seq,
	}
	return append(p.AppendJSON(nil), '\n')
}

// oneLine returns logs in which one machine of one line is registered.
func oneLine(t *testing.T, line string) (points, control *memoryLog) {
	points, control = &memoryLog{parts: make([][]linewatch.Record, 1)}, &memoryLog{parts: make([][]linewatch.Record, 1)}
	control.append(0, base, controlData(t, linewatch.Control{Assets: &linewatch.Assets{
		Equipment: []linewatch.Equipment{{ID: "m1", Line: line, Site: "s"}},
		Senders:   []linewatch.SenderDef{{Gateway: "gw", Source: "plc", Line: line}},
	}}))
	points.closed, control.closed = base+5000, base+5000
	return points, control
}

// A record whose last point opens the domain of unassigned points must not be
// committed half: a crash right after the commit would meet its first point
// again, as a duplicate that the order buffer misses.
func TestNewHomeInTheMiddleOfARecord(t *testing.T) {
	points, control := oneLine(t, neighbour())
	points.append(0, base+10, append(pointData(base+10, "m1", 1), pointData(base+10, "stranger", 2)...))
	for commits := range 4 {
		store := newMemoryStore()
		store.left = commits
		if _, err := run(t, points, control, store, false); !errors.Is(err, errBroken) {
			continue // it needed no more commits than that
		}
		store.left = -1
		status, err := run(t, points, control, store, false)
		if err != nil {
			t.Fatalf("restart after %d commits: %v", commits, err)
		}
		checkAccountsOf(t, status, 2)
	}
}

func checkAccountsOf(t *testing.T, status []DomainStatus, sent uint64) {
	t.Helper()
	var received uint64
	for _, d := range status {
		received += d.Accounts.Received
		if !d.Accounts.Balanced() {
			t.Errorf("line %q: accounts %+v", d.Line, d.Accounts)
		}
	}
	if received != sent {
		t.Errorf("received %d, want %d", received, sent)
	}
}

// What the domains refuse must not move their points elsewhere.
func TestRefusedRegistryMovesNothing(t *testing.T) {
	moved := &linewatch.Assets{Equipment: []linewatch.Equipment{{ID: "m1", Line: "line-2", Site: "s"}}}
	twice := &linewatch.Assets{Equipment: append(moved.Equipment, moved.Equipment...)}
	rule := &linewatch.RuleVersion{Version: 1, Rule: linewatch.Rule{
		ID: "r", Name: "R", Scope: linewatch.Scope{Equipment: "m1"}, Priority: 1,
		Groups: []linewatch.Group{{ID: "g", Weight: 1, Otherwise: linewatch.Idle}},
	}}
	newer := controlData(t, linewatch.Control{Assets: moved})
	newer = []byte(`{"version":2` + string(newer[len(`{"version":1`):]))
	unknown := controlData(t, linewatch.Control{Assets: moved})
	unknown = []byte(`{"shift":"night",` + string(unknown[1:]))
	for name, data := range map[string][]byte{
		"invalid":       controlData(t, linewatch.Control{Assets: twice}),
		"newer format":  newer,
		"unknown field": unknown,
		"two at once":   controlData(t, linewatch.Control{Assets: moved, Rule: rule}),
	} {
		t.Run(name, func(t *testing.T) {
			points, control := oneLine(t, "line-1")
			control.append(0, base+5, data)
			points.append(0, base+10, pointData(base+10, "m1", 1))
			status, err := run(t, points, control, newMemoryStore(), false)
			if err != nil {
				t.Fatal(err)
			}
			if len(status) != 1 || status[0].Line != "line-1" || status[0].Accounts.Accepted != 1 {
				t.Errorf("got %d domains, the first with %+v; want the point on line-1", len(status), status[0].Accounts)
			}
		})
	}
}

// stuckLog is a log whose last partition never answers.
type stuckLog struct {
	memoryLog
	reads atomic.Int64
}

func (l *stuckLog) Read(ctx context.Context, p int, from uint64, limit int) ([]linewatch.Record, uint64, linewatch.Time, error) {
	if p == len(l.parts)-1 {
		<-ctx.Done()
		return nil, from, linewatch.NoTime, ctx.Err()
	}
	if from >= uint64(len(l.parts[p])) {
		return nil, from, linewatch.NoTime, pause(ctx, time.Millisecond)
	}
	l.reads.Add(1)
	return l.parts[p][from : from+1], from + 1, linewatch.NoTime, nil
}

// A partition that must wait for another is not read ahead without end.
func TestReadAheadIsBounded(t *testing.T) {
	_, control := oneLine(t, "line-1")
	points := &stuckLog{memoryLog: memoryLog{parts: make([][]linewatch.Record, 2)}}
	for n := range 1000 {
		points.append(0, base+10, pointData(base+10, "m1", uint64(n)))
	}
	ctx, stop := context.WithCancel(t.Context())
	h, err := New(ctx, Config{
		Points: points, Control: control, NewDecoder: decoder, Store: newMemoryStore(), Outbox: newMemoryStore(),
		Publish: func(context.Context, []linewatch.StateChange) error { return nil },
		Domain:  domain.Config{Watermark: watermark.Defaults()}, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- h.Run(ctx) }()
	for last := int64(-1); last != points.reads.Load() && last < 1000; {
		last = points.reads.Load()
		pause(ctx, 50*time.Millisecond)
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if n := points.reads.Load(); n > 2*readsAhead {
		t.Errorf("%d reads wait, want about %d", n, readsAhead)
	}
}

// A log that is shorter than what the state has seen stops the start. Its
// next records would be taken for old ones.
func TestLostLogIsNoticedAtTheStart(t *testing.T) {
	for name, lose := range map[string]func(points, control *memoryLog){
		"points":  func(points, _ *memoryLog) { points.parts[0] = points.parts[0][:1] },
		"control": func(_, control *memoryLog) { control.parts[0] = nil },
	} {
		t.Run(name, func(t *testing.T) {
			points, control := oneLine(t, "line-1")
			for n := range linewatch.Time(3) {
				points.append(0, base+10+n, pointData(base+10+n, "m1", uint64(n)))
			}
			store := newMemoryStore()
			if _, err := run(t, points, control, store, false); err != nil {
				t.Fatal(err)
			}
			lose(points, control)
			if _, err := run(t, points, control, store, false); !errors.Is(err, ErrLogLost) {
				t.Errorf("got %v, want %v", err, ErrLogLost)
			}
		})
	}
}
