package expression_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"linewatch"
	"linewatch/internal/expression"
)

func number(f float64) linewatch.Value { return linewatch.FloatValue(f) }

func TestEval(t *testing.T) {
	text, yes := linewatch.StringValue, linewatch.BoolValue(true)
	for _, test := range []struct {
		source string
		inputs []linewatch.Value
		want   linewatch.Value
	}{
		{"a - b", []linewatch.Value{number(5), number(2)}, number(3)},
		{"a + b * 2 - a", []linewatch.Value{linewatch.IntValue(5), number(2)}, number(4)},
		{"(a + b) / 2", []linewatch.Value{linewatch.IntValue(5), linewatch.IntValue(2)}, number(3.5)},
		{"9223372036854775807 + a", []linewatch.Value{number(1)}, number(1 << 63)},
		{"-a * 3", []linewatch.Value{number(3)}, number(-9)},
		{"a > 5 and b == \"Held\"", []linewatch.Value{number(6), text("Held")}, yes},
		{"not (a > 5)", []linewatch.Value{number(5)}, yes},
		{"a > 5 ? b : a", []linewatch.Value{number(6), number(7)}, number(7)},
		{"a + \"-\" + b", []linewatch.Value{text("x"), text("y")}, text("x-y")},
		{"a startsWith \"PET\"", []linewatch.Value{text("PET-1L")}, yes},
		{`tag("water temperature") + tag("C1", "speed") + C1.speed`, []linewatch.Value{number(1), number(2)}, number(5)},
		{"a / b", []linewatch.Value{number(1), number(0)}, linewatch.Value{}},
		{"a * a", []linewatch.Value{number(1e308)}, linewatch.Value{}},
	} {
		p, err := expression.Compile(test.source)
		if err != nil {
			t.Errorf("%s: %v", test.source, err)
			continue
		}
		for range 2 { // the machine is used again
			if got, err := p.Eval(test.inputs); err != nil || !got.Equal(test.want) {
				t.Errorf("%s: got %v, %v, want %v", test.source, got, err, test.want)
			}
		}
	}
}

func TestEvalHasNoResult(t *testing.T) {
	long := linewatch.StringValue(strings.Repeat("x", 1000))
	for source, inputs := range map[string][]linewatch.Value{
		"a - b":           {number(1), linewatch.StringValue("x")},
		"a and b":         {number(1), linewatch.BoolValue(true)},
		"a + b + a":       {long, long},
		"a ? 1 : 2":       {number(1)},
		"a contains \"\"": {number(1)},
	} {
		p, err := expression.Compile(source)
		if err != nil {
			t.Errorf("%s: %v", source, err)
			continue
		}
		if got, err := p.Eval(inputs); err == nil || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: got %v, %v, want an error of one line", source, got, err)
		}
	}
}

func TestCompileRefuses(t *testing.T) {
	deep := strings.Repeat("(", 500) + "a" + strings.Repeat(")", 500)
	for _, test := range []struct{ source, want string }{
		{"", "is empty"},
		{"a / / 3", `character 5: "/" does not belong here; an operator stands between two values, as in flow_in - flow_out`},
		{"a = 3", `character 3: "=" does not belong here; write == to compare`},
		{"a b", `character 3: "b" does not belong here; put an operator before it; if it is part of a tag's name, write tag("the name")`},
		{"a > 3 3", `character 7: "3" does not belong here`},
		{"3,5 * a", "write a decimal point"},
		{"a > 80%", "ends in %; write a percentage as a number, 80"},
		{"(a", "ends before a ( is closed; add the missing )"},
		{"a)", `character 2: ")" does not belong here; remove it, or add the missing (`},
		{"a -", "ends where a tag or a number should follow; add it, or remove the last operator"},
		{"a > 3 ? 1", "ends in the middle of a ? b : c"},
		{`a == "x`, "text that is never closed"},
		{"a € 3", `character 3: "€" does not belong here`},
		{"a + 1.2.3", ""},
		{"a + true", "the operator + does not take the value of a tag and true or false; compare and compute numbers with numbers"},
		{"a * $ratio", `character 5: "$ratio" is not a tag, and parameters do not stand in expressions; compare the expression with the parameter, as in above: $ratio`},
		{"1 + 1", "reads no tag"},
		{"a +", "character 3"},
		{"a + len(b)", "character"},
		{"sum(1..1000000) + a", "character"},
		{"a in [1, 2]", "the operator in is not available"},
		{"[a]", "functions, lists and nil are not available"},
		{"a == nil", "functions, lists and nil are not available"},
		{"1..a", "the operator .. is not available"},
		{"a matches \"(a+)+$\"", "the operator matches is not available"},
		{"a ** 2", "the operator ** is not available"},
		{"a ^ 2", "the operator ^ is not available"},
		{"a % 2", "the operator % is not available"},
		{"let x = a; x", "is more than numbers"},
		{"a.b.c", "is not the tag of an equipment"},
		{"a?.b", "is more than numbers"},
		{"tag(a)", "character 5: tag wants text in quotes"},
		{"tag()", "tag takes one or two words, here are 0"},
		{"tag(\"$watermark\")", "is not a tag"},
		{"tag(\"a b\", \"c\")", "is not an equipment id or alias"},
		{"tag(\"rule:x\") == \"ERROR\"", "the state of a rule"},
		{"os.Exit(1) + a", "calls a function"},
		{"\"a\" + 1 + b", "the operator + does not take text and a number"},
		{strings.Repeat("a+", 500) + "a", "has more than 200 names, constants and operators; make it shorter"},
		{strings.Repeat("a", 1_000_000), "is longer than 1024 bytes"},
		{"a" + strings.Repeat("+", 1000), ""},
		{manyTags(40), "reads more than 32 tags"},
	} {
		began := time.Now()
		_, err := expression.Compile(test.source)
		var e *expression.Error
		if !errors.As(err, &e) || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%.60s: got %v, want an error with %q", test.source, err, test.want)
		}
		for _, jargon := range []string{"token", "EOF", "unexpected", "literal", "node", "float64", "mismatched", "type "} {
			if strings.Contains(fmt.Sprint(err), jargon) {
				t.Errorf("%.60s: %v speaks of %q", test.source, err, jargon)
			}
		}
		if d := time.Since(began); d > 10*time.Second { // what does not end by itself; the rest a busy machine may do
			t.Errorf("%.60s: took %v", test.source, d)
		}
	}
	if _, err := expression.Compile(deep); err != nil {
		t.Errorf("parentheses cost nothing: %v", err)
	}
}

func TestKind(t *testing.T) {
	for source, want := range map[string]linewatch.Kind{
		"a": linewatch.Null, "a - b": linewatch.Float, "-a": linewatch.Float, "a + b": linewatch.Null, "a + 1": linewatch.Float, `a + "x"`: linewatch.String,
		"a > 3": linewatch.Bool, "not a": linewatch.Bool, "a and b": linewatch.Bool, `a contains "x"`: linewatch.Bool,
		"a > 3 ? 1 : 2": linewatch.Float, "a > 3 ? a : 2": linewatch.Null, `a > 3 ? "x" : 2`: linewatch.Null,
	} {
		p, err := expression.Compile(source)
		if err != nil || p.Kind() != want {
			t.Errorf("%s: got %v, %v, want %v", source, p.Kind(), err, want)
		}
	}
}

func manyTags(n int) string {
	words := make([]string, n)
	for i := range words {
		words[i] = fmt.Sprintf("t%d", i)
	}
	return strings.Join(words, "+")
}

// FuzzCompile demands that any text is refused in one line, or can be
// evaluated with anything.
func FuzzCompile(f *testing.F) {
	for _, s := range []string{"a - b", `tag("x", "y") > 5 ? 1 : 2`, "C1.speed * 2", "a and not b", "a matches 'x'"} {
		f.Add(s, 1.5, "w")
	}
	f.Fuzz(func(t *testing.T, source string, n float64, s string) {
		p, err := expression.Compile(source)
		if err != nil {
			if e := (*expression.Error)(nil); !errors.As(err, &e) || strings.Contains(err.Error(), "\n") {
				t.Fatalf("%T: %v", err, err)
			}
			return
		}
		for i := range 3 {
			values := make([]linewatch.Value, len(p.Inputs()))
			for k := range values {
				values[k] = []linewatch.Value{linewatch.FloatValue(n), linewatch.StringValue(s), linewatch.BoolValue(n > 0)}[(k+i)%3]
			}
			first, err := p.Eval(values)
			again, err2 := p.Eval(values)
			if !first.Equal(again) && !first.IsNull() || (err == nil) != (err2 == nil) || err != nil && err.Error() != err2.Error() {
				t.Fatalf("%v, %v and then %v, %v", first, err, again, err2)
			}
		}
	})
}
