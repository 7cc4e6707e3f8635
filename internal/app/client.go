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
)

// ErrNoData says that there is no data directory, or none that a process uses.
var ErrNoData = errors.New("no data directory")

const clientTimeout = 10 * time.Second

// ApplyFile publishes a file to the process that uses a data directory; kind
// is rules, assets or tables. It returns a sentence for people.
func ApplyFile(ctx context.Context, data, kind, file string) (string, error) {
	body, err := readUserFile(file)
	if err != nil {
		return "", err
	}
	path := "/api/v1/" + kind + "?file=" + url.QueryEscape(file)
	answer, err := call(ctx, data, http.MethodPost, path, body)
	if err != nil {
		return "", err
	}
	var said struct {
		ID      string `json:"id"`
		Version uint32 `json:"version"`
	}
	if err := json.Unmarshal(answer, &said); err != nil {
		return "", fmt.Errorf("the answer cannot be read: %w", err)
	}
	switch {
	case said.Version > 0:
		return fmt.Sprintf("rule %s version %d is published", said.ID, said.Version), nil
	case said.ID != "":
		return fmt.Sprintf("%s %s is published", strings.TrimSuffix(kind, "s"), said.ID), nil
	}
	return kind + " are published", nil
}

// DeleteRule withdraws a rule from the process that uses a data directory.
func DeleteRule(ctx context.Context, data, id string) error {
	_, err := call(ctx, data, http.MethodDelete, "/api/v1/rules/"+url.PathEscape(id), nil)
	return err
}

// call sends a request to the process that uses a data directory.
func call(ctx context.Context, data, method, path string, body []byte) ([]byte, error) {
	address, err := os.ReadFile(filepath.Join(data, addressFile))
	if err != nil {
		return nil, fmt.Errorf("%w: nothing runs on %s; start linewatch run there, or name its directory with --data", ErrNoData, data)
	}
	token, err := readToken(data)
	if err != nil {
		return nil, fmt.Errorf("token: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, clientTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, "http://"+strings.TrimSpace(string(address))+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Content-Type", "application/yaml")
	client := &http.Client{Transport: &http.Transport{Proxy: nil}}
	defer client.CloseIdleConnections()
	res, err := client.Do(req)
	if err != nil {
		return nil, fmt.Errorf("the process that uses %s does not answer: %w; is it running?", data, err)
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	if err != nil {
		return nil, err
	}
	return answer, refusal(res.StatusCode, answer)
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
	if status == http.StatusUnprocessableEntity {
		return &ConfigError{errors.New(text)}
	}
	return errors.New(text)
}
