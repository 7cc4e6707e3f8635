package ui

import (
	"errors"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// routes has every route and a way to call it.
var allRoutes = []struct{ method, target string }{
	{"GET", "/"},
	{"GET", "/app.css"},
	{"GET", "/nowhere"},
	{"GET", "/api/v1/status"},
	{"GET", "/api/v1/changes"},
	{"GET", "/api/v1/nowhere"},
	{"POST", "/api/v1/rules"},
	{"DELETE", "/api/v1/rules/r"},
	{"POST", "/api/v1/assets"},
	{"POST", "/api/v1/tables"},
}

func TestHeadersOnEveryRoute(t *testing.T) {
	s := newServer(t, bottlingLine())
	for _, r := range allRoutes {
		h := do(s, r.method, r.target, nil).Header()
		for name, want := range map[string]string{
			"X-Content-Type-Options":       "nosniff",
			"Referrer-Policy":              "no-referrer",
			"Cross-Origin-Resource-Policy": "same-origin",
		} {
			if got := h.Get(name); got != want {
				t.Errorf("%s %s: %s is %q, want %q", r.method, r.target, name, got, want)
			}
		}
		csp := h.Get("Content-Security-Policy")
		for _, want := range []string{"default-src 'none'", "script-src 'self'", "frame-ancestors 'none'", "base-uri 'none'"} {
			if !strings.Contains(csp, want) {
				t.Errorf("%s %s: policy lacks %s", r.method, r.target, want)
			}
		}
		if strings.Contains(csp, "unsafe") || strings.Contains(csp, "*") {
			t.Errorf("%s %s: loose policy %s", r.method, r.target, csp)
		}
	}
}

func TestHost(t *testing.T) {
	s := newServer(t, bottlingLine())
	for host, want := range map[string]int{
		"127.0.0.1:8080": 200, "localhost:8080": 200, "localhost": 200, "[::1]:8080": 200, "[::1]": 200, "127.0.0.2": 200,
		"evil.example:8080": 421, "127.0.0.1.evil.example": 421, "192.0.2.1:8080": 421, "": 421, "localhost.evil:8080": 421, "[fe80::1]:8080": 421,
	} {
		if got := do(s, "GET", "/api/v1/status", nil, "Host", host).Code; got != want {
			t.Errorf("host %q: got %d, want %d", host, got, want)
		}
	}
}

// TestAuthorisation asks every route that changes something without the right
// token, and that then nothing is changed.
func TestAuthorisation(t *testing.T) {
	p := bottlingLine()
	s := newServer(t, p)
	for _, r := range allRoutes {
		if r.method == "GET" {
			continue
		}
		for _, auth := range []string{"", "Bearer", "Bearer ", testToken, "Basic " + testToken, "Bearer " + testToken + "x", "Bearer " + testToken[1:], "bearer " + testToken} {
			w := do(s, r.method, r.target, strings.NewReader("{}"), "Authorization", auth, "Content-Type", "application/json")
			if w.Code != http.StatusUnauthorized || w.Header().Get("Www-Authenticate") == "" {
				t.Errorf("%s %s with %q: got %d, want 401", r.method, r.target, auth, w.Code)
			}
		}
	}
	if len(p.applied) > 0 {
		t.Errorf("applied without authorisation: %q", p.applied)
	}
}

func TestCrossOrigin(t *testing.T) {
	p := bottlingLine()
	s := newServer(t, p)
	for _, headers := range [][]string{
		{"Sec-Fetch-Site", "cross-site"},
		{"Sec-Fetch-Site", "same-site"},
		{"Origin", "https://evil.example"},
		{"Origin", "null"},
	} {
		headers = append(headers, "Authorization", "Bearer "+testToken, "Content-Type", "application/json")
		if w := do(s, "POST", "/api/v1/rules", strings.NewReader("{}"), headers...); w.Code != http.StatusForbidden {
			t.Errorf("%v: got %d, want 403", headers[:2], w.Code)
		}
	}
	if len(p.applied) > 0 {
		t.Errorf("applied from another origin: %q", p.applied)
	}
	if w := do(s, "POST", "/api/v1/rules", strings.NewReader("{}"), "Origin", "http://127.0.0.1:8080", "Sec-Fetch-Site", "same-origin", "Authorization", "Bearer "+testToken, "Content-Type", "application/json"); w.Code != http.StatusOK {
		t.Errorf("own origin: got %d, want 200", w.Code)
	}
}

// TestGetChangesNothing calls what changes something by GET and HEAD.
func TestGetChangesNothing(t *testing.T) {
	p := bottlingLine()
	s := newServer(t, p)
	for _, r := range allRoutes {
		for _, method := range []string{"GET", "HEAD", "OPTIONS", "PUT", "PATCH"} {
			do(s, method, r.target, strings.NewReader("{}"), "Authorization", "Bearer "+testToken, "Content-Type", "application/json")
		}
	}
	if len(p.applied) > 0 {
		t.Errorf("changed by a method that must not: %q", p.applied)
	}
}

func TestConnectionLimit(t *testing.T) {
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := limitConnections(inner, 2)
	accepted := make(chan net.Conn, 3)
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				if !errors.Is(err, net.ErrClosed) {
					t.Errorf("accept: %v", err)
				}
				return
			}
			accepted <- c
		}
	})
	for range 3 {
		c, err := net.Dial("tcp", inner.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
	}
	first, second := <-accepted, <-accepted
	select {
	case <-accepted:
		t.Error("a third connection was accepted, want it to wait")
	case <-time.After(50 * time.Millisecond):
	}
	first.Close()
	first.Close() // frees its place once only
	third := <-accepted
	l.Close() // ends the Accept that waits for a place
	wg.Wait()
	second.Close()
	third.Close()
}
