package app

import (
	"errors"
	"strings"
	"testing"

	"linewatch/ui"
)

func ruleReading(id, equipment, tag string) []byte {
	return []byte(`apiVersion: linewatch/v1
kind: Rule
id: ` + id + `
name: Reads another
scope: {equipment: ` + equipment + `}
priority: 2
groups:
  - id: g
    weight: 10
    cases:
      - state: ERROR
        all:
          - ` + tag + "\n")
}

func TestRulesThatReadRules(t *testing.T) {
	c, _ := openControlLog(t, t.TempDir())
	if _, err := c.ApplyAssets(t.Context(), "assets.yaml", []byte(twoLines)); err != nil {
		t.Fatal(err)
	}
	for _, r := range []struct{ id, equipment, input, want string }{
		{"a", "F1", "{tag: temperature, above: 5}", ""},
		{"b", "F1", "{tag: rule:a, is: WARNING}", ""},
		{"c", "e1", "{tag: rule:b, is: ERROR}", ""},
		{"a", "F1", "{tag: rule:c, is: ERROR}", "a.yaml:13:19: groups[0].cases[0].all[0].tag: closes a circle of rules: a -> c -> b -> a; let one"},
		{"d", "F2", "{tag: rule:a, is: WARNING}", `d.yaml:13:13: groups[0].cases[0].all[0]: reads rule a of F2, but that is about F1; write equipment: F1 beside the tag`},
		{"d", "F2", "{tag: rule:a, equipment: F1, is: WARNING}", `d.yaml:13:38: groups[0].cases[0].all[0].equipment: "F1" is on line one, and F2 on line two; a rule reads states of rules of its own line only`},
		{"d", "F2", "{tag: rule:later, is: WARNING}", ""},
		{"d", "F2", "{tag: rule:later, above: 3}", "above does not go with the state of a rule"},
	} {
		_, err := c.ApplyRule(t.Context(), r.id+".yaml", ruleReading(r.id, r.equipment, r.input), ui.AtOnce())
		if r.want == "" && err != nil {
			t.Errorf("%s on %s: %v", r.id, r.input, err)
		}
		if r.want != "" && (!errors.As(err, new(ui.Refused)) || !strings.Contains(err.Error(), r.want)) {
			t.Errorf("%s on %s: got %v, want %q", r.id, r.input, err, r.want)
		}
	}
}

// A rule for a class is judged on the line of each machine. What it reads of
// another rule must be there for all of them, but for those with an override.
func TestClassesThatReadRules(t *testing.T) {
	c, _ := openControlLog(t, t.TempDir())
	if _, err := c.ApplyAssets(t.Context(), "assets.yaml", []byte(strings.ReplaceAll(twoLines, "site: s}", "site: s, class: filler}"))); err != nil {
		t.Fatal(err)
	}
	const input = `{tag: "rule:line", equipment: "line:one", is: WARNING}`
	class := strings.Replace(string(ruleReading("all", "F1", input)), "scope: {equipment: F1}", "scope: {class: filler}", 1)
	override := func(equipment, input string) string {
		return class + "overrides:\n  - equipment: " + equipment + "\n    groups: [{id: g, weight: 1, cases: [{state: ERROR, all: [" + input + "]}]}]\n"
	}
	for rule, want := range map[string]string{
		class: `all.yaml:13:43: groups[0].cases[0].all[0].equipment: "line:one" is on line one, and F2 on line two; ` +
			"a rule reads states of rules of its own line only, and tags of any; give F2 an override that reads none, or a rule of its own",
		override("F1", "{tag: t, above: 1}"): "and F2 on line two",
		override("F2", "{tag: t, above: 1}"): "",
		override("e2", input):                `all.yaml:16:92: overrides[0].groups[0].cases[0].all[0].equipment: "line:one" is on line one, and F2 on line two`,
	} {
		_, err := c.ApplyRule(t.Context(), "all.yaml", []byte(rule), ui.AtOnce())
		if want == "" && err != nil || want != "" && (!errors.As(err, new(ui.Refused)) || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s\ngot  %v\nwant %q", rule, err, want)
		}
	}
}
