package rulefile

import (
	"fmt"
	"reflect"
	"regexp"
	"strings"

	"linewatch"
	"linewatch/internal/expression"
	"linewatch/internal/strictyaml"
)

// conditionDoc is a condition with one operator key. A pointer or slice that
// is not nil was written, if only as null or [].
type conditionDoc struct {
	All       []conditionDoc `yaml:"all" also:"and every" remedy:"begin each condition with a dash: - {tag: speed, above: 3}"`
	Any       []conditionDoc `yaml:"any" also:"or" remedy:"begin each condition with a dash: - {tag: speed, above: 3}"`
	Not       *conditionDoc  `yaml:"not" also:"none" remedy:"write not: {tag: speed, above: 3}"`
	AtLeastN  *atLeastNDoc   `yaml:"atLeastN" remedy:"write atLeastN: {n: 2, of: [...]}, with the conditions in the list"`
	Tag       string         `yaml:"tag" also:"signal sensor variable"`
	Equipment string         `yaml:"equipment" also:"machine asset device"`
	Expr      *string        `yaml:"expr" also:"expression formula"`

	Avg     *linewatch.Duration `yaml:"avg" also:"average mean"`
	TimeAvg *linewatch.Duration `yaml:"timeAvg"`
	Min     *linewatch.Duration `yaml:"min" remedy:"for a limit write above or atLeast; min is the smallest value in a span, such as min: 10m"`
	Max     *linewatch.Duration `yaml:"max" remedy:"for a limit write below or atMost; max is the largest value in a span, such as max: 10m"`
	Sum     *linewatch.Duration `yaml:"sum"`
	Count   *linewatch.Duration `yaml:"count"`
	StdDev  *linewatch.Duration `yaml:"stddev" also:"std sigma deviation"`
	Range   *linewatch.Duration `yaml:"range"`
	Rate    *linewatch.Duration `yaml:"rate"`
	Delta   *linewatch.Duration `yaml:"delta"`

	Above   *limitDoc  `yaml:"above" also:"greaterThan greater gt > over exceeds higherThan moreThan"`
	Below   *limitDoc  `yaml:"below" also:"lessThan less lt < under lowerThan"`
	AtLeast *limitDoc  `yaml:"atLeast" also:"greaterOrEqual greaterThanOrEqual gte ge >= minimum"`
	AtMost  *limitDoc  `yaml:"atMost" also:"lessOrEqual lessThanOrEqual lte le <= maximum"`
	Is      *limitDoc  `yaml:"is" also:"equal equals eq = == value" remedy:"give one value; several go into in: [Execute, Starting]"`
	IsNot   *limitDoc  `yaml:"isNot" also:"notEqual notEquals ne neq != <>" remedy:"give one value; several go into in: [Execute, Starting], under not"`
	In      []limitDoc `yaml:"in" also:"oneOf values" remedy:"write in: [Execute], with the values in the list"`
	Inside  []limitDoc `yaml:"inside" also:"between" remedy:"give the lower and the upper limit: inside: [3, 5]"`
	Outside []limitDoc `yaml:"outside" also:"notBetween" remedy:"give the lower and the upper limit: outside: [3, 5]"`

	Changed  *bool               `yaml:"changed" also:"changes onChange" remedy:"write changed: true"`
	Stuck    *linewatch.Duration `yaml:"stuck" also:"unchanged frozen"`
	Missing  *linewatch.Duration `yaml:"missing" also:"silent noData absent"`
	Sequence []linewatch.Value   `yaml:"sequence" remedy:"write sequence: [Starting, Execute], with the values in their order"`
	Within   *linewatch.Duration `yaml:"within"`

	Clear      *linewatch.Value    `yaml:"clear"`
	Hysteresis *linewatch.Value    `yaml:"hysteresis" also:"deadband"`
	StaleAfter *linewatch.Duration `yaml:"staleAfter" also:"maxAge"`
	For        *linewatch.Duration `yaml:"for" also:"duration during delay"`
	Keep       *linewatch.Duration `yaml:"keep" also:"holdFor linger"`
}

type atLeastNDoc struct {
	N  int            `yaml:"n"`
	Of []conditionDoc `yaml:"of" remedy:"begin each condition with a dash: - {tag: speed, above: 3}"`
}

// limitDoc is a constant, or where the limit stands.
type limitDoc struct {
	Value  linewatch.Value  `yaml:",scalar"`
	Table  string           `yaml:"table"`
	Key    linewatch.TagRef `yaml:"key" remedy:"write key: {tag: product}, with the tag that tells the row"`
	Column string           `yaml:"column"`
}

// written returns the operators that d names.
func (d *conditionDoc) written() []linewatch.Op {
	var ops []linewatch.Op
	v := reflect.ValueOf(d).Elem()
	for i := range v.NumField() {
		if op := linewatch.OpNamed(v.Type().Field(i).Tag.Get("yaml")); op != linewatch.NoOp && !v.Field(i).IsNil() {
			ops = append(ops, op)
		}
	}
	return ops
}

func (c *converter) condition(path string, d *conditionDoc) linewatch.Condition {
	out := linewatch.Condition{Tag: d.Tag, Equipment: d.Equipment}
	ops := d.written()
	if len(ops) > 1 {
		names := make([]string, len(ops))
		for i, op := range ops {
			names[i] = op.String()
		}
		c.fault(path, "has "+strings.Join(names, " and "), "give one of them, or a condition to each and all or any around them")
		return out
	}
	if len(ops) == 1 {
		out.Op = ops[0]
	} else if tag, remedy := inTag(d.Tag); remedy != "" {
		c.fault(path+".tag", "holds a comparison", fmt.Sprintf("write tag: %s and %s beside it", tag, remedy))
	}
	c.limits(&out, d)
	c.past(path, &out, d)
	c.window(path, &out, d)
	c.expression(path, &out, d)
	out.Of = c.conditions(path, d)
	if d.AtLeastN != nil {
		out.N = d.AtLeastN.N
	}
	out.Clear = c.number(path+".clear", d.Clear)
	out.Hysteresis = c.number(path+".hysteresis", d.Hysteresis)
	out.StaleAfter = c.span(path+".staleAfter", d.StaleAfter)
	out.For, out.Keep = c.span(path+".for", d.For), c.span(path+".keep", d.Keep)
	return out
}

// comparison matches a tag with a comparison behind it.
var comparison = regexp.MustCompile(`^([^<>=!]*[^<>=! ]) *(>=|<=|==|!=|>|<|=) *([^<>=! ].*)$`)

// operators are the keys for what others write as signs.
var operators = map[string]string{
	">": "above", "<": "below", ">=": "atLeast", "<=": "atMost", "=": "is", "==": "is", "!=": "isNot",
}

// inTag returns what somebody means who writes tag: speed > 75, and nothing for
// a plain tag.
func inTag(text string) (tag, remedy string) {
	m := comparison.FindStringSubmatch(text)
	if m == nil {
		return "", ""
	}
	return m[1], operators[m[2]] + ": " + m[3]
}

// limits takes over what a comparison compares with.
func (c *converter) limits(out *linewatch.Condition, d *conditionDoc) {
	for _, limit := range []*limitDoc{d.Above, d.Below, d.AtLeast, d.AtMost, d.Is, d.IsNot} {
		if limit != nil {
			out.Limit = limit.Value
			out.Lookups = lookups([]limitDoc{*limit})
		}
	}
	for _, list := range [][]limitDoc{d.In, d.Inside, d.Outside} {
		for _, limit := range list {
			out.Values = append(out.Values, limit.Value)
		}
		if list != nil {
			out.Lookups = lookups(list)
		}
	}
}

// lookups returns where limits stand; nil if all are constants.
func lookups(list []limitDoc) (all []linewatch.Lookup) {
	for i, limit := range list {
		l := linewatch.Lookup{Table: limit.Table, Key: limit.Key, Column: limit.Column}
		if l == (linewatch.Lookup{}) {
			continue
		}
		if all == nil {
			all = make([]linewatch.Lookup, len(list))
		}
		all[i] = l
	}
	return all
}

// past takes over what a condition asks of the past of its tag.
func (c *converter) past(path string, out *linewatch.Condition, d *conditionDoc) {
	switch out.Op {
	case linewatch.Changed:
		if !*d.Changed {
			c.fault(path+".changed", "is false", "write changed: true, and put it under not for the opposite")
		}
	case linewatch.Stuck:
		out.Span = *d.Stuck
	case linewatch.Missing:
		out.Span = *d.Missing
	case linewatch.Sequence:
		out.Values = d.Sequence
		out.Span = c.span(path+".within", d.Within)
		return
	}
	if d.Within != nil {
		c.fault(path+".within", "goes with sequence only", "use for, or a window such as count: 10m")
	}
}

// window takes over the window, of which there can be one.
func (c *converter) window(path string, out *linewatch.Condition, d *conditionDoc) {
	for _, w := range [...]struct {
		f    linewatch.Aggregate
		over *linewatch.Duration
	}{
		{linewatch.Avg, d.Avg},
		{linewatch.TimeAvg, d.TimeAvg},
		{linewatch.Min, d.Min},
		{linewatch.Max, d.Max},
		{linewatch.Sum, d.Sum},
		{linewatch.Count, d.Count},
		{linewatch.StdDev, d.StdDev},
		{linewatch.Range, d.Range},
		{linewatch.Rate, d.Rate},
		{linewatch.Delta, d.Delta},
	} {
		switch {
		case w.over == nil:
		case out.Window.Func != linewatch.NoAggregate:
			c.fault(path+"."+w.f.String(), fmt.Sprintf("stands beside %v", out.Window.Func), "give one window, or a condition to each")
		default:
			out.Window = linewatch.Window{Func: w.f, Over: *w.over}
		}
	}
}

// expression checks an expression as far as it can be compiled.
func (c *converter) expression(path string, out *linewatch.Condition, d *conditionDoc) {
	if d.Expr == nil {
		return
	}
	path += ".expr"
	if out.Expr = *d.Expr; out.Expr == "" {
		c.fault(path, "is empty", `give an expression such as "flow_in - flow_out"`)
		return
	}
	p, err := expression.Compile(out.Expr)
	if e, ok := err.(*expression.Error); ok {
		c.faults = append(c.faults, c.doc.FaultWithin(path, max(e.Column-1, 0), e.Message, e.Remedy))
		return
	}
	c.compared(strings.TrimSuffix(path, ".expr"), out, p.Kind())
	for _, in := range p.Inputs() {
		if c.line && in.Equipment == "" {
			c.fault(path, "does not say whose "+in.Tag+" it reads", "the rule is about a line: write C1."+in.Tag+`, or tag("C1", "`+in.Tag+`")`)
		}
	}
}

// compared checks that an expression is compared, and with what it can be as
// far as its text tells.
func (c *converter) compared(path string, out *linewatch.Condition, is linewatch.Kind) {
	at := path + "." + out.Op.String()
	switch {
	case out.Op == linewatch.NoOp && is == linewatch.Bool:
		c.fault(path+".expr", "is true or false, and nothing says which of them is meant", "write is: true beside it")
	case out.Op == linewatch.NoOp:
		c.fault(path+".expr", "is compared with nothing", "write above, below, is or the like beside it")
	case !out.Op.Compares() || is == linewatch.Null:
	case out.Op.Numeric() && is != linewatch.Float:
		remedy := "write " + instead(is)
		if is == linewatch.Bool {
			remedy += ", or compare without a comparison in the expression"
		}
		c.fault(at, "compares numbers, and the expression is "+kindName(is), remedy)
	case !out.Op.Numeric():
		c.equals(at, out, is)
	}
}

// equals checks the values that an expression may be equal to.
func (c *converter) equals(at string, out *linewatch.Condition, is linewatch.Kind) {
	values := out.Values
	if values == nil {
		values = []linewatch.Value{out.Limit}
	}
	for i, v := range values {
		if v.IsNull() || v.IsNumber() == (is == linewatch.Float) && (v.IsNumber() || v.Kind() == is) {
			continue
		}
		place := at
		if out.Values != nil {
			place = strictyaml.Index(at, i)
		}
		c.fault(place, fmt.Sprintf("is %s, and the expression is %s", kindOf(v), kindName(is)), "write "+instead(is))
	}
}

// kindName says of what kind an expression is, as messages do.
func kindName(k linewatch.Kind) string {
	switch k {
	case linewatch.Float:
		return "a number"
	case linewatch.Bool:
		return "true or false"
	}
	return "text"
}

// instead says how an expression of a kind is compared.
func instead(k linewatch.Kind) string {
	switch k {
	case linewatch.Float:
		return "a number"
	case linewatch.Bool:
		return "is: true"
	}
	return "is: with text"
}

func (c *converter) conditions(path string, d *conditionDoc) []linewatch.Condition {
	if d.Not != nil {
		return []linewatch.Condition{c.condition(path+".not", d.Not)}
	}
	key, list := "all", d.All
	switch {
	case d.Any != nil:
		key, list = "any", d.Any
	case d.AtLeastN != nil:
		key, list = "atLeastN.of", d.AtLeastN.Of
	}
	var out []linewatch.Condition
	for i := range list {
		out = append(out, c.condition(strictyaml.Index(path+"."+key, i), &list[i]))
	}
	return out
}

// number reads a value that may be left out, but not empty.
func (c *converter) number(path string, v *linewatch.Value) linewatch.Value {
	if v == nil {
		return linewatch.Value{}
	}
	if v.IsNull() {
		c.fault(path, "is empty", "give a number or remove the key")
	}
	return *v
}

func (c *converter) span(path string, d *linewatch.Duration) linewatch.Duration {
	if d == nil {
		return 0
	}
	if *d == 0 {
		c.fault(path, fmt.Sprintf("is %v", *d), "give a span such as 30s, or remove the key")
	}
	return *d
}
