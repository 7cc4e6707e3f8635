package ui

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// send posts a file with the right token.
func send(s *Server, target, kind, body string) *httptest.ResponseRecorder {
	return do(s, "POST", target, strings.NewReader(body), "Authorization", "Bearer "+testToken, "Content-Type", kind)
}

func TestApply(t *testing.T) {
	p := bottlingLine()
	s := newServer(t, p)
	tests := []struct {
		target, kind string
		code         int
		body         string
	}{
		{"/api/v1/rules?file=rules/filler.yaml", "application/yaml", 200, `{"id":"filler-rinse-water","version":3}`},
		{"/api/v1/rules?file=%00..%5C..%5Ca%0Ab.yaml", "application/yaml; charset=utf-8", 200, `{"id":"filler-rinse-water","version":3}`},
		{"/api/v1/assets", "application/json", 200, `{"unregistered":{"machines":["F7"]}}`},
		{"/api/v1/tables?file=" + strings.Repeat("x", 200), "application/json", 200, `{"id":"product_limits"}`},
	}
	for _, tt := range tests {
		if w := send(s, tt.target, tt.kind, "text"); w.Code != tt.code || w.Body.String() != tt.body {
			t.Errorf("%s: got %d %s, want %d %s", tt.target, w.Code, w.Body, tt.code, tt.body)
		}
	}
	if w := do(s, "DELETE", "/api/v1/rules/filler-rinse-water", nil, "Authorization", "Bearer "+testToken); w.Code != 204 {
		t.Errorf("delete: got %d, want 204", w.Code)
	}
	want := []string{"rule filler.yaml text", "rule ab.yaml text", "assets request body text", "table request body text", "delete filler-rinse-water"}
	if diff := cmp.Diff(want, p.applied); diff != "" {
		t.Errorf("applied (-want +got):\n%s", diff)
	}
}

// What is published and cannot be decided yet is said in the answer.
func TestNotesInAnswers(t *testing.T) {
	p := bottlingLine()
	p.notes, p.over = []string{"no rule nowhere is published"}, OverEverywhere
	s := newServer(t, p)
	const notes = `"notes":["no rule nowhere is published"]}`
	for target, want := range map[string]string{
		"/api/v1/rules":             `{"id":"filler-rinse-water","version":3,` + notes,
		"/api/v1/rules/a/republish": `{"id":"a","version":9,"over":"everywhere"}`,
		"/api/v1/assets":            `{"unregistered":{"machines":["F7"]},` + notes,
		"/api/v1/tables":            `{"id":"product_limits",` + notes,
	} {
		if w := send(s, target, "application/yaml", "text"); w.Code != 200 || w.Body.String() != want {
			t.Errorf("%s: got %d %s, want %s", target, w.Code, w.Body, want)
		}
	}
	if w := do(s, "DELETE", "/api/v1/rules/a", nil, "Authorization", "Bearer "+testToken); w.Code != 200 || w.Body.String() != `{"id":"a","version":4,`+notes {
		t.Errorf("delete: got %d %s", w.Code, w.Body)
	}
}

func TestApplyRefusals(t *testing.T) {
	p := bottlingLine()
	s := newServer(t, p)
	for _, target := range []string{"/api/v1/rules", "/api/v1/assets", "/api/v1/tables"} {
		for name, tt := range map[string]struct {
			kind, body string
			code       int
		}{
			"plain text":      {"text/plain", "{}", http.StatusUnsupportedMediaType},
			"a form":          {"application/x-www-form-urlencoded", "{}", http.StatusUnsupportedMediaType},
			"no content type": {"", "{}", http.StatusUnsupportedMediaType},
			"empty":           {"application/json", "", http.StatusBadRequest},
			"too large":       {"application/json", strings.Repeat(" ", maxBody+1), http.StatusRequestEntityTooLarge},
		} {
			w := send(s, target, tt.kind, tt.body)
			checkProblem(t, target+" "+name, w, tt.code)
		}
	}
	if len(p.applied) > 0 {
		t.Errorf("applied in spite of a refusal: %d files", len(p.applied))
	}
	if w := send(s, "/api/v1/rules", "application/json", strings.Repeat(" ", maxBody)); w.Code != http.StatusOK {
		t.Errorf("a file of exactly the limit: got %d, want 200", w.Code)
	}
}

func TestErrorsOfProviders(t *testing.T) {
	p := bottlingLine()
	s := newServer(t, p)
	p.refuse = Refused{errors.New("filler.yaml:3:5: unknown key \"wieght\", did you mean \"weight\"?")}
	for _, target := range []string{"/api/v1/rules", "/api/v1/assets", "/api/v1/tables"} {
		if detail := checkProblem(t, target, send(s, target, "application/yaml", "x"), http.StatusUnprocessableEntity); !strings.Contains(detail, "did you mean") {
			t.Errorf("%s: detail %q, want the mistake", target, detail)
		}
	}
	p.refuse = Declined{errors.New("table limits is read from limits.csv")}
	if detail := checkProblem(t, "declined", send(s, "/api/v1/tables", "application/yaml", "x"), http.StatusConflict); !strings.Contains(detail, "limits.csv") {
		t.Errorf("detail %q, want the reason", detail)
	}
	p.refuse = errDisk
	if detail := checkProblem(t, "disk", send(s, "/api/v1/rules", "application/yaml", "x"), http.StatusInternalServerError); strings.Contains(detail, "secret") {
		t.Errorf("detail %q shows an inner error", detail)
	}
	w := do(s, "DELETE", "/api/v1/rules/nobody", nil, "Authorization", "Bearer "+testToken)
	checkProblem(t, "unknown rule", w, http.StatusNotFound)
}

// checkProblem asks for a problem document with the given code and returns
// its detail.
func checkProblem(t *testing.T, what string, w *httptest.ResponseRecorder, code int) string {
	t.Helper()
	var got struct {
		Title, Detail string
		Status        int
	}
	if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
		t.Errorf("%s: %v in %s", what, err, w.Body)
	}
	if w.Code != code || got.Status != code || got.Title == "" || got.Detail == "" || w.Header().Get("Content-Type") != "application/problem+json" {
		t.Errorf("%s: got %d %s, want a problem %d", what, w.Code, w.Body, code)
	}
	return got.Detail
}
