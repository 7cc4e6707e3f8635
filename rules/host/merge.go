package host

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"slices"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"linewatch"
	"linewatch/rules/domain"
)

// merger puts the records of all partitions into input order: arrival stamp,
// control before points, partition, offset. A record goes on only when every
// other partition is known to hold nothing before it.
type merger struct {
	cfg      *Config
	host     *Host
	sources  []*source // the control log first, then the partitions
	router   *router
	frontier linewatch.Time // everything up to here has gone on
	pos      positions      // what has gone on
	observer *domain.Observer
	global   atomic.Pointer[GlobalWatermark]
	closedTo atomic.Int64 // the frontier that the buckets were told of
}

// GlobalWatermark is how far event time has come over all senders.
type GlobalWatermark struct {
	Time   linewatch.Time
	HeldBy string
}

func newMerger(h *Host) *merger {
	m := &merger{cfg: &h.cfg, host: h, frontier: linewatch.NoTime, observer: domain.NewObserver(h.cfg.Domain)}
	m.global.Store(&GlobalWatermark{Time: linewatch.NoTime})
	m.closedTo.Store(int64(linewatch.NoTime))
	m.router = newRouter(h)
	m.sources = append(m.sources, &source{log: h.cfg.Control, name: controlPart, decode: decodeControl})
	for p := range h.cfg.Points.Partitions() {
		m.sources = append(m.sources, &source{log: h.cfg.Points, partition: p, name: p, decode: pointsDecoder(h.cfg.NewDecoder())})
	}
	for _, s := range m.sources {
		s.ahead = make(chan struct{}, readsAhead)
		s.closedAt = linewatch.NoTime
	}
	m.pos.next = make([]uint64, h.cfg.Points.Partitions())
	return m
}

// adopt takes account of a bucket that was restored.
func (m *merger) adopt(b *bucket) {
	first := len(m.router.known) == 0
	for p := range m.pos.next {
		from := b.replayFrom(p)
		s := m.sources[1+p]
		if first || from < s.from {
			s.from, m.pos.next[p] = from, from
		}
	}
	m.router.adopt(b)
}

// errControl marks a control record that is damaged or refused.
const errControl = linewatch.ErrorCode("ERR_CONTROL")

// decodeControl refuses what it does not know: a rule of a later program must
// not be judged without the part of it that this one cannot read.
func decodeControl(r linewatch.Record) input {
	in := input{raw: r.Data[:min(len(r.Data), maxRaw)]}
	var c linewatch.Control
	d := json.NewDecoder(bytes.NewReader(r.Data))
	d.DisallowUnknownFields()
	err := d.Decode(&c)
	if err == nil && len(bytes.TrimSpace(r.Data[d.InputOffset():])) > 0 {
		err = errors.New("more than one JSON value")
	}
	if err != nil {
		in.refused = []Refused{{Code: errControl, Err: err, Raw: in.raw}}
		return in
	}
	in.control = &c
	return in
}

const maxRaw = 4096

func pointsDecoder(decode Decoder) func(linewatch.Record) input {
	return func(r linewatch.Record) input {
		gateway, points, refused := decode(r.Data)
		return input{gateway: gateway, points: slices.Clone(points), refused: slices.Clone(refused)}
	}
}

// run merges until read ends. What it gives to the workers it waits for with
// work only, so that they see whole records.
func (m *merger) run(read, work context.Context) error {
	chunks := make(chan chunk)
	g, ctx := errgroup.WithContext(read)
	for _, s := range m.sources {
		g.Go(func() error { return s.run(ctx, m.cfg, chunks) })
	}
	var err error
	for err == nil {
		select {
		case c := <-chunks:
			err = m.take(work, c)
		case <-ctx.Done():
			err = ctx.Err()
		}
	}
	readErr := g.Wait()
	m.close(work)
	if work.Err() != nil {
		return context.Cause(work)
	}
	return readErr
}

// take adds what was read and lets go on whatever can.
func (m *merger) take(ctx context.Context, c chunk) error {
	s := c.source
	s.add(c)
	moved := false
	for {
		next := m.first()
		if next == nil {
			break
		}
		in := next.pop()
		m.observer.Points(in.arrival, in.gateway, in.points)
		if err := m.router.route(ctx, &in, &m.pos); err != nil {
			return err
		}
		moved = true
	}
	if f := m.closed(); f > m.frontier || moved {
		m.frontier = max(m.frontier, f)
		m.observer.Close(m.frontier)
		t, holder := m.observer.Watermark()
		m.global.Store(&GlobalWatermark{t, holder})
		return m.close(ctx)
	}
	return nil
}

// first returns the source whose next record may go on; nil if none may yet.
func (m *merger) first() *source {
	var best *source
	for _, s := range m.sources {
		if len(s.queue) > 0 && (best == nil || s.queue[0].arrival < best.queue[0].arrival) {
			best = s
		}
	}
	if best == nil {
		return nil
	}
	for _, s := range m.sources {
		if len(s.queue) == 0 && s.closedAt < best.queue[0].arrival {
			return nil
		}
	}
	return best
}

// closed returns up to which stamp nothing can come any more.
func (m *merger) closed() linewatch.Time {
	t := linewatch.MaxTime
	for _, s := range m.sources {
		if len(s.queue) > 0 {
			t = min(t, s.queue[0].arrival-1)
		} else {
			t = min(t, s.closedAt)
		}
	}
	return t
}

// close tells every bucket how far it has been given everything.
func (m *merger) close(ctx context.Context) error {
	for _, w := range m.host.workers {
		err := w.give(ctx, item{kind: closeItem, arrival: m.frontier, pos: m.pos.clone()})
		if err != nil {
			return err
		}
	}
	m.closedTo.Store(int64(m.frontier))
	return nil
}
