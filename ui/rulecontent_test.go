package ui

import (
	"net/http"
	"strings"
	"testing"

	"linewatch"
)

func TestRuleVersionContent(t *testing.T) {
	s := newServer(t, bottlingLine())
	if w := do(s, "GET", "/api/v1/rules/filler-rinse-water/versions/2", nil); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), `"priority":2`) {
		t.Errorf("got %d %s", w.Code, w.Body)
	}
	checkProblem(t, "unknown", do(s, "GET", "/api/v1/rules/nobody/versions/2", nil), http.StatusNotFound)
	checkProblem(t, "never was", do(s, "GET", "/api/v1/rules/filler-rinse-water/versions/9", nil), http.StatusConflict)
	for _, version := range []string{"0", "-1", "x", "99999999999"} {
		checkProblem(t, version, do(s, "GET", "/api/v1/rules/filler-rinse-water/versions/"+version, nil), http.StatusBadRequest)
	}
}

func TestRulesInForce(t *testing.T) {
	p := bottlingLine()
	s := newServer(t, p)
	w := do(s, "GET", "/api/v1/rules?content=inForce", nil)
	for _, want := range []string{`{"rules":[{"id":"filler-rinse-water","newest":2,"version":1,"document":{`, `"priority":1`, `{"id":"tried","newest":4,"version":0}]}`} {
		if w.Code != http.StatusOK || !strings.Contains(w.Body.String(), want) {
			t.Errorf("got %d %s, which lacks %s", w.Code, w.Body, want)
		}
	}
	checkProblem(t, "content", do(s, "GET", "/api/v1/rules?content=all", nil), http.StatusBadRequest)
	p.change(func(p *plant) { p.broken = errDisk })
	checkProblem(t, "disk", do(s, "GET", "/api/v1/rules?content=inForce", nil), http.StatusInternalServerError)
}

// Drafts and shadows leave in force what is; a retirement and a deletion do not.
func TestInForce(t *testing.T) {
	draft, shadow := RuleVersion{Version: 9, Stage: linewatch.StageDraft}, RuleVersion{Version: 8, Stage: linewatch.StageShadow}
	active, retired := RuleVersion{Version: 3, Stage: linewatch.StageActive}, RuleVersion{Version: 4, Stage: linewatch.StageRetired}
	for _, test := range []struct {
		versions []RuleVersion // the newest first
		want     uint32
	}{
		{nil, 0},
		{[]RuleVersion{active}, 3},
		{[]RuleVersion{draft, shadow, active}, 3},
		{[]RuleVersion{draft}, 0},
		{[]RuleVersion{shadow, retired, active}, 0},
		{[]RuleVersion{{Version: 5, Deleted: true}, active}, 0},
		{[]RuleVersion{{Version: 6, Stage: linewatch.StageActive}, retired, active}, 6},
	} {
		v, ok := (&RuleLife{Versions: test.versions}).InForce()
		if v.Version != test.want || ok != (test.want > 0) {
			t.Errorf("%v: version %d is in force, want %d", test.versions, v.Version, test.want)
		}
	}
}
