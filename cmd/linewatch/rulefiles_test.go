package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const chainRule = `apiVersion: linewatch/v1
kind: Rule
id: line-alarm
name: Something on the line
scope: {equipment: F1}
priority: 3
groups:
  - id: rules
    weight: 1
    cases:
      - state: INFO
        tag: rule:filler-rinse-water
        is: WARNING
`

// Rules are checked beside one another and against the plant.
func TestRulesValidate(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, dir, "rinse.yaml", read(t, demoRule))
	write(t, dir, "rinse.test.yaml", "rule: rinse.yaml\ntests: []\n")
	write(t, dir, "line.yaml", chainRule)
	write(t, dir, "broken.yaml", strings.NewReplacer("rinse-water", "rinsewater", "weight", "wieght").Replace(chainRule))
	write(t, dir, "lost.yaml", strings.NewReplacer("rinse-water", "rinsewater", "equipment: F1", "equipment: F9").Replace(chainRule))

	said, code := told(t, "rules", "validate", dir+"/rinse.yaml", dir+"/line.yaml", dir+"/rinse.test.yaml", "../../configs/demo/assets.yaml", "--assets", "../../configs/demo/assets.yaml")
	want := dir + "/rinse.test.yaml holds tests: passed over\n" +
		dir + "/rinse.yaml: rule filler-rinse-water is valid\n" + dir + "/line.yaml: rule line-alarm is valid\n" +
		"../../configs/demo/assets.yaml: registry of 7 machines is valid\n"
	if code != exitOK || said != want {
		t.Errorf("exit code %d, said\n%s", code, said)
	}
	said, code = told(t, "rules", "validate", dir+"/rinse.test.yaml", dir+"/rinse.yaml", dir+"/rinse.test.yaml")
	if want := "2 files named *.test.yaml hold tests: passed over\n" + dir + "/rinse.yaml: rule filler-rinse-water is valid\n"; code != exitOK || said != want {
		t.Errorf("two files of tests: exit code %d, said\n%s", code, said)
	}
	// A directory stands for its files, and a class may be waited for.
	if err := os.Mkdir(dir+"/all", 0o755); err != nil {
		t.Fatal(err)
	}
	write(t, dir+"/all", "class.yaml", strings.NewReplacer("equipment: F1", "class: fllers", "tag: rule:filler-rinse-water", "tag: t", "is: WARNING", "above: 1").Replace(chainRule))
	write(t, dir+"/all", "class.test.yaml", "rule: class.yaml\ntests: []\n")
	write(t, dir+"/all", "limits.yaml", "apiVersion: linewatch/v1\nkind: Table\nid: limits\nrows: {A: {max: 5}}\n")
	write(t, dir+"/all", "plant.yaml", "apiVersion: linewatch/v1\nkind: Assets\nequipment: [{id: e1, class: fillers, line: one, site: s}]\n")
	said, code = told(t, "rules", "validate", dir+"/all")
	want = "note: " + dir + "/all/class.yaml:5:16: scope.class: no equipment of class fllers is registered (did you mean fillers?); until there is, the rule says nothing\n" +
		dir + "/all/class.yaml: rule line-alarm is valid\n" + dir + "/all/limits.yaml: table limits is valid\n" + dir + "/all/plant.yaml: registry of 1 machine is valid\n"
	if code != exitOK || said != want {
		t.Errorf("a directory: exit code %d, said\n%s\nwant\n%s", code, said, want)
	}
	// The samples fit one another.
	said, code = told(t, "rules", "validate", "../../configs/rules/filler-rinse-water.yaml", "--assets", "../../configs/assets.yaml")
	if code != exitOK {
		t.Errorf("the samples: exit code %d, said\n%s", code, said)
	}
	light := write(t, dir, "light.yaml", chainRule+"  - {id: always, weight: 2, otherwise: IDLE}\n")
	said, code = told(t, "rules", "validate", dir+"/rinse.yaml", light)
	if want := "doubtful: " + light + ":9:13: groups[0].weight: is below that of always (2), which always has an opinion, IDLE at least: "; code != exitOK || !strings.HasPrefix(said, want) {
		t.Errorf("a group that is never heard: exit code %d, said\n%s", code, said)
	}
	for _, m := range []mistake{
		{"rules validate", exitUsage, []string{"name at least one FILE"}},
		{"rules validate DIR/rinse.test.yaml", exitUsage, []string{"holds tests, not a rule"}},
		{"rules validate DIR/none.yaml", exitConfig, []string{"DIR/none.yaml: no such file"}},
		{"rules validate DIR/rinse.yaml DIR/broken.yaml", exitConfig, []string{`DIR/broken.yaml:9:5: groups[0]: unknown key "wieght"; did you mean weight?`}},
		{"rules validate DIR/rinse.yaml DIR/lost.yaml ../../configs/demo/assets.yaml", exitConfig, []string{
			`DIR/lost.yaml:12:14: groups[0].cases[0].tag: names rule "filler-rinsewater", which is in none of the files; did you mean filler-rinse-water?`,
			`DIR/lost.yaml:5:20: scope.equipment: "F9" is not registered in ../../configs/demo/assets.yaml; did you mean `,
		}},
		{"rules fmt -w --check DIR/rinse.yaml", exitUsage, []string{"--check changes nothing and -w does; give one of them"}},
		{"rules fmt DIR/broken.yaml", exitConfig, []string{`did you mean weight?`}},
	} {
		m.check(t, dir)
	}
}

// fmt shows, checks or writes the canonical form, and is content with it.
func TestRulesFmt(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	untidy := strings.NewReplacer("priority: 3", "priority:   3  # low", "scope: {equipment: F1}", "scope:\n  equipment: 'F1'").Replace(chainRule)
	tidy := strings.Replace(chainRule, "priority: 3", "priority: 3 # low", 1)
	file := write(t, dir, "line.yaml", untidy)
	json := write(t, dir, "line.json", "{\"kind\": \"Rule\"}\n")

	if said, code := told(t, "rules", "fmt", file); code != exitOK || said != tidy {
		t.Errorf("exit code %d, said\n%s", code, said)
	}
	if said, code := told(t, "rules", "fmt", "--check", file); code != exitFailed || said != file+"\nlinewatch: 1 file is not in canonical form; run linewatch rules fmt -w\n" {
		t.Errorf("--check: exit code %d, said\n%s", code, said)
	}
	if read(t, file) != untidy {
		t.Error("the file was changed without -w")
	}
	link := filepath.Join(dir, "link.yaml")
	if err := errors.Join(os.Symlink(file, link), os.Chmod(file, 0o600)); err != nil {
		t.Fatal(err)
	}
	if said, code := told(t, "rules", "fmt", "-w", link); code != exitOK || said != link+"\n" || read(t, file) != tidy {
		t.Errorf("-w through a link: exit code %d, said\n%s", code, said)
	}
	if info, err := os.Lstat(file); err != nil || info.Mode() != 0o600 {
		t.Errorf("the file is %v after -w, %v", info.Mode(), err)
	}
	write(t, dir, "line.yaml", untidy)
	if said, code := told(t, "rules", "fmt", "-w", file); code != exitOK || said != file+"\n" || read(t, file) != tidy {
		t.Errorf("-w: exit code %d, said\n%s", code, said)
	}
	if said, code := told(t, "rules", "fmt", "--check", file); code != exitOK || said != "" {
		t.Errorf("--check after -w: exit code %d, said\n%s", code, said)
	}
	if said, code := told(t, "rules", "fmt", "--check", "../../configs/assets.yaml"); code != exitOK || said != "../../configs/assets.yaml holds no rule: passed over\n" {
		t.Errorf("the registry: exit code %d, said\n%s", code, said)
	}
	(&mistake{"rules fmt " + json, exitUsage, []string{json + ": is JSON; the canonical form is YAML"}}).check(t, dir)
}

// graph shows what reads what, as text and for Graphviz.
func TestRulesGraph(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	rinse, line := write(t, dir, "rinse.yaml", read(t, demoRule)), write(t, dir, "line.yaml", chainRule)
	said, code := told(t, "rules", "graph", rinse, line)
	want := "rule line-alarm (F1): Something on the line\n  rule filler-rinse-water (F1): Rinse water too hot\n    F1 machine_mode\n"
	if code != exitOK || !strings.HasPrefix(said, want) {
		t.Errorf("exit code %d, said\n%s", code, said)
	}
	said, code = told(t, "rules", "graph", "--dot", rinse, line)
	if code != exitOK || !strings.HasPrefix(said, "digraph rules {\n") || !strings.Contains(said, `"rule:filler-rinse-water" -> "rule:line-alarm"`) {
		t.Errorf("--dot: exit code %d, said\n%s", code, said)
	}
}
