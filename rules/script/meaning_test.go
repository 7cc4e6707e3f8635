package script_test

import (
	"flag"
	"os"
	"path/filepath"
	"testing"

	"linewatch/rules/script"
)

var update = flag.Bool("update", false, "write what came out into the tests in testdata")

// TestMeaning runs what conditions, ranking, time and the life of a rule mean,
// one file for each kind and sentence.
func TestMeaning(t *testing.T) {
	names, err := filepath.Glob("testdata/*/*.test.yaml")
	if err != nil || len(names) < 43 {
		t.Fatalf("%d files, %v", len(names), err)
	}
	for _, name := range names {
		t.Run(filepath.Base(filepath.Dir(name))+"/"+filepath.Base(name), func(t *testing.T) {
			data, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			if *update {
				if data, err = script.Update(name, data, os.ReadFile); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(name, data, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			r, err := script.Run(name, data, os.ReadFile)
			if err != nil {
				t.Fatal(err)
			}
			for _, test := range r.Tests {
				if !test.OK() {
					t.Errorf("%s:%d: %s\n%s", name, test.Line, test.Name, test.Diff)
				}
			}
		})
	}
}
