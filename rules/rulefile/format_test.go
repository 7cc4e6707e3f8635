package rulefile_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"linewatch"
	"linewatch/rules/rulefile"
)

func TestFormat(t *testing.T) {
	r := sampleRule()
	r.Name, r.Groups[0].Cases[0].When.Of[0].Limit = "yes", linewatch.StringValue("10:30 a\x01")
	want := `apiVersion: linewatch/v1
kind: Rule
id: filler-rinse-water
name: "yes"
scope: {equipment: F1}
priority: 2
ranking: highest
states:
  - {name: LOW_MATERIAL, severity: 1}
groups:
  - id: context
    weight: 40
    cases:
      - state: ACTIVE
        all:
          - {tag: machine_state, is: "10:30 a\u0001"}
          - {tag: product, in: [PET-1L, 2, 2.5, true]}
          - not:
              tag: door
              is: true
              keep: 3s
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
alert:
  title: "Rinse water too hot on ${equipment}"
  text: "${tag:water_temperature} °C for 5 minutes."
  channels: [line]
onUnknown: show
late: backfill
`
	if diff := cmp.Diff(want, string(rulefile.Format(r))); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func genText(most int) *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		words := []string{"a", "Execute", "PET-1L", "5", "0815", "1e3", "true", "null", "~", "-", "#", ": ", " #", "\"", "'", "\\", "{", "}", "[", ",", "&x", "*x", "!x", "%", "@", ":", "rule:a-b", "é", "😀", "\u00a0", "|", ">", "?", " ", "=", "<<", "---"}
		s := strings.Join(rapid.SliceOfN(rapid.SampledFrom(words), 1, 4).Draw(t, "words"), "")
		return s[:min(len(s), most)]
	})
}

// genLines makes texts of several lines, with what a block cannot hold.
func genLines() *rapid.Generator[string] {
	line := rapid.SampledFrom([]string{"a", " b", "", "c ", "# d", "- e: f", "é", "|"})
	return rapid.Map(rapid.SliceOfN(line, 1, 5), func(l []string) string { return strings.Join(l, "\n") })
}

func genValue() *rapid.Generator[linewatch.Value] {
	return rapid.OneOf(
		rapid.Map(rapid.Int64(), linewatch.IntValue), rapid.Map(rapid.Uint64(), linewatch.UintValue),
		rapid.Map(rapid.Float64(), linewatch.FloatValue).Filter(func(v linewatch.Value) bool { return !v.IsNull() }),
		rapid.Map(rapid.Bool(), linewatch.BoolValue), rapid.Map(genText(64), linewatch.StringValue),
		rapid.Map(rapid.StringN(0, 20, 80), linewatch.StringValue))
}

func genCondition(t *rapid.T, depth int) linewatch.Condition {
	c := linewatch.Condition{Op: linewatch.Op(rapid.IntRange(int(linewatch.All), int(linewatch.AtLeastN)).Draw(t, "op"))}
	if depth == 0 && c.Op.Combines() {
		c.Op = linewatch.Is
	}
	c.For = linewatch.Duration(rapid.Int64Range(0, 1e9).Draw(t, "for"))
	c.Keep = linewatch.Duration(rapid.SampledFrom([]int64{0, 0, 1, 1000, 90_000}).Draw(t, "keep"))
	if c.Op.Combines() {
		n := rapid.IntRange(1, 3).Draw(t, "n")
		if c.Op == linewatch.Not {
			n = 1
		}
		for range n {
			c.Of = append(c.Of, genCondition(t, depth-1))
		}
		if c.Op == linewatch.AtLeastN {
			c.N = rapid.IntRange(1, n).Draw(t, "least")
		}
		return c
	}
	c.Tag = genText(64).Filter(linewatch.ValidTag).Draw(t, "tag")
	c.Equipment = rapid.SampledFrom([]string{"", "F1", "007", "true"}).Draw(t, "equipment")
	if !c.Op.Compares() {
		genPast(t, &c)
		return c
	}
	number := linewatch.IntValue(rapid.Int64Range(-1e6, 1e6).Draw(t, "number"))
	switch {
	case c.Op == linewatch.In:
		c.Values = rapid.SliceOfNDistinct(genValue(), 1, 4, linewatch.Value.String).Draw(t, "values")
	case c.Op == linewatch.Inside || c.Op == linewatch.Outside:
		c.Values = []linewatch.Value{number, linewatch.FloatValue(1e6)}
	case c.Op.Numeric():
		if c.Limit = number; rapid.Bool().Draw(t, "clear") {
			c.Clear = number
		}
	default:
		c.Limit = genValue().Draw(t, "limit")
	}
	genSubject(t, &c)
	return c
}

// genPast makes c a condition on what a tag was.
func genPast(t *rapid.T, c *linewatch.Condition) {
	if c.Op != linewatch.Changed {
		c.Span = linewatch.Duration(rapid.Int64Range(1, 1e9).Draw(t, "span"))
	}
	if c.Op == linewatch.Sequence {
		c.Values = rapid.SliceOfN(genValue(), 2, 4).Draw(t, "values")
	}
	if c.Op != linewatch.Missing {
		c.StaleAfter = linewatch.Duration(rapid.Int64Range(0, 1e9).Draw(t, "stale"))
	}
}

// genSubject makes c a comparison of a window or an expression, or with limits
// from a table.
func genSubject(t *rapid.T, c *linewatch.Condition) {
	switch rapid.IntRange(0, 5).Draw(t, "subject") {
	case 0:
		c.Window = linewatch.Window{Func: rapid.SampledFrom(linewatch.Aggregates()).Draw(t, "window"), Over: 90_000}
	case 1:
		c.Tag, c.Equipment, c.Expr = "", "", rapid.SampledFrom([]string{"a + b", `tag("C1", "x y") + a`, "a ? \"x: y\" : tag('z')"}).Draw(t, "expr")
	case 2:
		l := linewatch.Lookup{Table: "limits", Key: linewatch.TagRef{Tag: c.Tag, Equipment: c.Equipment}, Column: "007"}
		if c.Clear = (linewatch.Value{}); len(c.Values) > 0 {
			c.Lookups = make([]linewatch.Lookup, len(c.Values))
			c.Lookups[0], c.Values[0] = l, c.Clear
			return
		}
		c.Lookups, c.Limit = []linewatch.Lookup{l}, c.Clear
		if c.Op.Numeric() {
			c.Hysteresis = linewatch.FloatValue(0.5)
		}
	}
}

func genRule(t *rapid.T) linewatch.Rule {
	printable := genText(64).Filter(func(s string) bool { return strings.TrimSpace(s) != "" && !strings.Contains(s, "\u00a0") })
	r := linewatch.Rule{
		ID: linewatch.RuleID(rapid.StringMatching(`[a-z0-9-]{1,20}`).Draw(t, "id")), Name: printable.Draw(t, "name"),
		Scope: linewatch.Scope{Class: "123"}, Priority: rapid.IntRange(1, 4).Draw(t, "priority"),
		Ranking: rapid.SampledFrom([]linewatch.Ranking{"", "highest", "sum"}).Draw(t, "ranking"),
		States:  []linewatch.StateDef{{Name: "ON", Severity: 2}},
	}
	for i := range rapid.IntRange(1, 3).Draw(t, "groups") {
		g := linewatch.Group{ID: fmt.Sprintf("0%d", i), Weight: i + 1, Otherwise: "ON"}
		for range rapid.IntRange(0, 2).Draw(t, "cases") {
			g.Cases = append(g.Cases, linewatch.Case{State: "ON", When: genCondition(t, 3)})
		}
		r.Groups = append(r.Groups, g)
	}
	if rapid.Bool().Draw(t, "alert") {
		r.Alert = &linewatch.Alert{Title: printable.Draw(t, "title"), Text: genLines().Draw(t, "text"), Channels: []string{"no", "5"}}
	}
	return r
}

func TestFormatRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := genRule(t)
		if err := want.Validate(); err != nil {
			t.Skip(err) // in: [1, 1.0] and the like
		}
		text := rulefile.Format(want)
		got, err := rulefile.ParseRule("f.yaml", text)
		if err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
		if diff := cmp.Diff(want, got, sameValue, cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("(-want +got)\n%s\n%s", diff, text)
		}
		if again := rulefile.Format(got); string(again) != string(text) {
			t.Fatalf("not canonical\n%s\n%s", text, again)
		}
		if again, err := rulefile.Reformat("f.yaml", text); err != nil || string(again) != string(text) {
			t.Fatalf("%v: reformatted in another way\n%s\n%s", err, text, again)
		}
	})
}

// FuzzParse demands that any bytes are refused with a place, or give something
// valid that survives being written.
func FuzzParse(f *testing.F) {
	f.Add([]byte(sample))
	f.Add([]byte(conditionHead + "atLeastN: {n: 1, of: [{tag: t, avg: 1m, above: {table: x, key: {tag: p}, column: c}, hysteresis: 1}, {expr: a - b, is: 1}]}\n"))
	f.Add([]byte(conditionHead + "any: [{tag: t, sequence: [A, B], within: 3s}, {tag: t, changed: true}, {tag: t, stuck: 1m, staleAfter: 5m}, {tag: t, missing: 1m}]\n"))
	f.Add([]byte("{\"apiVersion\":\"linewatch/v1\",\"kind\":\"Table\",\"id\":\"t\",\"rows\":{\"a\":{\"b\":1}}}"))
	f.Add([]byte("apiVersion: linewatch/v1\nkind: Assets\nequipment: [{id: a, line: b, site: c}]\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		d, err := rulefile.Parse("f.yaml", data)
		if err != nil {
			if e := (*rulefile.Error)(nil); !errors.As(err, &e) {
				t.Fatalf("%T is no *Error", err)
			}
			return
		}
		if d.Rule == nil {
			return
		}
		got, err := rulefile.ParseRule("g.yaml", rulefile.Format(*d.Rule))
		if err != nil {
			t.Fatalf("%v\n%s", err, rulefile.Format(*d.Rule))
		}
		if diff := cmp.Diff(*d.Rule, got, sameValue, cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("(-want +got)\n%s", diff)
		}
		text, err := rulefile.Reformat("f.yaml", data)
		if err != nil {
			t.Fatal(err)
		}
		if again, err := rulefile.Reformat("f.yaml", text); err != nil || string(again) != string(text) {
			t.Fatalf("%v: not the same when reformatted again\n%s\n%s", err, text, again)
		}
	})
}
