package ui

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestPublishRules(t *testing.T) {
	p := bottlingLine()
	s := newServer(t, p)
	for _, tt := range []struct{ target, body string }{
		{"/api/v1/rules?file=a.yaml&stage=shadow&from=2026-11-25T12:00:00Z&after=2", `{"id":"filler-rinse-water","version":3}`},
		{"/api/v1/rules?file=a.yaml&from=1795608000000", `{"id":"filler-rinse-water","version":3}`},
		{"/api/v1/rules/filler/republish?version=2", `{"id":"filler","version":9}`},
		{"/api/v1/rules/filler/republish?stage=retired", `{"id":"filler","version":9}`},
	} {
		if w := send(s, tt.target, "application/yaml", "text"); w.Code != 200 || w.Body.String() != tt.body {
			t.Errorf("%s: got %d %s, want %s", tt.target, w.Code, w.Body, tt.body)
		}
	}
	if w := do(s, "DELETE", "/api/v1/rules/filler?from=1795608000000&after=7", nil, "Authorization", "Bearer "+testToken); w.Code != 204 {
		t.Errorf("delete: got %d", w.Code)
	}
	want := []string{
		"rule a.yaml text {shadow 2026-11-25T12:00:00.000Z 2}", "rule a.yaml text { 2026-11-25T12:00:00.000Z -1}",
		"republish filler 2 { 1970-01-01T00:00:00.000Z -1}", "republish filler 0 {retired 1970-01-01T00:00:00.000Z -1}", "delete filler { 2026-11-25T12:00:00.000Z 7}",
	}
	if diff := cmp.Diff(want, p.applied); diff != "" {
		t.Errorf("applied (-want +got):\n%s", diff)
	}
	for _, target := range []string{
		"/api/v1/rules?stage=moon", "/api/v1/rules?from=tomorrow", "/api/v1/rules?from=1795608000", "/api/v1/rules?from=99999999999999", "/api/v1/rules?after=-1",
		"/api/v1/rules/a/republish?version=first", "/api/v1/rules/a/republish?stage=moon",
	} {
		checkProblem(t, target, send(s, target, "application/yaml", "text"), http.StatusBadRequest)
	}
	p.refuse = ErrConflict
	checkProblem(t, "conflict", send(s, "/api/v1/rules", "application/yaml", "text"), http.StatusConflict)
	if w := do(s, "POST", "/api/v1/rules/a/republish", nil); w.Code != http.StatusUnauthorized {
		t.Errorf("republish without the token: got %d", w.Code)
	}
}

func TestRuleLives(t *testing.T) {
	s := newServer(t, bottlingLine())
	const rule = `{"id":"filler-rinse-water","name":"Rinse water","versions":[{"version":2,"stage":"shadow"},{"version":1,"stage":"active","from":1795608000000}],` +
		`"lines":[{"line":"line-3","live":{"version":1,"since":1795608000001,"from":1795608000000},"shadow":{"version":2,"since":null}}]}`
	if w := do(s, "GET", "/api/v1/rules", nil); w.Body.String() != `{"rules":[`+rule+`]}` {
		t.Errorf("rules: got %s", w.Body)
	}
	if w := do(s, "GET", "/api/v1/rules/filler-rinse-water", nil); w.Body.String() != rule {
		t.Errorf("rule: got %s", w.Body)
	}
	checkProblem(t, "unknown", do(s, "GET", "/api/v1/rules/nobody", nil), http.StatusNotFound)
	if w := do(s, "GET", "/api/v1/changes?kind=shadow&limit=1", nil); strings.Count(w.Body.String(), `"kind":"shadow"`) != 1 || strings.Contains(w.Body.String(), `"kind":"live"`) {
		t.Errorf("changes of shadows: got %s", w.Body)
	}
	checkProblem(t, "kind", do(s, "GET", "/api/v1/changes?kind=moon", nil), http.StatusBadRequest)
}
