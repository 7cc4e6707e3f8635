package ui

import (
	"bufio"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"linewatch"
)

// readEvent reads one event of a stream as its fields.
func readEvent(t *testing.T, r *bufio.Reader) map[string]string {
	t.Helper()
	fields := map[string]string{}
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			t.Fatalf("stream ended: %v", err)
		}
		if line = strings.TrimSuffix(line, "\n"); line == "" {
			return fields
		}
		name, value, _ := strings.Cut(line, ": ")
		fields[name] = value
	}
}

func openStream(t *testing.T, url, lastID string) *bufio.Reader {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), "GET", url+"/api/v1/stream", nil)
	if err != nil {
		t.Fatal(err)
	}
	if lastID != "" {
		r.Header.Set("Last-Event-ID", lastID)
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { res.Body.Close() })
	if got := res.Header.Get("Content-Type"); got != "text/event-stream" {
		t.Fatalf("content type %q", got)
	}
	return bufio.NewReader(res.Body)
}

func TestStream(t *testing.T) {
	t.Parallel()
	p := bottlingLine()
	url := startServer(t, newServer(t, p))
	r := openStream(t, url, "")
	if got := readEvent(t, r)["retry"]; got != "1000" {
		t.Errorf("retry %q, want 1000", got)
	}
	first := readEvent(t, r)
	if first["event"] != "snapshot" || !strings.Contains(first["data"], `"time":1795608000000,"view":{"status":{`) || !strings.Contains(first["data"], "outweighs context (40) ACTIVE") {
		t.Fatalf("first event %v", first)
	}
	// A reader that has it all gets signs of life only, ...
	again := openStream(t, url, first["id"])
	readEvent(t, again)
	p.change(func(p *plant) { p.status.Time++ })
	second := readEvent(t, r)
	for second["event"] == "snapshot" { // the second reader is counted in a snapshot of its own
		second = readEvent(t, r)
	}
	if second["event"] != "beat" || second["data"] != `{"time":1795608000001}` {
		t.Errorf("got %v, want a beat with the plant's new time", second)
	}
	// ... and a change reaches everyone.
	p.change(func(p *plant) { p.status.Edge.Sampled = 777 })
	for {
		if e := readEvent(t, r); e["event"] == "snapshot" {
			if !strings.Contains(e["data"], `"sampled":777`) || e["id"] == first["id"] {
				t.Errorf("snapshot %v, want the new count", e)
			}
			break
		}
	}
}

func TestResume(t *testing.T) {
	h := newHub(nil, nil)
	h.publish(1, []byte("{}"), time.Unix(10, 0))
	up, _ := h.join(h.eventID())
	behind, _ := h.join("some-other-id")
	h.publish(2, []byte("{}"), time.Unix(10, 0))
	if len(up.events) != 0 || len(behind.events) != 1 {
		t.Errorf("events: %d for who has it all, %d for who has not; want 0 and 1", len(up.events), len(behind.events))
	}
	h.publish(3, []byte("{}"), time.Unix(13, 0))
	if got := string(<-up.events); !strings.HasPrefix(got, "event: beat\n") {
		t.Errorf("got %q, want a beat", got)
	}
}

// TestSlowClient fills the queue of a client that never reads.
func TestSlowClient(t *testing.T) {
	h := newHub(nil, nil)
	slow, _ := h.join("")
	quick, _ := h.join("")
	for i := range clientQueue + 1 {
		h.publish(linewatch.Time(i), []byte{'0' + byte(i)}, time.Unix(1, 0))
		<-quick.events
	}
	if got := h.counts(); got.Open != 1 || got.Dropped != 1 {
		t.Errorf("got %+v, want one open and one dropped", got)
	}
	for range clientQueue {
		<-slow.events
	}
	select {
	case _, open := <-slow.events:
		if open {
			t.Error("the slow client got more than its queue holds")
		}
	default:
		t.Error("the slow client's stream goes on")
	}
	h.leave(slow) // after it was dropped: no harm
}

func TestStreamLimit(t *testing.T) {
	s := newServer(t, bottlingLine())
	for range maxStreams {
		if _, ok := s.hub.join(""); !ok {
			t.Fatal("refused below the limit")
		}
	}
	if w := do(s, "GET", "/api/v1/stream", nil); w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") == "" {
		t.Errorf("got %d, want 503 with Retry-After", w.Code)
	}
}

// TestHubRhythm asks for one snapshot per half second while somebody watches,
// none while nobody does, and silence while snapshots fail.
func TestHubRhythm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var taken atomic.Int64
		var broken atomic.Bool
		h := newHub(func(context.Context) (linewatch.Time, []byte, error) {
			taken.Add(1)
			if broken.Load() {
				return 0, nil, errors.New("no history")
			}
			return 1, []byte("{}"), nil
		}, slog.New(slog.NewTextHandler(io.Discard, nil)))
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { h.run(ctx); close(done) }()
		step := func(d time.Duration) { time.Sleep(d + time.Millisecond); synctest.Wait() }

		step(3 * time.Second)
		if n := taken.Load(); n != 0 {
			t.Errorf("%d snapshots without a watcher", n)
		}
		c, _ := h.join("")
		synctest.Wait()
		if n := taken.Load(); n != 1 || len(c.events) != 1 {
			t.Errorf("%d snapshots and %d events at once after joining, want 1 and 1", n, len(c.events))
		}
		<-c.events
		step(5 * time.Second)
		if n := taken.Load(); n != 11 || len(c.events) != 2 {
			t.Errorf("%d snapshots and %d beats after 5 s, want 11 and 2", n, len(c.events))
		}
		for len(c.events) > 0 {
			<-c.events
		}
		broken.Store(true)
		step(10 * time.Second)
		if len(c.events) != 0 {
			t.Error("a beat while snapshots fail would call old numbers live")
		}
		cancel()
		<-done
	})
}

// TestStopEndsStreams asks that open streams do not hold up the end.
func TestStopEndsStreams(t *testing.T) {
	s := newServer(t, bottlingLine())
	l, err := Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Serve(ctx, l) }()
	readEvent(t, openStream(t, "http://"+l.Addr().String(), ""))
	begin := time.Now()
	cancel()
	if err := <-done; err != nil {
		t.Errorf("serve: %v", err)
	}
	if took := time.Since(begin); took > shutdownTime/2 {
		t.Errorf("stopping took %v", took)
	}
}
