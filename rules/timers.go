package rules

import "linewatch"

// timerHeap is a binary heap with one entry per instance that waits for a
// deadline. An instance knows its place, so that a deadline which moves takes
// no second entry.
type timerHeap struct {
	entries []timer
}

type timer struct {
	due      linewatch.Time
	instance int32
}

// next returns the earliest deadline, MaxTime if there is none.
func (h *timerHeap) next() linewatch.Time {
	if len(h.entries) == 0 {
		return linewatch.MaxTime
	}
	return h.entries[0].due
}

// set gives an instance a deadline, or takes it away (MaxTime).
func (h *timerHeap) set(all []*instance, i int32, due linewatch.Time) {
	at := int(all[i].timer) - 1
	switch {
	case at < 0 && due == linewatch.MaxTime:
		return
	case at < 0:
		h.entries = append(h.entries, timer{due, i})
		h.up(all, len(h.entries)-1)
	case due == linewatch.MaxTime:
		h.remove(all, at)
	case due != h.entries[at].due:
		h.entries[at].due = due
		h.down(all, h.up(all, at))
	}
}

// pop removes the earliest entry and returns its instance.
func (h *timerHeap) pop(all []*instance) int32 {
	i := h.entries[0].instance
	h.remove(all, 0)
	return i
}

func (h *timerHeap) remove(all []*instance, at int) {
	all[h.entries[at].instance].timer = 0
	last := len(h.entries) - 1
	moved := h.entries[last]
	h.entries = h.entries[:last]
	if at == last {
		return
	}
	h.place(all, at, moved)
	h.down(all, h.up(all, at))
}

func (h *timerHeap) place(all []*instance, at int, t timer) {
	h.entries[at] = t
	all[t.instance].timer = int32(at + 1)
}

func (h *timerHeap) up(all []*instance, at int) int {
	t := h.entries[at]
	for at > 0 {
		parent := (at - 1) / 2
		if h.entries[parent].due <= t.due {
			break
		}
		h.place(all, at, h.entries[parent])
		at = parent
	}
	h.place(all, at, t)
	return at
}

func (h *timerHeap) down(all []*instance, at int) {
	t := h.entries[at]
	for {
		kid := 2*at + 1
		if kid >= len(h.entries) {
			break
		}
		if kid+1 < len(h.entries) && h.entries[kid+1].due < h.entries[kid].due {
			kid++
		}
		if h.entries[kid].due >= t.due {
			break
		}
		h.place(all, at, h.entries[kid])
		at = kid
	}
	h.place(all, at, t)
}
