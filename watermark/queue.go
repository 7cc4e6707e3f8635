package watermark

// queue is a list of buckets in the order of their field last, linked through
// the buckets themselves. Since arrival never goes back, joining at the end
// keeps that order.
type queue struct{ head, tail ID }

func (t *Tracker) push(q *queue, id ID) {
	b := &t.buckets[id]
	b.prev, b.next = q.tail, none
	if q.tail == none {
		q.head = id
	} else {
		t.buckets[q.tail].next = id
	}
	q.tail = id
}

func (t *Tracker) drop(q *queue, id ID) {
	b := &t.buckets[id]
	if b.prev == none {
		q.head = b.next
	} else {
		t.buckets[b.prev].next = b.next
	}
	if b.next == none {
		q.tail = b.prev
	} else {
		t.buckets[b.next].prev = b.prev
	}
}
