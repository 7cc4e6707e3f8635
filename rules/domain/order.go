package domain

import (
	"cmp"
	"container/heap"
	"slices"

	"linewatch"
	"linewatch/rules"
)

// entry is a point that waits for the watermark.
type entry struct {
	at      linewatch.Time
	seq     uint64
	epoch   uint64
	value   linewatch.Value
	series  rules.SeriesID
	sender  rules.SenderID
	cause   rules.Cause // why it is not Ok
	quality linewatch.Quality
	copy    bool // of a guest
}

// The order buffer sorts by dropping points into slots of 8 ms. One window of
// slots is open; points of other windows wait unsorted until theirs opens.
const (
	slotBits   = 3
	windowBits = 12 // slots in a window: 32.8 s
	windowSize = 1 << windowBits
)

// orderBuffer gives points back in the order of (time, sender, epoch,
// sequence number).
type orderBuffer struct {
	count  int
	rank   []int32 // of each sender, by name
	window int64   // the open one
	inside int     // entries in the open window
	first  int     // slots before this one are empty
	slots  [windowSize][]entry
	far    map[int64][]entry // entries of the other windows
	later  windowHeap        // the windows in far
	spare  [][]entry         // emptied slots, for reuse
	keys   []uint64          // of the slot that is being released
}

func windowOf(t linewatch.Time) int64 { return int64(t) >> (slotBits + windowBits) }

func slotOf(t linewatch.Time) int { return int(int64(t)>>slotBits) & (windowSize - 1) }

func (b *orderBuffer) push(e *entry) {
	b.count++
	w := windowOf(e.at)
	if w != b.window && b.inside == 0 && len(b.far[w]) == 0 {
		b.window, b.first = w, windowSize
	}
	if w == b.window {
		b.drop(e)
		return
	}
	b.postpone(w, *e)
}

// postpone keeps entries of a window that is not open.
func (b *orderBuffer) postpone(w int64, entries ...entry) {
	if b.far == nil {
		b.far = map[int64][]entry{}
	}
	if len(b.far[w]) == 0 {
		heap.Push(&b.later, w)
	}
	b.far[w] = append(b.far[w], entries...)
}

// drop puts an entry of the open window into its slot.
func (b *orderBuffer) drop(e *entry) {
	i := slotOf(e.at)
	s := b.slots[i]
	if s == nil && len(b.spare) > 0 {
		s = b.spare[len(b.spare)-1]
		b.spare = b.spare[:len(b.spare)-1]
	}
	b.slots[i] = append(s, *e)
	b.first = min(b.first, i)
	b.inside++
}

// release gives out, in order, all entries at or before t. An entry is valid
// until give returns.
func (b *orderBuffer) release(t linewatch.Time, give func(*entry)) {
	limit := windowOf(t)
	for b.count > 0 {
		w := b.firstWindow()
		if w > limit {
			return
		}
		if w != b.window {
			b.open(w)
		}
		last := windowSize - 1
		if w == limit {
			last = slotOf(t)
		}
		for b.first <= last && b.inside > 0 {
			if !b.releaseSlot(b.first, t, give) {
				return
			}
			b.first++
		}
		if b.inside > 0 {
			return
		}
	}
}

// firstWindow returns the earliest window that holds anything.
func (b *orderBuffer) firstWindow() int64 {
	switch {
	case len(b.later) == 0:
		return b.window
	case b.inside == 0:
		return b.later[0]
	}
	return min(b.window, b.later[0])
}

// open makes the earliest window w, which is not open, the open one.
func (b *orderBuffer) open(w int64) {
	heap.Pop(&b.later)
	if b.inside > 0 { // the first points of all came from a later window
		for i := b.first; i < windowSize; i++ {
			if s := b.slots[i]; len(s) > 0 {
				b.postpone(b.window, s...)
			}
			b.clear(i)
		}
	}
	b.window, b.first, b.inside = w, windowSize, 0
	entries := b.far[w]
	delete(b.far, w)
	for i := range entries {
		b.drop(&entries[i])
	}
}

// releaseSlot gives out the entries of a slot up to t and reports whether that
// was all of them.
func (b *orderBuffer) releaseSlot(i int, t linewatch.Time, give func(*entry)) bool {
	s := b.slots[i]
	if len(s) == 0 {
		return true
	}
	order := b.sort(s)
	n := 0
	for n < len(s) && s[uint32(order[n])].at <= t {
		give(&s[uint32(order[n])])
		n++
	}
	b.count -= n
	b.inside -= n
	if n < len(s) {
		b.slots[i] = slices.DeleteFunc(s, func(e entry) bool { return e.at <= t })
		return false
	}
	b.clear(i)
	return true
}

func (b *orderBuffer) clear(i int) {
	if s := b.slots[i]; s != nil {
		clear(s)
		b.spare = append(b.spare, s[:0])
		b.slots[i] = nil
	}
}

// sort puts a slot in order and returns that order: a key for each entry whose
// lower half is its index. Time within the slot and sender stand above it, so
// that entries need not move unless one sender's points of one instant came in
// the wrong order.
func (b *orderBuffer) sort(s []entry) []uint64 {
	const place = 32 - slotBits
	b.keys = b.keys[:0]
	for i := range s {
		e := &s[i]
		b.keys = append(b.keys, uint64(e.at&(1<<slotBits-1))<<(32+place)|uint64(b.rank[e.sender])<<32|uint64(i))
	}
	slices.Sort(b.keys)
	for i := 1; i < len(b.keys); i++ {
		if b.compare(&s[uint32(b.keys[i-1])], &s[uint32(b.keys[i])]) > 0 {
			slices.SortFunc(s, func(x, y entry) int { return b.compare(&x, &y) })
			for j := range b.keys {
				b.keys[j] = uint64(j)
			}
			break
		}
	}
	return b.keys
}

func (b *orderBuffer) compare(x, y *entry) int {
	if x.at != y.at {
		return cmp.Compare(x.at, y.at)
	}
	if x.sender != y.sender {
		return cmp.Compare(b.rank[x.sender], b.rank[y.sender])
	}
	if x.epoch != y.epoch {
		return cmp.Compare(x.epoch, y.epoch)
	}
	return cmp.Compare(x.seq, y.seq)
}

// windowHeap is a container/heap whose first element is the earliest window.
type windowHeap []int64

func (h windowHeap) Len() int           { return len(h) }
func (h windowHeap) Less(i, j int) bool { return h[i] < h[j] }
func (h windowHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }

// Push implements heap.Interface.
func (h *windowHeap) Push(w any) { *h = append(*h, w.(int64)) }

// Pop implements heap.Interface.
func (h *windowHeap) Pop() any {
	last := len(*h) - 1
	w := (*h)[last]
	*h = (*h)[:last]
	return w
}
