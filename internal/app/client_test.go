package app

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"linewatch/ui"
)

// answering is a data directory in use by a process that answers every request
// with status and body, and notes the requests.
func answering(t *testing.T, status int, body string) (data string, requests *[]string) {
	t.Helper()
	requests = new([]string)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		*requests = append(*requests, r.Method+" "+r.URL.String())
		w.WriteHeader(status)
		io.WriteString(w, body)
	}))
	t.Cleanup(server.Close)
	data = t.TempDir()
	d := open(t, data)
	if _, err := d.token(); err != nil {
		t.Fatal(err)
	}
	if err := d.write(addressFile, strings.TrimPrefix(server.URL, "http://")+"\n"); err != nil {
		t.Fatal(err)
	}
	return data, requests
}

// A process of an earlier release answers nothing to a registry.
func TestAssetsToAnOlderProcess(t *testing.T) {
	data, _ := answering(t, http.StatusNoContent, "")
	file := filepath.Join(t.TempDir(), "assets.yaml")
	if err := os.WriteFile(file, []byte(twoLines), 0o600); err != nil {
		t.Fatal(err)
	}
	if said, err := ApplyFile(t.Context(), data, "assets", file, ui.AtOnce()); said != "assets are in force" || err != nil {
		t.Errorf("got %q, %v", said, err)
	}
}
