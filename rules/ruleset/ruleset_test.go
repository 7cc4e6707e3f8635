package ruleset_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"linewatch"
	"linewatch/rules/rulefile"
	"linewatch/rules/ruleset"
)

const head = "apiVersion: linewatch/v1\nkind: Rule\nname: R\npriority: 1\n"

const assets = `apiVersion: linewatch/v1
kind: Assets
equipment:
  - {id: 84068f2f, alias: F1, class: filler, line: L1, site: S, tags: [{name: temperature}, {name: pressure}]}
  - {id: a1b2, alias: F2, class: filler, line: L2, site: S, tags: [{name: temperature}]}
  - {id: c1, alias: C1, class: capper, line: L1, site: S}
`

const limits = "apiVersion: linewatch/v1\nkind: Table\nid: limits\nrows: {A: {max: 5}, B: {max: 6, min_: 1}}\n"

// rule returns a rule file whose only group tests the given conditions.
func rule(id, scope, when string) string {
	return head + "id: " + id + "\nscope: {" + scope + "}\ngroups:\n- id: g\n  weight: 1\n  cases:\n  - state: WARNING\n    " + when + "\n"
}

// overridden returns a rule of a class with a parameter that F2 overrides.
func overridden(when, param string) string {
	base, other := "1", "2"
	if param == "said" {
		base, other = "WARNING", "LATE"
	}
	return rule("a", "class: filler", when) + fmt.Sprintf("params: {%s: %s}\noverrides:\n- {equipment: F2, params: {%[1]s: %[3]s}}\n", param, base, other)
}

// check reads and checks files that are named a, b, c, ... and returns what is
// wrong with them.
func check(texts ...string) string {
	var files []ruleset.File
	for i, text := range texts {
		files = append(files, ruleset.File{Name: string(rune('a' + i)), Data: []byte(text)})
	}
	set, err := ruleset.Read(files)
	if err == nil {
		err = set.Check()
	}
	if err == nil {
		return ""
	}
	return err.Error()
}

func TestCheck(t *testing.T) {
	const onF1 = "equipment: F1"
	base := rule("base", onF1, "{tag: temperature, above: 5}")
	base = strings.Replace(base, "    {tag: temperature, above: 5}", "    tag: temperature\n    above: 5", 1)
	on := func(id string) string {
		return rule(id, onF1, "tag: rule:base\n    is: WARNING")
	}
	tests := []struct {
		name  string
		texts []string
		want  string
	}{
		{"all is well", []string{base, on("a"), on("b"), assets}, ""},
		{
			"every mistake of every file",
			[]string{strings.Replace(base, "priority: 1", "priority: 9", 1), strings.Replace(base, "weight", "wieght", 1)},
			"a:4:11: priority: is not a priority; give 1 (highest) to 4\nb:9:3: groups[0]: unknown key \"wieght\"; did you mean weight?",
		},
		{"one id twice", []string{base, base}, "b:5:5: id: is the id of the rule in a, too; give each rule an id of its own"},
		{
			"a rule that is not there",
			[]string{base, rule("a", onF1, "tag: rule:bas\n    is: WARNING")},
			`b:12:10: groups[0].cases[0].tag: names rule "bas", which is in none of the files; did you mean base? Else name its file, too`,
		},
		{
			"a state that it never says",
			[]string{base, rule("a", onF1, "tag: rule:base\n    in: [WARNING, ERROR]")},
			`b:13:19: groups[0].cases[0].in[1]: is "ERROR", which rule base never says; it says WARNING, IDLE`,
		},
		{
			"another machine's rule",
			[]string{base, rule("a", "equipment: C1", "tag: rule:base\n    is: WARNING"), assets},
			"b:11:5: groups[0].cases[0]: reads rule base of C1, but that is about F1; write equipment: F1 beside the tag",
		},
		{
			"a rule of another line",
			[]string{rule("line", "line: L1", "tag: temperature\n    equipment: F1\n    above: 5"), rule("a", "class: filler", "tag: rule:line\n    equipment: \"line:L1\"\n    is: WARNING"), assets},
			"b:13:16: groups[0].cases[0].equipment: \"line:L1\" is on line L1, and F2 on line L2; " +
				"a rule reads states of rules of its own line only, and tags of any; give F2 an override that reads none, or a rule of its own",
		},
		{
			"a rule of a machine that is not there",
			[]string{base, rule("a", onF1, "tag: rule:base\n    equipment: F9\n    is: WARNING"), assets},
			`b:13:16: groups[0].cases[0].equipment: "F9" is not registered in c; did you mean F1? Else register it there`,
		},
		{
			"one machine overridden twice",
			[]string{strings.Replace(rule("a", "class: filler", "tag: temperature\n    above: 5"), "groups:", "overrides:\n- {equipment: F1, groups: [{id: g, weight: 1, otherwise: IDLE}]}\n- {equipment: 84068f2f, groups: [{id: g, weight: 1, otherwise: IDLE}]}\n"+
				"- {equipment: C1, groups: [{id: g, weight: 1, otherwise: IDLE}]}\ngroups:", 1), assets},
			"a:9:15: overrides[1].equipment: \"84068f2f\" is \"F1\", which is overridden too; remove one of them\n" +
				`a:10:15: overrides[2].equipment: "C1" is of class "capper", and the rule about class "filler"; remove the override, or give the equipment that class`,
		},
		{
			"a circle",
			[]string{rule("base", onF1, "tag: rule:a\n    is: WARNING"), rule("a", onF1, "tag: rule:b\n    is: WARNING"), rule("b", onF1, "any:\n    - {tag: rule:base, is: WARNING}")},
			"c:13:13: groups[0].cases[0].any[0].tag: closes a circle of rules: b -> base -> a -> b; let one of them test tags instead",
		},
		{
			"an unknown machine",
			[]string{rule("a", "equipment: F3", "tag: temperature\n    above: 5"), assets},
			`a:6:20: scope.equipment: "F3" is not registered in b; did you mean F1? Else register it there`,
		},
		{
			"an unknown tag",
			[]string{rule("a", onF1, "not:\n      tag: temprature\n      above: 5"), assets},
			`a:13:12: groups[0].cases[0].not.tag: names "temprature", which is no tag of F1; did you mean temperature? Else list it in b`,
		},
		{
			"a tag that one of a class lacks",
			[]string{rule("a", "class: filler", "tag: pressure\n    above: 5"), assets},
			`a:12:10: groups[0].cases[0].tag: names "pressure", which is no tag of F2; list it in b`,
		},
		{"a machine without a list of tags has any", []string{rule("a", "equipment: C1", "tag: torque\n    above: 5"), assets}, ""},
		{
			"a tag of another line",
			[]string{rule("a", onF1, "tag: temperature\n    equipment: F2\n    above: 5"), assets},
			"",
		},
		{
			"a tag in an expression",
			[]string{rule("a", onF1, "expr: temprature - pressure + C1.torque\n    above: 5"), assets},
			`a:12:11: groups[0].cases[0].expr.tag: names "temprature", which is no tag of F1; did you mean temperature? Else list it in b`,
		},
		{
			"a tag in an expression whose name is no plain word",
			[]string{rule("a", onF1, "expr: water-temperature + pressure\n    above: 5"), strings.Replace(assets, "{name: pressure}", "{name: pressure}, {name: water-temperature}", 1)},
			`a:12:11: groups[0].cases[0].expr: takes the tag "water-temperature" apart, for its name is no plain word; write tag("water-temperature")`,
		},
		{
			"a tag in quotes in an expression",
			[]string{rule("a", onF1, "expr: tag(\"water-temperature\") + pressure\n    above: 5"), strings.Replace(assets, "{name: pressure}", "{name: pressure}, {name: water-temperature}", 1)},
			"",
		},
		{
			"a machine in an expression",
			[]string{rule("a", onF1, "expr: C9.torque\n    above: 5"), assets},
			`a:12:11: groups[0].cases[0].expr.equipment: "C9" is not registered in b; did you mean C1? Else register it there`,
		},
		{
			"a tag that finds a limit",
			[]string{rule("a", onF1, "tag: pressure\n    above: {table: limits, key: {tag: prodcut}, column: max}"), assets},
			`a:13:39: groups[0].cases[0].above.key.tag: names "prodcut", which is no tag of F1; list it in b`,
		},
		{
			"a tag that all of a class lack, with an override",
			[]string{overridden("tag: temprature\n    above: $most", "most"), assets},
			`a:12:10: groups[0].cases[0].tag: names "temprature", which is no tag of F1; did you mean temperature? Else list it in b`,
		},
		{
			"a tag that the overridden one lacks",
			[]string{overridden("tag: pressure\n    above: $most", "most"), assets},
			`a:12:10: groups[0].cases[0].tag: names "pressure", which is no tag of F2; list it in b`,
		},
		{
			"a state in an override that a rule never says",
			[]string{base, overridden("tag: temperature\n    above: 1\n  - state: ERROR\n    tag: rule:base\n    is: $said", "said")},
			`b:19:34: overrides[0].params.said: is "LATE", which rule base never says; it says WARNING, IDLE`,
		},
		{
			"tables",
			[]string{rule("a", onF1, "tag: pressure\n    inside: [{table: limits, key: {tag: product}, column: min}, {table: limit, key: {tag: product}, column: max}]"), limits},
			"a:13:59: groups[0].cases[0].inside[0].column: names \"min\", which no row of table limits has; did you mean min_? Else add it to the table\n" +
				"a:13:73: groups[0].cases[0].inside[1].table: names table \"limit\", which is in none of the files; did you mean limits? Else name its file, too",
		},
		{
			"a tag in a text",
			[]string{base + "alert: {title: \"${tag:presure} bar\"}\n", assets},
			`a:14:16: alert.title: names "presure", which is no tag of F1; did you mean pressure? Else list it in b`,
		},
		{"two registries", []string{assets, assets}, "b:2:7: kind: is a second registry, beside that of a; give one file of kind Assets"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, check(test.texts...)); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func read(t *testing.T, texts ...string) *ruleset.Set {
	t.Helper()
	var files []ruleset.File
	for i, text := range texts {
		files = append(files, ruleset.File{Name: fmt.Sprint(i), Data: []byte(text)})
	}
	set, err := ruleset.Read(files)
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// A class that no equipment has is noted as a running process does.
func TestNotesOfFiles(t *testing.T) {
	notes := func(texts ...string) (list []string) {
		set := read(t, texts...)
		if err := set.Check(); err != nil {
			t.Error(err)
		}
		for _, n := range set.Notes() {
			list = append(list, n.Error())
		}
		return list
	}
	class := func(name string) string { return rule("a", "class: "+name, "tag: temperature\n    above: 5") }
	want := []string{"0:6:16: scope.class: no equipment of class fillers is registered (did you mean filler?); until there is, the rule says nothing"}
	if diff := cmp.Diff(want, notes(class("fillers"), assets)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if got := append(notes(class("fillers")), notes(class("filler"), assets)...); got != nil {
		t.Errorf("got %q, want none", got)
	}
}

// What is valid and yet hardly meant is said.
func TestDoubts(t *testing.T) {
	const hidden = head + `id: hidden
scope: {equipment: F1}
groups:
  - id: heavy
    weight: 60
    cases: [{state: WARNING, tag: t, above: 5}, {state: ERROR, tag: t, above: 9}, {state: INFO, tag: t, above: 5}]
    otherwise: IDLE
  - id: equal
    weight: 60
    otherwise: ACTIVE
  - id: light
    weight: 30
    cases: [{state: INFO, tag: u, above: 5}]
`
	doubts := func(text string) (list []string) {
		for _, d := range read(t, text).Doubts() {
			list = append(list, d.Error())
		}
		return list
	}
	want := []string{
		"0:10:83: groups[0].cases[2]: asks for the same as case 1, which comes first; remove one of them",
		"0:16:13: groups[2].weight: is below that of heavy (60), which always has an opinion, IDLE at least: this group decides only while that one is unknown; " +
			"move otherwise into a group of its own that is lighter than all others",
	}
	if diff := cmp.Diff(want, doubts(hidden)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	for name, text := range map[string]string{
		"weights are added": strings.Replace(hidden, "groups:", "ranking: sum\ngroups:", 1), "the usual": strings.Replace(version1, "  - id: old\n    weight: 1\n    otherwise: IDLE\n", "", 1),
	} {
		if got := doubts(strings.Replace(text, ", {state: INFO, tag: t, above: 5}", "", 1)); len(got) > 0 {
			t.Errorf("%s: %q", name, got)
		}
	}
}

func TestGraph(t *testing.T) {
	g := read(t,
		rule("line", "equipment: F1", "any:\n    - {tag: rule:hot, is: WARNING}\n    - {tag: rule:caps, equipment: C1, is: WARNING}\n    - {tag: rule:gone, is: WARNING}"),
		rule("hot", "equipment: F1", "all:\n    - {tag: temperature, above: 5}\n    - {tag: speed, equipment: C1, above: 5}\n    - {tag: temperature, below: 9}"),
		rule("caps", "class: capper", "tag: torque\n    above: 5"),
		rule("also", "equipment: F1", "all:\n    - {tag: rule:hot, is: WARNING}\n    - {expr: C1.speed - flow, above: {table: limits, key: {tag: product}, column: max}}")).Graph()
	const tree = `rule also (F1): R
  C1 speed
  F1 flow
  F1 product
  table limits
  rule hot (F1): R
    C1 speed
    F1 temperature
rule line (F1): R
  rule caps (each capper): R
    each capper torque
  rule gone: in none of the files
  rule hot: see above
`
	if diff := cmp.Diff(tree, g.Tree()); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	dot := g.DOT()
	for _, want := range []string{
		"digraph rules {\n", `"rule:hot" [shape=box, label="hot\nF1"];`, `"F1 temperature" -> "rule:hot";`,
		`"rule:hot" -> "rule:line" [style=bold];`, `"C1 speed" [shape=ellipse];`, `"table:limits" [shape=folder, label="limits"];`, `"table:limits" -> "rule:also";`,
	} {
		if strings.Count(dot, want) != 1 {
			t.Errorf("does not hold once %s:\n%s", want, dot)
		}
	}
}

const version1 = head + `id: hot
scope: {equipment: F1}
groups:
  - id: context
    weight: 40
    cases: [{state: ACTIVE, tag: machine_state, is: Execute}]
    otherwise: IDLE
  - id: limits
    weight: 60
    cases:
      - state: WARNING
        all:
          - {tag: temperature, above: 75, clear: 74, for: 5m}
          - {tag: pressure, above: 3.2, for: 5m}
          - {tag: speed, above: 0}
  - id: old
    weight: 1
    otherwise: IDLE
alert: {title: Too hot}
`

const version2 = head + `id: hot
scope: {equipment: F1}
ranking: highest
groups:
  - weight: 70
    id: limits
    unknown: ignore
    cases:
      - all:
          - {tag: temperature, above: 76, clear: 74, for: 5m}
          - {for: 5m, above: 3.2, tag: pressure}
          - {tag: speed, above: 1}
        state: ERROR
  - id: context
    weight: 40
    cases: [{state: ACTIVE, tag: machine_state, is: Execute}]
    otherwise: IDLE
alert: {title: Much too hot, channels: [line]}
`

const difference = `  group old (weight 1) is gone
  group limits
    weight: 60 -> 70
    cases
    - - state: WARNING
    + - state: ERROR
        all:
    -     - {tag: temperature, above: 75, clear: 74, for: 5m}
    +     - {tag: temperature, above: 76, clear: 74, for: 5m}
          - {tag: pressure, above: 3.2, for: 5m}
    -     - {tag: speed, above: 0}
    +     - {tag: speed, above: 1}
    unknown: report -> ignore
  order of groups: context, limits -> limits, context
  alert.title: "Too hot" -> "Much too hot"
  alert.channels: line is new
  conditions that remember: 1 kept, 1 anew, 1 gone
    anew: limits {tag: temperature, above: 76, clear: 74, for: 5m}
    gone: limits {tag: temperature, above: 75, clear: 74, for: 5m}
`

func TestDiff(t *testing.T) {
	a, b := read(t, version1).Rules[0].Rule, read(t, version2).Rules[0].Rule
	if diff := cmp.Diff(difference, ruleset.Diff(a, b).Text()); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	class := strings.Replace(version1, "{equipment: F1}", "{class: filler}", 1)
	const overridden = "params: {most: 75}\noverrides:\n  - {equipment: F2, params: {most: 80}}\n"
	template := func(most string) *linewatch.Rule {
		text := strings.NewReplacer("above: 75, clear: 74", "above: $most", "alert: ", overridden+"alert: ").Replace(class)
		return read(t, strings.Replace(text, "most: 80", "most: "+most, 1)).Rules[0].Rule
	}
	const want = `  override for F2
    group limits
      cases
        - state: WARNING
          all:
      -     - {tag: temperature, above: 80, for: 5m}
      +     - {tag: temperature, above: 90, for: 5m}
            - {tag: pressure, above: 3.2, for: 5m}
            - {tag: speed, above: 0}
`
	if got := ruleset.Diff(template("80"), template("90")).Text(); !strings.HasPrefix(got, want) {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	other, err := rulefile.ParseRule("f", rulefile.Format(*a))
	if err != nil {
		t.Fatal(err)
	}
	other.Ranking, other.Late = linewatch.RankHighest, linewatch.LateBackfill // as the defaults say
	if d := ruleset.Diff(a, &other); !d.Same() || d.Text() != "  no difference\n" {
		t.Errorf("the same rule differs:\n%s", d.Text())
	}
}

// FuzzSet demands that whatever rules are valid by themselves can be checked,
// drawn and compared beside one another.
func FuzzSet(f *testing.F) {
	f.Add(version1, version2, assets)
	f.Add(rule("a", "class: filler", "expr: C1.speed - flow\n    above: {table: limits, key: {tag: product}, column: max}"), limits, assets)
	f.Fuzz(func(t *testing.T, a, b, c string) {
		var files []ruleset.File
		for i, text := range []string{a, b, c} {
			if _, err := rulefile.Read("f", []byte(text)); err == nil {
				files = append(files, ruleset.File{Name: fmt.Sprint(i), Data: []byte(text)})
			}
		}
		set, err := ruleset.Read(files)
		if err != nil {
			return // two registries
		}
		if err := set.Check(); err != nil && err.Error() == "" {
			t.Error("an error that says nothing")
		}
		g := set.Graph()
		if len(set.Rules) > 0 && (g.Tree() == "" || !strings.HasSuffix(g.DOT(), "}\n")) {
			t.Error("rules are not drawn")
		}
		for _, x := range set.Rules {
			for _, y := range set.Rules {
				same := string(rulefile.Format(*x.Rule)) == string(rulefile.Format(*y.Rule))
				if d := ruleset.Diff(x.Rule, y.Rule); same && !d.Same() {
					t.Errorf("the same rule differs:\n%s", d.Text())
				}
			}
		}
	})
}
