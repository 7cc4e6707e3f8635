package rulefile

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"linewatch"
)

const template = `apiVersion: linewatch/v1
kind: Rule
id: too-hot
name: Too hot
scope: {class: filler}
priority: 2
params:
  max_temp: 75
  clear_temp: 74
  hold: 5m
  running: Execute
groups:
  - id: limits
    weight: 10
    cases:
      - state: WARNING
        all:
          - {tag: temperature, above: $max_temp, clear: $clear_temp, for: $hold}
          - {tag: machine_state, in: [$running, "$running", Starting]}
overrides:
  - {equipment: F2, params: {max_temp: 80.5, hold: 30s}}
  - equipment: F3
    groups:
      - {id: limits, weight: 10, otherwise: IDLE}
`

func TestTemplate(t *testing.T) {
	r, err := ParseRule("t.yaml", []byte(template))
	if err != nil {
		t.Fatal(err)
	}
	limits := func(equipment string) string {
		var all []string
		for _, g := range r.For(equipment, "").Groups {
			for _, c := range g.Cases {
				all = append(all, c.When.Canonical())
			}
		}
		return strings.Join(all, "\n")
	}
	const rest = `{"tag":"machine_state","in":["Execute","$running","Starting"]}]}`
	for equipment, want := range map[string]string{
		"F1": `{"all":[{"tag":"temperature","above":75,"clear":74,"for":"5m"},` + rest,
		"F2": `{"all":[{"tag":"temperature","above":80.5,"clear":74,"for":"30s"},` + rest,
		"F3": ``,
	} {
		if got := limits(equipment); got != want {
			t.Errorf("%s: got  %s\nwant %s", equipment, got, want)
		}
	}
	again, err := ParseRule("again.yaml", Format(r))
	if diff := cmp.Diff(r, again, cmp.Comparer(linewatch.Value.Equal)); err != nil || diff != "" {
		t.Errorf("formatted and read again: %v\n%s", err, diff)
	}
}

func TestTemplateMistakes(t *testing.T) {
	for _, tt := range []struct{ old, new, want string }{
		{"above: $max_temp", "above: $max_tmep", "t.yaml:18:39: groups[0].cases[0].all[0].above: names $max_tmep, which is no parameter of the rule; did you mean $max_temp?"},
		{"  clear_temp: 74\n", "  clear_temp: 74\n  spare: 1\n", "t.yaml:10:10: params.spare: is not used; write $spare where its value belongs, or remove it"},
		{"state: WARNING", "state: $s", "t.yaml:16:16: groups[0].cases[0].state: names $s, which is no parameter of the rule; declare it under params, or put it into quotes if it is text"},
		{"weight: 10\n", "weight: $w\n", "t.yaml:14:13: groups[0].weight: names $w, which is no parameter"},
		{"in: [$running", "in: [$runing", "t.yaml:19:39: groups[0].cases[0].all[1].in[0]: names $runing, which is no parameter of the rule; did you mean $running?"},
		{"max_temp: 75", "max_temp: hot", `overrides[0].params.max_temp: is a number, but the parameter of the rule is text ("hot"); give text`},
		{"max_temp: 80.5", "max_temp:", "t.yaml:21:38: overrides[0].params.max_temp: is empty; give the value that differs, or remove the key"},
		{"max_temp: 75", "max_temp:", "is empty"},
		{"hold: 5m", "hold: 5 minutes", "groups[0].cases[0].all[0].for"},
		{"max_temp: 80.5", "max_tmep: 80.5", "t.yaml:21:40: overrides[0].params.max_tmep: is no parameter of the rule; did you mean max_temp?"},
		{"max_temp: 80.5", "max_temp: hot", "t.yaml:21:40: overrides[0].params.max_temp: is text, but the parameter of the rule is a number (75); give a number"},
		{"max_temp: 80.5", "max_temp: 73", "overrides[0].params: makes the rule wrong: groups[0].cases[0].all[0].clear: lies on the wrong side of above"},
		{"hold: 30s", "hold: never", "t.yaml:21:52: overrides[0].params.hold: not a span of time"},
		{"params: {max_temp: 80.5, hold: 30s}", "params: {}", "overrides[0]: overrides nothing; give the params that differ"},
		{"  - equipment: F3\n", "  - equipment: F3\n    params: {max_temp: 1}\n", "overrides[1]: has params and groups"},
		{"{class: filler}", "{equipment: F1}", "overrides: go with a class"},
		{"equipment: F3", "equipment: F2", "overrides[1].equipment: is overridden twice"},
		{"equipment: F3", "equipment: \"F 3\"", "overrides[1].equipment: is not an equipment id or alias"},
		{"otherwise: IDLE}", "otherwise: LATE}", "overrides[1].groups[0].otherwise: is neither built in nor declared"},
		{"equipment: F2,", "equipmnt: F2,", `unknown key "equipmnt"; did you mean equipment?`},
	} {
		text := strings.Replace(template, tt.old, tt.new, 1)
		if text == template {
			t.Fatalf("%q does not stand in the template", tt.old)
		}
		if _, err := ParseRule("t.yaml", []byte(text)); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got  %v\nwant %s", tt.new, err, tt.want)
		}
	}
}

// However many mistakes there are, those that are not told are counted.
func TestManyMistakesAreCounted(t *testing.T) {
	text := strings.Replace(template, "above: $max_temp", "above: $max", 1)
	text = strings.Replace(text, "overrides:\n", strings.Repeat("  - {idd: x}\n", 25)+"overrides:\n", 1)
	_, err := ParseRule("t.yaml", []byte(text))
	if err == nil || !strings.HasSuffix(err.Error(), ": and 6 more mistakes") {
		t.Errorf("got %v", err)
	}
}

// A mistake in what all equipment shares is one mistake, and one that an
// override brings stands there.
func TestMistakeOfTheWholeRuleIsToldOnce(t *testing.T) {
	for _, tt := range []struct{ old, new, want string }{
		{"state: WARNING", "state: LATE", "t.yaml:16:16: groups[0].cases[0].state: is neither built in nor declared"},
		{"weight: 10\n", "weight: 0\n", "t.yaml:14:13: groups[0].weight: is missing or 0"},
		{"above: $max_temp", "abve: $max_temp", `t.yaml:18:32: groups[0].cases[0].all[0]: unknown key "abve"`},
		{"weight: 10\n", "weight: $w\n", "t.yaml:14:13: groups[0].weight: names $w, which is no parameter"},
		{"{tag: temperature, ", "{expr: \"temperature * * 2\", ", "groups[0].cases[0].all[0].expr: "},
	} {
		text := strings.Replace(template, tt.old, tt.new, 1)
		_, err := ParseRule("t.yaml", []byte(text))
		if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: got  %v\nwant one line with %s", tt.new, err, tt.want)
		}
	}
}
