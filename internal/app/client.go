package app

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"linewatch"
	"linewatch/rules/rulefile"
	"linewatch/ui"
)

const (
	clientTimeout = 10 * time.Second
	maxAnswer     = 64 << 20
)

// ApplyFile publishes a file to the process that uses a data directory; kind
// is rules, assets or tables; how matters to rules only. It returns a sentence
// for people.
func ApplyFile(ctx context.Context, data, kind, file string, how ui.Publication) (string, error) {
	body, err := ReadFile(file)
	if err != nil {
		return "", err
	}
	if err := checkFile(kind, file, body); err != nil {
		return "", &ConfigError{err}
	}
	return apply(ctx, data, kind, file, body, how)
}

// apply publishes the content of a file that was checked.
func apply(ctx context.Context, data, kind, file string, body []byte, how ui.Publication) (string, error) {
	query := url.Values{"file": {file}}
	if kind == "rules" {
		publicationQuery(query, how)
	}
	path := "/api/v1/" + kind + "?" + query.Encode()
	answer, err := call(ctx, data, http.MethodPost, path, body)
	if err != nil {
		return "", withPath(file, err)
	}
	var said struct {
		ui.Published
		// Of assets, which have neither name nor number.
		Unregistered ui.Unregistered `json:"unregistered"`
	}
	if len(answer) > 0 { // an older process says nothing about assets
		if err := json.Unmarshal(answer, &said); err != nil {
			return "", fmt.Errorf("the answer cannot be read: %w", err)
		}
	}
	switch {
	case said.Version > 0:
		return published(&said.Published, how), nil
	case said.ID != "":
		return fmt.Sprintf("%s %s is in force", strings.TrimSuffix(kind, "s"), said.ID) + noted(said.Notes), nil
	}
	return kind + " are in force" + leftOut(said.Unregistered) + noted(said.Notes), nil
}

// noted puts notes on lines of their own.
func noted(notes []string) (text string) {
	for _, note := range notes {
		text += "\nnote: " + note
	}
	return text
}

// withPath has a refusal name the file as its author does: the process knows
// the last part of the path only.
func withPath(file string, err error) error {
	refused, ok := errors.AsType[*ConfigError](err)
	if !ok {
		return err
	}
	lines := strings.Split(refused.Error(), "\n")
	for i, line := range lines {
		if rest, ok := strings.CutPrefix(line, filepath.Base(file)+":"); ok {
			lines[i] = file + ":" + rest
		}
	}
	return &ConfigError{errors.New(strings.Join(lines, "\n"))}
}

// leftOut says what became of what another registry has left out.
func leftOut(gone ui.Unregistered) (text string) {
	if n := len(gone.Machines); n > 0 {
		text += fmt.Sprintf("\n%s not registered any more, so that rules about them end: %s", count(n, "machine is", "machines are"), some(gone.Machines))
	}
	if n := len(gone.Senders); n > 0 {
		text += fmt.Sprintf("\n%s not registered any more, so that what they send is quarantined unless engine.openSenders lets them in: %s", count(n, "sender is", "senders are"), some(gone.Senders))
	}
	return text
}

func count(n int, one, more string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprint(n, " ", more)
}

// some lists the first few of many.
func some(names []string) string {
	const few = 10
	if len(names) > few {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:few], ", "), len(names)-few)
	}
	return strings.Join(names, ", ")
}

// checkFile reports the mistakes in a file before it is sent, with the path
// under which its author knows it.
func checkFile(kind, file string, body []byte) (err error) {
	switch kind {
	case "rules":
		_, err = rulefile.ParseRule(file, body)
	case "assets":
		_, err = rulefile.ParseAssets(file, body)
	case "tables":
		_, err = rulefile.ParseTable(file, body)
	}
	return err
}

// DeleteRule deletes a rule of the process that uses a data directory. It
// returns a sentence for people.
func DeleteRule(ctx context.Context, data string, id linewatch.RuleID, how ui.Publication) (string, error) {
	query := url.Values{}
	publicationQuery(query, how)
	answer, err := call(ctx, data, http.MethodDelete, rulePath(id, "", query), nil)
	if err != nil {
		return "", unknownRule(id, err)
	}
	var said ui.Published
	if len(answer) > 0 {
		if err := json.Unmarshal(answer, &said); err != nil {
			return "", fmt.Errorf("the answer cannot be read: %w", err)
		}
	}
	return fmt.Sprintf("rule %s is deleted", id) + since(how.From, said.Over) + noted(said.Notes), nil
}

// call sends a request to the process that uses a data directory.
func call(ctx context.Context, data, method, path string, body []byte) ([]byte, error) {
	address, err := findProcess(data)
	if err != nil {
		return nil, err
	}
	token, err := readToken(data)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, clientTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, "http://"+address+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Content-Type", "application/yaml")
	client := &http.Client{Transport: &http.Transport{Proxy: nil}}
	defer client.CloseIdleConnections()
	res, err := client.Do(req)
	if err != nil {
		if sent, ok := errors.AsType[*url.Error](err); ok {
			err = sent.Err // without the address, which nobody typed
		}
		return nil, fmt.Errorf("the process that uses %s does not answer on %s: %w; look at what it says, or start it anew", data, address, err)
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	if err != nil {
		return nil, err
	}
	return answer, refusal(res.StatusCode, answer)
}

// findProcess returns where the process that uses a data directory listens.
// The token goes nowhere else: an address that a crash left behind may belong
// to another program by now.
func findProcess(data string) (address string, err error) {
	used, err := inUse(data)
	if err != nil {
		return "", err
	}
	if !used {
		return "", noData("nothing runs on the data directory %s; start linewatch run there, or name the right directory with --data", data)
	}
	b, err := os.ReadFile(filepath.Join(data, addressFile))
	if err != nil {
		return "", noData("the process that uses the data directory %s takes no changes; it is just starting or stopping, or is a replay: try again in a moment", data)
	}
	return strings.TrimSpace(string(b)), nil
}

// refusal turns an answer other than success into an error; nil for success.
func refusal(status int, answer []byte) error {
	if status < 300 {
		return nil
	}
	var problem struct {
		Title  string `json:"title"`
		Detail string `json:"detail"`
	}
	text := http.StatusText(status)
	if json.Unmarshal(answer, &problem) == nil && problem.Detail != "" {
		text = problem.Detail
	} else if problem.Title != "" {
		text = problem.Title
	}
	switch status {
	case http.StatusUnprocessableEntity:
		return &ConfigError{errors.New(text)}
	case http.StatusNotFound:
		return ui.ErrUnknownRule
	}
	return errors.New(text)
}
