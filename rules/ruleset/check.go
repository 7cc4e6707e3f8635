package ruleset

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"linewatch"
	"linewatch/rules/rulefile"
)

// checker looks for what the rules of a set refer to.
type checker struct {
	faults
	set   *Set
	rules map[linewatch.RuleID]*rulefile.Source
	// inForce, if set, is what a running process has: what may still be
	// published there is no mistake.
	inForce *InForce
	anyTag  bool       // tags that the registry does not list are no mistake
	plant   *directory // of the registry; see directory
}

// names finds rules of one id.
func (c *checker) names() {
	for _, src := range c.set.Rules {
		if other, ok := c.rules[src.Rule.ID]; ok {
			c.add(src, "id", fmt.Sprintf("is the id of the rule in %s, too", other.Name), "give each rule an id of its own")
			continue
		}
		c.rules[src.Rule.ID] = src
	}
}

// circles finds rules that hang on their own state.
func (c *checker) circles() {
	var graph linewatch.RuleGraph
	for _, src := range c.set.Rules {
		if c.rules[src.Rule.ID] != src {
			continue
		}
		rv := &linewatch.RuleVersion{Rule: *src.Rule, Version: 1}
		if err := graph.Check(rv); errors.Is(err, linewatch.ErrRuleCycle) {
			c.list = append(c.list, Circle(src, err))
			continue
		}
		graph.Publish(rv)
	}
}

// Circle gives a linewatch.ErrRuleCycle its place in the file.
func Circle(src *rulefile.Source, err error) *rulefile.Error {
	_, circle, _ := strings.Cut(err.Error(), linewatch.ErrRuleCycle.Error()+": ")
	return src.Fault(firstRead(src.Rule), "closes a circle of rules: "+circle, "let one of them test tags instead")
}

// firstRead returns the path of the first condition on a rule's state.
func firstRead(r *linewatch.Rule) (first string) {
	r.Walk(func(path string, _ *linewatch.Group, cond *linewatch.Condition) {
		if _, ok := linewatch.RuleTag(cond.Tag); ok && first == "" {
			first = path + ".tag"
		}
	})
	return first
}

// rule checks what one rule refers to.
func (c *checker) rule(src *rulefile.Source) {
	about, ok := c.subjects(src)
	if !ok {
		about = nil
	}
	src.Rule.Walk(func(path string, _ *linewatch.Group, cond *linewatch.Condition) {
		on := concerned(src.Rule, path, about)
		if id, is := linewatch.RuleTag(cond.Tag); is {
			if c.sameHome(src, path, cond, on) {
				c.ruleState(src, path, id, cond)
			}
		} else if c.set.Assets != nil {
			c.tags(src, path, cond, on)
		}
		c.lookups(src, path, cond)
	})
	if a := src.Rule.Alert; a != nil && ok {
		c.alertTags(src, "alert.title", a.Title, about)
		c.alertTags(src, "alert.text", a.Text, about)
	}
}

// ruleState checks a condition on the state of another rule.
func (c *checker) ruleState(src *rulefile.Source, path string, id linewatch.RuleID, cond *linewatch.Condition) {
	if c.inForce != nil { // what it says may change, and whom it is about hardly
		if other := c.inForce.published(id); other != nil {
			c.sameSubject(src, path, cond, other)
		}
		return
	}
	other, ok := c.rules[id]
	if !ok && c.set.Elsewhere {
		return
	}
	if !ok {
		var ids []string
		for known := range c.rules {
			ids = append(ids, string(known))
		}
		slices.Sort(ids)
		c.add(src, path+".tag", fmt.Sprintf("names rule %.64q, which is in none of the files", string(id)), didYouMean(string(id), ids, "name its file, too"))
		return
	}
	c.sameSubject(src, path, cond, other.Rule)
	if c.set.Elsewhere {
		return
	}
	unsaid(path, cond, states(other.Rule), func(at, state string, says []string) {
		c.add(src, at, fmt.Sprintf("is %.40q, which rule %s never says", state, id), "it says "+strings.Join(says, ", "))
	})
}

// unsaid shows the states that a condition asks for and that are not among
// those that a rule says, each with its path.
func unsaid(path string, cond *linewatch.Condition, says []string, show func(at, state string, says []string)) {
	limits, at := cond.Values, path+"."+cond.Op.String()
	if limits == nil {
		limits = []linewatch.Value{cond.Limit}
	}
	for i, v := range limits {
		if cond.Values != nil {
			at = fmt.Sprintf("%s.%s[%d]", path, cond.Op, i)
		}
		if s := v.Str(); !v.IsNull() && !slices.Contains(says, s) {
			show(at, s, says)
		}
	}
}

// sameHome asks that the rule that is read is judged where this one is, for
// each of the equipment that the condition is judged for.
func (c *checker) sameHome(src *rulefile.Source, path string, cond *linewatch.Condition, about []*linewatch.Equipment) bool {
	if cond.Equipment == "" || c.set.Assets == nil {
		return true
	}
	path += ".equipment"
	if scope := src.Rule.Scope; scope.Site != "" && cond.Equipment != scope.Subject() {
		c.add(src, path, "is not the site, and a rule about a site reads states of rules about that site only", "test tags of the equipment instead")
		return false
	}
	read := c.directory().byName[cond.Equipment]
	if read == nil {
		c.equipment(src, path, cond.Equipment)
		return false
	}
	for _, e := range about {
		if e.Line != read.Line {
			c.add(src, path, fmt.Sprintf("%q is on %s, and %s on %s", cond.Equipment, homeOf(read), call(e), homeOf(e)), differs(src.Rule, e))
			return false
		}
	}
	return true
}

// differs says what to do about an equipment of a rule that is not on the line
// whose rules it reads.
func differs(r *linewatch.Rule, e *linewatch.Equipment) string {
	const remedy = "a rule reads states of rules of its own line only, and tags of any"
	if r.Scope.Class != "" {
		return remedy + "; give " + call(e) + " an override that reads none, or a rule of its own"
	}
	return remedy
}

// homeOf names the line of an equipment, or the site.
func homeOf(e *linewatch.Equipment) string {
	if e.Line == "" {
		return "site " + e.Site
	}
	return "line " + e.Line
}

// states returns what a rule may say, but for UNKNOWN.
func states(r *linewatch.Rule) (names []string) {
	for _, s := range r.Says() {
		names = append(names, string(s))
	}
	return names
}

// sameSubject asks that the rule that is read says something of the equipment
// that is meant.
func (c *checker) sameSubject(src *rulefile.Source, path string, cond *linewatch.Condition, other *linewatch.Rule) {
	meant, about := cond.Equipment, other.Scope.Subject()
	if meant == "" {
		meant = src.Rule.Scope.Subject()
	}
	if meant == "" || about == "" || c.id(meant) == c.id(about) {
		return
	}
	remedy := "write equipment: " + about + " beside the tag"
	if src.Rule.Scope.Site != "" {
		remedy = "a rule about a site reads states of rules about that site only: test tags of the equipment instead"
	}
	c.add(src, path, fmt.Sprintf("reads rule %s of %s, but that is about %s", other.ID, meant, about), remedy)
}

// lookups checks the tables in which limits stand, if there are any.
func (c *checker) lookups(src *rulefile.Source, path string, cond *linewatch.Condition) {
	if len(c.set.Tables) == 0 {
		return
	}
	for i, l := range cond.Lookups {
		if l == (linewatch.Lookup{}) {
			continue
		}
		var names, columns []string
		for _, t := range c.set.Tables {
			if names = append(names, t.Table.ID); t.Table.ID == l.Table {
				columns = columnsOf(t.Table)
			}
		}
		at := path + lookupPath(cond, i)
		switch {
		case columns == nil:
			c.add(src, at+".table", fmt.Sprintf("names table %.128q, which is in none of the files", l.Table), didYouMean(l.Table, names, "name its file, too"))
		case !slices.Contains(columns, l.Column):
			c.add(src, at+".column", fmt.Sprintf("names %.128q, which no row of table %s has", l.Column, l.Table), didYouMean(l.Column, columns, "add it to the table"))
		}
	}
}

// columnsOf returns the columns that at least one row has.
func columnsOf(t *linewatch.Table) []string {
	columns := map[string]bool{}
	for _, row := range t.Rows {
		for name := range row {
			columns[name] = true
		}
	}
	return slices.Sorted(maps.Keys(columns))
}
