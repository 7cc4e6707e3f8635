package ui

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"linewatch"
)

func TestStatus(t *testing.T) {
	p := bottlingLine()
	p.change(func(p *plant) { p.status.Engine.Received++ })
	w := do(newServer(t, p), "GET", "/api/v1/status", nil)
	var got struct {
		Instances []struct{ Rule, State, Sentence string }
		Total     int `json:"instancesTotal"`
		Balanced  map[string]bool
		Senders   []struct{ Newest *int64 }
		Edge      struct{ Sampled uint64 }
	}
	if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
		t.Fatalf("%v in %s", err, w.Body)
	}
	if first := got.Instances[0]; first.Rule != "filler-bowl-pressure" || first.State != "CRITICAL" || !strings.Contains(first.Sentence, "bowl_pressure 0.4 below 1.8") {
		t.Errorf("first instance %+v, want the most severe with its reason", first)
	}
	if got.Total != 5 || len(got.Instances) != 5 || got.Edge.Sampled != 1_284_917 {
		t.Errorf("total %d, instances %d, sampled %d", got.Total, len(got.Instances), got.Edge.Sampled)
	}
	if got.Balanced["engine"] || !got.Balanced["edge"] || !got.Balanced["domain line-3"] {
		t.Errorf("balanced %v, want only the engine off", got.Balanced)
	}
	if got.Senders[0].Newest == nil || got.Senders[2].Newest != nil {
		t.Errorf("an unknown time must be null and only that: %s", w.Body)
	}
}

// TestAccounts makes each counter wrong by one, which must show.
func TestAccounts(t *testing.T) {
	if e := (EdgeAccount{Sampled: 10, Sent: 5, Spooled: 3, Lost: 1, Rejected: 1}); !e.Balanced() {
		t.Errorf("%+v: want balanced", e)
	}
	if g := (EngineAccount{Received: 6, Accepted: 3, Duplicate: 2, Quarantined: 1}); !g.Balanced() {
		t.Errorf("%+v: want balanced", g)
	}
	if d := (Domain{Accepted: 6, Processed: 3, Buffered: 2, Late: 1}); !d.Balanced() {
		t.Errorf("%+v: want balanced", d)
	}
	for _, e := range []EdgeAccount{{Sampled: 1}, {Sent: 1}, {Spooled: 1}, {Lost: 1}, {Rejected: 1}} {
		if e.Balanced() {
			t.Errorf("%+v: want not balanced", e)
		}
	}
	for _, g := range []EngineAccount{{Received: 1}, {Accepted: 1}, {Duplicate: 1}, {Quarantined: 1}} {
		if g.Balanced() {
			t.Errorf("%+v: want not balanced", g)
		}
	}
	for _, d := range []Domain{{Accepted: 1}, {Processed: 1}, {Buffered: 1}, {Late: 1}} {
		if d.Balanced() {
			t.Errorf("%+v: want not balanced", d)
		}
	}
}

func TestChanges(t *testing.T) {
	p := bottlingLine()
	s := newServer(t, p)
	for query, want := range map[string]int{"": 4, "?limit=1": 1, "?limit=1000": 4} {
		w := do(s, "GET", "/api/v1/changes"+query, nil)
		var got struct {
			Changes []struct {
				Change   struct{ ID, To string }
				Sentence string
			}
		}
		if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
			t.Fatalf("%v in %s", err, w.Body)
		}
		if len(got.Changes) != want || got.Changes[0].Change.To != "CRITICAL" || got.Changes[0].Sentence == "" {
			t.Errorf("%q: got %+v, want %d changes", query, got.Changes, want)
		}
	}
	for _, query := range []string{"?limit=0", "?limit=-1", "?limit=1001", "?limit=x", "?limit=1e3", "?limit=99999999999999999999"} {
		if w := do(s, "GET", "/api/v1/changes"+query, nil); w.Code != http.StatusBadRequest {
			t.Errorf("%q: got %d, want 400", query, w.Code)
		}
	}
}

func TestHistoryBroken(t *testing.T) {
	p := bottlingLine()
	p.broken = errDisk
	w := do(newServer(t, p), "GET", "/api/v1/changes", nil)
	if w.Code != http.StatusInternalServerError || strings.Contains(w.Body.String(), "secret") {
		t.Errorf("got %d %s, want 500 without the inner error", w.Code, w.Body)
	}
}

// TestMarkupInData asks that no answer carries a tag that came in as a name.
func TestMarkupInData(t *testing.T) {
	const script = "<script>alert(1)</script>"
	p := bottlingLine()
	p.status.Instances[0].RuleName = script
	p.changes[0].Title = script
	p.changes[0].Why.Groups[0].Conditions[0].Value = value(linewatch.StringValue(script))
	s := newServer(t, p)
	for _, target := range []string{"/api/v1/status", "/api/v1/changes"} {
		w := do(s, "GET", target, nil)
		if strings.Contains(w.Body.String(), "<script") || !strings.Contains(w.Body.String(), `\u003cscript`) {
			t.Errorf("%s: markup is not escaped", target)
		}
		if got := w.Header().Get("Content-Type"); got != "application/json" {
			t.Errorf("%s: content type %q", target, got)
		}
	}
	w := do(s, "GET", "/api/v1/<script>", nil)
	if strings.Contains(w.Body.String(), "<script") && w.Header().Get("Content-Type") != "application/problem+json" {
		t.Errorf("path echoed as %s: %s", w.Header().Get("Content-Type"), w.Body)
	}
}

func TestPageFiles(t *testing.T) {
	s := newServer(t, bottlingLine())
	for target, want := range map[string]int{
		"/": 200, "/app.css": 200, "/js/main.js": 200, "/favicon.svg": 200,
		"/js/": 404, "/js": 301, "/../server.go": 307, "/%2e%2e/server.go": 404, "/..%2fserver.go": 404, "/js/..%5c..%5cserver.go": 404, "/server.go": 404, "/js/main.js%00": 404,
	} {
		w := do(s, "GET", target, nil)
		if w.Code != want || strings.Contains(w.Body.String(), "package ui") {
			t.Errorf("%s: got %d, want %d", target, w.Code, want)
		}
	}
}
