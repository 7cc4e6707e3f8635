package ui

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
	"sync"
	"time"

	"linewatch"
)

// Rhythm of the stream.
const (
	snapshotEvery = 500 * time.Millisecond
	beatEvery     = 2 * time.Second // a page calls itself stale after 5 s without either
	clientQueue   = 4
	writeTime     = 5 * time.Second
)

// hub takes snapshots while somebody watches and hands each one that differs
// from the last to every client. A client whose queue is full is dropped and
// counted; its browser reconnects and begins with a full snapshot.
type hub struct {
	snapshot func(context.Context) (linewatch.Time, []byte, error)
	log      *slog.Logger
	wake     chan struct{}

	mu      sync.Mutex
	clients map[*client]struct{}
	dropped uint64
	epoch   int64 // tells the ids of this process from those of one before
	id      uint64
	last    []byte
	beatAt  time.Time
}

type client struct {
	events chan []byte // closed by the hub when the client is dropped
	seen   uint64
}

// streamCounts says who watches and who was too slow.
type streamCounts struct {
	Open    int    `json:"open"`
	Dropped uint64 `json:"dropped"`
}

func newHub(snapshot func(context.Context) (linewatch.Time, []byte, error), log *slog.Logger) *hub {
	return &hub{snapshot: snapshot, log: log, wake: make(chan struct{}, 1), clients: map[*client]struct{}{}, epoch: time.Now().UnixMilli()}
}

func (h *hub) counts() streamCounts {
	h.mu.Lock()
	defer h.mu.Unlock()
	return streamCounts{Open: len(h.clients), Dropped: h.dropped}
}

// join adds a client, or says that there are too many. lastID is the id of
// the last event that it had, if any.
func (h *hub) join(lastID string) (*client, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.clients) >= maxStreams {
		return nil, false
	}
	c := &client{events: make(chan []byte, clientQueue)}
	if lastID != "" && lastID == h.eventID() {
		c.seen = h.id
	}
	h.clients[c] = struct{}{}
	select {
	case h.wake <- struct{}{}:
	default: // it is awake already
	}
	return c, true
}

func (h *hub) leave(c *client) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.clients, c)
}

func (h *hub) eventID() string {
	return strconv.FormatInt(h.epoch, 36) + "-" + strconv.FormatUint(h.id, 10)
}

// run takes and hands out snapshots until ctx ends.
func (h *hub) run(ctx context.Context) {
	ticks := time.NewTicker(snapshotEvery)
	defer ticks.Stop()
	broken := false
	for {
		select {
		case <-ctx.Done():
			return
		case <-h.wake:
		case <-ticks.C:
		}
		if h.counts().Open == 0 {
			continue
		}
		now, data, err := h.snapshot(ctx)
		if err != nil {
			if !broken && ctx.Err() == nil { // once per outage; meanwhile the pages say STALE
				h.log.Error("take snapshot for the page", "error", err)
			}
			broken = true
			continue
		}
		broken = false
		h.publish(now, data, time.Now())
	}
}

// publish hands a snapshot to all who have not seen it and a beat, now and
// then, to the others. It never waits for a client.
func (h *hub) publish(now linewatch.Time, data []byte, wall time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !bytes.Equal(data, h.last) {
		h.id++
		h.last = data
	}
	beat := wall.Sub(h.beatAt) >= beatEvery
	if beat {
		h.beatAt = wall
	}
	full := fmt.Appendf(nil, "id: %s\nevent: snapshot\ndata: {\"time\":%d,\"view\":%s}\n\n", h.eventID(), int64(now), data)
	quiet := fmt.Appendf(nil, "event: beat\ndata: {\"time\":%d}\n\n", int64(now))
	for c := range h.clients {
		event := full
		if c.seen == h.id {
			if !beat {
				continue
			}
			event = quiet
		}
		select {
		case c.events <- event:
			c.seen = h.id
		default:
			h.dropped++
			delete(h.clients, c)
			close(c.events)
		}
	}
}

// getStream writes events until the client goes, the server stops or the
// client turns out too slow.
func (s *Server) getStream(w http.ResponseWriter, r *http.Request) {
	c, ok := s.hub.join(r.Header.Get("Last-Event-ID"))
	if !ok {
		w.Header().Set("Retry-After", "5")
		problem(w, http.StatusServiceUnavailable, "too many pages are open")
		return
	}
	defer s.hub.leave(c)
	conn := http.NewResponseController(w)
	if err := conn.SetReadDeadline(time.Time{}); err != nil {
		s.fail(w, r, fmt.Errorf("prepare stream: %w", err))
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("X-Accel-Buffering", "no")
	event, open := []byte("retry: 1000\n\n"), true
	for open {
		if conn.SetWriteDeadline(time.Now().Add(writeTime)) != nil {
			return
		}
		if _, err := w.Write(event); err != nil {
			return
		}
		if conn.Flush() != nil {
			return
		}
		select {
		case <-r.Context().Done():
			return
		case event, open = <-c.events:
		}
	}
}
