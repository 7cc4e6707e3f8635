package rulefile

import (
	"fmt"
	"reflect"
	"strings"

	"linewatch"
	"linewatch/internal/strictyaml"
)

// noOpinion is what a group's otherwise says for the default.
const noOpinion = "none"

// ruleDoc is the file form of a rule: that of linewatch.Rule, but for cases
// and conditions, whose operator is a key here.
type ruleDoc struct {
	header
	ID        linewatch.RuleID           `yaml:"id"`
	Name      string                     `yaml:"name"`
	Scope     linewatch.Scope            `yaml:"scope"`
	Priority  int                        `yaml:"priority"`
	Ranking   linewatch.Ranking          `yaml:"ranking"`
	States    []linewatch.StateDef       `yaml:"states"`
	Params    map[string]linewatch.Value `yaml:"params"`
	Groups    []groupDoc                 `yaml:"groups"`
	Overrides []overrideDoc              `yaml:"overrides"`
	Alert     *linewatch.Alert           `yaml:"alert"`
	OnUnknown linewatch.OnUnknown        `yaml:"onUnknown"`
	Late      linewatch.LatePolicy       `yaml:"late"`
}

type groupDoc struct {
	ID        string                  `yaml:"id"`
	Weight    int                     `yaml:"weight"`
	Cases     []caseDoc               `yaml:"cases"`
	Otherwise linewatch.State         `yaml:"otherwise"`
	Unknown   linewatch.UnknownPolicy `yaml:"unknown"`
}

type caseDoc struct {
	State linewatch.State `yaml:"state"`
	conditionDoc
}

// conditionDoc is a condition with one operator key. A pointer or slice that
// is not nil was written, if only as null or [].
type conditionDoc struct {
	All       []conditionDoc      `yaml:"all"`
	Any       []conditionDoc      `yaml:"any"`
	Not       *conditionDoc       `yaml:"not"`
	Tag       string              `yaml:"tag"`
	Equipment string              `yaml:"equipment"`
	Above     *linewatch.Value    `yaml:"above"`
	Below     *linewatch.Value    `yaml:"below"`
	AtLeast   *linewatch.Value    `yaml:"atLeast"`
	AtMost    *linewatch.Value    `yaml:"atMost"`
	Is        *linewatch.Value    `yaml:"is"`
	IsNot     *linewatch.Value    `yaml:"isNot"`
	In        []linewatch.Value   `yaml:"in"`
	Inside    []linewatch.Value   `yaml:"inside"`
	Outside   []linewatch.Value   `yaml:"outside"`
	Clear     *linewatch.Value    `yaml:"clear"`
	For       *linewatch.Duration `yaml:"for"`
	Keep      *linewatch.Duration `yaml:"keep"`
}

// rule decodes a document of kind Rule and checks it.
func rule(doc *strictyaml.Document) (linewatch.Rule, error) {
	var d ruleDoc
	raw := doc
	doc = filled(raw, "params")
	if err := doc.Decode(&d); err != nil {
		return linewatch.Rule{}, err
	}
	c := converter{doc: doc}
	c.parameters(raw, &d)
	r := linewatch.Rule{
		ID: d.ID, Name: d.Name, Scope: d.Scope, Priority: d.Priority, Ranking: d.Ranking, States: d.States,
		Alert: d.Alert, OnUnknown: d.OnUnknown, Late: d.Late,
	}
	for i := range d.Groups {
		r.Groups = append(r.Groups, c.group(strictyaml.Index("groups", i), &d.Groups[i]))
	}
	for i := range d.Overrides {
		r.Overrides = append(r.Overrides, c.override(raw, &d, i))
	}
	if err := strictyaml.Join(c.faults); err != nil {
		return linewatch.Rule{}, err
	}
	if err := locate(doc, r.Validate()); err != nil {
		return linewatch.Rule{}, err
	}
	return r, nil
}

// converter turns the file form into the rule's own, and finds what the latter
// cannot express.
type converter struct {
	doc    *strictyaml.Document
	faults []*Error
}

func (c *converter) fault(path, message, remedy string) {
	c.faults = append(c.faults, c.doc.Fault(path, message, remedy))
}

func (c *converter) group(path string, d *groupDoc) linewatch.Group {
	g := linewatch.Group{ID: d.ID, Weight: d.Weight, Otherwise: d.Otherwise, Unknown: d.Unknown}
	if g.Otherwise == noOpinion {
		g.Otherwise = ""
	}
	for i := range d.Cases {
		at := strictyaml.Index(path+".cases", i)
		g.Cases = append(g.Cases, linewatch.Case{State: d.Cases[i].State, When: c.condition(at, &d.Cases[i].conditionDoc)})
	}
	return g
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
	}
	for _, limit := range []*linewatch.Value{d.Above, d.Below, d.AtLeast, d.AtMost, d.Is, d.IsNot} {
		if limit != nil {
			out.Limit = *limit
		}
	}
	for _, values := range [][]linewatch.Value{d.In, d.Inside, d.Outside} {
		out.Values = append(out.Values, values...)
	}
	out.Of = c.conditions(path, d)
	if d.Clear != nil {
		if out.Clear = *d.Clear; out.Clear.IsNull() {
			c.fault(path+".clear", "is empty", "give a number or remove the key")
		}
	}
	out.For, out.Keep = c.span(path+".for", d.For), c.span(path+".keep", d.Keep)
	return out
}

func (c *converter) conditions(path string, d *conditionDoc) []linewatch.Condition {
	if d.Not != nil {
		return []linewatch.Condition{c.condition(path+".not", d.Not)}
	}
	key, list := "all", d.All
	if d.Any != nil {
		key, list = "any", d.Any
	}
	var out []linewatch.Condition
	for i := range list {
		out = append(out, c.condition(strictyaml.Index(path+"."+key, i), &list[i]))
	}
	return out
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
