package ui

import (
	"math"
	"strconv"
	"strings"

	"linewatch"
)

// Sentence says in an operator's words why an instance went to a state, such
// as "water_temperature 77.4 above 75 for 10 s; pressure 3.4 above 3.2 for
// 10 s — limits (60) outweighs context (40) ACTIVE".
func Sentence(to linewatch.State, why linewatch.Explanation) string {
	winner := deciding(to, why.Groups)
	if winner == nil {
		if why.Cause != "" {
			return why.Cause
		}
		return "no group has an opinion"
	}
	text := evidence(winner) + ranking(winner, why.Groups)
	if why.Cause != "" {
		text = why.Cause + ": " + text
	}
	return text
}

// deciding returns the group that won. Explanations without a mark name it by
// its opinion.
func deciding(to linewatch.State, groups []linewatch.GroupWhy) *linewatch.GroupWhy {
	for i := range groups {
		if groups[i].Wins {
			return &groups[i]
		}
	}
	for i := range groups {
		if to != "" && groups[i].State == to {
			return &groups[i]
		}
	}
	return nil
}

// evidence lists the conditions behind a group's opinion: those that hold, or
// for UNKNOWN those that cannot be decided.
func evidence(g *linewatch.GroupWhy) string {
	want := linewatch.True
	if g.State == linewatch.Unknown {
		want = linewatch.Undecided
	}
	parts := conditionTexts(g.Conditions, want)
	if len(parts) == 0 && g.Case == 0 {
		parts = conditionTexts(g.Conditions, linewatch.False)
		if len(parts) > 0 {
			return "none of " + g.Group + "'s cases holds: not (" + strings.Join(parts, "; ") + ")"
		}
		return "none of " + g.Group + "'s cases holds"
	}
	return strings.Join(parts, "; ")
}

func conditionTexts(list []linewatch.ConditionWhy, want linewatch.Truth) (parts []string) {
	for i := range list {
		c := &list[i]
		if c.Truth != want {
			continue
		}
		switch linewatch.OpNamed(c.Op) {
		case linewatch.All, linewatch.Any:
			inner := conditionTexts(c.Of, want)
			if len(inner) == 0 {
				inner = []string{c.Op + " of its conditions is " + c.Truth.String()}
			}
			parts = append(parts, inner...)
		case linewatch.Not:
			parts = append(parts, "not ("+strings.Join(conditionTexts(c.Of, want.Not()), "; ")+")")
		default:
			parts = append(parts, conditionText(c))
		}
	}
	return parts
}

// conditionText says what one condition on a tag saw and what it asked for.
func conditionText(c *linewatch.ConditionWhy) string {
	name := c.Tag
	if c.Equipment != "" {
		name = c.Equipment + " " + name
	}
	if c.Truth == linewatch.Undecided {
		if c.Cause == "" {
			return name + " is unknown"
		}
		return name + " is unknown (" + c.Cause + ")"
	}
	text := name + " " + asked(c)
	if c.For > 0 {
		text += " for " + spanText(c.For)
	}
	return text
}

// asked is the value seen and the limit it was held against.
func asked(c *linewatch.ConditionWhy) string {
	value := "without a value"
	if c.Value != nil {
		value = readable(c)
	}
	limits := make([]string, len(c.Limits))
	for i, l := range c.Limits {
		limits[i] = l.String()
	}
	switch op := linewatch.OpNamed(c.Op); {
	case op == linewatch.Is && c.Truth == linewatch.True:
		return "is " + value
	case op == linewatch.Is:
		return value + " is " + strings.Join(limits, " ")
	case op == linewatch.IsNot:
		return value + " is not " + strings.Join(limits, " ")
	case op == linewatch.In:
		return value + " is one of " + strings.Join(limits, ", ")
	case op == linewatch.AtLeast:
		return value + " at least " + strings.Join(limits, " ")
	case op == linewatch.AtMost:
		return value + " at most " + strings.Join(limits, " ")
	case op == linewatch.Inside || op == linewatch.Outside:
		return value + " " + c.Op + " " + strings.Join(limits, " to ")
	}
	return value + " " + c.Op + " " + strings.Join(limits, " ") + clearText(c)
}

// readable writes the value of a condition with at most three decimals, unless
// it then could not be told from a limit. The evidence has all digits.
func readable(c *linewatch.ConditionWhy) string {
	f, _ := c.Value.Float()
	if c.Value.Kind() != linewatch.Float || math.Abs(f) >= 1e15 {
		return c.Value.String()
	}
	short := strconv.FormatFloat(math.Round(f*1000)/1000, 'f', -1, 64)
	exact := c.Value.String()
	if len(short) >= len(exact) {
		return exact
	}
	for _, l := range c.Limits {
		if !l.Equal(*c.Value) && (l.String() == short || l.String() == short+".0") {
			return exact
		}
	}
	return short
}

// clearText tells of hysteresis when the value no longer breaks the limit
// itself, for otherwise the sentence would look wrong.
func clearText(c *linewatch.ConditionWhy) string {
	if c.Clear == nil || c.Value == nil || len(c.Limits) != 1 || !c.Value.IsNumber() || !c.Limits[0].IsNumber() {
		return ""
	}
	past := linewatch.CompareNumbers(*c.Value, c.Limits[0]) > 0
	if linewatch.OpNamed(c.Op) == linewatch.Below {
		past = linewatch.CompareNumbers(*c.Value, c.Limits[0]) < 0
	}
	if past || c.Truth != linewatch.True {
		return ""
	}
	return " (clears at " + c.Clear.String() + ")"
}

// spanText writes a span with a space before each unit: 10 s, 5 min.
func spanText(d linewatch.Duration) string {
	units := []struct {
		size linewatch.Duration
		name string
	}{{linewatch.Day, "d"}, {linewatch.Hour, "h"}, {linewatch.Minute, "min"}, {linewatch.Second, "s"}}
	for _, u := range units {
		if d >= u.size && d%u.size == 0 {
			return strconv.FormatInt(int64(d/u.size), 10) + " " + u.name
		}
	}
	return strconv.FormatInt(int64(d), 10) + " ms"
}

// ranking says which group decided, which were of its mind and which opinions
// it outweighed.
func ranking(winner *linewatch.GroupWhy, groups []linewatch.GroupWhy) string {
	names := []string{weighed(winner)}
	var losers []string
	for i := range groups {
		g := &groups[i]
		switch {
		case g == winner || g.State == "":
		case g.State == winner.State:
			names = append(names, weighed(g))
		default:
			losers = append(losers, weighed(g)+" "+string(g.State))
		}
	}
	verb := "decides"
	switch many := len(names) > 1; {
	case len(losers) > 0 && many:
		verb = "outweigh " + strings.Join(losers, " and ")
	case len(losers) > 0:
		verb = "outweighs " + strings.Join(losers, " and ")
	case many:
		verb = "agree"
	}
	return " — " + strings.Join(names, " and ") + " " + verb
}

// weighed is a group's name with its weight.
func weighed(g *linewatch.GroupWhy) string {
	return g.Group + " (" + strconv.Itoa(g.Weight) + ")"
}
