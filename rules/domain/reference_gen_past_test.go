package domain_test

import (
	"fmt"

	"linewatch"
)

// ages makes some tags grow old.
func (g *generator) ages() (tags []linewatch.Tag) {
	for _, name := range genTags {
		if g.chance(0.1) {
			tags = append(tags, linewatch.Tag{Name: name, StaleAfter: g.span()})
		}
	}
	return tags
}

// past makes c a condition on what a tag was.
func (g *generator) past(c *linewatch.Condition, typed string) {
	c.Op = pick(g, linewatch.Changed, linewatch.Stuck, linewatch.Missing, linewatch.Sequence)
	switch c.Op {
	case linewatch.Stuck, linewatch.Missing:
		c.Span = g.span()
	case linewatch.Sequence:
		c.Span = g.span()
		if typed == "temp" || typed == "press" || typed == "count" {
			c.Tag, typed = "state", "state" // numbers hardly ever come again
		}
		for range 2 + g.IntN(3)*g.IntN(2) {
			c.Values = append(c.Values, g.value(typed, true))
		}
	}
	if c.Op == linewatch.Missing {
		c.StaleAfter = 0
	}
}

// lookUp moves some limits of a condition into a table.
func (g *generator) lookUp(c *linewatch.Condition) {
	n := max(len(c.Values), 1)
	c.Lookups = make([]linewatch.Lookup, n)
	for range 1 + g.IntN(2) {
		i := g.IntN(n)
		c.Lookups[i] = linewatch.Lookup{
			Table: pick(g, "limits", "limits", "limits", "none"), Column: pick(g, "low", "high", "high", "word"),
			Key: linewatch.TagRef{Tag: pick(g, "product", "product", "product", "door", "state"), Equipment: pick(g, "", "", "C1", "alias1", "alias2")},
		}
		c.Limit = linewatch.Value{}
		if len(c.Values) > 0 {
			c.Values[i] = linewatch.Value{}
		}
	}
	if !c.Clear.IsNull() {
		c.Clear = linewatch.Value{}
	}
	seen := map[linewatch.Lookup]bool{}
	for i, l := range c.Lookups { // an in list names nothing twice
		if seen[l] && l.Table != "" {
			c.Lookups[i].Column = fmt.Sprintf("low%d", i)
		}
		seen[l] = true
	}
}

// table makes the reference table, now and then with holes.
func (g *generator) table() *linewatch.Table {
	t := &linewatch.Table{ID: "limits", Rows: map[string]map[string]linewatch.Value{}}
	for _, row := range []string{"PET-1L", "PET-2L", "Execute", "Held", "true"} {
		columns := map[string]linewatch.Value{"word": g.value("state", true)}
		if g.chance(0.9) {
			columns["low"] = g.value(pick(g, "temp", "small"), true)
		}
		if g.chance(0.9) {
			columns["high"] = g.value(pick(g, "temp", "temp", "count"), true)
		}
		if g.chance(0.9) {
			t.Rows[row] = columns
		}
	}
	if len(t.Rows) == 0 {
		t.Rows["PET-1L"] = map[string]linewatch.Value{"low": linewatch.IntValue(1)}
	}
	return t
}
