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
		"  why 08:00:10 F1 ACTIVE -> WARNING by limits:\n" +
		"    water_temperature 80 above 75 for 10 s; pressure 3.4 above 3.2 for 10 s — limits (60) outweighs context (40) ACTIVE\n" +
		"linewatch: 1 test failed\n"
	if code != exitFailed || said != want {
		t.Errorf("exit code %d, said\n%swant\n%s", code, said, want)
	}

	write(t, dir, "plant.yaml", "apiVersion: linewatch/v1\nkind: Assets\nequipment:\n  - {id: f1, alias: F1, line: l, site: s, tags: [{name: machine_state}, {name: machine_mode}, {name: product}, {name: water_temperature, unit: °C}, {name: pressure, unit: bar}]}\n")
	inPlant := write(t, dir, "plant.test.yaml", strings.Replace(sampleTest, "tests:\n", "assets: plant.yaml\ntests:\n", 1))
	if said, _ := told(t, "test", inPlant); !strings.Contains(said, "    water_temperature 80 °C above 75 °C for 10 s; pressure 3.4 bar above 3.2 bar for 10 s — ") {
		t.Errorf("with a registry: %s", said)
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

// A change that was expected and did not come is explained by what was missing
// for it at that time.
func TestRuleTestSaysWhyNot(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, dir, "rule.yaml", read(t, demoRule))
	for _, test := range []struct{ old, new, want string }{
		{"08:00:11 F1", "08:00:09 F1", "  why not 08:00:09 F1 ACTIVE -> WARNING by limits:\n" +
			"    it is ACTIVE: machine_state is Execute; product is PET-1L — context (40) decides\n" +
			"    not WARNING: limits (60) case 1 fails: water_temperature 80 above 75, but not yet for 10 s; pressure 3.4 above 3.2, but not yet for 10 s\n"},
		{"pressure = 3.4", "pressure = 3.1", "    not WARNING: limits (60) case 1 fails: pressure 3.1 not above 3.2 for 10 s\n"},
		{"ACTIVE -> WARNING by limits", "ACTIVE -> ERROR by limits", "  why 08:00:10 F1 ACTIVE -> WARNING by limits:\n"},
		{
			"      08:00:11 F1 ACTIVE -> WARNING by limits", "      08:00:10 F1 ACTIVE -> WARNING by limits\n      08:00:20 F1 WARNING -> ERROR by limits",
			"    not ERROR: no group of the rule puts that forward\n",
		},
		{"      08:00:11 F1 ACTIVE -> WARNING by limits", "      08:00:05 F2 UNKNOWN -> ACTIVE by context\n      08:00:10 F1 ACTIVE -> WARNING by limits", "    the rule is not judged there at that time\n"},
	} {
		file := write(t, dir, "rule.test.yaml", strings.Replace(sampleTest, test.old, test.new, 1))
		if said, code := told(t, "test", file); code != exitFailed || !strings.Contains(said, test.want) {
			t.Errorf("exit code %d, said\n%swhich lacks\n%s", code, said, test.want)
		}
	}
}

// A misspelt tag is told of, whether the test passes or not.
func TestRuleTestWithMisspeltTags(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, dir, "rule.yaml", read(t, demoRule))
	const text = "rule: rule.yaml\ntests:\n  - name: misspelt\n    steps: |\n      08:00:00 F1 presure = 3.4\n    expect: "
	const note = "  note: DIR/rule.test.yaml:5: no rule of the test reads presure of F1; did you mean pressure?\n"
	for _, tt := range []struct {
		expect, begin string
		code          int
	}{
		{"\"\"\n", "ok    DIR/rule.test.yaml: misspelt\n", exitOK},
		{"08:00:00 F1 UNKNOWN -> WARNING by limits\n", "FAIL  DIR/rule.test.yaml:3: misspelt\n", exitFailed},
	} {
		file := write(t, dir, "rule.test.yaml", text+tt.expect)
		said, code := told(t, "test", file)
		said = strings.ReplaceAll(said, dir, "DIR")
		if code != tt.code || !strings.HasPrefix(said, tt.begin) || strings.Count(said, note) != 1 {
			t.Errorf("exit code %d, said\n%s", code, said)
		}
	}
}

// --at says how the rule stands in the middle of a test.
func TestRuleTestAt(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, dir, "rule.yaml", read(t, demoRule))
	file := write(t, dir, "rule.test.yaml", sampleTest)
	said, code := told(t, "test", "--at", "08:00:09.999", file)
	want := `too hot for ten seconds
rule filler-rinse-water version 1 on F1 (line): ACTIVE since 08:00:00
As of 2026-01-01T08:00:09.999Z.
group context (40) says ACTIVE and decides
`
	if code != exitOK || !strings.HasPrefix(said, want) || !strings.Contains(said, "(since 08:00:00; is true at 08:00:10 if it lasts)\n") {
		t.Errorf("exit code %d, said\n%s", code, said)
	}
	const early = "too hot for ten seconds\n  nothing has happened yet: the first step is at 08:00:00\n"
	if said, code := told(t, "test", "--at", "01:00:00", file); code != exitOK || said != early {
		t.Errorf("exit code %d, said\n%s", code, said)
	}
	const late = "too hot for ten seconds\n  the script ends at "
	if said, code := told(t, "test", "--at", "21:00:00", file); code != exitOK || !strings.HasPrefix(said, late) || !strings.Contains(said, ", before that time: this is how the rule stands there\nrule filler-rinse-water version 1") {
		t.Errorf("exit code %d, said\n%s", code, said)
	}
	for _, m := range []mistake{
		{"test --at noon " + file, exitUsage, []string{`--at: "noon" is not a time; write HH:MM:SS or HH:MM:SS.mmm`}},
		{"test --at 8:00 " + file, exitUsage, []string{`--at: "8:00" is not a time; write 08:00:00`}},
		{"test --at 08:00:09 --update " + file, exitUsage, []string{"give one of them"}},
		{"test --at 08:00:09 DIR/none.yaml", exitConfig, []string{"no such file"}},
	} {
		m.check(t, dir)
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
