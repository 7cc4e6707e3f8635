package bolthistory

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A change is found by its id until it leaves, and as a current state even then.
func TestChangeByID(t *testing.T) {
	h := fresh(t, Options{MaxChanges: 3})
	all := append(series("a", "F1", 1, 5), series("b", "F1", 1, 1)...)
	add(t, h, all...)
	for i, kept := range []bool{false, false, false, true, true, true} {
		e, found, err := h.Change(t.Context(), all[i].ID)
		if err != nil || found != kept {
			t.Errorf("change %d: found %v, %v; want %v", i, found, err, kept)
		}
		if found && cmp.Diff(string(all[i].AppendJSON(nil)), string(e.Change.AppendJSON(nil))) != "" {
			t.Errorf("change %d came back as %s", i, e.Change.AppendJSON(nil))
		}
	}
	add(t, h, series("a", "F1", 6, 9)...) // the log holds a#7 to a#9; b#1 is current
	if _, found, err := h.Change(t.Context(), all[5].ID); err != nil || !found {
		t.Errorf("a current state is not found: %v", err)
	}
	if _, found, err := h.Change(t.Context(), ""); err != nil || found {
		t.Errorf("no id: found %v, %v", found, err)
	}
}
