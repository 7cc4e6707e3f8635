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
		{"", "unexpected token EOF"},
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
		{"\"a\" + 1 + b", "mismatched types"},
		{strings.Repeat("a+", 500) + "a", "node"},
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
		if d := time.Since(began); d > 10*time.Second { // what does not end by itself; the rest a busy machine may do
			t.Errorf("%.60s: took %v", test.source, d)
		}
	}
	if _, err := expression.Compile(deep); err != nil {
		t.Errorf("parentheses cost nothing: %v", err)
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
