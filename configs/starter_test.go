package configs_test

import (
	"io/fs"
	"strings"
	"testing"

	"linewatch"
	"linewatch/configs"
	"linewatch/rules/rulefile"
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
		if !strings.Contains(heading(src), needs(t, src, set.Assets.Assets)) {
			t.Errorf("%s does not say on top: %s", src.Name, needs(t, src, set.Assets.Assets))
		}
		if a := src.Rule.Alert; a == nil || a.Title == "" || a.Text == "" {
			t.Errorf("%s does not say what to do", src.Name)
		}
	}
}

// heading is the comment on top of a file, as one line.
func heading(src *rulefile.Source) string {
	data, err := open(src.Name)
	if err != nil {
		return err.Error()
	}
	top, _, _ := strings.Cut(string(data), "\napiVersion:")
	return strings.Join(strings.FieldsFunc(top, func(r rune) bool { return strings.ContainsRune("# \n", r) }), " ")
}

// needs says what a rule reads, of which class, and whether the simulated line
// has it.
func needs(t *testing.T, src *rulefile.Source, assets *linewatch.Assets) string {
	t.Helper()
	class := src.Rule.Scope.Class
	data, err := open("demo/assets.yaml")
	if err != nil {
		t.Fatal(err)
	}
	demo, err := rulefile.ParseAssets("demo", data)
	if err != nil {
		t.Fatal(err)
	}
	there, units := tagsOf(&demo, class), tagsOf(assets, class)
	var read, lacking []string
	for _, tag := range tagsRead(src) {
		if _, ok := there[tag]; !ok {
			lacking = append(lacking, tag)
		}
		if unit := units[tag]; unit != "" {
			tag += " (" + unit + ")"
		}
		read = append(read, tag)
	}
	text := "Needs class " + class + " with " + strings.Join(read, ", ") + ". "
	switch {
	case len(there) == 0:
		return text + "The simulated line has no such machine."
	case len(lacking) == 0:
		return text + "The simulated line has all of that."
	}
	return text + "The simulated line lacks " + strings.Join(lacking, ", ") + "."
}

// tagsRead returns the tags that a rule of a class reads.
func tagsRead(src *rulefile.Source) (tags []string) {
	set := ruleset.Set{Rules: []*rulefile.Source{src}}
	for line := range strings.Lines(set.Graph().Tree()) {
		if tag, ok := strings.CutPrefix(line, "  each "+src.Rule.Scope.Class+" "); ok {
			tags = append(tags, strings.TrimSpace(tag))
		}
	}
	return tags
}

// tagsOf returns the tags of the machines of a class with their units.
func tagsOf(assets *linewatch.Assets, class string) map[string]string {
	tags := map[string]string{}
	for _, eq := range assets.Equipment {
		for _, tag := range eq.Tags {
			if eq.Class == class {
				tags[tag.Name] = tag.Unit
			}
		}
	}
	return tags
}
