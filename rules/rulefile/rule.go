package rulefile

import (
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
	Scope     linewatch.Scope            `yaml:"scope" remedy:"write scope: {equipment: F1}, or {class: filler}"`
	Priority  int                        `yaml:"priority" also:"prio"`
	Ranking   linewatch.Ranking          `yaml:"ranking"`
	States    []linewatch.StateDef       `yaml:"states" remedy:"begin each state with a dash: - {name: JAMMED, severity: 2}"`
	Params    map[string]linewatch.Value `yaml:"params" remedy:"write params: {max_temp: 75}"`
	Groups    []groupDoc                 `yaml:"groups" remedy:"begin each group with a dash: - id: ..."`
	Overrides []overrideDoc              `yaml:"overrides" remedy:"begin each override with a dash: - equipment: ..."`
	Alert     *linewatch.Alert           `yaml:"alert" remedy:"write alert: {title: ...}"`
	OnUnknown linewatch.OnUnknown        `yaml:"onUnknown"`
	Late      linewatch.LatePolicy       `yaml:"late"`
}

type groupDoc struct {
	ID        string                  `yaml:"id" also:"name"`
	Weight    int                     `yaml:"weight"`
	Cases     []caseDoc               `yaml:"cases" remedy:"begin each case with a dash: - state: ..."`
	Otherwise linewatch.State         `yaml:"otherwise"`
	Unknown   linewatch.UnknownPolicy `yaml:"unknown"`
}

type caseDoc struct {
	State linewatch.State `yaml:"state"`
	conditionDoc
}

// rule decodes a document of kind Rule and checks it.
func rule(doc *strictyaml.Document) (linewatch.Rule, error) {
	var d ruleDoc
	raw := doc
	doc = filled(raw, "params")
	if err := strictyaml.Join(beside(undeclared(raw), doc.Mistakes(&d))); err != nil {
		return linewatch.Rule{}, err
	}
	c := converter{doc: doc, line: !d.Scope.OwnTags()}
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
	if err := c.inFile(raw, located(doc, r.Validate())); err != nil {
		return linewatch.Rule{}, err
	}
	return r, nil
}

// converter turns the file form into the rule's own, and finds what the latter
// cannot express.
type converter struct {
	doc    *strictyaml.Document
	line   bool // the rule is about a line, which has no tags of its own
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
