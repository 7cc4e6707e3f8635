package configs_test

import (
	"io/fs"
	"strings"
	"testing"

	"linewatch/configs"
	"linewatch/rules/ruleset"
)

// The starter rules fit one another, the registry and the tables beside them,
// and each has tests.
func TestStarterRules(t *testing.T) {
	const dir = "rules/starter/"
	entries, err := fs.ReadDir(configs.FS, strings.TrimSuffix(dir, "/"))
	if err != nil {
		t.Fatal(err)
	}
	var files []ruleset.File
	tested := map[string]bool{}
	for _, e := range entries {
		if name, ok := strings.CutSuffix(e.Name(), ".test.yaml"); ok {
			tested[dir+name+".yaml"] = true
			continue
		}
		data, err := open(dir + e.Name())
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, ruleset.File{Name: dir + e.Name(), Data: data})
	}
	set, err := ruleset.Read(files)
	if err == nil {
		err = set.Check()
	}
	if err != nil || set.Assets == nil || len(set.Tables) == 0 || len(set.Rules) < 12 {
		t.Fatalf("%d rules, %v", len(set.Rules), err)
	}
	for _, doubt := range set.Doubts() {
		t.Error(doubt)
	}
	for _, src := range set.Rules {
		if !tested[src.Name] {
			t.Errorf("%s has no tests", src.Name)
		}
		if a := src.Rule.Alert; a == nil || a.Title == "" || a.Text == "" {
			t.Errorf("%s does not say what to do", src.Name)
		}
	}
}
