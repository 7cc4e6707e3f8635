package linewatch

import (
	"strings"
	"testing"
)

func TestScopeMistakes(t *testing.T) {
	rule := func(s Scope, c Condition) error {
		r := Rule{ID: "r", Name: "R", Scope: s, Priority: 1, Groups: []Group{{ID: "g", Weight: 1, Cases: []Case{{State: Warning, When: c}}}}}
		return r.Validate()
	}
	one := IntValue(1)
	onOwn := Condition{Op: Above, Tag: "t", Limit: one}
	onF1 := Condition{Op: Above, Tag: "t", Equipment: "F1", Limit: one}
	onRule := Condition{Op: Is, Tag: "rule:a", Limit: StringValue("WARNING")}
	for _, tt := range []struct {
		scope Scope
		when  Condition
		want  string
	}{
		{Scope{Line: "line-1"}, onF1, ""},
		{Scope{Line: "line-1"}, onRule, ""},
		{Scope{Line: "line-1"}, onOwn, "groups[0].cases[0]: does not say whose t it tests"},
		{Scope{Line: "line-1"}, Condition{Op: All, Of: []Condition{onF1, {Op: Not, Of: []Condition{onOwn}}}}, "groups[0].cases[0].all[1].not: does not say whose t it tests"},
		{Scope{Line: "line 1"}, onF1, "scope.line: is not a line's name"},
		{Scope{Site: "demo"}, onF1, ""},
		{Scope{Site: "demo"}, onOwn, "groups[0].cases[0]: does not say whose t it tests"},
		{Scope{Site: "de mo"}, onF1, "scope.site: is not a site's name"},
		{Scope{Line: "line-1", Site: "demo"}, onF1, "scope: names more than one thing"},
		{Scope{Line: "line-1", Class: "filler"}, onF1, "scope: names more than one thing"},
	} {
		err := rule(tt.scope, tt.when)
		if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
			t.Errorf("%v on %s: got %v, want %q", tt.scope, tt.when.Canonical(), err, tt.want)
		}
	}
	a := Assets{Equipment: []Equipment{{ID: "line:one", Line: "one", Site: "s"}, {ID: "e", Alias: "line:one", Line: "one", Site: "s"}}}
	if err := a.Validate(); err == nil || strings.Count(err.Error(), "is what stands for a line or site") != 2 {
		t.Errorf("names that stand for a line: %v", err)
	}
}
