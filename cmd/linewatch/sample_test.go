package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// What the sample configuration tells to copy starts as it is, once its
// addresses are changed, and its machines are on the page.
func TestCopiedSampleStarts(t *testing.T) {
	t.Parallel()
	const configs = "../../configs"
	dir := t.TempDir()
	rules, err := fs.Glob(os.DirFS(configs), "rules/*.yaml")
	if err != nil || len(rules) == 0 {
		t.Fatalf("rules %q, %v", rules, err)
	}
	for _, name := range append([]string{"linewatch.yaml", "assets.yaml"}, rules...) {
		text := read(t, filepath.Join(configs, name))
		text = strings.NewReplacer("192.0.2.10", "127.0.0.1:1", "192.0.2.11", "127.0.0.1:2").Replace(text)
		if err := os.MkdirAll(filepath.Join(dir, filepath.Dir(name)), 0o700); err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(dir, filepath.Dir(name)), filepath.Base(name), text)
	}
	run := start(t, program, "run", "--config", filepath.Join(dir, "linewatch.yaml"), "--http", "127.0.0.1:0")
	address := page(run.line("Linewatch is running. Page: ", 20*time.Second))
	var status struct {
		Instances []struct{ Rule string }
		Machines  []struct {
			Alias   string
			Signals map[string]string
		}
	}
	eventually(t, 20*time.Second, "the sample's rule is judged", func() bool {
		address.get(t, "/api/v1/status", &status)
		return len(status.Instances) > 0
	})
	if len(status.Machines) != 2 || status.Machines[0].Signals["state"] != "machine_state" || status.Machines[1].Signals["good"] != "cartons" {
		t.Errorf("machines on the page: %+v", status.Machines)
	}
	for line := range strings.Lines(run.errs.String()) {
		if strings.Contains(line, "regist") || strings.Contains(line, "maxSilence") {
			t.Errorf("the start warns: %s", line)
		}
	}
}
