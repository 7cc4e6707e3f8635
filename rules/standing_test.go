package rules

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"linewatch"
)

// What an instance says of all of its cases agrees with what it says of the
// deciding one, and with its state.
func TestExplain(t *testing.T) {
	b := newBench(t, Options{})
	b.assets(
		linewatch.Equipment{ID: "e1", Alias: "F1", Class: "filler", Line: "L", Site: "S"},
		linewatch.Equipment{ID: "e2", Alias: "F2", Class: "filler", Line: "L", Site: "S", Tags: []linewatch.Tag{{Name: "running", Unit: "h"}}})
	b.rule("r", 1, 0, `{"class":"filler"}`, `"groups":[
		{"id":"context","weight":40,"otherwise":"IDLE","cases":[{"state":"ACTIVE","tag":"running","is":true},{"state":"INFO","tag":"temp","above":10}]},
		{"id":"limits","weight":60,"cases":[{"state":"WARNING","all":[{"tag":"temp","above":75,"for":"1m"},{"tag":"mode","is":"Auto"}]}],"unknown":"ignore"}]`)
	b.rule("other", 1, 0, `{"equipment":"F1"}`, hot)
	b.point(0, "e1", "running", linewatch.BoolValue(true))
	b.point(0, "e1", "temp", num(80))
	b.point(0, "e2", "running", linewatch.BoolValue(false))
	b.advance(30 * linewatch.Second)

	// say writes standings as group=state(case): truth of each case.
	say := func(list []Standing) (out []string) {
		for _, s := range list {
			for _, g := range s.Groups {
				line := fmt.Sprintf("%s %s %s=%s(%d)", s.Equipment.Alias, s.State, g.Group, g.State, g.Case)
				for _, c := range g.Cases {
					line += fmt.Sprintf(" %s:%s", c.State, c.Truth)
				}
				if g.Wins {
					line += " wins"
				}
				out = append(out, line)
			}
			for i, g := range s.Why.Groups {
				if len(s.Groups) > 0 && g.Case > 0 {
					if diff := cmp.Diff(g.Conditions, s.Groups[i].Cases[g.Case-1].Conditions, cmp.Comparer(func(a, b linewatch.Value) bool { return a == b })); diff != "" {
						t.Errorf("%s %s: the deciding case is explained in two ways:\n%s", s.Equipment.Alias, g.Group, diff)
					}
				}
			}
		}
		return out
	}
	f1 := []string{"F1 ACTIVE context=ACTIVE(1) ACTIVE:true INFO:true wins", "F1 ACTIVE limits=(1) WARNING:unknown"}
	f2 := []string{"F2 UNKNOWN context=UNKNOWN(2) ACTIVE:false INFO:unknown wins", "F2 UNKNOWN limits=(1) WARNING:unknown"}
	f1[1] = "F1 ACTIVE limits=(0) WARNING:false" // not yet for a minute, whatever the mode is
	if diff := cmp.Diff(append(f1, f2...), say(b.e.Explain("r", ""))); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	for _, name := range []string{"F1", "e1"} {
		if diff := cmp.Diff(f1, say(b.e.Explain("r", name))); diff != "" {
			t.Errorf("%s (-want +got)\n%s", name, diff)
		}
	}
	limits := b.e.Explain("r", "F1")[0].Groups[1].Cases[0].Conditions
	if len(limits) != 2 || limits[0].Since != start || limits[0].For != linewatch.Minute || limits[1].Cause != causeNoValue {
		t.Errorf("the limits are explained by %+v", limits)
	}
	b.rule("reads", 1, 0, `{"equipment":"F1"}`, `"groups":[{"id":"g","weight":1,"cases":[{"state":"WARNING","not":{"tag":"running","equipment":"F2","is":true}}]}]`)
	b.point(40*linewatch.Second, "e1", "temp", num(81))
	b.advance(40 * linewatch.Second)
	if got := b.e.Explain("reads", "")[0].Aliases; len(got) != 1 || got["e2"] != "F2" {
		t.Errorf("the equipment of conditions is called %v", got)
	}
	if got := b.e.Explain("reads", "")[0].Tags["e2"]; len(got) != 1 || got[0].Unit != "h" {
		t.Errorf("the tags of the equipment of conditions are %v", got)
	}
	if n := len(b.e.Explain("r", "F3")) + len(b.e.Explain("nobody", "")); n > 0 {
		t.Errorf("%d explanations of what does not exist", n)
	}
}

// A condition that only its off-delay keeps true says so.
func TestExplainKeep(t *testing.T) {
	b := newBench(t, Options{AnyEquipment: true})
	b.rule("r", 1, 0, onF1, `"groups":[{"id":"g","weight":1,"cases":[{"state":"WARNING","tag":"temp","above":75,"keep":"10s"}]}]`)
	b.point(0, "F1", "temp", num(80))
	for _, step := range []struct {
		after linewatch.Duration
		truth linewatch.Truth
		until linewatch.Time
	}{{4999, linewatch.True, 0}, {5000, linewatch.True, start.Add(15_000)}, {14_999, linewatch.True, start.Add(15_000)}, {15_000, linewatch.False, 0}} {
		if step.after == 5*linewatch.Second {
			b.point(step.after, "F1", "temp", num(70))
		}
		b.advance(step.after)
		c := b.e.Explain("r", "F1")[0].Groups[0].Cases[0].Conditions[0]
		if c.Truth != step.truth || c.Until != step.until || (c.Keep != 0) != (step.until != 0) {
			t.Errorf("after %v: %v, kept for %v until %v; want %v until %v", step.after, c.Truth, c.Keep, c.Until, step.truth, step.until)
		}
	}
}
