package app

import (
	"errors"
	"strings"
	"testing"

	"linewatch/ui"
)

func TestRulesAboutLinesAndSites(t *testing.T) {
	c, _ := openControlLog(t, t.TempDir())
	if _, err := c.ApplyAssets(t.Context(), "assets.yaml", []byte(twoLines+"  - {id: e3, alias: F3, line: three, site: other}\n")); err != nil {
		t.Fatal(err)
	}
	if _, err := c.ApplyRule(t.Context(), "a.yaml", ruleReading("a", "F1", "{tag: t, above: 1}"), ui.AtOnce()); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ scope, input, want string }{
		{"{line: one}", "{tag: t, equipment: F1, above: 1}", ""},
		{"{line: one}", "{tag: rule:a, equipment: F1, is: ERROR}", ""},
		{"{line: one}", "{tag: t, equipment: F2, above: 1}", ""},
		{"{line: one}", "{expr: F2.t - F1.t, above: {table: x, key: {tag: t, equipment: F3}, column: c}}", ""},
		{"{line: four}", "{tag: t, equipment: F1, above: 1}", `scope.line: no equipment is registered with line "four"`},
		{"{equipment: F1}", "{tag: rule:r, equipment: \"line:one\", is: ERROR}", ""},
		{"{equipment: F2}", "{tag: rule:r, equipment: \"line:one\", is: ERROR}", `"line:one" is on line one, and F2 on line two`},
		{"{site: s}", "{tag: t, equipment: F2, above: 1}", ""},
		{"{site: s}", "{tag: t, equipment: F3, above: 1}", `r.yaml:13:33: groups[0].cases[0].all[0].equipment: is of site other, the rule of site s; a rule reads tags of its own site`},
		{"{site: s}", "{tag: rule:a, equipment: F1, is: ERROR}", "is not the site, and a rule about a site reads states of rules about that site only; test tags of the equipment instead"},
		{"{site: s}", "{tag: rule:a, is: ERROR}", "reads rule a of site:s, but that is about F1; a rule about a site reads states of rules about that site only"},
		{"{site: nowhere}", "{tag: t, equipment: F1, above: 1}", `scope.site: no equipment is registered with site "nowhere"`},
	} {
		id := "r"
		if strings.Contains(tt.input, "rule:r,") {
			id = "q"
		}
		rule := strings.Replace(string(ruleReading(id, "F1", tt.input)), "scope: {equipment: F1}", "scope: "+tt.scope, 1)
		_, err := c.ApplyRule(t.Context(), "r.yaml", []byte(rule), ui.AtOnce())
		if tt.want == "" && err != nil || tt.want != "" && (!errors.As(err, new(ui.Refused)) || !strings.Contains(err.Error(), tt.want)) {
			t.Errorf("%s %s: got %v, want %q", tt.scope, tt.input, err, tt.want)
		}
	}
}
