package rules

import (
	"testing"

	"linewatch"
)

// While a line stands still a table may change a thousand times; the next
// instant sees the last state of it, and no other waits until then.
func TestTablesThatWaitAreBounded(t *testing.T) {
	b := newBench(t, Options{AnyEquipment: true})
	b.rule("r", 1, 0, onF1, `"groups":[{"id":"g","weight":1,"otherwise":"IDLE","cases":[{"state":"WARNING","tag":"temp","above":{"table":"limits","key":{"tag":"product"},"column":"max"}}]}]`)
	table := func(limit int64) {
		b.control(&linewatch.Control{Version: 1, Table: &linewatch.Table{ID: "limits", Rows: map[string]map[string]linewatch.Value{"PET": {"max": linewatch.IntValue(limit)}}}})
	}
	table(50)
	b.point(0, "F1", "product", linewatch.StringValue("PET"))
	b.point(0, "F1", "temp", num(40))
	b.advance(0)
	b.want("0 r/F1 UNKNOWN -> IDLE by g")
	for n := range int64(1000) {
		table(1000 - n) // 1 in the end
	}
	if len(b.e.pending) != 1 {
		t.Errorf("%d records wait, want 1", len(b.e.pending))
	}
	b.advance(1)
	b.want("1 r/F1 IDLE -> WARNING by g")
}
