package rulefile_test

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"linewatch"
	"linewatch/rules/rulefile"
)

const sample = `apiVersion: linewatch/v1
kind: Rule
id: filler-rinse-water
name: Rinse water too hot while producing
scope: {equipment: F1}
priority: 2
ranking: highest
states: [{name: LOW_MATERIAL, severity: 1}]
groups:
  - id: context
    weight: 40
    cases:
      - state: ACTIVE
        all:
          - {tag: machine_state, is: Execute}
          - {tag: product, in: [PET-1L, 2, 2.5, true]}
          - not: {tag: door, is: true, keep: 3s}
            for: 1m
    otherwise: IDLE
    unknown: report
  - id: limits
    weight: 60
    cases:
      - state: WARNING
        all:
          - {tag: water_temperature, above: 75, clear: 74.0, for: 5m}
          - {tag: pressure, equipment: C1, outside: [1, 3.2]}
        keep: 2s
      - state: LOW_MATERIAL
        tag: level
        below: 5
    otherwise: none
alert:
  title: "Rinse water too hot on ${equipment}"
  text: "${tag:water_temperature} °C for 5 minutes."
  channels: [line]
onUnknown: show
late: backfill
`

func sampleRule() linewatch.Rule {
	s, i, f := linewatch.StringValue, linewatch.IntValue, linewatch.FloatValue
	return linewatch.Rule{
		ID: "filler-rinse-water", Name: "Rinse water too hot while producing", Scope: linewatch.Scope{Equipment: "F1"},
		Priority: 2, Ranking: linewatch.RankHighest, States: []linewatch.StateDef{{Name: "LOW_MATERIAL", Severity: 1}},
		Groups: []linewatch.Group{
			{ID: "context", Weight: 40, Otherwise: linewatch.Idle, Unknown: linewatch.UnknownReport, Cases: []linewatch.Case{{State: linewatch.Active, When: linewatch.Condition{Op: linewatch.All, Of: []linewatch.Condition{
				{Op: linewatch.Is, Tag: "machine_state", Limit: s("Execute")},
				{Op: linewatch.In, Tag: "product", Values: []linewatch.Value{s("PET-1L"), i(2), f(2.5), linewatch.BoolValue(true)}},
				{Op: linewatch.Not, For: linewatch.Minute, Of: []linewatch.Condition{{Op: linewatch.Is, Tag: "door", Limit: linewatch.BoolValue(true), Keep: 3 * linewatch.Second}}},
			}}}}},
			{ID: "limits", Weight: 60, Cases: []linewatch.Case{
				{State: linewatch.Warning, When: linewatch.Condition{Op: linewatch.All, Keep: 2 * linewatch.Second, Of: []linewatch.Condition{
					{Op: linewatch.Above, Tag: "water_temperature", Limit: i(75), Clear: f(74), For: 5 * linewatch.Minute},
					{Op: linewatch.Outside, Tag: "pressure", Equipment: "C1", Values: []linewatch.Value{i(1), f(3.2)}},
				}}},
				{State: "LOW_MATERIAL", When: linewatch.Condition{Op: linewatch.Below, Tag: "level", Limit: i(5)}},
			}},
		},
		Alert:     &linewatch.Alert{Title: "Rinse water too hot on ${equipment}", Text: "${tag:water_temperature} °C for 5 minutes.", Channels: []string{"line"}},
		OnUnknown: linewatch.UnknownShow, Late: linewatch.LateBackfill,
	}
}

// sameValue tells 2 from 2.0.
var sameValue = cmp.Comparer(func(a, b linewatch.Value) bool { return a == b })

func TestParseRule(t *testing.T) {
	got, err := rulefile.ParseRule("f.yaml", []byte(sample))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(sampleRule(), got, sameValue); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestParseRuleFromJSON(t *testing.T) {
	json := `{"apiVersion":"linewatch/v1","kind":"Rule","id":"r","name":"R","scope":{"class":"filler"},"priority":1,` +
		`"groups":[{"id":"g","weight":1,"cases":[{"state":"WARNING","tag":"t","above":2.0,"for":"5m"}]}]}`
	got, err := rulefile.ParseRule("f.json", []byte(json))
	if err != nil {
		t.Fatal(err)
	}
	when := got.Groups[0].Cases[0].When
	if got.Scope.Class != "filler" || when.Limit != linewatch.FloatValue(2) || when.For != 5*linewatch.Minute {
		t.Errorf("got %+v", got)
	}
}

func TestRuleFileMistakes(t *testing.T) {
	tests := []struct{ old, new, want string }{
		{sample, "", "f.yaml: is empty"},
		{"apiVersion: linewatch/v1\n", "", "f.yaml:1:1: apiVersion: is missing; begin the file with apiVersion: linewatch/v1"},
		{"linewatch/v1", "linewatch/v2", "f.yaml:1:13: apiVersion: is a version that this program does not know; want linewatch/v1"},
		{"kind: Rule\n", "", "f.yaml:1:1: kind: is missing; want Rule"},
		{"kind: Rule", "kind: Assets", `f.yaml:2:7: kind: is "Assets"; want Rule; this file is for linewatch assets apply`},
		{"priority: 2", "prioritty: 2", `f.yaml:6:1: unknown key "prioritty"; did you mean priority?`},
		{"priority: 2\n", "", "f.yaml:1:1: priority: is missing or 0; give 1 (highest) to 4"},
		{"priority: 2", "priority: high", "f.yaml:6:11: priority: want a whole number, have text"},
		{"priority: 2", "priority: 1.5", "f.yaml:6:11: priority: want a whole number, have one with a fraction; write it without a point or exponent"},
		{"priority: 2", "priority: 2\npriority: 2", `f.yaml:7:1: the key "priority" is repeated, first on line 6; remove one of them`},
		{"severity: 1", "severity: 300", "f.yaml:8:41: states[0].severity: the number is out of range; want 0 to 255"},
		{"weight: 60", "weight: 0", "f.yaml:22:13: groups[1].weight: is missing or 0; give a whole number from 1 to 1000"},
		{"    weight: 60", "\tweight: 60", "f.yaml:22:1: a tab in the indentation; indent with spaces"},
		{"above: 75", "abvoe: 75", `f.yaml:26:38: groups[1].cases[0].all[0]: unknown key "abvoe"; did you mean above?`},
		{"above: 75", "above: 75, below: 3", "f.yaml:26:13: groups[1].cases[0].all[0]: has above and below; give one of them, or a condition to each and all or any around them"},
		{"above: 75, ", "", "f.yaml:26:13: groups[1].cases[0].all[0]: tests nothing; give one of all, any, not, above, below, atLeast, atMost, is, isNot, in, inside, outside, changed, stuck, missing, sequence, atLeastN"},
		{"above: 75", "above: hot", "f.yaml:26:45: groups[1].cases[0].all[0].above: is a string; give a number"},
		{"above: 75", "above:", "f.yaml:26:43: groups[1].cases[0].all[0].above: is empty; no value is unknown, and equals nothing; give a value"},
		{"above: 75, clear", "above: 75 clear", "f.yaml:26:45: text that holds a colon and a space; put a comma before the next key, or put the text into quotes"},
		{"clear: 74.0", "clear: 76", "f.yaml:26:56: groups[1].cases[0].all[0].clear: lies on the wrong side of above; give a number at or below the limit"},
		{"clear: 74.0", "clear: null", "f.yaml:26:56: groups[1].cases[0].all[0].clear: is empty; give a number or remove the key"},
		{"for: 5m", "for: 5", "f.yaml:26:67: groups[1].cases[0].all[0].for: a span of time without a unit; write a number and ms, s, m, h or d, such as 30s or 1h30m, at most 366d"},
		{"for: 5m", "for: 0s", "f.yaml:26:67: groups[1].cases[0].all[0].for: is 0s; give a span such as 30s, or remove the key"},
		{"for: 5m", "for: -5m", "f.yaml:26:67: groups[1].cases[0].all[0].for: not a span of time; write a number and ms, s, m, h or d, such as 30s or 1h30m, at most 366d"},
		{"for: 5m", "for: 8000d", "f.yaml:26:67: groups[1].cases[0].all[0].for: is longer than 366d; give a shorter span"},
		{"id: filler-rinse-water\n", "", "f.yaml:1:1: id: is missing; give the rule a name of its own; use 1 to 64 of a-z 0-9 and -"},
		{"id: filler-rinse-water\n", "id: Filler-Rinse-Water\n", "f.yaml:3:5: id: is not a rule id; write it in lower case: filler-rinse-water"},
		{"- id: context\n    weight", "- weight", "f.yaml:10:5: groups[0].id: is missing; give the group a name within the rule; use 1 to 64 of A-Z a-z 0-9 . _ : and -"},
		{"above: 75", "greaterThan: 75", `f.yaml:26:38: groups[1].cases[0].all[0]: unknown key "greaterThan"; did you mean above?`},
		{"above: 75", "\">\": 75", `f.yaml:26:38: groups[1].cases[0].all[0]: unknown key ">"; did you mean above?`},
		{"above: 75", "lessthan: 75", `f.yaml:26:38: groups[1].cases[0].all[0]: unknown key "lessthan"; did you mean below?`},
		{"is: Execute", "equals: Execute", `f.yaml:15:34: groups[0].cases[0].all[0]: unknown key "equals"; did you mean is?`},
		{"above: 75", "min: 75", "f.yaml:26:43: groups[1].cases[0].all[0].min: a span of time without a unit; for a limit write above or atLeast; min is the smallest value in a span, such as min: 10m"},
		{"for: 5m", "for: 3650d", "f.yaml:26:67: groups[1].cases[0].all[0].for: is longer than 366d; give a shorter span"},
		{"keep: 2s", "keep: 2s\n        weight: 4", `f.yaml:29:9: groups[1].cases[0]: unknown key "weight"; valid here: state, all, any, not, atLeastN, tag, equipment, expr, avg, timeAvg, min, max, sum, count, stddev, range, rate, delta, above, below, atLeast, atMost, is, isNot, in, inside, outside, changed, stuck, missing, sequence, within, clear, hysteresis, staleAfter, for, keep`},
		{"state: LOW_MATERIAL", "state: LOW", "f.yaml:29:16: groups[1].cases[1].state: is neither built in nor declared; declare it under states, or use IDLE, ACTIVE, MAINTENANCE, INFO, WARNING, ERROR or CRITICAL"},
		{"state: LOW_MATERIAL", "state: UNKNOWN", "f.yaml:29:16: groups[1].cases[1].state: UNKNOWN is not put forward by name; a group says it by itself when it cannot be decided; see unknown: report or ignore"},
		{"is: Execute", "is: [Execute]", "f.yaml:15:38: groups[0].cases[0].all[0].is: want a number, true, false or text, have a list; give one value; several go into in: [Execute, Starting]"},
		{"[1, 3.2]", "[3.2, 1]", "f.yaml:27:53: groups[1].cases[0].all[1].outside: has its limits in the wrong order; write the lower one first"},
		{"${equipment}", "${password}", "f.yaml:34:10: alert.title: ${password} is not a field; use equipment, machine, line, site, state, rule or tag:NAME"},
		{"not: {tag: door, is: true, keep: 3s}", "not: [{tag: door, is: true}]", "f.yaml:17:18: groups[0].cases[0].all[2].not: want a map of keys and values, have a list; write not: {tag: speed, above: 3}"},
		{sample[strings.Index(sample, "    cases:\n      - state: ACTIVE"):strings.Index(sample, "  - id: limits")], "    cases: {state: ACTIVE, tag: door, is: true}\n", "f.yaml:12:12: groups[0].cases: want a list, have a map; begin each case with a dash: - state: ..."},
		{sample[strings.Index(sample, "        all:\n"):strings.Index(sample, "  - id: limits")], "        all: {tag: door, is: true}\n", "f.yaml:14:14: groups[0].cases[0].all: want a list, have a map; begin each condition with a dash: - {tag: speed, above: 3}"},
		{"in: [PET-1L, 2, 2.5, true]", "in: Execute", "f.yaml:16:32: groups[0].cases[0].all[1].in: want a list, have text; write in: [Execute], with the values in the list"},
		{"scope: {equipment: F1}", "scope: F1", "f.yaml:5:8: scope: want a map of keys and values, have text; write scope: {equipment: F1}, or {class: filler}"},
		{"above: 75, clear: 74.0", "above: {table: limits, key: product, column: max}", "f.yaml:26:66: groups[1].cases[0].all[0].above.key: want a map of keys and values, have text; write key: {tag: product}, with the tag that tells the row"},
		{"late: backfill\n", "late: backfill\n---\nkind: Rule\n", "f.yaml:39:1: a second document; put one document into a file"},
	}
	for _, test := range tests {
		if !strings.Contains(sample, test.old) {
			t.Fatalf("the sample lacks %q", test.old)
		}
		_, err := rulefile.ParseRule("f.yaml", []byte(strings.Replace(sample, test.old, test.new, 1)))
		if got := fmt.Sprint(err); got != test.want {
			t.Errorf("%s\n got  %s\n want %s", test.new, got, test.want)
		}
		if e := (*rulefile.Error)(nil); !errors.As(err, &e) || e.File != "f.yaml" {
			t.Errorf("%T is no *Error", err)
		}
	}
}

// Rules that would be dear to judge or to read are refused, quickly.
func TestRulesThatCostTooMuch(t *testing.T) {
	const head = "apiVersion: linewatch/v1\nkind: Rule\nid: r\nname: R\nscope: {equipment: F1}\npriority: 1\ngroups:\n- id: g\n  weight: 1\n  cases:\n  - state: WARNING\n    "
	for name, test := range map[string]struct{ body, want string }{
		"10,000 clauses":   {"any: [" + strings.Repeat("{tag: t, above: 1},", 10_000) + "]\n", "groups: hold more than 1000 conditions"},
		"nesting 40":       {strings.Repeat("any: [{", 40) + "tag: t, above: 1" + strings.Repeat("}]", 40) + "\n", "is nested deeper than 32 levels"},
		"nesting 10,000":   {strings.Repeat("any: [{", 10_000) + "tag: t, above: 1" + strings.Repeat("}]", 10_000) + "\n", "nested deeper than 100 levels"},
		"1 MB of text":     {"tag: t\n    is: " + strings.Repeat("a", 1<<20-1000) + "\n", "bytes long; at most 1024 are allowed"},
		"10,000 values":    {"tag: t\n    in: [" + strings.Repeat("1,", 10_000) + "]\n", "lists 10000 values"},
		"more than 1 MiB":  {"tag: t\n    is: " + strings.Repeat("a", 1<<20) + "\n", "is larger than 1024 KiB"},
		"regex from users": {"tag: t\n    matches: (a+)+$\n", `unknown key "matches"`},
	} {
		text := head + test.body
		if name == "nesting 40" || name == "nesting 10,000" {
			text = strings.Replace(text, "any: [{", "any:\n    - {", 1)
			text = strings.Replace(text, "}]\n", "}\n", 1)
		}
		start := time.Now()
		_, err := rulefile.ParseRule("f.yaml", []byte(text))
		if took := time.Since(start); took > 5*time.Second { // it takes a fraction of that where nothing else runs
			t.Errorf("%s: took %v", name, took)
		}
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got %.300v\nwant %s", name, err, test.want)
		}
	}
}

func TestParseAssetsAndTable(t *testing.T) {
	const assets = "apiVersion: linewatch/v1\nkind: Assets\nequipment:\n- id: 84068f2f\n  alias: F1\n  line: L1\n  site: S1\n  tags:\n  - {name: water_temperature, unit: °C, decimals: 1, staleAfter: 1m}\nsenders:\n- {gateway: g, source: s, line: L1}\n"
	a, err := rulefile.ParseAssets("a.yaml", []byte(assets))
	want := linewatch.Assets{
		Equipment: []linewatch.Equipment{{ID: "84068f2f", Alias: "F1", Line: "L1", Site: "S1", Tags: []linewatch.Tag{{Name: "water_temperature", Unit: "°C", Decimals: 1, StaleAfter: linewatch.Minute}}}},
		Senders:   []linewatch.SenderDef{{Gateway: "g", Source: "s", Line: "L1"}},
	}
	if diff := cmp.Diff(want, a); err != nil || diff != "" {
		t.Errorf("%v (-want +got)\n%s", err, diff)
	}
	const table = "apiVersion: linewatch/v1\nkind: Table\nid: product_limits\nrows:\n  PET-1L: {max_temp: 75, name: \"1 l\"}\n  4711: {max_temp: 70.5}\n"
	got, err := rulefile.ParseTable("t.yaml", []byte(table))
	rows := map[string]map[string]linewatch.Value{
		"PET-1L": {"max_temp": linewatch.IntValue(75), "name": linewatch.StringValue("1 l")}, "4711": {"max_temp": linewatch.FloatValue(70.5)},
	}
	if diff := cmp.Diff(linewatch.Table{ID: "product_limits", Rows: rows}, got, sameValue); err != nil || diff != "" {
		t.Errorf("%v (-want +got)\n%s", err, diff)
	}
	for text, want := range map[string]string{
		strings.Replace(assets, "line: L1\n  site", "lnie: L1\n  site", 1):       `a.yaml:6:3: equipment[0]: unknown key "lnie"; did you mean line?`,
		strings.Replace(assets, "source: s, line: L1", "source: s, line: L2", 1): "a.yaml:11:33: senders[0].line: is the line of no equipment; name the line as the equipment does",
		strings.Replace(table, "max_temp: 75", "\"max temp\": 75", 1):            `a.yaml:5:24: rows.PET-1L["max temp"]: is not a column's name; use 1 to 128 of A-Z a-z 0-9 . _ : and -`,
		strings.Replace(assets, "kind: Assets", "kind: Asset", 1):                `a.yaml:2:7: kind: is "Asset"; did you mean Assets?`,
		"apiVersion: linewatch/v1\nkind: Table\nid: t\nrows: {a: {b: }}\n":       "a.yaml:4:13: rows.a.b: is empty; no value is unknown, and equals nothing; give a value",
		"apiVersion: linewatch/v1\nkind: Assets\nequipment: [{id: a}]\nx: 1\n":   `a.yaml:4:1: unknown key "x"; valid here: apiVersion, kind, equipment, senders`,
		"apiVersion: linewatch/v1\nkind: Rule\nid: r\n":                          "a.yaml:1:1: name: is missing; give a few words for people",
	} {
		_, err := rulefile.Parse("a.yaml", []byte(text))
		if got, _, _ := strings.Cut(fmt.Sprint(err), "\n"); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
}

func TestParseGivesWhatTheFileHolds(t *testing.T) {
	d, err := rulefile.Parse("f.yaml", []byte(sample))
	if err != nil || d.Rule == nil || d.Assets != nil || d.Table != nil || !reflect.DeepEqual(*d.Rule, sampleRule()) {
		t.Errorf("got %+v, %v", d, err)
	}
}
