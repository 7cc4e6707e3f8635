// Package tablesource reads reference tables from where others keep them: a
// file or a web server, as CSV or JSON, again and again.
//
// It owns how a source is asked and what its answer means. What becomes of a
// table is the business of whoever is given it; no rule ever waits for a
// source.
package tablesource

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path"
	"strings"
	"time"

	"linewatch"
	"linewatch/internal/strictyaml"
)

// Config describes one source.
type Config struct {
	ID string `yaml:"id"` // of the table
	// URL is http or https, File a path; one of them.
	URL  string `yaml:"url"`
	File string `yaml:"file"`
	// Key is the column whose value finds a row, such as product.
	Key     string             `yaml:"key"`
	Every   linewatch.Duration `yaml:"every"`   // 0: one minute
	Timeout linewatch.Duration `yaml:"timeout"` // of one request; 0: 10 s
	// TokenFile holds a token that a web server is sent as a bearer's; CAFile
	// the authority of its certificate, if that is one of your own.
	TokenFile string `yaml:"tokenFile"`
	CAFile    string `yaml:"caFile"`
}

const (
	defaultEvery   = linewatch.Minute
	defaultTimeout = 10 * linewatch.Second
	// MaxBytes bounds what a source may answer.
	MaxBytes     = 1 << 20
	maxRedirects = 3
)

// Validate returns every mistake in c, joined.
func (c *Config) Validate() error {
	var errs []error
	check := func(ok bool, text string) {
		if !ok {
			errs = append(errs, errors.New(text))
		}
	}
	check(linewatch.ValidName(c.ID), "id: is not a table's id; use 1 to 128 of A-Z a-z 0-9 . _ : and -")
	check((c.URL == "") != (c.File == ""), "url, file: give one of them")
	check(linewatch.ValidName(c.Key), "key: is not a column's name; name the column whose value finds a row")
	check(c.Every == 0 || c.Every >= linewatch.Second && c.Every <= linewatch.Day, "every: use 1s to 1d")
	check(c.Timeout == 0 || c.Timeout >= 100 && c.Timeout <= linewatch.Minute, "timeout: use 100ms to 1m")
	if c.URL != "" {
		u, err := url.Parse(c.URL)
		check(err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != "" && u.User == nil,
			"url: want http://HOST/PATH or https://HOST/PATH, without a user in it; a token goes into tokenFile")
	}
	check(c.File == "" || c.TokenFile == "" && c.CAFile == "", "tokenFile, caFile: go with url")
	return errors.Join(errs...)
}

// Source is one source of a table. Its methods are used by one goroutine.
type Source struct {
	cfg    Config
	client *http.Client
	etag   string // of the last good answer
}

// New makes a source from a valid configuration.
func New(c Config) (*Source, error) {
	if c.Every == 0 {
		c.Every = defaultEvery
	}
	if c.Timeout == 0 {
		c.Timeout = defaultTimeout
	}
	s := &Source{cfg: c}
	if c.URL == "" {
		return s, nil
	}
	t := &http.Transport{DisableKeepAlives: true, TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12}}
	if c.CAFile != "" {
		pem, err := readFile(c.CAFile)
		if err != nil {
			return nil, fmt.Errorf("table %s: caFile: %w", c.ID, strictyaml.Unreadable(c.CAFile, err))
		}
		t.TLSClientConfig.RootCAs = x509.NewCertPool()
		if !t.TLSClientConfig.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("table %s: caFile: %s holds no certificate in PEM form", c.ID, c.CAFile)
		}
	}
	s.client = &http.Client{Transport: t, Timeout: c.Timeout.Std(), CheckRedirect: stay}
	return s, nil
}

// Where returns the URL or the path of the source.
func (s *Source) Where() string { return cmp.Or(s.cfg.URL, s.cfg.File) }

// stay follows redirects on the same server only: neither what is read nor the
// token may come from, or go, elsewhere.
func stay(next *http.Request, before []*http.Request) error {
	first := before[0].URL
	switch {
	case next.URL.Scheme != first.Scheme || next.URL.Host != first.Host:
		return fmt.Errorf("it leads to %s://%s; name that in the configuration if it is right", next.URL.Scheme, next.URL.Host)
	case len(before) > maxRedirects:
		return errors.New("it leads on and on")
	}
	return nil
}

// errUnchanged says that the source has what it had the last time.
var errUnchanged = errors.New("unchanged")

// Fetch reads the table once.
func (s *Source) Fetch(ctx context.Context) (linewatch.Table, error) {
	data, kind, err := s.read(ctx)
	if err != nil {
		return linewatch.Table{}, err
	}
	rows, err := parse(data, kind, s.cfg.Key)
	t := linewatch.Table{ID: s.cfg.ID, Rows: rows}
	if err == nil {
		err = t.Validate()
	}
	if err != nil {
		return linewatch.Table{}, fmt.Errorf("%s: %w", s.Where(), err)
	}
	return t, nil
}

// read returns what the source says and of what kind it is: csv or json.
func (s *Source) read(ctx context.Context) (data []byte, kind string, err error) {
	if s.cfg.File != "" {
		data, err = readFile(s.cfg.File)
		return data, kindOf("", s.cfg.File), err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.cfg.URL, nil)
	if err != nil {
		return nil, "", err
	}
	req.Header.Set("Accept", "application/json, text/csv")
	if s.etag != "" {
		req.Header.Set("If-None-Match", s.etag)
	}
	if s.cfg.TokenFile != "" {
		token, err := readFile(s.cfg.TokenFile)
		if err != nil {
			return nil, "", fmt.Errorf("tokenFile: %w", strictyaml.Unreadable(s.cfg.TokenFile, err))
		}
		req.Header.Set("Authorization", "Bearer "+strings.TrimSpace(string(token)))
	}
	res, err := s.client.Do(req)
	if err != nil {
		return nil, "", err
	}
	defer res.Body.Close()
	switch res.StatusCode {
	case http.StatusOK:
	case http.StatusNotModified:
		return nil, "", errUnchanged
	default:
		return nil, "", fmt.Errorf("the server answers %s", res.Status)
	}
	if data, err = limited(res.Body); err != nil {
		return nil, "", err
	}
	s.etag = res.Header.Get("ETag")
	return data, kindOf(res.Header.Get("Content-Type"), req.URL.Path), nil
}

// readFile reads a file. What else may have a name is refused, since to open a
// pipe may take for ever.
func readFile(name string) ([]byte, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, strictyaml.Unreadable(name, err)
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a file; name one", name)
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, strictyaml.Unreadable(name, err)
	}
	defer f.Close()
	data, err := limited(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return data, nil
}

func limited(r io.Reader) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r, MaxBytes+1))
	if err == nil && len(data) > MaxBytes {
		err = fmt.Errorf("it is larger than %d KiB; leave out what no rule needs", MaxBytes>>10)
	}
	return data, err
}

// kindOf goes by the content type, then by the name.
func kindOf(contentType, name string) string {
	if strings.Contains(contentType, "csv") || !strings.Contains(contentType, "json") && path.Ext(name) == ".csv" {
		return "csv"
	}
	return "json"
}

// pause waits, and reports whether ctx lets go on.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
