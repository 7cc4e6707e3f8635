package edge

import (
	"context"
	"errors"
	"time"

	"linewatch"
)

// How the forwarder works.
const (
	batchPoints    = 5000                   // most points of a block
	heartbeatEvery = time.Second            // of a quiet sender, by its clock
	heartbeatLeast = 2 * time.Millisecond   // the same in real time, however fast its clock
	drainPause     = 100 * time.Millisecond // an empty spool at the end stays empty that long
	longSilence    = 5                      // heartbeats left out, after which the engine may have gone on
)

// forwarder takes points out of the spool and hands them to the uplink in
// sequence order, with heartbeats behind them. It is used by one goroutine.
type forwarder struct {
	spool   Spool
	backlog Backlog
	uplink  Uplink
	senders []*sender
	beats   map[string]*beat // by source
	sending *trouble
	taking  *trouble
	now     func() linewatch.Time
	every   time.Duration // heartbeats of a quiet sender, in real time
	// delivered is when the uplink took a block last.
	delivered time.Time
	block     []linewatch.DataPoint // reused
}

// beat is the state of one sender's heartbeats and its part of the batch in
// hand.
type beat struct {
	sender   *sender
	sent     time.Time      // when the last heartbeat was made, or could not be
	asserted linewatch.Time // what it said

	count   uint64         // points in the batch, without gap records
	lost    uint64         // points that its gap records say are lost
	refused uint64         // points in the batch that the uplink refused
	present bool           // anything in the batch
	newest  linewatch.Time // timestamp of the last point that was not lost, or NoTime
	created linewatch.Time // CreatedAt of the same, or NoTime
}

func newForwarder(o Options, senders []*sender, now func() linewatch.Time) *forwarder {
	f := &forwarder{
		spool: o.Spool, backlog: o.Backlog, uplink: o.Uplink, senders: senders, now: now, beats: map[string]*beat{},
		every:   max(time.Duration(float64(heartbeatEvery)/o.Speed), heartbeatLeast),
		sending: &trouble{what: "uplink", log: o.Log}, taking: &trouble{what: "reading the spool", log: o.Log},
	}
	for _, s := range senders {
		f.beats[s.config.ID] = &beat{sender: s, asserted: linewatch.NoTime}
	}
	return f
}

// run forwards until drain has ended and the spool is empty, or ctx ends.
//
// Once sources has ended there are no more heartbeats: the last thing said of
// each source is then its points flagged Lst, and not that it is alive.
func (f *forwarder) run(ctx, sources, drain context.Context) {
	for ctx.Err() == nil {
		ending := drain.Err() != nil
		points := f.next(ctx, sources)
		if len(points) == 0 && ending {
			return
		}
		f.sort(points)
		var beats []linewatch.DataPoint
		if sources.Err() == nil {
			beats = f.heartbeats()
		}
		if len(points)+len(beats) == 0 {
			continue
		}
		if f.deliver(ctx, points, beats) != nil {
			return // ctx has ended; the points stay in the spool
		}
		f.noteDelivery()
		if len(points) > 0 {
			f.acknowledge()
		}
	}
}

// noteDelivery lets the senders say everything once more if nothing was
// delivered for long: the engine may have gone on without them, and has then
// taken what was on its way for late.
func (f *forwarder) noteDelivery() {
	now := time.Now()
	if long := longSilence * f.every; !f.delivered.IsZero() && now.Sub(f.delivered) > long {
		for _, s := range f.senders {
			s.again.Store(true)
		}
	}
	f.delivered = now
}

// next waits for points until a heartbeat is due or the sources have ended.
func (f *forwarder) next(ctx, sources context.Context) (points []linewatch.DataPoint) {
	wait := drainPause
	if sources.Err() == nil {
		wait = f.untilHeartbeat()
	}
	due, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	if sources.Err() == nil {
		defer context.AfterFunc(sources, cancel)()
	}
	err := f.taking.retry(due, func() (err error) {
		if points, err = f.spool.Next(due, batchPoints); err != nil && due.Err() != nil {
			points, err = nil, nil
		}
		return err
	})
	if err != nil {
		return nil
	}
	return points
}

// untilHeartbeat returns how long it is until the first sender's heartbeat is
// due.
func (f *forwarder) untilHeartbeat() time.Duration {
	wait := f.every
	for _, b := range f.beats {
		wait = min(wait, f.every-time.Since(b.sent))
	}
	return max(wait, 0)
}

// sort notes what each sender has in the batch.
func (f *forwarder) sort(points []linewatch.DataPoint) {
	for _, b := range f.beats {
		b.count, b.lost, b.refused, b.present, b.newest, b.created = 0, 0, 0, false, linewatch.NoTime, linewatch.NoTime
	}
	for i := range points {
		p := &points[i]
		b := f.beats[p.Source]
		if b == nil {
			continue // left in the spool by a source that is not configured any more
		}
		b.present = true
		if !p.IsGap() {
			b.count++
			b.newest, b.created = p.Timestamp, p.CreatedAt
		} else if n, ok := p.Value.Int(); ok {
			b.lost += uint64(n)
		}
	}
}

// heartbeats returns those of the senders in the batch and of those that have
// been quiet for long enough.
func (f *forwarder) heartbeats() (out []linewatch.DataPoint) {
	for _, s := range f.senders {
		b := f.beats[s.config.ID]
		if !b.present && time.Since(b.sent) < f.every {
			continue
		}
		now := f.now()
		b.sent = time.Now()
		at, waiting := f.assert(b, now)
		if !at.Known() {
			continue
		}
		b.asserted = at
		out = append(out, linewatch.DataPoint{
			Timestamp: at, CreatedAt: now, Tag: linewatch.HeartbeatTag, Value: linewatch.UintValue(waiting),
			Source: s.config.ID, Quality: linewatch.Ok, Flags: linewatch.Watermark,
		})
	}
	return out
}

// assert returns the time up to which nothing of the sender will be unsent
// once the batch in hand is sent, and how many points wait behind it. It is
// NoTime if nothing can be said.
//
// The order of the two questions matters: what the clock asserts has reached
// the spool, so that the spool's answer, asked later, counts it.
func (f *forwarder) assert(b *beat, now linewatch.Time) (at linewatch.Time, waiting uint64) {
	at, ordered := b.sender.clock.assert(now, b.created)
	if !at.Known() {
		return at, 0
	}
	pending, taken := uint64(f.backlog.Pending(b.sender.config.ID)), b.count+b.lost
	if pending <= taken {
		return max(at, b.asserted), 0
	}
	if b.newest.Known() && ordered {
		// A scan may be divided between this batch and the next.
		at = min(at, b.newest-1)
	} else if oldest, ok := f.backlog.Oldest(b.sender.config.ID); ok {
		at = min(at, oldest-1)
	}
	return max(at, b.asserted), pending - taken
}

// deliver hands points and heartbeats to the uplink and returns when it has
// taken them; the error is that ctx has ended. What the uplink refuses for
// good is narrowed down to single points and counted.
func (f *forwarder) deliver(ctx context.Context, points, beats []linewatch.DataPoint) error {
	f.block = append(append(f.block[:0], points...), beats...)
	err := f.sending.retry(ctx, func() error { return f.uplink.Send(ctx, f.block) })
	if !errors.Is(err, ErrRefused) {
		return err
	}
	if len(points) < 2 {
		f.refuse(points, err)
		return nil
	}
	half := len(points) / 2
	if err := f.deliver(ctx, points[:half], nil); err != nil {
		return err
	}
	return f.deliver(ctx, points[half:], beats)
}

func (f *forwarder) refuse(points []linewatch.DataPoint, err error) {
	for i := range points {
		p := &points[i]
		logRejected(f.sending.log, p, err)
		if b := f.beats[p.Source]; b != nil && !p.IsGap() {
			b.refused++
		}
	}
}

// acknowledge lets the spool forget the batch and counts it.
func (f *forwarder) acknowledge() {
	for _, b := range f.beats {
		if b.present {
			b.sender.ledger.begin()
			defer b.sender.ledger.end()
		}
	}
	if err := f.spool.Acknowledge(); err != nil {
		// The batch has arrived all the same. If this run dies, the next one
		// sends it again, and the receiver knows it by its numbers.
		f.taking.note(err)
	}
	for _, b := range f.beats {
		b.sender.ledger.sent.Add(b.count - b.refused)
		b.sender.ledger.lost.Add(b.lost)
		b.sender.ledger.rejected.Add(b.refused)
	}
}
