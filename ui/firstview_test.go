package ui

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// firstView cuts the view out of the page that GET / answers with.
func firstView(t *testing.T, s *Server) string {
	t.Helper()
	_, rest, found := strings.Cut(do(s, "GET", "/", nil).Body.String(), firstViewMark)
	view, _, ended := strings.Cut(rest, scriptEnd)
	if !found || !ended {
		t.Fatalf("the page lacks %s", firstViewMark)
	}
	return view
}

func TestPageHoldsTheView(t *testing.T) {
	p := bottlingLine()
	s := newServer(t, p)
	p.change(func(p *plant) { p.status.Instances[1].RuleName = `</script><script>alert("x")</script>` })
	var page struct {
		Time int64 `json:"time"`
		View struct {
			Status struct {
				Instances []struct {
					RuleName string `json:"ruleName"`
				} `json:"instances"`
			} `json:"status"`
			Changes []jsontext.Value `json:"changes"`
		} `json:"view"`
	}
	if err := json.Unmarshal([]byte(firstView(t, s)), &page); err != nil {
		t.Fatal(err) // as when a name had ended the element
	}
	if page.Time == 0 || len(page.View.Status.Instances) == 0 || len(page.View.Changes) == 0 {
		t.Errorf("the view of the page is %+v", page)
	}

	p.change(func(p *plant) { p.broken = errors.New("no disk") })
	if view := firstView(t, s); view != "" {
		t.Errorf("without a view the page holds %q", view)
	}
}

// TestPageAtOnce asks Chromium to write down the page as soon as it has loaded,
// and once more after eight seconds of virtual time, which stands still while
// the page itself waits for an answer: neither may wait for the stream's end.
func TestPageAtOnce(t *testing.T) {
	t.Parallel()
	path, err := exec.LookPath("chromium")
	if err != nil {
		if os.Getenv("LINEWATCH_REQUIRE_PEERS") != "" {
			t.Fatal("chromium is not installed and LINEWATCH_REQUIRE_PEERS is set")
		}
		t.Skip("SKIPPED: chromium is not installed, so the page is not looked at")
	}
	url := startServer(t, newServer(t, bottlingLine()))
	const live = `id="stale" role="alert" hidden`
	for _, when := range [][]string{{"--dump-dom"}, {"--dump-dom", "--virtual-time-budget=8000"}} {
		ctx, stop := context.WithTimeout(t.Context(), time.Minute)
		args := append([]string{"--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking", "--user-data-dir=" + t.TempDir()}, when...)
		page, err := exec.CommandContext(ctx, path, append(args, url)...).Output()
		stop()
		if err != nil {
			t.Fatalf("%s: %v", when, err)
		}
		// Eight virtual seconds may pass before the stream says a word, and then
		// the page is right to say so.
		for _, want := range []string{"Rinse water too hot on F1", "1,284,917", live} {
			if !strings.Contains(string(page), want) && (want != live || len(when) == 1) {
				t.Errorf("%s: the page does not say %q:\n%s", when, want, page)
			}
		}
	}
}
