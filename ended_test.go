package linewatch_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"linewatch"
)

func TestReleased(t *testing.T) {
	over := func(group string, was linewatch.State) linewatch.GroupWhy {
		return linewatch.GroupWhy{Group: group, Was: was, Conditions: []linewatch.ConditionWhy{{Op: "above", Truth: linewatch.False}}}
	}
	holds := linewatch.GroupWhy{Group: "context", State: linewatch.Active, Wins: true, Case: 1, Conditions: []linewatch.ConditionWhy{{Op: "is", Truth: linewatch.True}}}
	falls := over("falls back", linewatch.Warning)
	falls.State, falls.Wins = linewatch.Idle, true
	stays := over("stays", linewatch.Warning)
	stays.State = linewatch.Warning
	open := linewatch.GroupWhy{Group: "open", Was: linewatch.Warning, Case: 2, Conditions: []linewatch.ConditionWhy{{Op: "above", Cause: "no value yet"}}}

	warning := over("limits", linewatch.Warning)
	tests := []struct {
		name     string
		from, to linewatch.State
		severity linewatch.Severity
		groups   []linewatch.GroupWhy
		want     []string
	}{
		{"nobody speaks", linewatch.Warning, linewatch.Idle, 0, []linewatch.GroupWhy{warning}, []string{"limits"}},
		{"somebody else decides", linewatch.Warning, linewatch.Active, 0, []linewatch.GroupWhy{holds, warning}, []string{"limits"}},
		{"others did not hold", linewatch.Warning, linewatch.Idle, 0, []linewatch.GroupWhy{over("old", ""), warning, over("maintenance", linewatch.Maintenance)}, []string{"limits"}},
		{"one of another state", linewatch.Error, linewatch.Idle, 0, []linewatch.GroupWhy{warning, over("speed", linewatch.Error)}, []string{"speed"}},
		{"two at once", linewatch.Warning, linewatch.Idle, 0, []linewatch.GroupWhy{over("a", linewatch.Warning), over("b", linewatch.Warning)}, []string{"a", "b"}},
		{"not known any more, and ignored", linewatch.Warning, linewatch.Active, 0, []linewatch.GroupWhy{holds, open}, []string{"open"}},
		{"less severe", linewatch.Critical, linewatch.Warning, 2, []linewatch.GroupWhy{holds, over("limits", linewatch.Critical)}, []string{"limits"}},
		{"a state of the rule's own", "LOW_MATERIAL", linewatch.Idle, 0, []linewatch.GroupWhy{over("limits", "LOW_MATERIAL")}, []string{"limits"}},
		{"the winner says it", linewatch.Warning, linewatch.Idle, 0, []linewatch.GroupWhy{warning, falls}, nil},
		{"no alarm before", linewatch.Active, linewatch.Idle, 0, []linewatch.GroupWhy{over("context", linewatch.Active)}, nil},
		{"more severe", linewatch.Warning, linewatch.Error, 3, []linewatch.GroupWhy{warning}, nil},
		{"not known to be over", linewatch.Warning, linewatch.Unknown, 0, []linewatch.GroupWhy{warning}, nil},
		{"still for it", linewatch.Warning, linewatch.Active, 0, []linewatch.GroupWhy{holds, stays, warning}, []string{"limits"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c := linewatch.StateChange{ID: "1", From: test.from, To: test.to, Severity: test.severity, Why: linewatch.Explanation{Groups: test.groups}}
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

func TestRests(t *testing.T) {
	for _, test := range []struct {
		group linewatch.GroupWhy
		want  linewatch.Truth
	}{
		{linewatch.GroupWhy{State: linewatch.Warning, Case: 1}, linewatch.True},
		{linewatch.GroupWhy{State: linewatch.Idle}, linewatch.False},
		{linewatch.GroupWhy{}, linewatch.False},
		{linewatch.GroupWhy{State: linewatch.Unknown, Case: 1}, linewatch.Undecided},
		{linewatch.GroupWhy{Case: 2}, linewatch.Undecided},
	} {
		if got := test.group.Rests(); got != test.want {
			t.Errorf("%+v rests on what is %s, want %s", test.group, got, test.want)
		}
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
