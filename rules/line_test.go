package rules

import (
	"testing"

	"linewatch"
)

// A rule about a line has one instance there, none elsewhere, and is read by
// rules on the line's machines under the name of the line.
func TestRuleAboutALine(t *testing.T) {
	const starved = `"groups":[{"id":"flow","weight":1,"cases":[{"state":"WARNING","all":[
		{"tag":"speed","equipment":"Filler","below":10},{"tag":"rule:blocked","equipment":"M2","is":"ERROR"}]}]}]`
	for line, want := range map[string][]string{
		"one": {
			"2000 blocked/M2 UNKNOWN -> ERROR by g", "2000 starved/line:one UNKNOWN -> WARNING by flow", "2000 told/M1 UNKNOWN -> INFO by g",
		},
		"two": nil,
	} {
		b := newBench(t, Options{Line: line})
		b.assets(linewatch.Equipment{ID: "M1", Alias: "Filler", Line: "one", Site: "s"}, linewatch.Equipment{ID: "M2", Line: "one", Site: "s"},
			linewatch.Equipment{ID: "M3", Line: "two", Site: "s"})
		b.rule("starved", 1, 0, `{"line":"one"}`, starved)
		b.rule("blocked", 1, 0, `{"equipment":"M2"}`, `"groups":[{"id":"g","weight":1,"cases":[{"state":"ERROR","tag":"queue","above":5}]}]`)
		b.rule("told", 1, 0, `{"equipment":"M1"}`, `"groups":[{"id":"g","weight":1,"cases":[{"state":"INFO","tag":"rule:starved","equipment":"line:one","is":"WARNING"}]}]`)
		b.point(1000, "M1", "speed", num(5))
		b.advance(1000)
		b.want()
		b.point(2000, "M2", "queue", num(6))
		b.advance(2000)
		b.want(want...)
		for _, s := range b.e.Instances() {
			if s.Rule == "starved" && (s.Equipment.Alias != "one" || s.Equipment.Line != "one" || s.Equipment.Site != "s") {
				t.Errorf("the line is described as %+v", s.Equipment)
			}
		}
	}
}
