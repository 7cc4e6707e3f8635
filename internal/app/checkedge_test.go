package app

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"linewatch"
)

// The least that registry and rules allow counts, of the rules in force.
func TestHowOldTagsMayGrow(t *testing.T) {
	one := func(c linewatch.Condition, s linewatch.Scope) *linewatch.Rule {
		return &linewatch.Rule{ID: "r", Scope: s, Groups: []linewatch.Group{{ID: "g", Cases: []linewatch.Case{{When: linewatch.Condition{Op: linewatch.Any, Of: []linewatch.Condition{c}}}}}}}
	}
	missing := linewatch.Condition{Op: linewatch.Missing, Tag: "t", Span: 2 * linewatch.Minute}
	stale := linewatch.Condition{Op: linewatch.Above, Tag: "u", Equipment: "F2", StaleAfter: linewatch.Minute}
	c := control{
		assets: &linewatch.Assets{Equipment: []linewatch.Equipment{
			{ID: "a", Alias: "F1", Class: "filler", Tags: []linewatch.Tag{{Name: "t", StaleAfter: 5 * linewatch.Minute}, {Name: "v", StaleAfter: 7}}},
			{ID: "b", Alias: "F2", Class: "filler"},
		}},
		rules: map[linewatch.RuleID]publishedRule{
			"class":   {rule: one(missing, linewatch.Scope{Class: "filler"})},
			"other":   {rule: one(stale, linewatch.Scope{Equipment: "F1"})},
			"gone":    {rule: one(linewatch.Condition{Op: linewatch.Missing, Tag: "t", Span: 1}, linewatch.Scope{Equipment: "F1"}), deleted: true},
			"drafted": {rule: one(linewatch.Condition{Op: linewatch.Missing, Tag: "t", Span: 1}, linewatch.Scope{Equipment: "F1"}), stage: linewatch.StageDraft},
		},
	}
	want := map[[2]string]allowedAge{
		{"a", "t"}: {2 * linewatch.Minute, "missing of rule class"},
		{"b", "t"}: {2 * linewatch.Minute, "missing of rule class"},
		{"b", "u"}: {linewatch.Minute, "staleAfter of rule other"},
		{"a", "v"}: {7, "staleAfter"},
	}
	if diff := cmp.Diff(want, c.ages(), cmp.AllowUnexported(allowedAge{})); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}
