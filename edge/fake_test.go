package edge

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"linewatch"
)

// memorySpool keeps points in memory as a spool on disk would. It outlives
// agents, like a disk.
type memorySpool struct {
	delay time.Duration // of an append
	most  int           // points that Next gives; 0: as many as asked for

	mu       sync.Mutex
	points   []linewatch.DataPoint
	taken    int // by the last Next
	sequence map[string]uint64
	pending  map[string]int
	wake     chan struct{}
	broken   bool
}

func newMemorySpool() *memorySpool {
	return &memorySpool{sequence: map[string]uint64{}, pending: map[string]int{}, wake: make(chan struct{}, 1)}
}

var errBroken = errors.New("input/output error")

func (s *memorySpool) Append(ctx context.Context, points []linewatch.DataPoint) error {
	sleep(ctx, s.delay)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.broken {
		return errBroken
	}
	for _, p := range points {
		s.sequence[p.Source]++
		p.Sequence = s.sequence[p.Source]
		s.points = append(s.points, p)
	}
	s.weigh(points, 1)
	select {
	case s.wake <- struct{}{}:
	default:
	}
	return nil
}

func (s *memorySpool) Next(ctx context.Context, max int) ([]linewatch.DataPoint, error) {
	for {
		s.mu.Lock()
		n := min(max, len(s.points))
		if s.most > 0 {
			n = min(n, s.most)
		}
		taken, broken := slices.Clone(s.points[:n]), s.broken
		s.taken = n
		s.mu.Unlock()
		if broken {
			return nil, errBroken
		}
		if n > 0 {
			return taken, nil
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-s.wake:
		}
	}
}

func (s *memorySpool) Acknowledge() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.weigh(s.points[:s.taken], -1)
	s.points, s.taken = s.points[s.taken:], 0
	if s.broken {
		return errBroken
	}
	return nil
}

func (s *memorySpool) Pending(source string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.pending[source]
}

// weigh adds sign times what the points count for in Pending.
func (s *memorySpool) weigh(points []linewatch.DataPoint, sign int) {
	for i := range points {
		n, _ := points[i].Value.Int()
		if !points[i].IsGap() {
			n = 1
		}
		s.pending[points[i].Source] += sign * int(n)
	}
}

func (s *memorySpool) Oldest(source string) (linewatch.Time, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	oldest, found := linewatch.MaxTime, false
	for _, p := range s.points {
		if p.Source == source {
			oldest, found = min(oldest, p.Timestamp), true
		}
	}
	return oldest, found
}

// damage changes what lies in the spool, as a disk fault would.
func (s *memorySpool) damage(change func([]linewatch.DataPoint) []linewatch.DataPoint) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.weigh(s.points, -1)
	s.points = change(s.points)
	s.weigh(s.points, 1)
}

func (s *memorySpool) setBroken(broken bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.broken = broken
}

// memoryUplink keeps what it is sent and checks the promises of the agent.
type memoryUplink struct {
	delay  time.Duration
	refuse func(*linewatch.DataPoint) bool

	mu       sync.Mutex
	down     bool
	blocks   [][]linewatch.DataPoint
	asserted map[string]linewatch.Time // by source
	sequence map[string]uint64
	ids      map[string]bool
	faults   []string
	late     int  // points after a heartbeat that covers them,
	lateOk   bool // which are expected
}

func newMemoryUplink() *memoryUplink {
	return &memoryUplink{asserted: map[string]linewatch.Time{}, sequence: map[string]uint64{}, ids: map[string]bool{}}
}

func (u *memoryUplink) Send(ctx context.Context, points []linewatch.DataPoint) error {
	sleep(ctx, u.delay)
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.down {
		return errors.New("connection refused")
	}
	for i := range points {
		if u.refuse != nil && u.refuse(&points[i]) {
			return fmt.Errorf("point %d: %w", i, ErrRefused)
		}
	}
	u.blocks = append(u.blocks, slices.Clone(points))
	for i := range points {
		u.check(&points[i])
	}
	return nil
}

// check verifies that nothing new comes at or before what a heartbeat has
// asserted, and that sequence numbers of new points rise by one.
func (u *memoryUplink) check(p *linewatch.DataPoint) {
	if p.IsHeartbeat() {
		if p.Timestamp < u.asserted[p.Source] {
			u.faults = append(u.faults, fmt.Sprintf("heartbeat of %s goes back to %v", p.Source, p.Timestamp))
		}
		u.asserted[p.Source] = p.Timestamp
		return
	}
	id := fmt.Sprint(p.Source, p.Sequence)
	if u.ids[id] {
		return // sent again
	}
	u.ids[id] = true
	if at, ok := u.asserted[p.Source]; ok && p.Timestamp <= at {
		u.late++
		if !u.lateOk {
			u.faults = append(u.faults, fmt.Sprintf("point %s of %v comes after the heartbeat of %v", id, p.Timestamp, at))
		}
	}
	if p.Sequence <= u.sequence[p.Source] {
		u.faults = append(u.faults, fmt.Sprintf("point %s comes after %d", id, u.sequence[p.Source]))
	}
	u.sequence[p.Source] = p.Sequence
}

func (u *memoryUplink) setDown(down bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.down = down
}

// points returns what arrived, without heartbeats and repetitions.
func (u *memoryUplink) points() (list []linewatch.DataPoint) {
	u.mu.Lock()
	defer u.mu.Unlock()
	seen := map[string]bool{}
	for _, block := range u.blocks {
		for _, p := range block {
			if id := fmt.Sprint(p.Source, p.Sequence); !p.IsHeartbeat() && !seen[id] {
				seen[id] = true
				list = append(list, p)
			}
		}
	}
	return list
}

// heartbeats returns those of one source.
func (u *memoryUplink) heartbeats(source string) (list []linewatch.DataPoint) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for _, block := range u.blocks {
		for _, p := range block {
			if p.IsHeartbeat() && p.Source == source {
				list = append(list, p)
			}
		}
	}
	return list
}

func (u *memoryUplink) broken() []string {
	u.mu.Lock()
	defer u.mu.Unlock()
	return slices.Clone(u.faults)
}

// sourceFunc is a Source that is one function.
type sourceFunc func(ctx context.Context, emit func(Scan) error) error

func (f sourceFunc) Run(ctx context.Context, emit func(Scan) error) error { return f(ctx, emit) }

// every returns a source that emits what scan returns, n = 0, 1, 2, ..., at a
// fixed pace.
func every(pace time.Duration, scan func(n int) Scan) sourceFunc {
	return func(ctx context.Context, emit func(Scan) error) error {
		for n := 0; ctx.Err() == nil; n++ {
			if err := emit(scan(n)); err != nil {
				return err
			}
			sleep(ctx, pace)
		}
		return nil
	}
}

// ints is a scan with one good integer per tag.
func ints(first bool, values ...int64) Scan {
	s := Scan{First: first}
	for i, v := range values {
		s.Readings = append(s.Readings, Reading{Tag: i, Value: linewatch.IntValue(v), Quality: linewatch.Ok})
	}
	return s
}

// options describes an agent with sources of two tags, a and b.
func options(spool *memorySpool, uplink Uplink, sources map[string]Source) Options {
	o := Options{
		Config: Config{Gateway: "gw"}, Spool: spool, Backlog: spool, Uplink: uplink,
		Open: func(c SourceConfig) (Source, error) { return sources[c.ID], nil },
	}
	for _, id := range slices.Sorted(maps.Keys(sources)) {
		o.Config.Sources = append(o.Config.Sources, SourceConfig{
			ID: id, Protocol: "s7", Address: "192.0.2.1", Equipment: "F1", Tags: []TagConfig{{Name: "a", Address: "A"}, {Name: "b", Address: "B"}},
		})
	}
	return o
}
