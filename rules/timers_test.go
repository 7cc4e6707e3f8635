package rules

import (
	"testing"

	"pgregory.net/rapid"

	"linewatch"
)

func TestTimersAgainstMap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		all := make([]*instance, 12)
		for i := range all {
			all[i] = &instance{}
		}
		var h timerHeap
		model := map[int32]linewatch.Time{}
		for range rapid.IntRange(1, 100).Draw(t, "steps") {
			i := int32(rapid.IntRange(0, len(all)-1).Draw(t, "instance"))
			switch rapid.IntRange(0, 3).Draw(t, "what") {
			case 0:
				h.set(all, i, linewatch.MaxTime)
				delete(model, i)
			case 1:
				if len(model) == 0 {
					continue
				}
				want := h.next()
				got := h.pop(all)
				if model[got] != want {
					t.Fatalf("popped %d of %d, want one of %d", got, model[got], want)
				}
				delete(model, got)
			default:
				due := linewatch.Time(rapid.Int64Range(0, 20).Draw(t, "due"))
				h.set(all, i, due)
				model[i] = due
			}
			want := linewatch.MaxTime
			for _, due := range model {
				want = min(want, due)
			}
			if h.next() != want || len(h.entries) != len(model) {
				t.Fatalf("next %d of %d, want %d of %d", h.next(), len(h.entries), want, len(model))
			}
			for at, entry := range h.entries {
				if all[entry.instance].timer != int32(at+1) {
					t.Fatalf("instance %d does not know its place", entry.instance)
				}
			}
		}
	})
}
