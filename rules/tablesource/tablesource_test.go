package tablesource

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"linewatch"
)

func source(t *testing.T, c Config) *Source {
	t.Helper()
	c.ID, c.Key = "limits", "product"
	if err := c.Validate(); err != nil {
		t.Fatal(err)
	}
	s, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func file(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestFormats(t *testing.T) {
	want := map[string]map[string]linewatch.Value{
		"PET-1L": {"max": linewatch.FloatValue(75.5), "hot": linewatch.BoolValue(true), "note": linewatch.StringValue("a; b")},
		"7":      {"max": linewatch.IntValue(80)},
	}
	for name, text := range map[string]string{
		"comma.csv":     "product,max,hot,note\nPET-1L,75.5,true,a; b\n7,80,,\n",
		"semicolon.csv": "\ufeffproduct;max;hot;note\r\nPET-1L;75.5;true;\"a; b\"\r\n7;80;;\r\n",
		"list.json":     ` [{"product":"PET-1L","max":75.5,"hot":true,"note":"a; b"},{"max":80,"product":7,"note":null}] `,
	} {
		got, err := source(t, Config{File: file(t, name, text)}).Fetch(t.Context())
		if diff := cmp.Diff(want, got.Rows, cmp.Comparer(linewatch.Value.Equal)); err != nil || diff != "" || got.ID != "limits" {
			t.Errorf("%s: %v\n%s", name, err, diff)
		}
	}
}

func TestBadContent(t *testing.T) {
	for name, test := range map[string]struct{ text, want string }{
		"empty.csv":    {"", "it has no header line"},
		"head.csv":     {"product,max\n", "rows: are missing"},
		"ragged.csv":   {"product,max\na,1,2\n", "wrong number of fields"},
		"nokey.csv":    {"product,max\na,1\n,2\n", "nokey.csv: line 3 has no value in the key column product; give it one"},
		"nohead.csv":   {"products,max\na,1\n", "nohead.csv: it has no column product (key in the configuration); its columns are max, products; did you mean products?"},
		"other.csv":    {"sku;max\na;1\n", "other.csv: it has no column product (key in the configuration); its columns are max, sku"},
		"twice.csv":    {"product,max\na,1\na,2\n", `twice.csv: line 3 has the key "a" once more; give each row a key of its own`},
		"columns.csv":  {"product,max,max\na,1,2\n", `the column "max" stands twice`},
		"latin.csv":    {"product,max\n\xfc,1\n", "it is not UTF-8"},
		"quote.csv":    {"product,max\n\"a,1\n", `"`},
		"object.json":  {`{"product":"a"}`, "it is no JSON array of objects"},
		"nested.json":  {`[{"product":"a","max":{}}]`, "it is no JSON array of objects with plain values"},
		"cut.json":     {`[{"product":"a"`, "it is no JSON array"},
		"more.json":    {`[] []`, "something follows"},
		"nothing.json": {`[]`, "rows: are missing"},
		"nokey.json":   {`[{"product":"a","max":1},{"max":2}]`, "nokey.json: element 2 has no value in the key column product; give it one"},
		"nohead.json":  {`[{"products":"a"},{"max":2}]`, "nohead.json: it has no column product (key in the configuration); its columns are max, products; did you mean products?"},
		"large.json":   {"[" + strings.Repeat(" ", MaxBytes) + "]", "it is larger than 1024 KiB"},
	} {
		if _, err := source(t, Config{File: file(t, name, test.text)}).Fetch(t.Context()); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got %v, want %q", name, err, test.want)
		}
	}
	if _, err := source(t, Config{File: "/nowhere/at/all.csv"}).Fetch(t.Context()); !errors.Is(err, os.ErrNotExist) || err.Error() != "/nowhere/at/all.csv: no such file; check the name and the directory" {
		t.Errorf("no file: %v", err)
	}
}

// server answers as a web server of the plant might.
func server(t *testing.T) (base string) {
	elsewhere := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("a request went elsewhere, with %q", r.Header.Get("Authorization"))
	}))
	t.Cleanup(elsewhere.Close)
	hang := make(chan struct{})
	mux := http.NewServeMux()
	mux.HandleFunc("/limits", func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer secret" {
			http.Error(w, "who are you?", http.StatusUnauthorized)
			return
		}
		if r.Header.Get("If-None-Match") == `"v1"` {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		w.Header().Set("ETag", `"v1"`)
		w.Header().Set("Content-Type", "text/csv; charset=utf-8")
		w.Write([]byte("product,max\na,1\n"))
	})
	mux.Handle("/moved", http.RedirectHandler("/limits", http.StatusFound))
	mux.Handle("/round", http.RedirectHandler("/round", http.StatusFound))
	mux.Handle("/away", http.RedirectHandler(elsewhere.URL, http.StatusTemporaryRedirect))
	mux.HandleFunc("/broken", func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "", http.StatusInternalServerError) })
	mux.HandleFunc("/endless", func(w http.ResponseWriter, r *http.Request) {
		for r.Context().Err() == nil {
			if _, err := w.Write(make([]byte, 1<<16)); err != nil {
				return
			}
		}
	})
	mux.HandleFunc("/silent", func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-hang:
		case <-r.Context().Done():
		}
	})
	s := httptest.NewServer(mux)
	t.Cleanup(func() { close(hang); s.Close() })
	return s.URL
}

func TestWebServers(t *testing.T) {
	base, token := server(t), file(t, "token", "secret\n")
	for path, want := range map[string]string{
		"/limits": "", "/moved": "",
		"/round":   "it leads on and on",
		"/away":    "it leads to http://127.0.0.1:",
		"/broken":  "the server answers 500",
		"/none":    "the server answers 404",
		"/endless": "it is larger than 1024 KiB",
		"/silent":  "Client.Timeout exceeded",
	} {
		s := source(t, Config{URL: base + path, TokenFile: token, Timeout: 500})
		got, err := s.Fetch(t.Context())
		switch {
		case want == "" && (err != nil || len(got.Rows) != 1):
			t.Errorf("%s: %v, %v", path, got.Rows, err)
		case want != "" && (err == nil || !strings.Contains(err.Error(), want)):
			t.Errorf("%s: got %v, want %q", path, err, want)
		case want == "":
			if _, err := s.Fetch(t.Context()); !errors.Is(err, errUnchanged) {
				t.Errorf("%s once more: %v", path, err)
			}
		}
	}
	if _, err := source(t, Config{URL: base + "/limits"}).Fetch(t.Context()); err == nil || !strings.Contains(err.Error(), "401") {
		t.Errorf("without the token: %v", err)
	}
}

// A source that fails keeps what was read before and is counted; one whose
// table could not be published is asked for it again.
func TestPollerCounts(t *testing.T) {
	path := file(t, "limits.csv", "product,max\na,1\n")
	var published []linewatch.Table
	var refuse error
	p := &Poller{Now: func() linewatch.Time { return 42 }, Log: slog.New(slog.DiscardHandler)}
	p.Apply = func(_ context.Context, t linewatch.Table) (bool, error) {
		if refuse != nil {
			return false, refuse
		}
		changed := len(published) == 0 || !cmp.Equal(published[len(published)-1], t, cmp.Comparer(linewatch.Value.Equal))
		if changed {
			published = append(published, t)
		}
		return changed, nil
	}
	s := source(t, Config{File: path})
	p.Add(s)
	for _, text := range []string{"product,max\na,1\n", "product,max\na,1\n", "product\n\"", "product,max\na,2\n"} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		p.read(t.Context(), 0, s)
	}
	got := p.Status()[0]
	want := Status{ID: "limits", Source: path, Reads: 3, Changes: 2, Errors: 1, ReadAt: 42, ErrorAt: 42}
	if got != want || len(published) != 2 {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	refuse, s.etag = errors.New("disk full"), "v1"
	p.read(t.Context(), 0, s)
	if got := p.Status()[0]; got.Error != "disk full" || s.etag != "" {
		t.Errorf("a table that could not be published: %+v, etag %q", got, s.etag)
	}
}

func TestRunEnds(t *testing.T) {
	p := &Poller{Now: func() linewatch.Time { return 1 }, Log: slog.New(slog.DiscardHandler)}
	read := make(chan struct{}, 10)
	p.Apply = func(context.Context, linewatch.Table) (bool, error) { read <- struct{}{}; return true, nil }
	p.Add(source(t, Config{File: file(t, "limits.csv", "product,max\na,1\n"), Every: linewatch.Day}))
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- p.Run(ctx) }()
	<-read
	cancel()
	select {
	case err := <-ended:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(5 * time.Second):
		t.Fatal("it runs on")
	}
}

// A pipe or a device in the place of a file holds nobody up: it is refused, and
// may become a file later.
func TestSpecialFiles(t *testing.T) {
	pipe := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{pipe, "/dev/zero", t.TempDir()} {
		want := name + " is not a file; name one"
		for _, c := range []Config{{File: name}, {URL: "http://127.0.0.1:1/", TokenFile: name}} {
			if _, err := source(t, c).Fetch(t.Context()); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%+v: got %v, want %q", c, err, want)
			}
		}
		if _, err := New(Config{ID: "t", Key: "k", URL: "https://127.0.0.1:1/", CAFile: name}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("caFile: got %v, want %q", err, want)
		}
	}
}

func TestConfigMistakes(t *testing.T) {
	good := Config{ID: "limits", Key: "product", URL: "https://mes.example/limits"}
	for _, tt := range []struct {
		change func(*Config)
		want   string
	}{
		{func(*Config) {}, ""},
		{func(c *Config) { c.ID = "a b" }, "id: is not a table's id"},
		{func(c *Config) { c.Key = "" }, "key: is not a column's name"},
		{func(c *Config) { c.File = "x.csv" }, "url, file: give one of them"},
		{func(c *Config) { c.URL = "" }, "url, file: give one of them"},
		{func(c *Config) { c.URL = "ftp://mes.example/limits" }, "url: want http"},
		{func(c *Config) { c.URL = "https://me:secret@mes.example/limits" }, "without a user in it"},
		{func(c *Config) { c.Every = 10 }, "every: use 1s to 1d"},
		{func(c *Config) { c.Timeout = linewatch.Hour }, "timeout: use 100ms to 1m"},
		{func(c *Config) { c.URL, c.File, c.TokenFile = "", "x.csv", "t" }, "tokenFile, caFile: go with url"},
	} {
		c := good
		tt.change(&c)
		err := c.Validate()
		if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
			t.Errorf("%+v: got %v, want %q", c, err, tt.want)
		}
	}
	c := good
	c.CAFile = file(t, "ca.pem", "nothing")
	if _, err := New(c); err == nil || !strings.Contains(err.Error(), "holds no certificate") {
		t.Errorf("an authority without a certificate: %v", err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte("product,max\na,1\n"), "csv")
	f.Add([]byte(`[{"product":"a","max":1}]`), "json")
	f.Fuzz(func(t *testing.T, data []byte, kind string) {
		rows, err := parse(data, kind, "product")
		for key, row := range rows {
			if _, ok := row["product"]; ok && err == nil {
				t.Errorf("row %q holds its key", key)
			}
		}
	})
}
