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
		{"a", "F1", "{tag: rule:c, is: ERROR}", "a.yaml: rule a version 2: rules read one another in a circle: a -> c -> b -> a"},
		{"d", "F2", "{tag: rule:a, is: WARNING}", `rule a says nothing of "F2", it is about "F1"; name that with equipment: F1`},
		{"d", "F2", "{tag: rule:a, equipment: F1, is: WARNING}", `equipment "F1" is on line "one", the rule is on line "two"`},
		{"d", "F2", "{tag: rule:later, is: WARNING}", ""},
		{"d", "F2", "{tag: rule:later, above: 3}", "above does not go with the state of a rule"},
	} {
		_, _, err := c.ApplyRule(t.Context(), r.id+".yaml", ruleReading(r.id, r.equipment, r.input), ui.AtOnce())
		if r.want == "" && err != nil {
			t.Errorf("%s on %s: %v", r.id, r.input, err)
		}
		if r.want != "" && (!errors.As(err, new(ui.Refused)) || !strings.Contains(err.Error(), r.want)) {
			t.Errorf("%s on %s: got %v, want %q", r.id, r.input, err, r.want)
		}
	}
}
