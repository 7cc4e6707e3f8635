package domain

import (
	"linewatch"
	"linewatch/rules"
)

// Timestamps outside of this window are no milliseconds since 1970 at all, but
// most likely seconds, microseconds or nanoseconds.
const (
	plausibleFrom linewatch.Time = 946_684_800_000   // 2000-01-01
	plausibleTo   linewatch.Time = 7_258_118_400_000 // 2200-01-01
)

// Points takes the points of one record, all of one gateway. The slice is not
// kept.
func (d *Domain) Points(arrival linewatch.Time, at linewatch.Position, gateway string, points []linewatch.DataPoint) {
	d.begin(arrival)
	rec := recordInput{arrival: arrival, gateway: gateway, held: heldRecord{partition: at.Partition, offset: at.Offset, newest: linewatch.NoTime}}
	for i := range points {
		p := &points[i]
		if rec.sender == nil || rec.sender.name.Source != p.Source {
			rec.sender = d.senders[linewatch.Sender{Gateway: gateway, Source: p.Source}]
		}
		switch {
		case p.IsHeartbeat():
			d.heartbeat(&rec, p)
		case p.IsGap():
			d.gap(&rec, p)
		case d.guest(p):
			d.copy(&rec, p, uint32(i))
		default:
			d.point(&rec, p, uint32(i))
		}
	}
	if rec.held.newest.Known() {
		d.held = append(d.held, rec.held)
	}
	d.applyTransitions(arrival)
}

// recordInput is what the points of one record have in common.
type recordInput struct {
	arrival linewatch.Time
	gateway string
	sender  *sender // of the point before, nil if unknown
	held    heldRecord
	copy    bool // the point is of a guest
}

func (d *Domain) heartbeat(rec *recordInput, p *linewatch.DataPoint) {
	s := rec.sender
	if s == nil || !s.admitted {
		d.accounts.HeartbeatsRefused++
		return
	}
	d.accounts.Heartbeats++
	backlog, _ := p.Value.Int()
	s.counts.Spooled = uint64(max(backlog, 0))
	if !plausible(p.Timestamp) || !d.tracker.Heartbeat(s.bucket, rec.arrival, p.Timestamp, backlog > 0) {
		s.counts.HeartbeatsAhead++
	}
}

// gap remembers points that will never come.
func (d *Domain) gap(rec *recordInput, p *linewatch.DataPoint) {
	s := rec.sender
	n, ok := p.Value.Int()
	if s == nil || !s.admitted || !ok || n <= 0 || uint64(n)-1 > p.Sequence {
		d.accounts.GapsRefused++
		return
	}
	if s.seen.addRange(p.Epoch, p.Sequence-(uint64(n)-1), p.Sequence, rec.arrival) == fresh {
		d.accounts.GapLost += uint64(n)
		s.counts.GapLost += uint64(n)
	}
}

// point puts one reading where it belongs: counted exactly once.
func (d *Domain) point(rec *recordInput, p *linewatch.DataPoint, index uint32) {
	d.accounts.Received++
	if rec.sender == nil || !rec.sender.admitted {
		rec.sender = d.letIn(rec, p)
		if rec.sender == nil {
			d.quarantine(rec, p, index, UnknownSender)
			return
		}
	}
	s := rec.sender
	s.counts.Received++
	id := s.seen.add(p.Epoch, p.Sequence, rec.arrival)
	if id == duplicate {
		d.accounts.Duplicate++
		s.counts.Duplicate++
		d.skip(rec, p, index)
		return
	}
	if s.seen.newest() > p.Epoch {
		s.counts.Superseded++
	}
	if !plausible(p.Timestamp) {
		d.quarantine(rec, p, index, TimestampUnit)
		return
	}
	series, known := d.engine.Lookup(p.Equipment, p.Tag)
	if !known {
		var reason Reason
		if series, reason = d.newSeries(p); reason != notQuarantined {
			d.quarantine(rec, p, index, reason)
			return
		}
	}
	late := d.tracker.Late(p.Timestamp) || id == forgotten
	if !d.tracker.Point(s.bucket, rec.arrival, p.Timestamp, p.Flags.Has(linewatch.Last)) {
		d.quarantine(rec, p, index, ClockAhead)
		return
	}
	if !late && d.buffer.count >= bufferSlack*d.cfg.BufferCap {
		d.quarantine(rec, p, index, BufferFull)
		return
	}
	d.accounts.Accepted++
	s.counts.Accepted++
	if late {
		d.setLate(rec, p, index, series)
		return
	}
	rec.held.newest = max(rec.held.newest, p.Timestamp)
	s.waiting++
	d.wait(p, series, s.id, rec.copy)
}

// wait lets a point wait for the watermark.
func (d *Domain) wait(p *linewatch.DataPoint, series rules.SeriesID, sender rules.SenderID, copied bool) {
	e := entry{
		at: p.Timestamp, seq: p.Sequence, epoch: p.Epoch, value: p.Value,
		series: series, sender: sender, quality: p.Quality, copy: copied,
	}
	if p.Quality != linewatch.Ok {
		e.cause = d.engine.Cause(p.Cause)
	}
	d.buffer.push(&e)
}

func plausible(t linewatch.Time) bool { return t >= plausibleFrom && t < plausibleTo }

// newSeries makes a series for the first point of a tag.
func (d *Domain) newSeries(p *linewatch.DataPoint) (rules.SeriesID, Reason) {
	if !d.engine.Knows(p.Equipment) {
		return 0, UnknownEquipment
	}
	id, ok := d.engine.Series(p.Equipment, p.Tag)
	if !ok {
		return 0, TooManyTags
	}
	return id, notQuarantined
}
