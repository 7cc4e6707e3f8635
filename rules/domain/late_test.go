package domain_test

import (
	"testing"

	"linewatch"
	"linewatch/rules/domain"
	"linewatch/watermark"
)

// What becomes of late points is counted per sender and told with each: they
// are kept unless every rule that reads the tag drops them.
func TestLatePolicies(t *testing.T) {
	d := domain.New(domain.Config{AnyEquipment: true, OpenSenders: 2, Watermark: watermark.Config{Bound: 100, IdleTimeout: 60_000}})
	version := map[linewatch.RuleID]uint32{}
	rule := func(id linewatch.RuleID, tag string, late linewatch.LatePolicy) {
		version[id]++
		c := linewatch.Control{Version: 1, Rule: &linewatch.RuleVersion{Version: version[id], Rule: linewatch.Rule{
			ID: id, Name: "R", Priority: 1, Scope: linewatch.Scope{Equipment: "F1"}, Late: late,
			Groups: []linewatch.Group{{ID: "g", Weight: 1, Cases: []linewatch.Case{{
				State: linewatch.Warning, When: linewatch.Condition{Op: linewatch.Above, Tag: tag, Limit: linewatch.IntValue(5)},
			}}}},
		}}}
		if _, err := d.Control(epoch, &c); err != nil {
			t.Fatal(err)
		}
	}
	rule("keeps", "a", "")
	rule("drops", "a", linewatch.LateDrop)
	rule("alone", "b", linewatch.LateDrop)
	seq, arrival := map[string]uint64{}, epoch
	point := func(source, tag string, at linewatch.Time) {
		seq[source]++
		arrival += 200
		d.Points(arrival, linewatch.Position{Offset: seq["a"] + seq["b"]}, "gw", []linewatch.DataPoint{{
			Timestamp: at, CreatedAt: at, Equipment: "F1", Tag: tag, Source: source, Sequence: seq[source], Value: linewatch.IntValue(1), Quality: linewatch.Ok,
		}})
	}
	point("a", "a", epoch+700) // with the first instant the rules take effect
	point("b", "b", epoch+700)
	point("a", "a", epoch+1000)
	point("b", "b", epoch+1000)
	d.Close(arrival + 200) // the watermark is at 899
	arrival += 200
	point("a", "a", epoch+899)
	point("a", "b", epoch+899)
	point("b", "b", epoch+100)
	point("b", "unread", epoch+100)
	want := []linewatch.LatePolicy{linewatch.LateBackfill, linewatch.LateDrop, linewatch.LateDrop, linewatch.LateBackfill}
	late := d.TakeLate()
	for i, l := range late {
		if i >= len(want) || l.Policy != want[i] || l.Watermark != epoch+899 {
			t.Errorf("late point %d: %s of %s is to be %s at watermark %v", i, l.Point.Tag, l.Sender, l.Policy, l.Watermark)
		}
	}
	if len(late) != len(want) {
		t.Errorf("%d late points, want %d", len(late), len(want))
	}
	check := func(d *domain.Domain) {
		t.Helper()
		a := d.Accounts()
		if a.Late != 4 || a.LateDropped != 2 || !a.Balanced() {
			t.Errorf("accounts %+v", a)
		}
		for _, s := range d.Senders() {
			if s.Counts.Late != 2 || s.Counts.LateDropped != 1 || s.Buffered != 1 {
				t.Errorf("sender %s: %+v, %d in the order buffer", s.Sender, s.Counts, s.Buffered)
			}
		}
	}
	check(d)
	state, err := d.AppendSnapshot(nil)
	if err != nil {
		t.Fatal(err)
	}
	restored := domain.New(domain.Config{AnyEquipment: true, OpenSenders: 2, Watermark: watermark.Config{Bound: 100, IdleTimeout: 60_000}})
	if err := restored.Restore(state); err != nil {
		t.Fatal(err)
	}
	for n, source := range []string{"a", "b"} {
		restored.Refill(linewatch.Position{Offset: uint64(n + 3)}, "gw", []linewatch.DataPoint{{
			Timestamp: epoch + 1000, Equipment: "F1", Tag: source, Source: source, Sequence: 2, Value: linewatch.IntValue(1), Quality: linewatch.Ok,
		}})
	}
	if err := restored.Refilled(); err != nil {
		t.Fatal(err)
	}
	check(restored)
}
