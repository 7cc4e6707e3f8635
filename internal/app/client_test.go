package app

import (
	"errors"
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

// A refusal names the file as it was given, not only its last part.
func TestRefusalsNameThePath(t *testing.T) {
	data, requests := answering(t, http.StatusUnprocessableEntity, `{"detail":"hot.yaml:5:20: first; a remedy\nhot.yaml:6:1: second\nrule hot: third"}`)
	file := filepath.Join(t.TempDir(), "hot.yaml")
	if err := os.WriteFile(file, ruleOn("F1", 7), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := ApplyFile(t.Context(), data, "rules", file, ui.AtOnce())
	if want := file + ":5:20: first; a remedy\n" + file + ":6:1: second\nrule hot: third"; err == nil || err.Error() != want || !errors.As(err, new(*ConfigError)) {
		t.Errorf("%s\ngot  %v\nwant %s", *requests, err, want)
	}
}

// A token that cannot be sent is told as such, and not blamed on the process.
func TestDamagedTokenIsNotSent(t *testing.T) {
	data, requests := answering(t, http.StatusOK, "")
	if err := os.WriteFile(filepath.Join(data, tokenFile), make([]byte, 65), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := DeleteRule(t.Context(), data, "hot", ui.AtOnce())
	if !errors.Is(err, ErrSecret) || len(*requests) != 0 {
		t.Errorf("%s\ngot %v, want that the token is none", *requests, err)
	}
}
