package domain

import (
	"container/heap"
	"encoding/binary"
	"fmt"

	"linewatch"
	"linewatch/watermark"
)

const snapshotVersion = 5

// AppendSnapshot appends everything the domain knows but the order buffer,
// which Refill fills again from the log. Changes that were not taken yet are
// not part of it.
func (d *Domain) AppendSnapshot(dst []byte) ([]byte, error) {
	dst = append(dst, snapshotVersion)
	dst = linewatch.AppendText(dst, d.cfg.Line)
	dst = linewatch.AppendTime(dst, d.nextTick)
	dst = linewatch.AppendTexts(dst, d.guests)
	dst = d.accounts.append(dst)
	dst = d.copies.append(dst)
	dst = binary.AppendUvarint(dst, uint64(d.buffer.count))
	dst = binary.AppendUvarint(dst, uint64(len(d.byID)))
	for _, s := range d.byID {
		dst = s.append(dst)
	}
	dst = binary.AppendUvarint(dst, uint64(len(d.held)))
	for _, h := range d.held {
		dst = h.append(dst)
	}
	tracker := d.tracker.AppendSnapshot(nil)
	dst = append(binary.AppendUvarint(dst, uint64(len(tracker))), tracker...)
	return d.engine.AppendSnapshot(dst)
}

func (a *Accounts) append(dst []byte) []byte {
	for _, n := range [...]uint64{a.Received, a.Accepted, a.Duplicate, a.Processed, a.Late, a.LateDropped, a.Heartbeats, a.HeartbeatsRefused, a.GapLost, a.GapsRefused, a.Lagged} {
		dst = binary.AppendUvarint(dst, n)
	}
	return appendReasons(dst, &a.Quarantined)
}

func appendReasons(dst []byte, counts *[reasons]uint64) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(counts)))
	for _, n := range counts {
		dst = binary.AppendUvarint(dst, n)
	}
	return dst
}

func restoreReasons(r *linewatch.BinaryReader, counts *[reasons]uint64) {
	for i := range r.Count() {
		if n := r.Uvarint(); i < len(counts) {
			counts[i] = n
		}
	}
}

func (a *Accounts) restore(r *linewatch.BinaryReader) {
	for _, n := range [...]*uint64{&a.Received, &a.Accepted, &a.Duplicate, &a.Processed, &a.Late, &a.LateDropped, &a.Heartbeats, &a.HeartbeatsRefused, &a.GapLost, &a.GapsRefused, &a.Lagged} {
		*n = r.Uvarint()
	}
	restoreReasons(r, &a.Quarantined)
}

func (s *sender) append(dst []byte) []byte {
	dst = linewatch.AppendText(linewatch.AppendText(dst, s.name.Gateway), s.name.Source)
	dst = binary.AppendVarint(dst, int64(s.bucket))
	dst = linewatch.AppendFlag(linewatch.AppendFlag(dst, s.admitted), s.registered)
	if s.admitted && !s.registered {
		dst = linewatch.AppendTime(dst, s.heard)
	}
	dst = s.seen.append(dst)
	c := &s.counts
	for _, n := range [...]uint64{c.Received, c.Accepted, c.Duplicate, c.Late, c.LateDropped, c.GapLost, c.HeartbeatsAhead, c.Superseded, c.Spooled} {
		dst = binary.AppendUvarint(dst, n)
	}
	return appendReasons(dst, &c.Quarantined)
}

func (d *Domain) restoreSender(r *linewatch.BinaryReader) {
	s := d.sender(linewatch.Sender{Gateway: r.Text(), Source: r.Text()})
	s.bucket = watermark.ID(r.Varint())
	s.admitted, s.registered = r.Flag(), r.Flag()
	if s.admitted && !s.registered {
		s.heard = r.Time()
		heap.Push(&d.open, s)
	}
	s.seen.restore(r)
	c := &s.counts
	for _, n := range [...]*uint64{&c.Received, &c.Accepted, &c.Duplicate, &c.Late, &c.LateDropped, &c.GapLost, &c.HeartbeatsAhead, &c.Superseded, &c.Spooled} {
		*n = r.Uvarint()
	}
	restoreReasons(r, &c.Quarantined)
	if s.admitted {
		d.owners[s.bucket] = s
	}
}

func (h *heldRecord) append(dst []byte) []byte {
	dst = binary.AppendUvarint(dst, uint64(h.partition))
	dst = binary.AppendUvarint(dst, h.offset)
	dst = linewatch.AppendTime(dst, h.newest)
	dst = binary.AppendUvarint(dst, uint64(len(h.skip)))
	for _, i := range h.skip {
		dst = binary.AppendUvarint(dst, uint64(i))
	}
	return dst
}

func restoreHeld(r *linewatch.BinaryReader) heldRecord {
	h := heldRecord{partition: int(r.Uvarint()), offset: r.Uvarint(), newest: r.Time()}
	for range r.Count() {
		h.skip = append(h.skip, uint32(r.Uvarint()))
	}
	return h
}

// Restore makes a new domain what the one was that wrote the snapshot, but for
// the order buffer: the caller then takes the log from ReplayFrom on, with
// Refill up to the snapshot's position, and asks Refilled.
//
// A domain after an error is not usable.
func (d *Domain) Restore(b []byte) error {
	r := linewatch.NewBinaryReader(b)
	if v := r.Byte(); v != snapshotVersion {
		return fmt.Errorf("restore domain: %w", linewatch.SnapshotVersion(uint64(v), snapshotVersion))
	}
	if line := r.Text(); line != d.cfg.Line {
		return fmt.Errorf("restore domain: the snapshot is of line %q, not %q", line, d.cfg.Line)
	}
	d.nextTick = r.Time()
	d.guests = r.Texts()
	d.accounts.restore(r)
	d.copies.restore(r)
	d.expected = int(r.Uvarint())
	for range r.Count() {
		d.restoreSender(r)
	}
	d.awaited = map[linewatch.Position]int{}
	for i := range r.Count() {
		h := restoreHeld(r)
		d.held = append(d.held, h)
		d.awaited[linewatch.Position{Partition: h.partition, Offset: h.offset}] = i
	}
	tracker := r.Bytes()
	if err := r.Err(); err != nil {
		return fmt.Errorf("restore domain: %w", err)
	}
	if err := d.tracker.Restore(tracker); err != nil {
		return fmt.Errorf("restore domain: %w", err)
	}
	return d.engine.Restore(r.Rest())
}
