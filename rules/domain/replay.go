package domain

import (
	"errors"
	"fmt"
	"slices"

	"linewatch"
)

// heldRecord remembers that points of a record wait in the order buffer. The
// buffer itself is not part of a snapshot: after a restore these records are
// read again.
type heldRecord struct {
	partition int
	offset    uint64
	newest    linewatch.Time // of the points that wait
	skip      []uint32       // points after the watermark that do not wait: refused or duplicate
}

// skip notes a point that must not get into the buffer when its record is read
// again. The watermark tells that of the others.
func (d *Domain) skip(rec *recordInput, p *linewatch.DataPoint, index uint32) {
	if p.Timestamp > d.tracker.Watermark() {
		rec.held.skip = append(rec.held.skip, index)
	}
}

// forgetHeld drops the records of which nothing waits any more.
func (d *Domain) forgetHeld(watermark linewatch.Time) {
	d.held = slices.DeleteFunc(d.held, func(h heldRecord) bool { return h.newest <= watermark })
}

// ReplayFrom returns the offset of the first record of a partition of which
// points wait in the order buffer; next if there is none.
func (d *Domain) ReplayFrom(partition int, next uint64) uint64 {
	for _, h := range d.held {
		if h.partition == partition {
			next = min(next, h.offset)
		}
	}
	return next
}

// Refill takes a record again that was taken before the snapshot, so that the
// points of it which waited then wait again. Other records are ignored.
func (d *Domain) Refill(at linewatch.Position, gateway string, points []linewatch.DataPoint) {
	i, ok := d.awaited[at]
	if !ok {
		return
	}
	skip := d.held[i].skip
	for j := range points {
		p := &points[j]
		if len(skip) > 0 && skip[0] == uint32(j) {
			skip = skip[1:]
			continue
		}
		if p.Timestamp <= d.tracker.Watermark() || p.IsHeartbeat() || p.IsGap() {
			continue
		}
		s := d.senders[linewatch.Sender{Gateway: gateway, Source: p.Source}]
		series, ok := d.engine.Lookup(p.Equipment, p.Tag)
		if s == nil || !ok {
			continue // Refilled notices
		}
		copied := d.engine.Foreign(p.Equipment)
		if copied {
			d.copies.Buffered++
		}
		s.waiting++
		d.wait(p, series, s.id, copied)
	}
}

// ErrNotRefilled means that the log does not hold any more what the snapshot
// was waiting for.
var ErrNotRefilled = errors.New("the log does not hold the points that the snapshot waits for")

// Refilled checks, when all records before the snapshot's position were taken
// again, that the order buffer is what it was.
func (d *Domain) Refilled() error {
	if d.buffer.count != d.expected {
		return fmt.Errorf("%w: %d of %d points", ErrNotRefilled, d.buffer.count, d.expected)
	}
	d.awaited = nil
	return nil
}
