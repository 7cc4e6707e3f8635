package ruleset_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"linewatch"
	"linewatch/rules/ruleset"
)

// inForce has published what files hold; rules whose name begins with draft
// only as drafts.
func inForce(t *testing.T, texts ...string) *ruleset.InForce {
	t.Helper()
	set, f := read(t, texts...), ruleset.NewInForce()
	for _, src := range set.Rules {
		if strings.HasPrefix(string(src.Rule.ID), "draft") {
			f.Waiting[src.Rule.ID] = src.Rule
		} else {
			f.Rules[src.Rule.ID] = src.Rule
		}
	}
	for _, src := range set.Tables {
		f.Tables[src.Table.ID] = *src.Table
	}
	if set.Assets != nil {
		f.Registry = set.Assets.Assets
	}
	return &f
}

// What waits for something else is no mistake and is said.
func TestNotes(t *testing.T) {
	const onF1 = "equipment: F1"
	f := inForce(t, assets,
		rule("base", onF1, "tag: temperature\n    above: 5"), rule("draft", onF1, "tag: temperature\n    above: 5"), rule("caps", "class: capper", "tag: torque\n    above: 5"),
		limits, "apiVersion: linewatch/v1\nkind: Table\nid: mixed\nrows: {A: {max: 5}, B: {max: six}, C: {max: 7}, D: {min: 7}, E: {min: 7, max: 8}}\n")
	look := func(table, column string) string {
		return "{table: " + table + ", key: {tag: pressure}, column: " + column + "}"
	}
	for _, tt := range []struct {
		scope, when string
		want        []string
	}{
		{onF1, "{tag: rule:base, is: WARNING}", nil},
		{onF1, "{tag: rule:bass, is: WARNING}", []string{"no rule bass is published (did you mean base?); until it is, groups[0].cases[0].any[0] is UNKNOWN"}},
		{onF1, "{tag: rule:nowhere, is: WARNING}", []string{"no rule nowhere is published; until it is, groups[0].cases[0].any[0] is UNKNOWN"}},
		{onF1, "{tag: rule:draft, is: WARNING}", []string{"rule draft is not in force; until it is, groups[0].cases[0].any[0] is UNKNOWN"}},
		{onF1, "{tag: rule:base, in: [WARNING, ERROR]}", []string{"rule base never says ERROR, only WARNING, IDLE; until it does, groups[0].cases[0].any[0].in[1] is without effect"}},
		{onF1, "{tag: rule:caps, is: WARNING}", []string{"rule caps says nothing of F1; for that groups[0].cases[0].any[0] is UNKNOWN"}},
		{onF1, "{tag: rule:caps, equipment: C1, is: WARNING}", nil},
		{"class: filler", "{tag: rule:base, is: WARNING}", []string{"rule base says nothing of F2; for that groups[0].cases[0].any[0] is UNKNOWN"}},
		{"class: fillers", "{tag: t, above: 1}", []string{"no equipment of class fillers is registered (did you mean filler?); until there is, the rule says nothing"}},
		{onF1, "{tag: pressure, above: " + look("limits", "max") + "}", nil},
		{onF1, "{tag: pressure, above: " + look("limit", "max") + "}", []string{"no table limit is published (did you mean limits?); until it is, groups[0].cases[0].any[0] is UNKNOWN"}},
		{onF1, "{tag: pressure, above: " + look("limits", "maxi") + "}", []string{"no row of table limits has a column maxi (did you mean max?); until one has, groups[0].cases[0].any[0] is UNKNOWN"}},
		{onF1, "{tag: pressure, is: " + look("mixed", "max") + "}", []string{`row "D" of table mixed has no max; for that groups[0].cases[0].any[0] is UNKNOWN`}},
		{onF1, "{tag: pressure, inside: [1, " + look("mixed", "max") + "]}", []string{
			`row "D" of table mixed has no max; for that groups[0].cases[0].any[0] is UNKNOWN`,
			`row "B" of table mixed has no number as max; for that groups[0].cases[0].any[0] is UNKNOWN`,
		}},
		{onF1, "{tag: pressure, above: " + look("mixed", "min") + "}", []string{`3 rows of table mixed, such as "A", have no min; for these groups[0].cases[0].any[0] is UNKNOWN`}},
		{onF1, "{tag: speed, above: 1}", []string{`groups[0].cases[0].any[0].tag: names "speed", which is no tag of F1`}}, // published before it was gone
	} {
		r := read(t, rule("r", tt.scope, "any:\n    - "+tt.when)).Rules[0].Rule
		if diff := cmp.Diff(tt.want, f.Notes(r)); diff != "" {
			t.Errorf("%s %s (-want +got)\n%s", tt.scope, tt.when, diff)
		}
	}
}

// What something else takes away from the rules in force is said of those that
// it concerns, and only once.
func TestConcerns(t *testing.T) {
	texts := []string{
		rule("hot", "equipment: F1", "tag: pressure\n    above: {table: limits, key: {tag: pressure}, column: max}"),
		rule("reader", "equipment: F1", "tag: rule:hot\n    is: WARNING"),
		rule("caps", "equipment: C1", "all:\n    - {tag: torque, above: 5}\n    - {tag: pressure, equipment: F1, above: 5}"),
		rule("lost", "equipment: F2", "tag: rule:nowhere\n    is: WARNING"),
		limits, assets,
	}
	with := func(old, by string) *ruleset.InForce {
		var all []string
		for _, text := range texts {
			all = append(all, strings.ReplaceAll(text, old, by))
		}
		return inForce(t, all...)
	}
	before := inForce(t, texts...)
	without := inForce(t, texts...)
	delete(without.Rules, linewatch.RuleID("hot"))
	for name, tt := range map[string]struct {
		after *ruleset.InForce
		want  []string
	}{
		"the same":                {inForce(t, texts...), nil},
		"a table without a limit": {with("max: 6", "most: 6"), []string{`rule hot: row "B" of table limits has no max; for that groups[0].cases[0] is UNKNOWN`}},
		"a table with a text":     {with("max: 5", "max: five"), []string{`rule hot: row "A" of table limits has no number as max; for that groups[0].cases[0] is UNKNOWN`}},
		"a table without a row":   {with(", B: {max: 6, min_: 1}", ""), []string{`rule hot: row "B" of table limits is gone; for that groups[0].cases[0] is UNKNOWN`}},
		"a table of other rows": {with("A: {max: 5}, B:", "C:"), []string{
			`rule hot: 2 rows of table limits, such as "A", are gone; for these groups[0].cases[0] is UNKNOWN`,
		}},
		"a rule that ends": {without, []string{"rule reader: no rule hot is in force any more; groups[0].cases[0] is UNKNOWN"}},
		"a machine that is gone": {with("alias: F1, class", "alias: F9, class"), []string{
			`rule caps: groups[0].cases[0].all[1].equipment: "F1" is not registered`,
		}},
		"a tag that is gone": {with("{name: pressure}", "{name: pressures}"), []string{
			`rule caps: groups[0].cases[0].all[1].tag: names "pressure", which is no tag of F1`,
			`rule hot: groups[0].cases[0].tag: names "pressure", which is no tag of F1`,
			`rule hot: groups[0].cases[0].above.key.tag: names "pressure", which is no tag of F1`,
		}},
	} {
		if diff := cmp.Diff(tt.want, before.Concerns(tt.after)); diff != "" {
			t.Errorf("%s (-want +got)\n%s", name, diff)
		}
	}
}
