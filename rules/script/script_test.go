package script_test

import (
	"fmt"
	"io/fs"
	"os"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"linewatch/rules/script"
)

const ruleHead = "apiVersion: linewatch/v1\nkind: Rule\nname: R\npriority: 1\n"

// files are the rules and registries that the tests below name.
var files = map[string]string{
	"hot.yaml":    ruleHead + "id: hot\nscope: {equipment: F1}\ngroups:\n- id: g\n  weight: 1\n  otherwise: IDLE\n  cases: [{state: WARNING, tag: t, above: 5}]\n",
	"hotter.yaml": ruleHead + "id: hot\nscope: {equipment: F1}\ngroups:\n- id: g\n  weight: 1\n  otherwise: IDLE\n  cases: [{state: WARNING, tag: t, above: 7}]\n",
	"both.yaml":   ruleHead + "id: both\nscope: {equipment: F1}\ngroups:\n- id: g\n  weight: 1\n  otherwise: IDLE\n  cases: [{state: ERROR, all: [{tag: t, above: 5}, {tag: t, equipment: C1, above: 5}]}]\n",
	"class.yaml":  ruleHead + "id: class\nscope: {class: filler}\ngroups:\n- id: g\n  weight: 1\n  otherwise: IDLE\n  cases: [{state: WARNING, tag: t, above: 5}]\n",
	"assets.yaml": "apiVersion: linewatch/v1\nkind: Assets\nequipment:\n- {id: 84068f2f, alias: F1, class: filler, line: L1, site: S}\n- {id: a1b2, alias: F2, class: filler, line: L1, site: S}\n",
	"tags.yaml":   "apiVersion: linewatch/v1\nkind: Assets\nequipment:\n- {id: 84068f2f, alias: F1, class: filler, line: L1, site: S, tags: [{name: t}, {name: pressure}]}\n- {id: a1b2, alias: F2, class: filler, line: L1, site: S}\n",
	"slow.yaml":   ruleHead + "id: slow\nscope: {equipment: F1}\ngroups:\n- id: g\n  weight: 1\n  otherwise: IDLE\n  cases: [{state: WARNING, not: {tag: t, above: 5, for: 5m}}, {state: WARNING, any: [{tag: t, above: 5, for: 5m}, {tag: t, above: 7}]}]\n",
	"reads.yaml": ruleHead + "id: reads\nscope: {equipment: F1}\ngroups:\n- id: g\n  weight: 1\n  otherwise: IDLE\n  cases: [{state: WARNING, any: [{tag: speed, above: {table: limits, key: {tag: product}, column: max}}, {expr: flow + C1.caps, above: 5}]}]\n" +
		"alert: {title: \"${tag:shown}\"}\n",
	"silent.yaml":  ruleHead + "id: silent\nscope: {equipment: F1}\ngroups:\n- id: g\n  weight: 1\n  otherwise: IDLE\n  cases: [{state: WARNING, tag: t, missing: 10m}]\n",
	"chain.yaml":   ruleHead + "id: chain\nscope: {equipment: F1}\ngroups:\n- id: g\n  weight: 1\n  otherwise: IDLE\n  cases: [{state: ERROR, tag: rule:hot, is: WARNING, for: 10s}]\n",
	"table.yaml":   "apiVersion: linewatch/v1\nkind: Table\nid: limits\nrows: {A: {max: 5}}\n",
	"invalid.yaml": "apiVersion: linewatch/v1\nkind: Rule\nid: A\n",
}

func memory() fs.FS {
	m := fstest.MapFS{}
	for name, text := range files {
		m[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return m
}

func open(name string) ([]byte, error) { return fs.ReadFile(memory(), name) }

// run runs one test and returns its difference.
func run(t *testing.T, rule, body string) string {
	t.Helper()
	text := "rule: " + rule + "\ntests:\n- name: n\n" + body
	r, err := script.Run("f.test.yaml", []byte(text), open)
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return r.Tests[0].Diff
}

func TestScripts(t *testing.T) {
	tests := []struct{ name, rule, body string }{
		{"one sender by default", "hot.yaml", `
  steps: |
    # a comment

    08:00:00 F1 t = 6
    08:00:00.001 F1 t = 5.0 Ok
    08:00:01 watermark
  expect: |
    08:00:00   F1   UNKNOWN -> WARNING by g
    08:00:00.001 F1 WARNING -> IDLE by g
`},
		{"no change expected", "hot.yaml", `
  steps: 08:00:00 F1 other = 6
  expect: ""
`},
		{"only what the watermark has passed is judged", "hot.yaml", `
  steps: |
    08:00:00 F1 t = 6
    08:00:02 F1 t = 4
    08:00:02.001 F1 t = 6
    08:00:02.200 F1 t = 4
  expect: |
    08:00:00 F1 UNKNOWN -> WARNING by g
`},
		{"a watermark lets pass what stands at its own time", "hot.yaml", `
  steps: |
    08:00:00 F1 t = 6
    08:00:01 F1 t = 4
    08:00:01 watermark
  expect: |
    08:00:00 F1 UNKNOWN -> WARNING by g
    08:00:01 F1 WARNING -> IDLE by g
`},
		{"after a watermark its time is late", "hot.yaml", `
  steps: |
    08:00:00 F1 t = 6
    08:00:01 watermark
    08:00:01 F1 t = 4
    08:00:01.001 F1 "t" = "a b" Uncertain
    08:00:02 watermark
  expect: |
    08:00:00 F1 UNKNOWN -> WARNING by g
    08:00:01.001 F1 WARNING -> UNKNOWN by g
  late: |
    08:00:01 F1 t = 4
`},
		{"a line written twice is delivered twice", "hot.yaml", `
  steps: |
    08:00:00 F1 t = 6
    08:00:05 watermark
    08:00:00 F1   t  =  6
  expect: |
    08:00:00 F1 UNKNOWN -> WARNING by g
`},
		{"days", "hot.yaml", `
  steps: |
    2025-12-31 23:59:59.500 F1 t = 6
    00:00:01 F1 t = 4
    2026-01-02 00:00:00 F1 t = 6
    2026-01-02 00:00:00 watermark
  expect: |
    2025-12-31 23:59:59.500 F1 UNKNOWN -> WARNING by g
    00:00:01 F1 WARNING -> IDLE by g
    2026-01-02 00:00:00 F1 IDLE -> WARNING by g
`},
		{"the slower of two senders holds", "both.yaml", `
  senders: {plc1: [F1], plc2: [C1]}
  steps: |
    08:00:00 F1 t = 6
    08:00:00 C1 t = 6
    08:10:00 F1 t = 4
    08:09:00 heartbeat plc2
    09:00:00 heartbeat plc1
  expect: |
    08:00:00 F1 UNKNOWN -> ERROR by g
`},
		{"a sender that never spoke holds everything", "both.yaml", `
  senders: {plc1: [F1], plc2: [C1]}
  steps: |
    08:00:00 F1 t = 4
    20:00:00 heartbeat plc1
  expect: ""
`},
		{"an offline sender makes its tags unknown and holds nothing", "both.yaml", `
  senders: {plc1: [F1], plc2: [C1]}
  steps: |
    08:00:00 F1 t = 6
    08:00:00 C1 t = 6
    08:00:05 watermark
    08:00:06 offline plc2
    08:01:00 F1 t = 4
    08:02:00 watermark
    08:03:00 F1 t = 6
    08:03:05 watermark
  expect: |
    08:00:00 F1 UNKNOWN -> ERROR by g
    08:00:05 F1 ERROR -> UNKNOWN by g
    08:01:00 F1 UNKNOWN -> IDLE by g
    08:03:00 F1 IDLE -> UNKNOWN by g
`},
		{"a rule changes at its event time", "hot.yaml", `
  steps: |
    08:00:00 F1 t = 6
    08:01:00 apply hotter.yaml
    08:02:00 F1 t = 8
    08:03:00 watermark
  expect: |
    08:00:00 F1 UNKNOWN -> WARNING by g
    08:01:00 F1 WARNING -> IDLE by g
    08:02:00 F1 IDLE -> WARNING by g
`},
		{"another rule beside it", "hot.yaml", `
  senders: {plc1: [F1, C1]}
  steps: |
    08:00:00 apply both.yaml
    08:00:00 F1 t = 6
    08:00:00 C1 t = 6
    08:00:01 watermark
  expect: |
    08:00:00 F1 UNKNOWN -> ERROR by g of both
    08:00:00 F1 UNKNOWN -> WARNING by g
`},
		{"a rule and one that it reads", "chain.yaml\nwith: [hot.yaml]\ntables: [table.yaml]", `
  steps: |
    08:00:00 F1 t = 6
    08:00:20 watermark
    08:00:30 delete hot
    08:00:40 watermark
  expect: |
    08:00:00 F1 UNKNOWN -> IDLE by g
    08:00:00 F1 UNKNOWN -> WARNING by g of hot
    08:00:10 F1 IDLE -> ERROR by g
    08:00:30 F1 ERROR -> UNKNOWN by g
    08:00:30 F1 WARNING -> IDLE of hot
`},
		{"an equipment that is called like a step", "hot.yaml", `
  steps: |
    08:00:00 watermark t = 6
    08:00:00 watermark
  expect: ""
`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if diff := run(t, test.rule, test.body[1:]); diff != "" {
				t.Errorf("\n%s", diff)
			}
		})
	}
}

func TestDeletedRuleSaysNothingMore(t *testing.T) {
	diff := run(t, "hot.yaml", "  steps: |\n    08:00:00 F1 t = 6\n    08:01:00 delete hot\n    08:02:00 F1 t = 4\n    08:03:00 watermark\n  expect: \"\"\n")
	if !strings.Contains(diff, "+ 08:00:00 F1 UNKNOWN -> WARNING by g") || strings.Contains(diff, "08:02:00") {
		t.Errorf("got\n%s", diff)
	}
}

func TestClassRuleWithAliases(t *testing.T) {
	diff := run(t, "class.yaml\nassets: assets.yaml", "  steps: |\n    08:00:00 F1 t = 6\n    08:00:01 a1b2 t = 4\n    08:00:02 watermark\n"+
		"  expect: |\n    08:00:00 84068f2f UNKNOWN -> WARNING by g\n    08:00:01 F2 UNKNOWN -> IDLE by g\n")
	if diff != "" {
		t.Errorf("\n%s", diff)
	}
}

func TestDifferenceIsReadable(t *testing.T) {
	got := run(t, "hot.yaml", `  steps: |
    08:00:00 F1 t = 6
    08:00:01 F1 t = 4
    08:00:05 watermark
    08:00:03 F1 t = 5
    08:00:06 F1 t = 6
  expect: |
    08:00:00 F1 UNKNOWN -> WARNING by g
    08:00:02 F1 WARNING -> IDLE by g
    08:00:06 F1 IDLE -> ERROR by g
`)
	want := `  changes (- expected, + came):
      08:00:00 F1 UNKNOWN -> WARNING by g
    - 08:00:02 F1 WARNING -> IDLE by g   (f.test.yaml:12)
    - 08:00:06 F1 IDLE -> ERROR by g   (f.test.yaml:13)
    + 08:00:01 F1 WARNING -> IDLE by g
  f.test.yaml:13: "ERROR" is no state of rule hot; its states are IDLE, UNKNOWN, WARNING
  late points (- expected, + came):
    + 08:00:03 F1 t = 5
  1 point waits for the watermark, which stands at 08:00:05; a last step TIME watermark lets all up to TIME be judged
`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// A test that fails says which of its names mean nothing, and whether its time
// ended too early.
func TestHints(t *testing.T) {
	const steps = "  steps: |\n    08:00:00 F1 t = 6\n    08:01:00 watermark\n  expect: |\n    "
	for _, tt := range []struct{ rule, expect, want string }{
		{"hot.yaml", "08:00:00 F1 UNKNOWN -> WARNNG by g", `  f.test.yaml:8: "WARNNG" is no state of rule hot; did you mean WARNING?`},
		{"hot.yaml", "08:00:00 F1 IDEL -> WARNING by g", `"IDEL" is no state of rule hot; did you mean IDLE?`},
		{"hot.yaml", "08:00:00 F1 UNKNOWN -> WARNING by limits", `"limits" is no group of rule hot; its groups are g`},
		{"hot.yaml", "08:00:00 F1 UNKNOWN -> WARNING by g of hott", `"hott" is no rule of the test; did you mean hot?`},
		{"class.yaml\nassets: assets.yaml", "08:00:00 F11 UNKNOWN -> WARNING by g", `"F11" is no equipment of the test; did you mean F1?`},
		{"hot.yaml", "08:05:00 F1 UNKNOWN -> WARNING by g", "  event time ended at 08:01:00, before an expected change; add a last step 08:05:00 watermark\n"},
		{"slow.yaml", "08:01:00 F1 IDLE -> WARNING by g", "  event time ended at 08:01:00, and the rule waits for 08:05:00; add a last step 08:05:00 watermark to see what comes then\n"},
		{"silent.yaml", "08:01:00 F1 IDLE -> WARNING by g", "  event time ended at 08:01:00, and the rule waits for 08:10:00; add a last step 08:10:00 watermark to see what comes then\n"},
	} {
		if got := run(t, tt.rule, steps+tt.expect+"\n"); !strings.Contains(got, tt.want) {
			t.Errorf("%s: got\n%s\nwant %s", tt.expect, got, tt.want)
		}
	}
	for _, rule := range []string{"hot.yaml", "silent.yaml"} { // what silent waits for is another state
		if got := run(t, rule, steps+"08:01:00 F1 WARNING -> IDLE by g\n"); strings.Contains(got, "ended") || strings.Contains(got, "is no") {
			t.Errorf("%s: got a hint in\n%s", rule, got)
		}
	}
}

// Points that no rule reads are told of, in tests that pass and that fail.
func TestPointsThatNobodyReads(t *testing.T) {
	for _, tt := range []struct {
		rule, steps string
		want        []string
	}{
		{"hot.yaml", "08:00:00 F1 t = 6", nil},
		{"reads.yaml", "08:00:00 F1 speed = 6\n    08:00:00 F1 product = A\n    08:00:00 F1 flow = 6\n    08:00:00 C1 caps = 6\n    08:00:00 F1 shown = 1", nil},
		{"reads.yaml", "08:00:00 F1 sped = 6\n    08:00:01 F1 sped = 7\n    08:00:00 F1 Speed = 7", []string{
			"f.test.yaml:5: no rule of the test reads sped of F1; did you mean speed?",
			"f.test.yaml:7: no rule of the test reads Speed of F1; did you mean speed?",
		}},
		{"reads.yaml", "08:00:00 C1 speed = 6\n    08:00:00 F1 wind = 6\n    08:00:00 F9 wind = 6", []string{
			"f.test.yaml:5: no rule of the test reads speed of C1; it is read of F1",
			"f.test.yaml:6: no rule of the test reads wind of F1; what is read of it is flow, product, shown, speed",
			"f.test.yaml:7: no rule of the test reads wind of F9; what is read is of C1, F1",
		}},
		{"class.yaml\nassets: assets.yaml", "08:00:00 F1 t = 6\n    08:00:00 a1b2 t = 6\n    08:00:00 F2 u = 6", []string{
			"f.test.yaml:8: no rule of the test reads u of F2; what is read of it is t",
		}},
		{"chain.yaml\nwith: [hot.yaml]", "08:00:00 F1 t = 6\n    08:00:00 apply both.yaml\n    08:00:00 C1 t = 6", nil},
		{"chain.yaml", "08:00:00 F1 t = 6", []string{"f.test.yaml:5: no rule of the test reads t of F1; they read nothing"}},
		{"hot.yaml", "08:00:00 F1 a = 6\n    08:00:00 F1 b = 6\n    08:00:00 F1 c = 6\n    08:00:00 F1 d = 6\n    08:00:00 F1 e = 6\n    08:00:00 F1 f = 6", []string{
			"", "", "", "", "", "and further points that no rule reads",
		}},
	} {
		text := "rule: " + tt.rule + "\ntests:\n- name: n\n  steps: |\n    " + tt.steps + "\n  expect: \"\"\n"
		r, err := script.Run("f.test.yaml", []byte(text), open)
		if err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
		got := r.Tests[0].Unread
		if len(tt.want) > 1 && tt.want[1] == "" { // only the ends matter
			got, tt.want = []string{got[len(got)-1]}, tt.want[len(tt.want)-1:]
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s: %s (-want +got)\n%s", tt.rule, tt.steps, diff)
		}
	}
}

// What is missing at the time of an expected change is what was so then, with
// the same points late, whatever came behind it.
func TestFirstMissing(t *testing.T) {
	text := `rule: both.yaml
tests:
- name: n
  senders: {plc1: [F1], plc2: [C1]}
  steps: |
    08:00:00 F1 t = 4
    08:00:00 C1 t = 4
    08:00:01 watermark
    08:00:10 F1 t = 6
    08:00:20 C1 t = 6
    08:00:15 C1 t = 3
    08:00:17.998 C1 t = 6
    08:00:30 F1 t = 8
    08:00:30.500 F1 t = 9
    08:00:16 C1 t = 7
    08:01:00 watermark
  expect: |
    08:00:00 F1 UNKNOWN -> IDLE by g
    08:00:18 F1 IDLE -> WARNING by g
  late: |
    08:00:16 C1 t = 7
`
	r, err := script.Run("f", []byte(text), open)
	if err != nil {
		t.Fatal(err)
	}
	first := r.Tests[0].First
	if first == nil || first.Came == nil || first.Text != "08:00:17.998 F1 IDLE -> ERROR by g" {
		t.Fatalf("the first finding is %+v in\n%s", first, r.Tests[0].Diff)
	}
	r, err = script.Run("f", []byte(strings.Replace(text, "08:00:18 F1 IDLE -> WARNING", "08:00:16 F1 IDLE -> WARNING", 1)), open)
	if err != nil {
		t.Fatal(err)
	}
	first = r.Tests[0].First
	if first == nil || first.Came != nil || len(first.Missing) != 1 || first.Expected != "WARNING" || strings.Contains(r.Tests[0].Diff, "late points") {
		t.Fatalf("the first finding is %+v in\n%s", first, r.Tests[0].Diff)
	}
	conditions := first.Missing[0].Groups[0].Cases[0].Conditions
	if got := fmt.Sprint(first.Missing[0].State, " ", conditions[0].Value, conditions[0].Truth, conditions[1].Value, conditions[1].Truth); got != "IDLE 6 true 3 false" {
		t.Errorf("at 08:00:16 it stands as %s", got)
	}
}

func TestMistakes(t *testing.T) {
	const good = "rule: hot.yaml\ntests:\n- name: n\n  steps: |\n    08:00:00 F1 t = 6\n  expect: \"\"\n"
	step := func(s string) string { return strings.Replace(good, "08:00:00 F1 t = 6", s, 1) }
	expect := func(s string) string { return strings.Replace(good, `""`, "|\n    "+s, 1) }
	tests := []struct{ text, want string }{
		{"", "f: is empty"},
		{"rule: hot.yaml\n", "f:1:1: tests: are missing; give at least one"},
		{strings.Replace(good, "hot.yaml", "absent.yaml", 1), `f:1:7: rule: "absent.yaml": no such file; check the name, which is relative to the test file`},
		{strings.Replace(good, "hot.yaml", "/etc/passwd", 1), `f:1:7: rule: "/etc/passwd": is not a relative name; check the name, which is relative to the test file`},
		{strings.Replace(good, "hot.yaml", "assets.yaml", 1), "f:1:7: rule: names a file that holds no rule; name a file of kind Rule"},
		{strings.Replace(good, "hot.yaml", "class.yaml", 1), "f:1:1: assets: is missing; the rule is about a class of equipment: name the file that says what is of that class"},
		{strings.Replace(good, "hot.yaml", "hot.yaml\nassets: hot.yaml", 1), "f:2:9: assets: names a file that holds no registry; name a file of kind Assets"},
		{strings.Replace(good, "hot.yaml", "hot.yaml\nwith: [both.yaml, hotter.yaml]", 1), "f:2:19: with[1]: names rule hot again; name each rule once; the step TIME apply FILE brings another version"},
		{strings.Replace(good, "hot.yaml", "hot.yaml\nwith: [class.yaml]", 1), "f:1:1: assets: is missing; the rule is about a class of equipment: name the file that says what is of that class"},
		{strings.Replace(good, "hot.yaml", "hot.yaml\ntables: [both.yaml]", 1), "f:2:10: tables[0]: names a file that holds no table; name a file of kind Table"},
		{strings.Replace(good, "hot.yaml", "invalid.yaml", 1), "invalid.yaml:3:5: id: is not a rule id; write it in lower case: a"},
		{strings.Replace(good, "name: n", "nmae: n", 1), `f:3:3: tests[0]: unknown key "nmae"; did you mean name?`},
		{strings.Replace(good, "  expect: \"\"\n", "", 1), `f:3:3: tests[0].expect: is missing; list the expected changes; write expect: "" for none`},
		{strings.Replace(good, "name: n", "name: n\n  senders: {a: [F1], b: [F1]}", 1), "f:4:26: tests[0].senders.b[0]: is an equipment of sender a too; list it once"},
		{strings.Replace(good, "name: n", "name: n\n  senders: {a: [C1]}", 1), `f:6:14: "F1" comes from no sender of the test; list it under one of its senders`},
		{"rule: class.yaml\nassets: assets.yaml\ntests:\n- name: n\n  steps: 08:00:00 X9 t = 6\n  expect: \"\"\n", `f:5:19: "X9" is not registered in assets.yaml; register it there`},
		{step("8:00 F1 t = 6"), `f:5:5: "8:00" is not a time; write 08:00:00`},
		{step("8:00:00 F1 t = 6"), `f:5:5: "8:00:00" is not a time; write 08:00:00`},
		{step("08:61:00 F1 t = 6"), `f:5:5: "08:61:00" is not a time; write HH:MM:SS or HH:MM:SS.mmm, with a date such as 2026-01-02 before it if need be`},
		{step("08:00:00 F1 t"), "f:5:14: this step lacks a value; write TIME EQUIPMENT TAG = VALUE, or TIME and one of watermark, heartbeat, offline, apply, delete"},
		{step("08:00:00 F1 t ="), "f:5:14: this step lacks a value; write TIME EQUIPMENT TAG = VALUE, or TIME and one of watermark, heartbeat, offline, apply, delete"},
		{step("08:00:00 F1 t = 3,5"), `f:5:21: "3,5" has a decimal comma; write 3.5, or put text into double quotes`},
		{step("08:00:00 F1 t = a bd"), `f:5:23: "bd" is not a quality; did you mean Bad? Else write Ok, Uncertain or Bad, and text with spaces in double quotes`},
		{step(`08:00:00 F1 t = "a`), `f:5:21: text in quotes that is not closed or has a wrong escape; end it with " and write \" for a quote within`},
		{step("08:00:00 watermark now"), "f:5:14: this step has the wrong form; write it as TIME watermark"},
		{step("08:00:00 heartbeat"), "f:5:14: this step has the wrong form; write it as TIME heartbeat SENDER"},
		{step("08:00:00 heartbeat plc9"), `f:5:24: "plc9" is no sender of the test, which has one for all equipment, plc; write plc, or say above steps what comes from which: senders: {plc9: [F1]}`},
		{step("08:00:00 delete other"), `f:5:21: "other" is no rule of the test; the rules are hot`},
		{step("08:00:00 apply absent.yaml"), `f:5:20: "absent.yaml" cannot be applied: no such file; check the name, which is relative to the test file`},
		{step("08:00:00 F1 t = 6\n    2026-03-01 08:00:00 watermark"), "f:6:5: this line is more than 31d from the first; put it into a test of its own"},
		{expect("08:00:00 F1 UNKNOWN WARNING"), "f:7:14: this line is not a change of state; write TIME EQUIPMENT STATE -> STATE by GROUP"},
		{expect("08:00:00 F1 unknown -> WARNING"), `f:7:17: "unknown" is not a state; write it in capitals: UNKNOWN`},
		{expect("08:00:00 F1 UNKNOWN -> WARNING by"), `f:7:36: "by" is followed by no name; write TIME EQUIPMENT STATE -> STATE by GROUP, and of RULE behind it for a rule other than the tested one`},
		{expect("08:00:00 F1 UNKNOWN -> WARNING g"), `f:7:36: "g" stands behind the change; write TIME EQUIPMENT STATE -> STATE by GROUP, and of RULE behind it for a rule other than the tested one`},
		{step("08:00:00 watermrk"), `f:5:14: "watermrk" is not a step; did you mean watermark? Else write TIME EQUIPMENT TAG = VALUE, or TIME and one of watermark, heartbeat, offline, apply, delete`},
		{step("08:00:00 F1 t 6"), `f:5:19: "6" stands where = and a value belong; write TIME EQUIPMENT TAG = VALUE, or TIME and one of watermark, heartbeat, offline, apply, delete`},
		{step("08:00:00 F1 t = 6 bad"), `f:5:23: "bad" is not a quality; did you mean Bad? Else write Ok, Uncertain or Bad, and text with spaces in double quotes`},
		{step("08:00:00 F1 t = 1.2.3"), `f:5:21: "1.2.3" begins like a number and is none; write a number such as 76.5, or put text into double quotes`},
		{step("08:00:00 delete hoot"), `f:5:21: "hoot" is no rule of the test; did you mean hot?`},
		{strings.Replace(step("08:00:00 offline plc9"), "name: n", "name: n\n  senders: {plc1: [F1]}", 1), `f:6:22: "plc9" is no sender of the test; did you mean plc1?`},
		{strings.Replace(step("08:00:00 F1 t = 6\n    08:01:00 F1 t = 7"), "steps: |", "steps:", 1), "f:4:3: tests[0].steps: holds several lines that YAML has made one; write steps: | and each on a line of its own below"},
		{strings.Replace(step("- 08:00:00 F1 t = 6"), "steps: |", "steps:", 1), "f:5:5: tests[0].steps: want text, have a list; write steps: | and each step on a line of its own below, without a dash"},
		{strings.Replace(good, "\"\"", "\n    08:00:00 F1 IDLE -> WARNING\n    08:00:01 F1 IDLE -> WARNING", 1), "f:6:3: tests[0].expect: holds several lines that YAML has made one; write expect: | and each on a line of its own below"},
		{"rule: class.yaml\nassets: tags.yaml\ntests:\n- name: n\n  steps: |\n\n    # größe\n      08:00:00 F1 \"presure\" = 6\n  expect: \"\"\n", `f:8:19: "presure" is no tag of F1; did you mean pressure? Else list it in tags.yaml`},
		{"rule: class.yaml\nassets: tags.yaml\ntests:\n- name: n\n  steps: |\n    08:00:00 F22 t = 6\n  expect: \"\"\n", `f:6:14: "F22" is not registered in tags.yaml; did you mean F2? Else register it there`},
		{step("08:00:00 apply assets.yaml\n    08:00:00 X t = 6"), `f:6:14: "X" is not registered in assets.yaml; register it there`},
		{expect("8:00 F1 UNKNOWN -> WARNING"), `f:7:5: "8:00" is not a time; write 08:00:00`},
		{good + "  late: 08:00:00 watermark\n", "f:7:9: this line is not a point"},
	}
	for _, test := range tests {
		_, err := script.Run("f", []byte(test.text), open)
		if got := fmt.Sprint(err); got != test.want && strings.Split(got, "\n")[0] != test.want {
			t.Errorf("%q\n got  %s\n want %s", test.text, got, test.want)
		}
	}
}

const stale = `# kept
rule: hot.yaml
tests:
  - name: one
    steps: |
      08:00:00 F1 t = 6
      08:00:05 watermark
      08:00:03 F1 t = 6
    expect: ""      # replaced

  # kept too
  - expect: |
      07:00:00 F1 UNKNOWN -> WARNING by g
      07:00:01 F1 UNKNOWN -> WARNING by g
    late: |
      07:00:00 F1 t = 6
    name: two
    steps: |
      08:00:00 F1 t = 4
      08:00:05 watermark
`

const fresh = `# kept
rule: hot.yaml
tests:
  - name: one
    steps: |
      08:00:00 F1 t = 6
      08:00:05 watermark
      08:00:03 F1 t = 6
    expect: |
      08:00:00 F1 UNKNOWN -> WARNING by g
    late: |
      08:00:03 F1 t = 6

  # kept too
  - expect: |
      08:00:00 F1 UNKNOWN -> IDLE by g
    late: ""
    name: two
    steps: |
      08:00:00 F1 t = 4
      08:00:05 watermark
`

func TestUpdate(t *testing.T) {
	got, err := script.Update("f", []byte(stale), open)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(fresh, string(got)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	again, err := script.Update("f", got, open)
	if err != nil || string(again) != fresh {
		t.Errorf("an updated file changes again: %v\n%s", err, again)
	}
	flow := `{rule: hot.yaml, tests: [{name: n, steps: "08:00:00 F1 t = 6", expect: "08:00:00 F1 UNKNOWN -> IDLE by g"}]}`
	if _, err := script.Update("f", []byte(flow), open); err == nil || !strings.Contains(err.Error(), "write them as blocks") {
		t.Errorf("got %v, want a refusal", err)
	}
}

func FuzzRun(f *testing.F) {
	f.Add([]byte(stale))
	sample, err := os.ReadFile("../../configs/rules/filler-rinse-water.test.yaml")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(sample)
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := script.Run("f", data, open)
		if err == nil && len(r.Tests) == 0 {
			t.Error("neither an error nor a test")
		}
	})
}
