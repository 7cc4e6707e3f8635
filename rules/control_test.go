package rules

import (
	"fmt"
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

// A rule that changes again and again while nothing is judged waits once: on a
// line that has not begun, and on one that stands still without instances of
// the rule. Versions that take effect later are ended by one that does at once.
func TestVersionsThatWaitAreBounded(t *testing.T) {
	const above = `"groups":[{"id":"g","weight":1,"otherwise":"IDLE","cases":[{"state":"WARNING","tag":"temp","above":%d}]}]`
	for _, begun := range []bool{false, true} {
		b := newBench(t, Options{AnyEquipment: !begun, Line: "L"})
		assets := linewatch.Control{Version: 1, Assets: &linewatch.Assets{Equipment: []linewatch.Equipment{{ID: "F1", Line: "L", Site: "s"}, {ID: "F2", Line: "M", Site: "s"}}}}
		b.control(&assets)
		if begun {
			b.point(0, "F1", "temp", num(1))
			b.advance(0)
		}
		version := uint32(0)
		next := func() uint32 { version++; return version }
		for n := range 1000 {
			if !begun {
				b.control(&assets)
			}
			b.rule("r", next(), start.Add(linewatch.Duration(5000+n)), `{"equipment":"F2"}`, fmt.Sprintf(above, 60))
			b.rule("r", next(), 0, `{"equipment":"F2"}`, fmt.Sprintf(above, n))
			b.control(&linewatch.Control{Version: 1, DeleteRule: &linewatch.RuleDelete{ID: "r", Version: next()}})
			b.rule("r", next(), 0, `{"equipment":"F2"}`, fmt.Sprintf(above, 40+n%2))
		}
		want := 1
		if !begun {
			want = 3 // the registry, and the first effective-from
		}
		if got := len(b.e.pending) - b.e.over; got != want || len(b.e.pending) > 2*want+2 {
			t.Errorf("begun %v: %d records wait in %d places, want %d", begun, got, len(b.e.pending), want)
		}
		state, err := b.e.AppendSnapshot(nil)
		if err != nil {
			t.Fatal(err)
		}
		restored := New(Options{AnyEquipment: !begun, Line: "L"})
		if err := restored.Restore(state); err != nil {
			t.Fatal(err)
		}
		if len(restored.pending) != want || len(restored.waits["r"]) == 0 {
			t.Errorf("begun %v: after a restart %d records wait, want %d", begun, len(restored.pending), want)
		}
	}
}

// Versions of one instant that come one after the other are not taken for one:
// what the one in between does not hold is forgotten.
func TestVersionInBetweenForgets(t *testing.T) {
	const warm = `"groups":[{"id":"g","weight":1,"otherwise":"IDLE","cases":[{"state":"WARNING","tag":"temp","above":50,"clear":10}]}]`
	const other = `"groups":[{"id":"g","weight":1,"otherwise":"IDLE","cases":[{"state":"WARNING","tag":"temp","above":90}]}]`
	b := newBench(t, Options{AnyEquipment: true})
	b.rule("r", 1, 0, onF1, warm)
	b.point(0, "F1", "temp", num(60))
	b.point(1, "F1", "temp", num(20))
	b.advance(1)
	b.want("0 r/F1 UNKNOWN -> WARNING by g")
	b.rule("r", 2, 0, onF1, other)
	b.rule("r", 3, 0, onF1, warm)
	b.advance(2)
	b.want("2 r/F1 WARNING -> IDLE by g")
}
