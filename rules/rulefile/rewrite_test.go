package rulefile

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Parameters stay what their author called them, in the form that values have.
func TestReformatKeepsParameters(t *testing.T) {
	const untidy = `apiVersion: linewatch/v1
kind: Rule
id: too-hot
name: Too hot
scope: {class: filler}
priority: 2
params: {max_temp: 75, hold: 5m} # for most
overrides:
  # The small one.
  - params: {hold: 30s, max_temp: 80.5}
    equipment: F2
groups:
  - {id: limits, weight: 10, cases: [{state: WARNING, all: [{tag: temperature, for: $hold, above: $max_temp}, {tag: mode, is: "$hold", keep: 120s}]}]}
`
	const want = `apiVersion: linewatch/v1
kind: Rule
id: too-hot
name: Too hot
scope: {class: filler}
priority: 2
params:
  max_temp: 75
  hold: 5m # for most
groups:
  - id: limits
    weight: 10
    cases:
      - state: WARNING
        all:
          - {tag: temperature, above: $max_temp, for: $hold}
          - {tag: mode, is: "$hold", keep: 2m}
overrides:
  # The small one.
  - {equipment: F2, params: {hold: 30s, max_temp: 80.5}}
`
	got, err := Reformat("f.yaml", []byte(untidy))
	if diff := cmp.Diff(want, string(got)); err != nil || diff != "" {
		t.Errorf("%v (-want +got)\n%s", err, diff)
	}
	a, err := ParseRule("a.yaml", []byte(untidy))
	if err != nil {
		t.Fatal(err)
	}
	if b, err := ParseRule("b.yaml", got); err != nil || string(Format(a)) != string(Format(b)) {
		t.Errorf("%v: the rule is another one", err)
	}
	if again, err := Reformat("f.yaml", got); err != nil || string(again) != string(got) {
		t.Errorf("%v: changes again\n%s", err, again)
	}
}
