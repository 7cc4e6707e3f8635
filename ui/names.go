package ui

import (
	"math"
	"slices"

	"linewatch"
)

// TagOf names a tag of an equipment.
type TagOf struct{ Equipment, Tag string }

// names knows what people call equipment, by id, and how many decimals they
// want of a tag.
type names struct {
	aliases  map[string]string
	decimals map[TagOf]int
}

func namesOf(st *Status) names {
	out := names{aliases: map[string]string{}, decimals: st.Decimals}
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

// in returns the explanation of an equipment as people read it: equipment by
// its short name, numbers without digits that nobody needs. The one that was
// given stays as it is.
func (n names) in(equipment string, why linewatch.Explanation) linewatch.Explanation {
	why.Groups = slices.Clone(why.Groups)
	for i := range why.Groups {
		why.Groups[i].Conditions = n.conditions(equipment, why.Groups[i].Conditions)
	}
	return why
}

func (n names) conditions(equipment string, list []linewatch.ConditionWhy) []linewatch.ConditionWhy {
	list = slices.Clone(list)
	for i := range list {
		c := &list[i]
		tag := TagOf{equipment, c.Tag}
		if c.Equipment != "" {
			tag.Equipment = c.Equipment
		}
		if decimals, ok := n.decimals[tag]; ok {
			c.Value, c.Result = short(c, c.Value, decimals), short(c, c.Result, max(decimals+1, digits(c.Result, 3)))
		} else {
			c.Value, c.Result = short(c, c.Value, digits(c.Value, 4)), short(c, c.Result, digits(c.Result, 4))
		}
		if alias, ok := n.aliases[c.Equipment]; ok {
			c.Equipment = alias
		}
		c.Of = n.conditions(equipment, c.Of)
	}
	return list
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

// short rounds a number to some decimals, or to as many more as it takes to
// stand on the same side of every limit.
func short(c *linewatch.ConditionWhy, v *linewatch.Value, decimals int) *linewatch.Value {
	if v == nil || v.Kind() != linewatch.Float {
		return v
	}
	f, _ := v.Float()
	if math.Abs(f) >= 1e9 {
		return v
	}
	for ; decimals < 9; decimals++ {
		scale := math.Pow(10, float64(decimals))
		if r := linewatch.FloatValue(math.Round(f*scale) / scale); sameSide(c, *v, r) {
			return &r
		}
	}
	return v
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
