package host

import (
	"strings"
	"testing"

	"linewatch"
)

// overseer is a rule of line-0 that reads a machine of line-1.
func overseer(version uint32, equipment string) linewatch.Control {
	above := func(equipment string) linewatch.Condition {
		return linewatch.Condition{Op: linewatch.Above, Tag: "temp", Equipment: equipment, Limit: linewatch.IntValue(12)}
	}
	return linewatch.Control{Rule: &linewatch.RuleVersion{Version: version, Rule: linewatch.Rule{
		ID: "both-hot", Name: "Both hot", Scope: linewatch.Scope{Equipment: "m0"}, Priority: 2,
		Groups: []linewatch.Group{{ID: "g", Weight: 10, Otherwise: linewatch.Idle, Cases: []linewatch.Case{
			{State: linewatch.Error, When: linewatch.Condition{Op: linewatch.All, Of: []linewatch.Condition{above(""), above(equipment)}}},
			{State: linewatch.Warning, When: above(equipment)},
		}}},
	}}}
}

// A rule that reads a machine of another line is judged on its own line, which
// hears the other one from the rule on and until no rule needs it, wherever the
// host crashes in between.
func TestRuleReadsAnotherLine(t *testing.T) {
	points, control := fourLines(t, controlData(t, linewatch.Control{Rule: hotAbove(1, 10, 0)}))
	values := linewatch.Control{Values: &linewatch.HomeValues{Home: "line-0", Lines: []string{"line-1"}, Done: true, Values: []linewatch.HomeValue{
		{Equipment: "m1", Tag: "level", Value: linewatch.IntValue(3), Quality: linewatch.Ok, Gateway: "gw", Source: "plcm1", Sequence: 1},
	}}}
	control.append(0, base+2000, controlData(t, overseer(1, "m1")))
	control.append(0, base+2500, controlData(t, values))
	control.append(0, base+5000, controlData(t, overseer(2, "m2")))
	control.append(0, base+7000, controlData(t, overseer(3, "")))
	control.append(0, base+8000, controlData(t, overseer(4, "m1")))
	want, first := "", map[string]DomainStatus{}
	crashes := 0
	for commits := -1; commits < 60; commits++ {
		store, status, crashed := runCrashing(t, points, control, commits)
		if crashed {
			crashes++
		}
		got := store.all()
		if want == "" {
			want = got
			for _, d := range status {
				first[d.Line] = d
			}
		}
		if got != want || store.diverged > 0 {
			t.Fatalf("after a crash at commit %d there are other changes, %d diverged", commits, store.diverged)
		}
		for _, d := range status {
			if was := first[d.Line]; d.Accounts != was.Accounts || d.Copies != was.Copies || d.Watermark != was.Watermark || len(d.Senders) != len(was.Senders) {
				t.Fatalf("after a crash at commit %d: %+v\nwant %+v", commits, d, was)
			}
		}
	}
	home, copies := first["line-0"], uint64(0)
	for _, d := range first {
		copies += d.Copies.Received
	}
	// A point each 200 ms of m1 from 2,000 to 5,000 and from 8,000 to 10,000
	// ms, and of m2 from 5,000 to 7,000.
	if len(home.Senders) != 2 || home.Copies.Received != 15+10+10 || copies != home.Copies.Received || !home.Accounts.Balanced() || !home.Copies.Balanced() {
		t.Errorf("line-0 has %d senders, %+v, copies %+v; want 2, and copies of 35 points of other lines", len(home.Senders), home.Accounts, home.Copies)
	}
	if home.Accounts.Received != 50+35 || home.Accounts.QuarantinedTotal() > 0 {
		t.Errorf("line-0: %+v; want its own 50 points and the copies", home.Accounts)
	}
	for _, text := range []string{`"tag":"temp","equipment":"m1"`, `"tag":"temp","equipment":"m2"`} {
		if !strings.Contains(want, text) {
			t.Errorf("no change says %s", text)
		}
	}
	if n := strings.Count(want, `"ruleId":"both-hot"`); n < 8 || crashes < 10 || strings.Contains(want, "another line") || strings.Contains(want, "offline") {
		t.Errorf("%d changes of the rule, %d crashes: %s", n, crashes, want)
	}
}
