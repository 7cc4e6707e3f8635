package ui

import (
	"math"
	"slices"
	"strconv"
	"strings"

	"linewatch"
)

// names knows what people call equipment, by id, and what its tags are.
type names struct {
	aliases map[string]string
	tags    map[string][]linewatch.Tag
}

// speaker puts into words what rules say of an equipment.
type speaker struct {
	names
	home string
}

func namesIn(registry []linewatch.Equipment) names {
	out := names{aliases: map[string]string{}, tags: map[string][]linewatch.Tag{}}
	for i := range registry {
		eq := &registry[i]
		out.add(eq.ID, eq.Alias)
		out.tags[eq.ID] = eq.Tags
	}
	return out
}

func namesOf(st *Status) names {
	out := namesIn(st.Equipment)
	for i := range st.Machines {
		out.add(st.Machines[i].Equipment, st.Machines[i].Alias)
	}
	for i := range st.Instances {
		out.add(st.Instances[i].Equipment, st.Instances[i].Alias)
	}
	return out
}

func (n names) add(id, alias string) {
	if alias != "" {
		n.aliases[id] = alias
	}
}

// called returns the short name of an equipment, or its id.
func (n names) called(id string) string {
	if alias, ok := n.aliases[id]; ok {
		return alias
	}
	return id
}

// of returns who tells of an equipment.
func (n names) of(equipment string) speaker { return speaker{n, equipment} }

// tag returns what the registry of now says of the tag of a condition; nothing
// if it does not list it, or if the condition is on an expression.
func (s speaker) tag(c *linewatch.ConditionWhy) (t linewatch.Tag) {
	home := s.home
	if c.Equipment != "" {
		home = c.Equipment
	}
	for _, t := range s.tags[home] {
		if t.Name == c.Tag {
			return t
		}
	}
	return t
}

// unit returns what the numbers of a condition are counted in, with a space
// before it; empty where nobody knows.
func (s speaker) unit(c *linewatch.ConditionWhy) string {
	unit := s.tag(c).Unit
	switch {
	case unit == "" || c.Window == linewatch.Count.String():
		return ""
	case c.Window != linewatch.Rate.String():
		return " " + unit
	case strings.Contains(unit, "/"):
		return " " + unit + " per s"
	}
	return " " + unit + "/s"
}

// number writes what a condition compared, without digits that nobody needs and
// with its unit. The stored change has all digits.
func (s speaker) number(c *linewatch.ConditionWhy, v *linewatch.Value) string {
	if !v.IsNumber() {
		return v.String()
	}
	decimals := s.tag(c).Decimals
	switch {
	case decimals == 0:
		decimals = digits(v, 4)
	case c.Window != "":
		decimals = max(decimals+1, digits(v, 2))
	}
	return short(c, v, decimals) + s.unit(c)
}

// digits returns how many decimals leave n digits that count of a number, such
// as of a window's small deviation, but never less than its integer.
func digits(v *linewatch.Value, n int) int {
	if v == nil {
		return 0
	}
	f, _ := v.Float()
	if f == 0 {
		return 0
	}
	return max(0, n-1-int(math.Floor(math.Log10(math.Abs(f)))))
}

// short writes a number with some decimals, or with as many more as it takes to
// stand on the same side of every limit.
func short(c *linewatch.ConditionWhy, v *linewatch.Value, decimals int) string {
	f, _ := v.Float()
	if v.Kind() != linewatch.Float || math.Abs(f) >= 1e9 {
		return plain(v)
	}
	for ; decimals < 9; decimals++ {
		text := strconv.FormatFloat(f, 'f', decimals, 64)
		if r, err := strconv.ParseFloat(text, 64); err == nil && sameSide(c, *v, linewatch.FloatValue(r)) {
			return strconv.FormatFloat(r+0, 'f', -1, 64) // no minus before a 0
		}
	}
	return plain(v)
}

// plain writes a value with all its digits; a whole number needs no fraction.
func plain(v *linewatch.Value) string {
	if v.Kind() != linewatch.Float {
		return v.String()
	}
	return strings.TrimSuffix(v.String(), ".0")
}

// sameSide reports whether two numbers compare alike with what a condition
// asks.
func sameSide(c *linewatch.ConditionWhy, v, w linewatch.Value) bool {
	limits := c.Limits
	if c.Clear != nil {
		limits = append(slices.Clip(limits), *c.Clear)
	}
	for _, l := range limits {
		if l.IsNumber() && linewatch.CompareNumbers(v, l) != linewatch.CompareNumbers(w, l) {
			return false
		}
	}
	return true
}
