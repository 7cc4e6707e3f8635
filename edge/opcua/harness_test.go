package opcua

import (
	"context"
	"log/slog"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"linewatch"
	"linewatch/edge"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// collector is an agent that keeps everything.
type collector struct {
	t    *testing.T
	stop context.CancelFunc
	done chan error

	mu    sync.Mutex
	scans []edge.Scan
	at    []time.Time
	more  chan struct{}
	away  []error // what the source waited for
	fail  error   // what emit answers
}

// run starts the source and stops it with the test.
func run(t *testing.T, s *Source) *collector {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	c := &collector{t: t, stop: cancel, done: make(chan error, 1), more: make(chan struct{}, 1)}
	go func() { c.done <- s.Run(ctx, c.emit) }()
	t.Cleanup(func() { c.end() })
	return c
}

// end stops the source and returns what Run returned.
func (c *collector) end() error {
	c.stop()
	select {
	case err := <-c.done:
		c.done <- err
		return err
	case <-time.After(15 * time.Second):
		c.t.Error("the source did not stop in 15 s")
		return nil
	}
}

func (c *collector) emit(scan edge.Scan) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if scan.Waiting != nil {
		c.away = append(c.away, scan.Waiting)
		return c.fail
	}
	scan.Readings = append([]edge.Reading(nil), scan.Readings...)
	c.scans, c.at = append(c.scans, scan), append(c.at, time.Now())
	select {
	case c.more <- struct{}{}:
	default:
	}
	return c.fail
}

// all returns what was emitted so far.
func (c *collector) all() []edge.Scan {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.scans[:len(c.scans):len(c.scans)]
}

// interruptions returns what the source waited for so far.
func (c *collector) interruptions() []error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.away[:len(c.away):len(c.away)]
}

// wait waits until ok holds of what was emitted.
func (c *collector) wait(what string, limit time.Duration, ok func([]edge.Scan) bool) []edge.Scan {
	c.t.Helper()
	timer := time.NewTimer(limit)
	defer timer.Stop()
	for {
		if scans := c.all(); ok(scans) {
			return scans
		}
		select {
		case <-c.more:
		case err := <-c.done:
			c.done <- err
			c.t.Fatalf("waiting for %s: the source ended with %v", what, err)
		case <-timer.C:
			for _, s := range c.all() {
				if s.Err != nil {
					c.t.Log(s.Err)
				}
			}
			c.t.Fatalf("waited %v for %s; got %d scans", limit, what, len(c.all()))
		}
	}
}

// newest returns the last reading of each tag that has one.
func newest(scans []edge.Scan) map[int]edge.Reading {
	got := map[int]edge.Reading{}
	for _, s := range scans {
		for _, r := range s.Readings {
			got[r.Tag] = r
		}
	}
	return got
}

// values returns the values of a tag in their order.
func values(scans []edge.Scan, tag int) (list []linewatch.Value) {
	for _, s := range scans {
		for _, r := range s.Readings {
			if r.Tag == tag {
				list = append(list, r.Value)
			}
		}
	}
	return list
}

// sourceConfig describes a server for tests, without security.
func sourceConfig(address string, nodes ...string) edge.SourceConfig {
	c := edge.SourceConfig{
		ID: "line", Protocol: "opcua", Address: address, Equipment: "F1",
		Interval: edge.Span(50 * time.Millisecond), Timeout: edge.Span(2 * time.Second),
		OPCUA: edge.OPCUAConfig{Mode: "None", Insecure: true},
	}
	for _, n := range nodes {
		c.Tags = append(c.Tags, edge.TagConfig{Name: n, Address: n})
	}
	return c
}

// open makes a source and fails the test if that is not possible.
func open(t *testing.T, c edge.SourceConfig, identityDir string) *Source {
	t.Helper()
	full := edge.Config{Gateway: "g", Sources: []edge.SourceConfig{c}}.WithDefaults()
	if err := full.Validate(); err != nil {
		t.Fatal(err)
	}
	s, err := New(full.Sources[0], Options{IdentityDir: identityDir, Log: slog.New(slog.NewTextHandler(t.Output(), nil))})
	if err != nil {
		t.Fatal(err)
	}
	return s
}
