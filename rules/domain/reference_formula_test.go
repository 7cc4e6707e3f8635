package domain_test

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"

	"linewatch"
	"linewatch/internal/expression"
	"linewatch/rules"
)

// compileExpression gives the engine under test its expressions.
func compileExpression(source string) (rules.Expression, error) { return expression.Compile(source) }

// refFormula reads what the generator writes: a constant, a tag, or two of them
// in parentheses with an operator between.
type refFormula struct {
	op          string // empty: no operator
	left, right *refFormula
	tag         linewatch.TagRef
	constant    float64
}

func refParse(s string) (f *refFormula, rest string) {
	if s[0] == '(' {
		f = &refFormula{}
		f.left, rest = refParse(s[1:])
		f.op, rest, _ = strings.Cut(rest[1:], " ")
		f.right, rest = refParse(rest)
		return f, rest[1:]
	}
	end := strings.IndexAny(s+" ", " )")
	word, rest := s[:end], s[end:]
	if n, err := strconv.ParseFloat(word, 64); err == nil {
		return &refFormula{constant: n}, rest
	}
	if args, ok := strings.CutPrefix(word, "tag("); ok { // tag("C1","temp")
		word, rest = args, rest[1:]
		word = strings.ReplaceAll(strings.ReplaceAll(word, `"`, ""), ",", ".")
	}
	equipment, tag, ok := strings.Cut(word, ".")
	if !ok {
		equipment, tag = "", word
	}
	return &refFormula{tag: linewatch.TagRef{Tag: tag, Equipment: equipment}}, rest
}

func (f *refFormula) tags(have []linewatch.TagRef) []linewatch.TagRef {
	switch {
	case f.op != "":
		return f.right.tags(f.left.tags(have))
	case f.tag.Tag == "":
		return have
	}
	for _, t := range have {
		if t == f.tag {
			return have
		}
	}
	return append(have, f.tag)
}

func refFormulaTags(source string) []linewatch.TagRef {
	f, _ := refParse(source)
	return f.tags(nil)
}

// value computes f; kind errors are worded as the engine's.
func (f *refFormula) value(of func(linewatch.TagRef) linewatch.Value) (any, error) {
	if f.op == "" {
		if f.tag.Tag == "" {
			return f.constant, nil
		}
		switch v := of(f.tag); v.Kind() {
		case linewatch.Bool:
			return v.Bool(), nil
		case linewatch.String:
			return v.Str(), nil
		default:
			n, _ := v.Float()
			return n, nil
		}
	}
	a, err := f.left.value(of)
	if err != nil {
		return nil, err
	}
	b, err := f.right.value(of)
	if err != nil {
		return nil, err
	}
	if f.op == "==" {
		return a == b, nil
	}
	x, isNumber := a.(float64)
	y, also := b.(float64)
	s, isText := a.(string)
	r, alsoText := b.(string)
	switch {
	case isNumber && also:
		return map[string]any{"+": x + y, "-": x - y, "*": x * y, "/": x / y, ">": x > y, "<": x < y}[f.op], nil
	case isText && alsoText && f.op == "+":
		return s + r, nil
	case isText && alsoText && (f.op == ">" || f.op == "<"):
		return (cmp.Compare(s, r) > 0) == (f.op == ">") && s != r, nil
	}
	kind := func(v any) string {
		return map[string]string{"float64": "a number", "string": "text", "bool": "true or false"}[fmt.Sprintf("%T", v)]
	}
	return nil, fmt.Errorf("invalid operation: %s %s %s", kind(a), f.op, kind(b))
}

// formula judges an expression from the newest samples of its tags.
func (j *refJudge) formula(why *linewatch.ConditionWhy, inst *refInstance, c *linewatch.Condition, own *refCondition, t linewatch.Time) (linewatch.Value, string) {
	f, _ := refParse(c.Expr)
	values := map[linewatch.TagRef]linewatch.Value{}
	unknown := ""
	for k := range f.tags(nil) {
		in := &own.inputs[k]
		why.Inputs = append(why.Inputs, j.describe(in, inst, t))
		s, cause := j.newest(in, t)
		if cause == "" && s.Value.IsNull() {
			cause = "no value yet"
		}
		if cause != "" {
			unknown = cmp.Or(unknown, in.ref.Tag+": "+cause)
			continue
		}
		values[in.ref] = s.Value
	}
	if unknown != "" {
		return linewatch.Value{}, unknown
	}
	v, err := f.value(func(ref linewatch.TagRef) linewatch.Value { return values[ref] })
	if err != nil {
		return linewatch.Value{}, err.Error()
	}
	switch v := v.(type) {
	case bool:
		return linewatch.BoolValue(v), ""
	case string:
		return linewatch.StringValue(v), ""
	}
	return refFinite(v.(float64))
}

// formula makes an expression.
func (g *generator) formula(depth int) string {
	if depth == 0 || g.chance(0.5) {
		return pick(g, "temp", "temp", "press", "press", "count", "state", "door", "C1.temp", `tag("alias1","press")`, "2", "20.5")
	}
	return "(" + g.formula(depth-1) + " " + pick(g, "+", "-", "-", "*", "/") + " " + g.formula(depth-1) + ")"
}
