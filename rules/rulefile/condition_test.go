package rulefile_test

import (
	"fmt"
	"strings"
	"testing"

	"linewatch/rules/rulefile"
)

const conditionHead = "apiVersion: linewatch/v1\nkind: Rule\nid: r\nname: R\nscope: {equipment: F1}\npriority: 1\ngroups:\n- id: g\n  weight: 1\n  cases:\n  - state: WARNING\n    "

// Each line is a condition as people write it, and as it comes back.
func TestConditionsOfEveryKind(t *testing.T) {
	for _, text := range []string{
		"{tag: t, above: 75, hysteresis: 2, staleAfter: 30s, for: 5m, keep: 1m}",
		"{tag: t, above: {table: limits, key: {tag: product}, column: max_temp}, hysteresis: 0.5}",
		"{tag: t, inside: [1, {table: limits, key: {tag: product, equipment: C1}, column: high}]}",
		"{tag: t, in: [a, {table: limits, key: {tag: product}, column: word}]}",
		"{tag: t, avg: 10m, above: 75}", "{tag: t, timeAvg: 10m, below: 75}", "{tag: t, min: 1h, atLeast: 3}", "{tag: t, max: 1h, atMost: 3}",
		"{tag: t, sum: 1d, above: 75}", "{tag: t, count: 10m, is: 0}", "{tag: t, stddev: 10m, outside: [1, 2]}", "{tag: t, range: 10m, inside: [1, 2]}",
		"{tag: t, rate: 10m, above: 75}", "{tag: t, delta: 10m, in: [1, 2]}",
		"{expr: flow_in - flow_out, above: 2.5}", `{expr: "tag(\"C1\", \"speed\") > 3 and door", is: true}`,
		"{tag: t, changed: true, keep: 5m}", "{tag: t, stuck: 10m}", "{tag: t, missing: 2m}", "{tag: t, sequence: [A, B, 3], within: 30s}",
	} {
		data := conditionHead + "all:\n      - " + text + "\n"
		r, err := rulefile.ParseRule("f.yaml", []byte(data))
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if got := string(rulefile.Format(r)); !strings.Contains(got, "- "+text+"\n") {
			t.Errorf("%s became\n%s", text, got)
		}
	}
	nested := conditionHead + "atLeastN: {n: 2, of: [{tag: a, is: 1}, {tag: b, is: 1}, {tag: c, is: 1}]}\n"
	r, err := rulefile.ParseRule("f.yaml", []byte(nested))
	if err != nil {
		t.Fatal(err)
	}
	want := "        atLeastN:\n          n: 2\n          of:\n            - {tag: a, is: 1}\n            - {tag: b, is: 1}\n"
	if got := string(rulefile.Format(r)); !strings.Contains(got, want) {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestExpressionsAboutALineSayWhoseTags(t *testing.T) {
	text := strings.Replace(conditionHead, "equipment: F1", "line: L1", 1) + "expr: C1.speed - speed\n    above: 3\n"
	const want = "12:11: groups[0].cases[0].expr: does not say whose speed it reads"
	if _, err := rulefile.ParseRule("f.yaml", []byte(text)); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("got %v\nwant %s", err, want)
	}
	if _, err := rulefile.ParseRule("f.yaml", []byte(strings.Replace(text, "- speed", "- F1.speed", 1))); err != nil {
		t.Error(err)
	}
}

// The place is line:column of the file; the condition's first key is at 12:5.
func TestMistakesInConditions(t *testing.T) {
	for _, test := range []struct{ body, want string }{
		{"{tag: t, abvoe: 3}", `12:13: groups[0].cases[0]: unknown key "abvoe"; did you mean above?`},
		{"{tag: speed > 75}", "12:10: groups[0].cases[0].tag: holds a comparison; write tag: speed and above: 75 beside it"},
		{"{tag: a b<=-5}", "groups[0].cases[0].tag: holds a comparison; write tag: a b and atMost: -5 beside it"},
		{"{tag: t, avrg: 10m, above: 3}", `unknown key "avrg"; did you mean avg?`},
		{"{tag: t, misssing: 2m}", `unknown key "misssing"; did you mean missing?`},
		{"{tag: t, above: {tabel: x}}", `12:21: groups[0].cases[0].above: unknown key "tabel"; did you mean table?`},
		{"{tag: t, above: {table: x, column: c}}", "12:20: groups[0].cases[0].above.key: names no tag; give tag"},
		{"{tag: t, above: {table: x, key: {tag: p}}}", "groups[0].cases[0].above.column: is not a column's name"},
		{"{tag: t, above: {}}", "groups[0].cases[0].above: is empty"},
		{"{tag: t, above: [1]}", "want a number, true, false or text, have a list"},
		{"{tag: t, above: {table: x, key: {tag: p}, column: c}, clear: 3}", "clear: stays where it is while the limit moves; use hysteresis"},
		{"{tag: t, above: 3, clear: 2, hysteresis: 1}", "hysteresis: stands beside clear; give one of them"},
		{"{tag: t, above: 3, hysteresis: 0}", "hysteresis: is not above 0"},
		{"{tag: t, is: 3, hysteresis: 1}", "hysteresis: does not go with is"},
		{"{tag: t, above: 3, hysteresis: x}", "hysteresis: is a string; give a number"},
		{"{tag: t, avg: 10m}", "tests nothing; give one of"},
		{"{tag: t, avg: 10m, max: 5m, above: 3}", "12:28: groups[0].cases[0].max: stands beside avg; give one window"},
		{"{tag: t, avg: 10m, stuck: 5m}", "stuck does not go with avg"},
		{"{tag: t, avg: 10m, is: Execute}", "is: is a string; give a number"},
		{"{expr: \"a - b\", avg: 10m, above: 3}", "avg does not go with expr"},
		{"{tag: t, avg: 0s, above: 3}", "avg: is no time at all; give a span"},
		{"{tag: t, avg: -5s, above: 3}", "avg: not a span of time"},
		{"{tag: t, avg: 10, above: 3}", "avg: a span of time without a unit"},
		{"{tag: t, avg: 400d, above: 3}", "avg: is longer than 366d"},
		{"{tag: t, stuck: 0s}", "stuck: is no time at all"},
		{"{tag: t, missing: 20000d}", "missing: is longer than 366d"},
		{"{tag: t, missing: 2m, staleAfter: 5m}", "staleAfter: does not go with missing"},
		{"{tag: t, above: 3, staleAfter: 0s}", "staleAfter: is 0s"},
		{"{tag: t, above: 3, within: 5s}", "within: goes with sequence only"},
		{"{tag: t, sequence: [A, B]}", "has a sequence without within"},
		{"{tag: t, sequence: [A], within: 5s}", "sequence: lists 1 values; give at least two"},
		{"{tag: t, sequence: [A, null], within: 5s}", "12:27: groups[0].cases[0].sequence[1]: is empty"},
		{"{tag: t, sequence: [" + strings.Repeat("A, ", 17) + "], within: 5s}", "sequence: lists 17 values; at most 16 are allowed"},
		{"{tag: t, changed: false}", "changed: is false; write changed: true"},
		{"{tag: t, changed: true, above: 3}", "has above and changed"},
		{"{expr: \"a\", changed: true}", "changed does not go with expr"},
		{"{expr: \"a\", tag: t, above: 3}", "has both tag and expr"},
		{"{expr: \"a\", equipment: C1, above: 3}", "has equipment beside expr"},
		{"{expr: \"a -\", above: 3}", "12:14: groups[0].cases[0].expr: ends where a tag or a number should follow"},
		{"{expr: \"a / / b\", above: 3}", `12:16: groups[0].cases[0].expr: "/" does not belong here`},
		{"{expr: speed > 3}", "12:11: groups[0].cases[0].expr: is true or false, and nothing says which of them is meant; write is: true beside it"},
		{"{expr: speed - 3}", "groups[0].cases[0].expr: is compared with nothing; write above, below, is or the like beside it"},
		{"{expr: speed > 3, above: 75}", "12:29: groups[0].cases[0].above: compares numbers, and the expression is true or false; write is: true"},
		{"{expr: speed > 3, is: 1}", "groups[0].cases[0].is: is a number, and the expression is true or false; write is: true"},
		{"{expr: speed > 3, in: [true, x]}", "12:33: groups[0].cases[0].in[1]: is text, and the expression is true or false"},
		{"{expr: speed - 3, is: Execute}", "groups[0].cases[0].is: is text, and the expression is a number; write a number"},
		{"{expr: \"speed * $ratio\", above: 3}", `12:20: groups[0].cases[0].expr: "$ratio" is not a tag, and parameters do not stand in expressions`},
		{"{expr: a + len(b), above: 3}", "12:15: groups[0].cases[0].expr:"},
		{"{expr: \"\", above: 3}", "expr: is empty"},
		{"{expr: \"" + strings.Repeat("a+", 300) + "a\", above: 3}", "expr:"},
		{"{expr: " + strings.Repeat("a", 2000) + ", above: 3}", "expr: is longer than 1024 bytes"},
		{"{atLeastN: {n: 3, of: [{tag: a, is: 1}]}}", "12:19: groups[0].cases[0].atLeastN.n: is 3 of 1 conditions"},
		{"{atLeastN: {n: 1, of: []}}", "atLeastN.of: is empty"},
		{"{atLeastN: {n: 1, of: [{tag: a, avobe: 1}]}}", `12:36: groups[0].cases[0].atLeastN.of[0]: unknown key "avobe"; did you mean above?`},
		{"{tag: \"rule:x\", is: WARNING, staleAfter: 5s}", "asks more of a rule than its state"},
		{"{tag: t, above: {table: x, key: {tag: \"rule:y\"}, column: c}}", "above.key.tag: is the state of a rule"},
	} {
		text := strings.TrimSuffix(conditionHead, "state: WARNING\n    ") + "{state: WARNING,\n    " + test.body[1:] + "\n"
		_, err := rulefile.ParseRule("f.yaml", []byte(text))
		if err == nil || !strings.Contains(fmt.Sprint(err), test.want) {
			t.Errorf("%s: got %v\nwant %s", test.body, err, test.want)
		}
	}
}
