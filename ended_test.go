package linewatch_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"linewatch"
)

func TestReleased(t *testing.T) {
	fails := func(group string, at linewatch.Time) linewatch.GroupWhy {
		return linewatch.GroupWhy{Group: group, Conditions: []linewatch.ConditionWhy{{Op: "above", At: at, Truth: linewatch.False}}}
	}
	holds := linewatch.GroupWhy{Group: "context", State: linewatch.Active, Wins: true, Case: 1, Conditions: []linewatch.ConditionWhy{{Op: "is", At: 90, Truth: linewatch.True}}}
	not := linewatch.GroupWhy{Group: "not", Conditions: []linewatch.ConditionWhy{{Op: "not", Truth: linewatch.False, Of: []linewatch.ConditionWhy{{Op: "is", At: 50, Truth: linewatch.True}, {Op: "is", At: 99, Truth: linewatch.False}}}}}
	sum := linewatch.GroupWhy{Group: "sum", Conditions: []linewatch.ConditionWhy{{Op: "above", Truth: linewatch.False, Inputs: []linewatch.InputWhy{{At: 50}, {At: 3}}}}}
	falls := fails("falls back", 50)
	falls.State, falls.Wins = linewatch.Idle, true
	stays := fails("stays", 95)
	stays.State = linewatch.Warning

	several := fails("several", 50)
	several.Cases = 2

	tests := []struct {
		name     string
		from, to linewatch.State
		severity linewatch.Severity
		groups   []linewatch.GroupWhy
		want     []string
	}{
		{"nobody speaks", linewatch.Warning, linewatch.Idle, 0, []linewatch.GroupWhy{fails("limits", 50)}, []string{"limits"}},
		{"somebody else decides", linewatch.Warning, linewatch.Active, 0, []linewatch.GroupWhy{holds, fails("limits", 50)}, []string{"limits"}},
		{"of several cases", linewatch.Warning, linewatch.Idle, 0, []linewatch.GroupWhy{several}, nil},
		{"by time alone", linewatch.Warning, linewatch.Idle, 0, []linewatch.GroupWhy{fails("limits", 49)}, nil},
		{"at this instant", linewatch.Warning, linewatch.Idle, 0, []linewatch.GroupWhy{fails("old", 10), fails("limits", 50), fails("maintenance", 20)}, []string{"limits"}},
		{"two at once", linewatch.Warning, linewatch.Idle, 0, []linewatch.GroupWhy{fails("a", 50), fails("b", 50)}, []string{"a", "b"}},
		{"inside a not", linewatch.Warning, linewatch.Idle, 0, []linewatch.GroupWhy{fails("limits", 40), not}, []string{"not"}},
		{"the inputs of an expression", linewatch.Warning, linewatch.Idle, 0, []linewatch.GroupWhy{sum, fails("limits", 40)}, []string{"sum"}},
		{"less severe", linewatch.Critical, linewatch.Warning, 2, []linewatch.GroupWhy{holds, fails("limits", 50)}, []string{"limits"}},
		{"a state of the rule's own", "LOW_MATERIAL", linewatch.Idle, 0, []linewatch.GroupWhy{fails("limits", 50)}, []string{"limits"}},
		{"the winner says it", linewatch.Warning, linewatch.Idle, 0, []linewatch.GroupWhy{fails("limits", 50), falls}, nil},
		{"no alarm before", linewatch.Active, linewatch.Idle, 0, []linewatch.GroupWhy{fails("limits", 50)}, nil},
		{"more severe", linewatch.Warning, linewatch.Error, 3, []linewatch.GroupWhy{fails("limits", 50)}, nil},
		{"not known to be over", linewatch.Warning, linewatch.Unknown, 0, []linewatch.GroupWhy{fails("limits", 50)}, nil},
		{"still for it", linewatch.Warning, linewatch.Active, 0, []linewatch.GroupWhy{holds, stays, fails("limits", 50)}, []string{"limits"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c := linewatch.StateChange{EventTime: 50, From: test.from, To: test.to, Severity: test.severity, Why: linewatch.Explanation{Groups: test.groups}}
			c.ID = "1"
			var stored linewatch.StateChange
			if err := stored.UnmarshalJSON(c.AppendJSON(nil)); err != nil {
				t.Fatal(err)
			}
			for _, c := range []*linewatch.StateChange{&c, &stored} {
				var got []string
				for _, g := range c.Released() {
					got = append(got, g.Group)
				}
				if diff := cmp.Diff(test.want, got); diff != "" {
					t.Errorf("(-want +got):\n%s", diff)
				}
			}
		})
	}
}

func TestCleared(t *testing.T) {
	number := func(f float64) *linewatch.Value { v := linewatch.FloatValue(f); return &v }
	tests := []struct {
		name   string
		c      linewatch.ConditionWhy
		clears bool
	}{
		{"below, at its clear", linewatch.ConditionWhy{Op: "below", Value: number(99.6), Clear: number(99.6), Truth: linewatch.False}, true},
		{"above, beyond its clear", linewatch.ConditionWhy{Op: "above", Value: number(73), Clear: number(74), Truth: linewatch.False}, true},
		{"never reached", linewatch.ConditionWhy{Op: "above", Value: number(74.5), Clear: number(74), Truth: linewatch.False}, false},
		{"still true", linewatch.ConditionWhy{Op: "above", Value: number(73), Clear: number(74), Truth: linewatch.True}, false},
		{"the window counts", linewatch.ConditionWhy{Op: "below", Window: "avg", Value: number(98), Result: number(99.7), Clear: number(99.6), Truth: linewatch.False}, true},
		{"no value", linewatch.ConditionWhy{Op: "below", Clear: number(99.6), Truth: linewatch.False}, false},
		{"no hysteresis", linewatch.ConditionWhy{Op: "below", Value: number(99.6), Truth: linewatch.False}, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := test.c.Cleared() != nil; got != test.clears {
				t.Errorf("got %v, want %v", got, test.clears)
			}
		})
	}
}
