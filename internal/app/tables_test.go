package app

import (
	"testing"

	"linewatch"
)

// A table goes on the control log when it is another one, and is still there
// after a restart.
func TestTablesArePublishedWhenTheyChange(t *testing.T) {
	dir := t.TempDir()
	c, stop := openControlLog(t, dir)
	table := func(limit int64) linewatch.Table {
		return linewatch.Table{ID: "limits", Rows: map[string]map[string]linewatch.Value{"PET-1L": {"max": linewatch.IntValue(limit)}}}
	}
	publish := func(limit int64, want bool) {
		t.Helper()
		if changed, err := c.publishTable(t.Context(), table(limit)); changed != want || err != nil {
			t.Errorf("limit %d: changed %v, %v; want %v", limit, changed, err, want)
		}
	}
	publish(75, true)
	publish(75, false)
	publish(80, true)
	stop()
	if changed, err := c.publishTable(t.Context(), table(85)); changed || err == nil {
		t.Errorf("on a closed log: changed %v, %v", changed, err)
	}
	c, _ = openControlLog(t, dir)
	publish(80, false)
}
