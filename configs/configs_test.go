package configs_test

import (
	"bytes"
	"io/fs"
	"os"
	"strings"
	"testing"

	"linewatch/configs"
	"linewatch/rules/rulefile"
	"linewatch/rules/script"
)

func open(name string) ([]byte, error) { return configs.FS.ReadFile(name) }

// Every rule is valid and every test of a rule passes.
func TestRules(t *testing.T) {
	rules, tests := 0, 0
	err := fs.WalkDir(configs.FS, "rules", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := open(name)
		if err != nil {
			return err
		}
		if !strings.HasSuffix(name, ".test.yaml") {
			rules++
			if _, err := rulefile.Parse(name, data); err != nil {
				t.Error(err)
			}
			return nil
		}
		result, err := script.Run(name, data, open)
		if err != nil {
			t.Error(err)
			return nil
		}
		for _, test := range result.Tests {
			if tests++; !test.OK() {
				t.Errorf("%s:%d: %s\n%s", name, test.Line, test.Name, test.Diff)
			}
		}
		return nil
	})
	if err != nil || rules < 2 || tests < 5 {
		t.Errorf("saw %d rules and %d tests, %v", rules, tests, err)
	}
}

// Every rule is as linewatch rules fmt writes it.
func TestRulesAreCanonical(t *testing.T) {
	err := fs.WalkDir(configs.FS, "rules", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.HasSuffix(name, ".test.yaml") {
			return err
		}
		data, err := open(name)
		if err != nil {
			return err
		}
		if doc, err := rulefile.Parse(name, data); err != nil || doc.Rule == nil {
			return err // what the tests need beside the rules
		}
		canonical, err := rulefile.Reformat(name, data)
		if err == nil && !bytes.Equal(canonical, data) {
			t.Errorf("%s: run linewatch rules fmt -w on it", name)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

// Every file of this folder is loaded by a test.
func TestNoFileIsForgotten(t *testing.T) {
	loaded := map[string]bool{
		"configs.go": true, "configs_test.go": true, "demo_test.go": true, "starter_test.go": true, "linewatch.yaml": true, // by the tests of internal/app
		"assets.yaml": true, "demo/assets.yaml": true,
	}
	err := fs.WalkDir(os.DirFS("."), ".", func(name string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && !loaded[name] && !strings.HasPrefix(name, "rules/") {
			t.Errorf("%s: no test loads it", name)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
	for _, name := range []string{"assets.yaml", "demo/assets.yaml"} {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := rulefile.ParseAssets(name, data); err != nil {
			t.Error(err)
		}
	}
}

// The demo's rule differs from the one that it shows in its spans alone.
func TestDemoRuleIsTheSameButFaster(t *testing.T) {
	slow, err := configs.FS.ReadFile("rules/filler-rinse-water.yaml")
	if err != nil {
		t.Fatal(err)
	}
	fast, err := configs.FS.ReadFile("rules/demo/filler-rinse-water.yaml")
	if err != nil {
		t.Fatal(err)
	}
	want, err := rulefile.ParseRule("slow", slow)
	if err != nil {
		t.Fatal(err)
	}
	got, err := rulefile.ParseRule("fast", fast)
	if err != nil {
		t.Fatal(err)
	}
	text := strings.NewReplacer("for: 5m", "for: 10s", "5 minutes", "10 seconds").Replace(string(rulefile.Format(want)))
	if text != string(rulefile.Format(got)) {
		t.Errorf("want\n%s\ngot\n%s", text, rulefile.Format(got))
	}
}
