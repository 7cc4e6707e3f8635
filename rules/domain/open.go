package domain

import (
	"container/heap"

	"linewatch"
)

// openSenders are the senders that are let in without being registered: a
// container/heap whose first is the one that was silent longest, of equals the
// first by name. A sender that spoke since it was looked at stands too far in
// front, never too far behind, so that it is enough to look at the first.
type openSenders []*sender

// letIn admits a sender that the registry does not list, if that is allowed;
// nil otherwise.
func (d *Domain) letIn(rec *recordInput, p *linewatch.DataPoint) *sender {
	for len(d.open) >= d.cfg.OpenSenders {
		if !d.makeRoom(rec.arrival) {
			return nil
		}
	}
	s := d.sender(linewatch.Sender{Gateway: rec.gateway, Source: p.Source})
	d.admit(s, rec.arrival)
	return s
}

// makeRoom has the open sender that was silent longest give up its slot, if
// nothing was believed of it within the horizon: made-up senders must not lock
// out a real one for ever. What was known of it is forgotten; if it comes back
// it is a newcomer.
func (d *Domain) makeRoom(arrival linewatch.Time) bool {
	for len(d.open) > 0 && arrival.Sub(d.open[0].heard) > horizon {
		s := d.open[0]
		if last := d.tracker.Bucket(s.bucket).LastArrival; last > s.heard {
			s.heard = last
			heap.Fix(&d.open, 0)
			continue
		}
		d.dismiss(s, arrival)
		s.seen, s.counts = seen{}, SenderCounts{}
		return true
	}
	return false
}

// drop takes a sender out, if it is in.
func (o *openSenders) drop(s *sender) {
	if s.place > 0 {
		heap.Remove(o, s.place-1)
	}
}

// Len implements heap.Interface.
func (o openSenders) Len() int { return len(o) }

// Less implements heap.Interface.
func (o openSenders) Less(i, j int) bool {
	if o[i].heard != o[j].heard {
		return o[i].heard < o[j].heard
	}
	return o[i].name.Compare(o[j].name) < 0
}

// Swap implements heap.Interface.
func (o openSenders) Swap(i, j int) {
	o[i], o[j] = o[j], o[i]
	o[i].place, o[j].place = i+1, j+1
}

// Push implements heap.Interface.
func (o *openSenders) Push(s any) {
	*o = append(*o, s.(*sender))
	(*o)[len(*o)-1].place = len(*o)
}

// Pop implements heap.Interface.
func (o *openSenders) Pop() any {
	last := len(*o) - 1
	s := (*o)[last]
	s.place, (*o)[last], *o = 0, nil, (*o)[:last]
	return s
}
