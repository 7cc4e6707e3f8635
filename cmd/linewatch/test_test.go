package main

import (
	"strings"
	"testing"
)

const sampleTest = `# kept
rule: rule.yaml
tests:
  - name: too hot for ten seconds
    steps: |
      08:00:00 F1 machine_state = Execute
      08:00:00 F1 product = PET-1L
      08:00:00 F1 water_temperature = 80
      08:00:00 F1 pressure = 3.4
      08:01:00 watermark
    expect: |
      08:00:00 F1 UNKNOWN -> ACTIVE by context
      08:00:11 F1 ACTIVE -> WARNING by limits
`

// A rule test that fails shows what was expected and what came, and --update
// writes what came and nothing else.
func TestRuleTests(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, dir, "rule.yaml", read(t, demoRule))
	file := write(t, dir, "rule.test.yaml", sampleTest)

	said, code := told(t, "test", file)
	want := "FAIL  " + file + ":4: too hot for ten seconds\n" +
		"  changes (- expected, + came):\n" +
		"      08:00:00 F1 UNKNOWN -> ACTIVE by context\n" +
		"    - 08:00:11 F1 ACTIVE -> WARNING by limits   (" + file + ":13)\n" +
		"    + 08:00:10 F1 ACTIVE -> WARNING by limits\n" +
		"linewatch: 1 test failed\n"
	if code != exitFailed || said != want {
		t.Errorf("exit code %d, said\n%swant\n%s", code, said, want)
	}

	if said, code = told(t, "test", "--update", file); code != 0 || said != file+": updated\n" {
		t.Errorf("--update: exit code %d: %s", code, said)
	}
	if got, want := read(t, file), strings.Replace(sampleTest, "08:00:11", "08:00:10", 1); got != want {
		t.Errorf("--update wrote\n%swant\n%s", got, want)
	}
	if said, code = told(t, "test", file); code != 0 || said != "ok    "+file+": too hot for ten seconds\n" {
		t.Errorf("after --update: exit code %d: %s", code, said)
	}
	if said, _ = told(t, "test", "--update", file); said != file+": nothing to update\n" {
		t.Errorf("second --update: %s", said)
	}
}

// A step that cannot be read is named by its line.
func TestRuleTestMistake(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, dir, "rule.yaml", read(t, demoRule))
	file := write(t, dir, "rule.test.yaml", strings.Replace(sampleTest, "water_temperature = 80", "water_temperature 80", 1))
	for _, args := range []string{"test ", "test --update "} {
		(&mistake{args + file, exitConfig, []string{file + ":8:", "TIME EQUIPMENT TAG = VALUE"}}).check(t, dir)
	}
	if read(t, file) == sampleTest {
		t.Error("the file was changed")
	}
}
