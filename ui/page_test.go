package ui

import (
	"io/fs"
	"path"
	"regexp"
	"strings"
	"testing"
)

// TestPageSource asks of the files what the content security policy asks of
// the browser, and that they stay small.
func TestPageSource(t *testing.T) {
	banned := map[string]*regexp.Regexp{
		".html": regexp.MustCompile(`(?i)<style|<script(?:[^>]*)>[^<]|\son\w+\s*=|\sstyle\s*=|javascript:|https?://`),
		".js":   regexp.MustCompile(`innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|new Function|\.style\b|https?://[^w]`),
		".css":  regexp.MustCompile(`@import|url\(`),
	}
	total := 0
	err := fs.WalkDir(pageFiles, "page", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := fs.ReadFile(pageFiles, name)
		if err != nil {
			return err
		}
		total += len(text)
		if re := banned[path.Ext(name)]; re != nil {
			for i, line := range strings.Split(string(text), "\n") {
				if found := re.FindString(line); found != "" {
					t.Errorf("%s:%d: %q is not allowed", name, i+1, found)
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if total > 150_000 {
		t.Errorf("the page has %d bytes, want at most 150 kB", total)
	}
}
