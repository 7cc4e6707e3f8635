package domain

import (
	"slices"

	"linewatch"
)

// Host says which other lines the rules of this line read from the next control
// record on, which has the same arrival; see rules.Engine.Host. Their senders
// have a say in the watermark from now on, as those of this line have.
func (d *Domain) Host(arrival linewatch.Time, lines []string) {
	d.begin(arrival)
	d.guests = lines
	d.engine.Host(lines, d.tracker.Watermark())
	d.register(arrival, d.engine.Registry(), d.leave)
	// By name, as in unlisted.
	byName := slices.SortedFunc(slices.Values(d.byID), func(a, b *sender) int { return a.name.Compare(b.name) })
	for _, s := range byName {
		if s.admitted && !s.registered && d.engine.GivesOthers(s.id) {
			d.leave(s, arrival)
		}
	}
	d.collect(arrival)
}

// leave takes the say of a sender of a former guest. Its tags stay as they are
// until the rules that read them have ended.
func (d *Domain) leave(s *sender, arrival linewatch.Time) {
	if !s.admitted {
		return
	}
	d.retract(s)
	d.engine.Dismiss(s.id, d.tracker.Watermark(), arrival)
}

// guest reports whether a point is a copy of one that its own line judges.
func (d *Domain) guest(p *linewatch.DataPoint) bool {
	return len(d.guests) > 0 && d.engine.Guest(p.Equipment)
}

// copy puts a point of a guest where it belongs. Its own line tells people of
// it if it is late or refused.
func (d *Domain) copy(rec *recordInput, p *linewatch.DataPoint, index uint32) {
	before, late, quarantined, waited := d.accounts, len(d.late), len(d.quarantined), d.buffer.count
	rec.copy = true
	d.point(rec, p, index)
	rec.copy = false
	d.copies.Buffered += uint64(d.buffer.count - waited)
	d.copies.addDifference(&before, &d.accounts)
	d.late, d.quarantined = d.late[:late], d.quarantined[:quarantined]
}

// addDifference adds what one point has moved.
func (a *Accounts) addDifference(before, after *Accounts) {
	a.Received += after.Received - before.Received
	a.Accepted += after.Accepted - before.Accepted
	a.Duplicate += after.Duplicate - before.Duplicate
	a.Late += after.Late - before.Late
	a.LateDropped += after.LateDropped - before.LateDropped
	for i := range a.Quarantined {
		a.Quarantined[i] += after.Quarantined[i] - before.Quarantined[i]
	}
}

// Copies returns which of the Accounts are of points that are judged here once
// more, because rules read tags of the guests they belong to.
func (d *Domain) Copies() Accounts { return d.copies }

// Guests returns the other lines that are heard, in ascending order.
func (d *Domain) Guests() []string { return d.guests }
