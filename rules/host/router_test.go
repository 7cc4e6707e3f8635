package host

import (
	"testing"

	"linewatch"
)

// A table that changes every minute for years is remembered once.
func TestRememberedTablesAreBounded(t *testing.T) {
	r := newRouter(&Host{})
	for n := range 1000 {
		for _, id := range []string{"a", "b"} {
			c := &linewatch.Control{Version: 1, Table: &linewatch.Table{ID: id, Rows: map[string]map[string]linewatch.Value{"row": {"n": linewatch.IntValue(int64(n))}}}}
			if err := r.routeControl(t.Context(), &input{arrival: base.Add(linewatch.Duration(n)), control: c}, &positions{}); err != nil {
				t.Fatal(err)
			}
		}
	}
	kept := r.history.records()
	if len(kept) != 2 {
		t.Fatalf("%d records, want 2", len(kept))
	}
	for i, want := range []string{"a", "b"} {
		if got := kept[i].control.Table; got.ID != want || got.Rows["row"]["n"] != linewatch.IntValue(999) {
			t.Errorf("record %d: %+v, want the last of table %s", i, got, want)
		}
	}
}
