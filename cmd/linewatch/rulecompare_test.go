package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Rules go out of a process into files and back, and only what differs is
// published.
func TestRulesExportImportDiff(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	data := []string{"--data", dir + "/data"}
	say := func(code int, want string, args ...string) {
		t.Helper()
		said, got := told(t, append(args, data...)...)
		if want = strings.ReplaceAll(want, "DIR", dir); got != code || said != want {
			t.Errorf("%v: exit code %d, said\n%s\nwant %d and\n%s", args, got, said, code, want)
		}
	}
	run := start(t, program, "run", "--config", write(t, dir, "engine.yaml", engineOnly), "--data", dir+"/data", "--http", "127.0.0.1:0")
	run.line("Linewatch is running. Page: ", 10*time.Second)
	rinse := read(t, demoRule)
	if err := os.Mkdir(dir+"/in", 0o755); err != nil {
		t.Fatal(err)
	}
	write(t, dir+"/in", "a-line.yaml", chainRule) // reads the state of the other
	write(t, dir+"/in", "rinse.yaml", rinse)
	write(t, dir+"/in", "rinse.test.yaml", "rule: rinse.yaml\ntests: []\n")
	write(t, dir+"/in", "notes.txt", "no rule\n")

	say(exitOK, "DIR/in/rinse.yaml: rule filler-rinse-water is new, would be published\nDIR/in/a-line.yaml: rule line-alarm is new, would be published\n2 rules would be published, 0 are in force already\n",
		"rules", "import", "--dry-run", dir+"/in")
	say(exitOK, "DIR/in/a-line.yaml: rule line-alarm is new: no version of it is in force\nDIR/in/rinse.yaml: rule filler-rinse-water is new: no version of it is in force\n"+
		"2 rules: 0 differ, 2 new, 0 as in force\n", "rules", "diff", dir+"/in")
	say(exitOK, "DIR/in/rinse.yaml: published: rule filler-rinse-water is in force as version 1\nDIR/in/a-line.yaml: published: rule line-alarm is in force as version 1\n"+
		"2 rules published, 0 were in force already\n", "rules", "import", dir+"/in")
	say(exitOK, "2 rules: 0 differ, 0 new, 2 as in force\n", "rules", "diff", "--check", dir+"/in")
	hotter := write(t, dir+"/in", "rinse.yaml", strings.Replace(rinse, "above: 75, clear: 74", "above: 85, clear: 84", 1))
	difference := "rule filler-rinse-water version 1 in force -> DIR/in/rinse.yaml\n" +
		"  group limits\n    cases\n      - state: WARNING\n        all:\n" +
		"    -     - {tag: water_temperature, above: 75, clear: 74, for: 10s}\n" +
		"    +     - {tag: water_temperature, above: 85, clear: 84, for: 10s}\n" +
		"          - {tag: pressure, above: 3.2, for: 10s}\n" +
		"  conditions that remember: 1 kept, 1 anew, 1 gone\n" +
		"    anew: limits {tag: water_temperature, above: 85, clear: 84, for: 10s}\n" +
		"    gone: limits {tag: water_temperature, above: 75, clear: 74, for: 10s}\n"
	say(exitOK, difference, "rules", "diff", hotter)
	say(exitFailed, difference+"2 rules: 1 differs, 0 new, 1 as in force\nlinewatch: they differ\n", "rules", "diff", "--check", dir+"/in")
	if err := os.Remove(dir + "/in/a-line.yaml"); err != nil {
		t.Fatal(err)
	}
	say(exitOK, "DIR/in/rinse.yaml: rule filler-rinse-water differs from version 1, would be published\nrule line-alarm, in force as version 1, is in none of the files: left as it is\n"+
		"1 rule would be published, 0 are in force already\n", "rules", "import", dir+"/in", "--dry-run")
	say(exitOK, "DIR/in/rinse.yaml: published: rule filler-rinse-water is in force as version 2\nrule line-alarm, in force as version 1, is in none of the files: left as it is\n"+
		"1 rule published, 0 were in force already\n", "rules", "import", dir+"/in")
	// A draft on top changes nothing that is in force.
	say(exitOK, "rule filler-rinse-water is stored as a draft, which is not judged, as version 3\n", "rules", "apply", "--stage", "draft", write(t, dir, "draft.yaml", rinse))
	out := dir + "/out"
	say(exitOK, "DIR/out/filler-rinse-water.yaml: rule filler-rinse-water version 2\nDIR/out/line-alarm.yaml: rule line-alarm version 1\n", "rules", "export", "--dir", out)
	said, code := told(t, "rules", "diff", "--check", hotter, filepath.Join(out, "filler-rinse-water.yaml"))
	if code != exitOK || !strings.HasSuffix(said, "\n  no difference\n") {
		t.Errorf("what was imported and exported differs: exit code %d\n%s", code, said)
	}
	write(t, out, "line-alarm.yaml", "# a comment\n"+chainRule)
	write(t, out, "filler-rinse-water.yaml", rinse)
	say(exitFailed, "DIR/out/line-alarm.yaml: rule line-alarm version 1, already there\n"+
		"linewatch: DIR/out/filler-rinse-water.yaml: holds something else; name another directory with --dir, or overwrite it with --force\n", "rules", "export", "--dir", out)
	say(exitOK, "DIR/out/filler-rinse-water.yaml: rule filler-rinse-water version 2\nDIR/out/line-alarm.yaml: rule line-alarm version 1, already there\n", "rules", "export", "--dir", out, "--force")
	if got := read(t, out+"/line-alarm.yaml"); !strings.HasPrefix(got, "# a comment") {
		t.Error("export has overwritten a file that held the rule already")
	}
	// What was accepted with a note comes back from an export.
	write(t, dir, "unsaid.yaml", strings.Replace(chainRule, "is: WARNING", "is: CRITICAL", 1))
	if said, code := told(t, append([]string{"rules", "apply", dir + "/unsaid.yaml"}, data...)...); code != exitOK || !strings.Contains(said, "never says CRITICAL") {
		t.Errorf("apply: exit code %d\n%s", code, said)
	}
	again := dir + "/again"
	say(exitOK, "DIR/again/filler-rinse-water.yaml: rule filler-rinse-water version 2\nDIR/again/line-alarm.yaml: rule line-alarm version 2\n", "rules", "export", "--dir", again)
	say(exitOK, "DIR/again/filler-rinse-water.yaml: rule filler-rinse-water is in force already, as version 2\nDIR/again/line-alarm.yaml: rule line-alarm is in force already, as version 2\n"+
		"0 rules published, 2 were in force already\n", "rules", "import", again)
	write(t, dir, "nobody.yaml", strings.Replace(rinse, "id: filler-rinse-water", "id: nobody", 1))
	for _, m := range []mistake{
		{"rules diff DIR/nobody.yaml --data DIR/data", exitFailed, []string{"rule nobody: no such rule"}},
		{"rules diff", exitUsage, []string{"name one FILE or two, or one "}},
		{"rules export --data DIR/data", exitUsage, []string{"name the directory to write to with --dir "}},
		{"rules import DIR/nobody.yaml --data DIR/data", exitConfig, []string{"DIR/nobody.yaml: is no directory; name that of the rule files"}},
		{"rules diff DIR/data --data DIR/data", exitConfig, []string{"DIR/data: holds no rules; name the directory of the rule files"}},
		{"rules import", exitUsage, []string{"name one "}},
		{"rules import DIR/none --data DIR/data", exitConfig, []string{"DIR/none: no such directory; check the name"}},
		{"rules import DIR/data --data DIR/data", exitConfig, []string{"DIR/data: holds no rules; name the directory of the rule files"}},
	} {
		m.check(t, dir)
	}
	if said, code := told(t, "rules", "diff", "--check", hotter, dir+"/draft.yaml"); code != exitFailed || !strings.HasSuffix(said, "linewatch: they differ\n") {
		t.Errorf("diff --check: exit code %d\n%s", code, said)
	}
}
