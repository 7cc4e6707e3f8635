package app

import (
	"errors"
	"strings"
	"testing"

	"linewatch/ui"
)

func TestOverridesFitTheRegistry(t *testing.T) {
	c, _ := openControlLog(t, t.TempDir())
	assets := strings.ReplaceAll(twoLines, "site: s}", "site: s, class: filler}") + "  - {id: e3, alias: C1, line: one, site: s, class: capper}\n"
	if _, err := c.ApplyAssets(t.Context(), "assets.yaml", []byte(assets)); err != nil {
		t.Fatal(err)
	}
	for overrides, want := range map[string]string{
		"{equipment: F1, params: {max: 8}}":                                    "",
		"{equipment: F9, params: {max: 8}}":                                    `hot.yaml:7:25: overrides[0].equipment: "F9" is not registered; did you mean F1?`,
		"{equipment: C1, params: {max: 8}}":                                    `hot.yaml:7:25: overrides[0].equipment: "C1" is of class "capper", and the rule about class "filler"; remove`,
		"{equipment: F1, params: {max: 8}}, {equipment: e1, params: {max: 9}}": `hot.yaml:7:60: overrides[1].equipment: "e1" is "F1", which is overridden too`,
	} {
		rule := strings.Replace(string(ruleOn("F1", 70)), "scope: {equipment: F1}", "scope: {class: filler}\nparams: {max: 70}\noverrides: ["+overrides+"]", 1)
		rule = strings.Replace(rule, "above: 70", "above: $max", 1)
		_, err := c.ApplyRule(t.Context(), "hot.yaml", []byte(rule), ui.AtOnce())
		if want == "" && err != nil || want != "" && (!errors.As(err, new(ui.Refused)) || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: got %v, want %q", overrides, err, want)
		}
	}
}
