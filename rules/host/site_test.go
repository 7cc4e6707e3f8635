package host

import (
	"strings"
	"testing"

	"linewatch"
)

// A rule about a site is judged on a home of its own, which hears all lines of
// the site from the rule on, wherever the host crashes in between.
func TestRuleAboutASite(t *testing.T) {
	above := func(equipment string) linewatch.Condition {
		return linewatch.Condition{Op: linewatch.Above, Tag: "temp", Equipment: equipment, Limit: linewatch.IntValue(12)}
	}
	rule := linewatch.Rule{
		ID: "all-hot", Name: "All lines hot", Scope: linewatch.Scope{Site: "s"}, Priority: 2,
		Groups: []linewatch.Group{{ID: "g", Weight: 10, Otherwise: linewatch.Idle, Cases: []linewatch.Case{{
			State: linewatch.Error, When: linewatch.Condition{Op: linewatch.Any, Of: []linewatch.Condition{
				{Op: linewatch.All, Of: []linewatch.Condition{above("m0"), above("m1")}},
				{Op: linewatch.All, Of: []linewatch.Condition{above("m2"), above("m3")}},
			}},
		}}}},
	}
	points, control := fourLines(t, controlData(t, linewatch.Control{Rule: hotAbove(1, 10, 0)}))
	control.append(0, base+3000, controlData(t, linewatch.Control{Rule: &linewatch.RuleVersion{Version: 1, Rule: rule}}))
	want := ""
	crashes := 0
	for commits := -1; commits < 40; commits++ {
		store, status, crashed := runCrashing(t, points, control, commits)
		if crashed {
			crashes++
		}
		got := store.all()
		if want == "" {
			want = got
		}
		if got != want || store.diverged > 0 {
			t.Fatalf("after a crash at commit %d there are other changes, %d diverged", commits, store.diverged)
		}
		homes := map[string]DomainStatus{}
		for _, d := range status {
			homes[d.Line] = d
		}
		site := homes["site:s"]
		if len(site.Instances) != 1 || len(site.Senders) != 4 || !site.Accounts.Balanced() || site.Accounts.Received != 140 {
			t.Fatalf("the site has %d instances and %d senders, %+v; want 1, 4 and the 140 points since the rule", len(site.Instances), len(site.Senders), site.Accounts)
		}
		checkAccountsOf(t, status, 200+140)
	}
	if n := strings.Count(want, `"ruleId":"all-hot"`); n < 5 || !strings.Contains(want, `"line":"","equipmentId":"site:s"`) || crashes < 5 {
		t.Errorf("%d changes of the site, %d crashes: %s", n, crashes, want)
	}
}

// With one time domain over everything, a site needs no home of its own.
func TestRuleAboutASiteInAGlobalScope(t *testing.T) {
	rv := hotAbove(1, 10, 0)
	rv.Rule.Scope, rv.Rule.Groups[0].Cases[0].When.Equipment = linewatch.Scope{Site: "s"}, "m2"
	points, control := fourLines(t, controlData(t, linewatch.Control{Rule: rv}))
	store := newMemoryStore()
	status, err := run(t, points, control, store, true)
	if err != nil {
		t.Fatal(err)
	}
	if len(status) != 1 || len(status[0].Instances) != 1 || !strings.Contains(store.all(), `"equipmentId":"site:s"`) {
		t.Errorf("%d domains, changes %s", len(status), store.all())
	}
}
