package host

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"linewatch"
	"linewatch/rules"
	"linewatch/rules/domain"
	"linewatch/watermark"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const base linewatch.Time = 1_767_225_600_000 // 2026-01-01

// memoryLog is a log that is complete from the start.
type memoryLog struct {
	parts  [][]linewatch.Record
	closed linewatch.Time
}

func (l *memoryLog) Partitions() int { return len(l.parts) }

func (l *memoryLog) Read(ctx context.Context, p int, from uint64, limit int) ([]linewatch.Record, uint64, linewatch.Time, error) {
	if from > uint64(len(l.parts[p])) {
		return nil, from, linewatch.NoTime, errors.New("beyond the end")
	}
	rest := l.parts[p][from:]
	if len(rest) == 0 {
		return nil, from, l.closed, pause(ctx, time.Millisecond)
	}
	n := min(len(rest), limit, 1+rand.IntN(7))
	closed := linewatch.NoTime
	if n == len(rest) {
		closed = l.closed
	}
	return rest[:n], from + uint64(n), closed, nil
}

func (l *memoryLog) append(p int, arrival linewatch.Time, data []byte) {
	l.parts[p] = append(l.parts[p], linewatch.Record{Partition: p, Offset: uint64(len(l.parts[p])), Arrival: arrival, Data: data})
}

// memoryStore keeps what a Store must, and breaks after some commits.
type memoryStore struct {
	mu       sync.Mutex
	points   map[int]rules.Checkpoint
	outputs  map[int][]string // canonical, by number
	left     int              // commits until it breaks; below 0: never
	repeated int
	diverged int
}

var errBroken = errors.New("the disk is gone")

func newMemoryStore() *memoryStore {
	return &memoryStore{points: map[int]rules.Checkpoint{}, outputs: map[int][]string{}, left: -1}
}

func (s *memoryStore) Load(_ context.Context, b int) (rules.Checkpoint, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.points[b], nil
}

func (s *memoryStore) Buckets(context.Context) (all []int, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for b := range s.points {
		all = append(all, b)
	}
	slices.Sort(all)
	return all, nil
}

func (s *memoryStore) Commit(_ context.Context, b int, c rules.Commit) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.left == 0 {
		return errBroken
	}
	s.left--
	for i := range c.Changes {
		n, text := int(c.First)+i, string(c.Changes[i].AppendCanonical(nil))
		switch have := s.outputs[b]; {
		case n > len(have):
			return rules.ErrOutputGap
		case n == len(have):
			s.outputs[b] = append(have, text)
		case have[n] == text:
			s.repeated++
		default:
			s.diverged++
		}
	}
	if c.Snapshot != nil {
		s.points[b] = rules.Checkpoint{Snapshot: bytes.Clone(c.Snapshot), Emitted: c.Emitted}
	}
	return nil
}

func (s *memoryStore) Pending(context.Context, int, uint64, int) ([]rules.Output, error) {
	return nil, nil
}

func (s *memoryStore) Published(context.Context, int, uint64) error { return nil }

// plant is three lines with a rule each on their machines, and what their
// gateways sent.
func plant(t *testing.T, partitions, records int) (points, control *memoryLog, sent uint64) {
	points, control = &memoryLog{parts: make([][]linewatch.Record, partitions)}, &memoryLog{parts: make([][]linewatch.Record, 1)}
	publish := func(at linewatch.Time, c linewatch.Control) {
		c.Version = 1
		b, err := json.Marshal(c)
		if err != nil {
			t.Fatal(err)
		}
		control.append(0, at, b)
	}
	assets := &linewatch.Assets{}
	for i := range 3 {
		id, line := fmt.Sprintf("m%d", i), fmt.Sprintf("line-%d", i)
		assets.Equipment = append(assets.Equipment, linewatch.Equipment{ID: id, Line: line, Site: "s", Class: "filler"})
		assets.Senders = append(assets.Senders, linewatch.SenderDef{Gateway: "gw", Source: "plc" + id, Line: line})
	}
	rule := linewatch.Rule{
		ID: "hot", Name: "Hot", Scope: linewatch.Scope{Class: "filler"}, Priority: 2,
		Groups: []linewatch.Group{{ID: "g", Weight: 10, Otherwise: linewatch.Idle, Cases: []linewatch.Case{{
			State: linewatch.Warning,
			When:  linewatch.Condition{Op: linewatch.Above, Tag: "temp", Limit: linewatch.IntValue(50), For: 40},
		}}}},
	}
	publish(base, linewatch.Control{Rule: &linewatch.RuleVersion{Rule: rule, Version: 1}})
	publish(base+1, linewatch.Control{Assets: assets})
	rng := rand.New(rand.NewPCG(7, 7))
	seq := map[string]uint64{}
	at := base + 10
	for n := range records {
		at += linewatch.Time(1 + rng.IntN(40))
		m := n % 4 // the fourth is registered with no line
		id := fmt.Sprintf("m%d", m)
		var data []byte
		for range 1 + rng.IntN(3) {
			seq[id]++
			sent++
			p := linewatch.DataPoint{
				Timestamp: at - linewatch.Time(rng.IntN(500)), CreatedAt: at, Equipment: id, Tag: "temp",
				Value: linewatch.IntValue(int64(rng.IntN(100))), Quality: linewatch.Ok, Source: "plc" + id, Sequence: seq[id],
			}
			data = append(p.AppendJSON(data), '\n')
		}
		if n == records/2 {
			rule.Groups[0].Cases[0].When.Limit = linewatch.IntValue(40)
			publish(at, linewatch.Control{Rule: &linewatch.RuleVersion{Rule: rule, Version: 2}})
		}
		points.append(rng.IntN(partitions), at, data)
	}
	points.closed, control.closed = at+5000, at+5000
	return points, control, sent
}

func decoder() Decoder {
	var d linewatch.Decoder
	return func(data []byte) (string, []linewatch.DataPoint, []Refused) {
		var points []linewatch.DataPoint
		for line := range bytes.Lines(data) {
			var p linewatch.DataPoint
			if err := d.Decode(bytes.TrimSpace(line), &p); err != nil {
				return "gw", points, []Refused{{Code: "ERR", Err: err, Raw: line}}
			}
			points = append(points, p)
		}
		return "gw", points, nil
	}
}

// run drives a host over the logs to their end and returns its last status.
func run(t *testing.T, points, control *memoryLog, store *memoryStore, global bool) ([]DomainStatus, error) {
	t.Helper()
	status, _, err := runWith(t, points, control, store, func(c *Config) { c.Global = global })
	return status, err
}

// runWith is run with another configuration; it returns what is in force, too.
func runWith(t *testing.T, points, control *memoryLog, store *memoryStore, change func(*Config)) ([]DomainStatus, []LineRules, error) {
	t.Helper()
	w := watermark.Defaults()
	w.IdleTimeout = linewatch.Minute
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	cfg := Config{
		Points: points, Control: control, NewDecoder: decoder, Store: store, Outbox: store,
		Publish: func(context.Context, []linewatch.StateChange) error { return nil },
		Domain:  domain.Config{Watermark: w}, SnapshotEvery: time.Millisecond, Logger: slog.New(slog.DiscardHandler),
	}
	change(&cfg)
	h, err := New(ctx, cfg)
	if err != nil {
		return nil, nil, err
	}
	ended := make(chan error, 1)
	go func() { ended <- h.Run(ctx) }()
	for {
		ok, err := h.Drained(ctx, points.closed)
		if ok || err != nil {
			break
		}
		if pause(ctx, time.Millisecond) != nil {
			t.Fatal("the host did not come to the end of the log")
		}
	}
	all, _ := h.Status(ctx)
	rules, _ := h.Rules(ctx)
	stop()
	return all, rules, <-ended
}

func (s *memoryStore) all() string {
	var lines []string
	for _, o := range s.outputs {
		lines = append(lines, o...)
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

func TestPartitionsAndCrashesDoNotMatter(t *testing.T) {
	want := ""
	for _, partitions := range []int{1, 2, 5} {
		points, control, sent := plant(t, partitions, 1500)
		store := newMemoryStore()
		status, err := run(t, points, control, store, false)
		if err != nil {
			t.Fatal(err)
		}
		checkAccounts(t, status, sent)
		if want == "" {
			if want = store.all(); strings.Count(want, "\n") < 100 {
				t.Fatalf("only %d changes", strings.Count(want, "\n"))
			}
		}
		if diff := cmp.Diff(want, store.all()); diff != "" {
			t.Errorf("%d partitions: %s", partitions, diff)
		}
		crashing, crashes := newMemoryStore(), 0
		for {
			crashing.left = rand.IntN(12)
			if crashes > 60 {
				crashing.left = -1
			}
			status, err = run(t, points, control, crashing, false)
			if err == nil {
				break
			}
			if !errors.Is(err, errBroken) {
				t.Fatal(err)
			}
			crashes++
		}
		if diff := cmp.Diff(want, crashing.all()); diff != "" {
			t.Errorf("%d partitions, %d crashes: %s", partitions, crashes, diff)
		}
		if crashes == 0 || crashing.diverged > 0 {
			t.Errorf("%d crashes, %d diverged", crashes, crashing.diverged)
		}
		checkAccounts(t, status, sent)
	}
}

// checkAccounts holds that every point of the plant is accounted for once, the
// unregistered machine's in quarantine.
func checkAccounts(t *testing.T, status []DomainStatus, sent uint64) {
	t.Helper()
	var nowhere, received uint64
	for _, d := range status {
		if !d.Accounts.Balanced() {
			t.Errorf("line %q: accounts %+v", d.Line, d.Accounts)
		}
		received += d.Accounts.Received
		if d.Line == Nowhere {
			nowhere = d.Accounts.QuarantinedTotal()
		}
	}
	if received != sent || nowhere < sent/5 {
		t.Errorf("received %d of %d, not assigned %d", received, sent, nowhere)
	}
}

func TestGlobalScopeIsOneDomain(t *testing.T) {
	points, control, _ := plant(t, 3, 300)
	status, err := run(t, points, control, newMemoryStore(), true)
	if err != nil {
		t.Fatal(err)
	}
	if len(status) != 1 || status[0].Line != "" || len(status[0].Senders) != 3 {
		t.Errorf("got %d domains: %+v", len(status), status)
	}
}

// State of the other scope is refused before anything is judged with it.
func TestScopeDoesNotChange(t *testing.T) {
	points, control, _ := plant(t, 1, 100)
	for _, global := range []bool{false, true} {
		store := newMemoryStore()
		if _, err := run(t, points, control, store, global); err != nil {
			t.Fatal(err)
		}
		if _, err := run(t, points, control, store, !global); !errors.Is(err, ErrScope) {
			t.Errorf("from global %t to %t: %v, want %v", global, !global, err, ErrScope)
		}
		if _, err := run(t, points, control, store, global); err != nil {
			t.Errorf("back to global %t: %v", global, err)
		}
	}
}

func TestDamagedControlRecordIsPassedOver(t *testing.T) {
	points, control, _ := plant(t, 1, 100)
	at := points.parts[0][50].Arrival
	control.append(0, at, []byte(`{"version":1,"rule":`))
	store := newMemoryStore()
	if _, err := run(t, points, control, store, false); err != nil {
		t.Fatal(err)
	}
	if store.all() == "" {
		t.Error("no changes")
	}
}

// runCrashing runs a host whose store breaks behind some commits (-1: never),
// and goes on with a new one as after a crash, if it does.
func runCrashing(t *testing.T, points, control *memoryLog, commits int) (store *memoryStore, status []DomainStatus, crashed bool) {
	t.Helper()
	store = newMemoryStore()
	store.left = commits
	status, err := run(t, points, control, store, false)
	if crashed = errors.Is(err, errBroken); crashed {
		store.left = -1
		status, err = run(t, points, control, store, false)
	}
	if err != nil {
		t.Fatal(err)
	}
	return store, status, crashed
}
