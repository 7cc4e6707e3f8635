package ruleset

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"linewatch"
	"linewatch/rules/rulefile"
)

// What a rule reads: of each machine that it is about, with overrides, of
// others by name, in expressions and as keys of limits.
func TestReads(t *testing.T) {
	f := NewInForce()
	f.Registry = &linewatch.Assets{Equipment: []linewatch.Equipment{
		{ID: "e1", Alias: "F1", Class: "filler", Line: "one", Site: "s"},
		{ID: "e2", Alias: "F2", Class: "filler", Line: "two", Site: "s"},
		{ID: "e3", Alias: "P1", Class: "packer", Line: "one", Site: "s"},
	}}
	rule, err := rulefile.ParseRule("r.yaml", []byte(`apiVersion: linewatch/v1
kind: Rule
id: r
name: Reads
scope: {class: filler}
priority: 2
groups:
  - id: g
    weight: 10
    cases:
      - state: WARNING
        all:
          - {tag: temperature, above: {table: limits, key: {tag: product}, column: max}}
          - {expr: "flow_in - flow_out", above: 3}
          - not: {tag: speed, equipment: P1, below: 3}
      - state: ERROR
        any:
          - {tag: temperature, above: 90}
          - {tag: rule:other, is: ERROR}
          - {tag: speed, equipment: gone, below: 3}
overrides:
  - equipment: F2
    groups:
      - id: g
        weight: 10
        cases: [{state: WARNING, tag: heat, above: 3}]
`))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for r := range f.Reads(&rule) {
		got = append(got, r.Equipment.Alias+" "+r.Tag)
	}
	want := []string{"F1 temperature", "F1 product", "F1 flow_in", "F1 flow_out", "P1 speed", "F1 temperature", "F2 heat"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	for r := range f.Reads(&rule) {
		if r.Tag == "product" { // and the rest is of no interest
			break
		}
	}
	f.Registry = nil
	for r := range f.Reads(&rule) {
		t.Errorf("without a registry it reads %v", r)
	}
}
