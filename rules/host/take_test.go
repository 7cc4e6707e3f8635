package host

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"linewatch"
)

// together returns the names of n lines that share a bucket.
func together(n int) (lines []string) {
	for i := 0; len(lines) < n; i++ {
		if name := fmt.Sprintf("line-%d", i); bucketOf(name) == bucketOf(Nowhere) {
			lines = append(lines, name)
		}
	}
	return lines
}

// A registry dismisses a sender, so that its line knows nothing any more, and
// brings another line into the same bucket, which is committed for that: the
// change must be committed with it.
func TestRegistryEndsASenderAndOpensALine(t *testing.T) {
	lines := together(2)
	points, control := oneLine(t, lines[0])
	rule := hotAbove(1, 0, 0)
	rule.Rule.Scope = linewatch.Scope{Equipment: "m1"}
	control.append(0, base+1, controlData(t, linewatch.Control{Rule: rule}))
	for n := range uint64(40) {
		at := base.Add(linewatch.Duration(10 + 100*n))
		points.append(0, at, pointData(at, "m1", n+1))
	}
	control.append(0, base+3000, controlData(t, linewatch.Control{Assets: &linewatch.Assets{
		Equipment: []linewatch.Equipment{{ID: "m1", Line: lines[0], Site: "s"}, {ID: "m2", Line: lines[1], Site: "s"}},
	}}))
	want, crashes := "", 0
	for commits := -1; commits < 12; commits++ {
		store, _, crashed := runCrashing(t, points, control, commits)
		if crashed {
			crashes++
		}
		if want == "" {
			want = store.all()
		}
		if diff := cmp.Diff(want, store.all()); diff != "" || store.diverged > 0 {
			t.Errorf("after a crash at commit %d, %d diverged: %s", commits, store.diverged, diff)
		}
	}
	if crashes < 3 || !strings.Contains(want, "source offline") {
		t.Errorf("%d crashes: %s", crashes, want)
	}
}

// What the lines of a bucket say at a control record stands before what they
// say at the ticks behind it, whether or not the log was found closed between.
func TestOrderBehindAControlRecord(t *testing.T) {
	lines := together(2)
	outcome := func(closings ...linewatch.Duration) (order []string) {
		b := newBucket(restoreConfig(), 1, positions{next: []uint64{0}})
		assets := &linewatch.Assets{}
		for i, line := range lines {
			assets.Equipment = append(assets.Equipment, linewatch.Equipment{ID: fmt.Sprint("m", i), Line: line, Site: "s", Class: "filler"})
			assets.Senders = append(assets.Senders, linewatch.SenderDef{Gateway: "gw", Source: "plc", Line: line})
		}
		missing := hotAbove(1, 0, 0)
		missing.Rule.ID = "missing"
		missing.Rule.Groups[0].Cases[0].When = linewatch.Condition{Op: linewatch.Missing, Tag: "temp", Span: 1100}
		history := []controlRecord{
			{base, &linewatch.Control{Version: 1, Assets: assets}},
			{base, &linewatch.Control{Version: 1, Rule: hotAbove(1, 0, 0)}},
			{base, &linewatch.Control{Version: 1, Rule: missing}},
		}
		must := func(err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
		}
		for _, line := range lines {
			must(b.open(&item{home: line, pos: positions{next: []uint64{0}}, history: history}))
		}
		for n := range uint64(8) {
			at := base.Add(linewatch.Duration(1000 * (n + 1)))
			for i, line := range lines {
				must(b.points(&item{kind: pointsItem, home: line, arrival: at, offset: n, gateway: "gw", points: []linewatch.DataPoint{{
					Timestamp: at, CreatedAt: at, Equipment: fmt.Sprint("m", i), Tag: "temp", Value: linewatch.IntValue(1),
					Quality: linewatch.Ok, Source: "plc", Sequence: n + 1,
				}}}))
			}
		}
		none := &linewatch.Control{Version: 1, Assets: &linewatch.Assets{Equipment: assets.Equipment}}
		must(b.control(&item{kind: controlItem, arrival: base + 9050, control: none}))
		for _, after := range append(closings, linewatch.Minute) {
			must(b.close(&item{kind: closeItem, arrival: base.Add(9050 + after), pos: positions{next: []uint64{8}}}))
		}
		for _, c := range b.changes {
			order = append(order, fmt.Sprint(c.Line, " ", c.Rule, " ", c.To))
		}
		return order
	}
	want := outcome(1)
	if diff := cmp.Diff(want, outcome()); diff != "" || len(want) < 6 {
		t.Errorf("closed at once and in steps (-steps +once): %s of %q", diff, want)
	}
}

// How far a line has come is asked again and again, and must not cost what
// telling of all its rules costs.
func TestProgressCostsNothingOfRules(t *testing.T) {
	b := waiting(t)
	for n := range 500 {
		rule := hotAbove(1, int64(n), 0)
		rule.Rule.ID, rule.Rule.Scope = linewatch.RuleID(fmt.Sprint("r", n)), linewatch.Scope{Equipment: "m1"}
		at := restoreStart.Add(1)
		if err := b.control(&item{kind: controlItem, arrival: at, offset: uint64(n + 1), control: &linewatch.Control{Version: 1, Rule: rule}}); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.points(reading(5000)); err != nil { // which lets the first one pass
		t.Fatal(err)
	}
	b.tickUntil(restoreStart.Add(6 * linewatch.Second))
	status, progress := b.status()[0], b.progress()[0]
	want := Progress{status.Line, status.Watermark, status.ClosedAt, status.Accounts.Buffered, status.Guests}
	if diff := cmp.Diff(want, progress); diff != "" || len(status.Instances) != 500 {
		t.Errorf("%d instances, (-status +progress): %s", len(status.Instances), diff)
	}
	if n := testing.AllocsPerRun(10, func() { b.progress() }); n > 10 {
		t.Errorf("%v allocations", n)
	}
}
