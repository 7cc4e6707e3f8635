package edge_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"sync"
	"testing"
	"time"

	"linewatch"
	"linewatch/edge"
	"linewatch/edge/s7"
	"linewatch/edge/spool"
	"linewatch/simulators/s7sim"
)

// uplink keeps what it is sent, and can be down.
type uplink struct {
	mu     sync.Mutex
	down   bool
	points []linewatch.DataPoint
}

func (u *uplink) Send(_ context.Context, points []linewatch.DataPoint) error {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.down {
		return errors.New("connection refused")
	}
	u.points = append(u.points, points...)
	return nil
}

func (u *uplink) setDown(down bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.down = down
}

// received returns the points without heartbeats and repetitions.
func (u *uplink) received() (list []linewatch.DataPoint) {
	u.mu.Lock()
	defer u.mu.Unlock()
	type id struct{ epoch, sequence uint64 }
	seen := map[id]bool{}
	for _, p := range u.points {
		if at := (id{p.Epoch, p.Sequence}); !p.IsHeartbeat() && !seen[at] {
			seen[at] = true
			list = append(list, p)
		}
	}
	return list
}

// simulate serves a PLC with words in DB 1.
func simulate(tb testing.TB, words int) (*s7sim.Server, string) {
	tb.Helper()
	server := s7sim.New(s7sim.Options{})
	server.SetDB(1, 2*words)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var group sync.WaitGroup
	group.Go(func() { server.Serve(ctx, listener) })
	tb.Cleanup(func() { cancel(); group.Wait() })
	return server, listener.Addr().String()
}

func config(address string, words int, interval time.Duration) edge.SourceConfig {
	c := edge.SourceConfig{ID: "plc1", Protocol: "s7", Address: address, Slot: 1, Equipment: "F1", Interval: edge.Span(interval)}
	for i := range words {
		c.Tags = append(c.Tags, edge.TagConfig{Name: fmt.Sprint("word", i), Address: fmt.Sprintf("DB1.DBW%d", 2*i), Type: "uint"})
	}
	return c
}

// run opens the spool in dir and runs an agent on it until the returned
// function is called, which closes both and returns the final accounts.
func run(t *testing.T, dir string, c edge.SourceConfig, u edge.Uplink) func() edge.Accounts {
	t.Helper()
	store, err := spool.Open(dir, spool.Options{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	agent, err := edge.New(edge.Options{
		Config: edge.Config{Gateway: "gw", Sources: []edge.SourceConfig{c}},
		Open: func(c edge.SourceConfig) (edge.Source, error) {
			return s7.New(c, slog.New(slog.DiscardHandler))
		},
		Spool: edge.NewSpool(store), Backlog: store, Uplink: u, StopTimeout: 300 * time.Millisecond,
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- agent.Run(ctx) }()
	return func() edge.Accounts {
		t.Helper()
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		accounts := agent.Status().Accounts
		if err := store.Close(); err != nil {
			t.Error(err)
		}
		if !accounts.Balanced() {
			t.Errorf("accounts do not balance: %+v", accounts)
		}
		return accounts
	}
}

// TestFromPLCToUplink reads a counting PLC through a real spool, with an
// outage of the uplink that lasts over a restart, and expects every change in
// order.
func TestFromPLCToUplink(t *testing.T) {
	server, address := simulate(t, 10)
	c, u, dir := config(address, 10, 10*time.Millisecond), &uplink{}, t.TempDir()
	c.Timeout = edge.Span(2 * time.Second) // the machine may be busy
	count := func(n int) {                 // one change, seen by a scan before the next
		reads := server.Stats().Reads
		server.Update(func(m *s7sim.Memory) { binary.BigEndian.PutUint16(m.DB(1)[6:], uint16(n)) })
		for server.Stats().Reads < reads+2 {
			time.Sleep(time.Millisecond)
		}
	}
	stop := run(t, dir, c, u)
	for n := 1; n <= 10; n++ {
		count(n)
	}
	u.setDown(true)
	for n := 11; n <= 20; n++ {
		count(n)
	}
	if a := stop(); a.Spooled == 0 {
		t.Errorf("nothing waits during the outage: %+v", a)
	}
	stop = run(t, dir, c, u)
	count(21)
	u.setDown(false)
	for n := 22; n <= 30; n++ {
		count(n)
	}
	isLast := func(p linewatch.DataPoint) bool { return p.Tag == "word3" && p.Value == linewatch.IntValue(30) }
	for n := 0; !slices.ContainsFunc(u.received(), isLast) && n < 1000; n++ {
		time.Sleep(10 * time.Millisecond)
	}
	if a := stop(); a.Spooled != 0 || a.Lost+a.Rejected != 0 {
		t.Errorf("at the end: %+v", a)
	}
	var got []int64
	for i, p := range u.received() {
		if p.Sequence != uint64(i)+1 {
			t.Fatalf("point %d has number %d", i, p.Sequence)
		}
		n, ok := p.Value.Int() // a read that was too slow has none
		if ok && p.Tag == "word3" && (len(got) == 0 || got[len(got)-1] != n) {
			got = append(got, n)
		}
	}
	for n := range int64(30) {
		if !slices.Contains(got, n+1) {
			t.Errorf("the change to %d is missing in %d", n+1, got)
		}
	}
	if !slices.IsSorted(got) {
		t.Errorf("changes out of order: %d", got)
	}
}
