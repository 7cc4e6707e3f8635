package ui

import (
	"slices"
	"strconv"
	"strings"
	"unicode"

	"linewatch"
)

// Sentence says in an operator's words why an instance is in its state, such
// as "water_temperature 77.4 °C above 75 °C for 10 s; pressure 3.4 bar above
// 3.2 bar for 10 s — limits (60) outweighs context (40) ACTIVE".
func (s *Standing) Sentence() string { return s.speaker().sentence(s.State, s.Why) }

// ChangeSentence says why a change was made, with the names and units of a
// registry.
func ChangeSentence(c *linewatch.StateChange, equipment []linewatch.Equipment) string {
	return namesIn(equipment).of(c.Equipment).change(c)
}

// sentence says why an instance went to a state.
func (s speaker) sentence(to linewatch.State, why linewatch.Explanation) string {
	return visible(s.because(to, why))
}

// change says why a change was made: as sentence does, and of an alarm that ends
// also what holds no more.
func (s speaker) change(c *linewatch.StateChange) string {
	over := s.releases(c)
	switch text := s.because(c.To, c.Why); {
	case len(over) == 0:
		return visible(text)
	case deciding(c.To, c.Why.Groups) != nil:
		for i, g := range c.Released() {
			over[i] = weighed(g) + opinion(g) + ": " + over[i]
		}
		return visible(text + "; " + strings.Join(over, "; "))
	}
	return visible(strings.Join(over, "; ") + " — nothing is wrong any more: no case of the rule applies")
}

// releases describes, for each group that was released, what does not hold or
// cannot be decided any more.
func (s speaker) releases(c *linewatch.StateChange) (texts []string) {
	for _, g := range c.Released() {
		over := *g
		over.Conditions = cleared(g.Conditions)
		texts = append(texts, strings.Join(s.groupTexts(&over), "; "))
	}
	return texts
}

// cleared returns conditions with the limits at which they cleared in place of
// those at which they began to hold.
func cleared(list []linewatch.ConditionWhy) []linewatch.ConditionWhy {
	list = slices.Clone(list)
	for i := range list {
		if v := list[i].Cleared(); v != nil {
			list[i].Limits = []linewatch.Value{*v}
		}
		list[i].Of = cleared(list[i].Of)
	}
	return list
}

func opinion(g *linewatch.GroupWhy) string {
	if g.State == "" {
		return " has no opinion"
	}
	return " says " + string(g.State)
}

// visible shows what cannot be printed as a mark. Values come from machines:
// one must not forge a line of a terminal, colour it, or turn its direction.
func visible(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return unicode.ReplacementChar
	}, s)
}

func (s speaker) because(to linewatch.State, why linewatch.Explanation) string {
	winner := deciding(to, why.Groups)
	if winner == nil {
		if why.Cause != "" {
			return why.Cause
		}
		return s.nobody(to, why.Groups)
	}
	text := s.evidence(winner, why.Groups) + ranking(winner, why.Groups)
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

// nobody says what it means that no group puts a state forward: nothing is
// wrong, or a group that the rule ignores while it is undecided is.
func (s speaker) nobody(to linewatch.State, groups []linewatch.GroupWhy) string {
	if to != linewatch.Unknown {
		return "nothing is wrong: no case of the rule applies"
	}
	var parts []string
	for i := range groups {
		parts = addNew(parts, s.conditionTexts(groups[i].Conditions, linewatch.Undecided))
	}
	if len(parts) == 0 {
		return "nothing is known yet"
	}
	return strings.Join(parts, "; ")
}

// evidence lists the conditions behind the state of the winner: its own, and
// those of the groups that are of its mind.
func (s speaker) evidence(winner *linewatch.GroupWhy, groups []linewatch.GroupWhy) string {
	parts := addNew(nil, s.groupTexts(winner))
	for i := range groups {
		if g := &groups[i]; g != winner && g.State == winner.State {
			parts = addNew(parts, s.groupTexts(g))
		}
	}
	return strings.Join(parts, "; ")
}

// addNew appends what is not said yet.
func addNew(list, more []string) []string {
	for _, s := range more {
		if !slices.Contains(list, s) {
			list = append(list, s)
		}
	}
	return list
}

// groupTexts describes the conditions behind a group's opinion: those that
// hold; for UNKNOWN those that cannot be decided; and where no case holds, so
// that the group falls back to its `otherwise`, those that fail.
func (s speaker) groupTexts(g *linewatch.GroupWhy) []string {
	order := []linewatch.Truth{linewatch.True}
	switch g.Rests() {
	case linewatch.Undecided:
		order = []linewatch.Truth{linewatch.Undecided, linewatch.False}
	case linewatch.False:
		order = []linewatch.Truth{linewatch.False, linewatch.Undecided}
	}
	for _, want := range order {
		if parts := s.conditionTexts(g.Conditions, want); len(parts) > 0 {
			return parts
		}
	}
	return []string{"none of " + g.Group + "'s cases holds"}
}

// conditionTexts describes the conditions that are true, false or undecided,
// down to those on tags, which say themselves whether they hold.
func (s speaker) conditionTexts(list []linewatch.ConditionWhy, want linewatch.Truth) (parts []string) {
	for i := range list {
		c := &list[i]
		if c.Truth != want {
			continue
		}
		switch linewatch.OpNamed(c.Op) {
		case linewatch.All, linewatch.Any, linewatch.Not, linewatch.AtLeastN:
			parts = append(parts, s.combined(c)...)
		default:
			parts = append(parts, s.conditionText(c))
		}
	}
	return parts
}

// combined describes an all, any or not by those of its conditions that made
// it what it is.
func (s speaker) combined(c *linewatch.ConditionWhy) []string {
	want := c.Truth
	if linewatch.OpNamed(c.Op) == linewatch.Not {
		want = want.Not()
	}
	inner, span := s.conditionTexts(c.Of, want), ""
	switch {
	case pending(c):
		inner, span = s.conditionTexts(c.Of, want.Not()), ", but not yet for "+spanText(c.For)
	case kept(c):
		inner, span = s.conditionTexts(c.Of, want.Not()), ", but kept for "+spanText(c.Keep)
	case c.For > 0 && c.Truth == linewatch.True:
		span = " for " + spanText(c.For)
	}
	switch {
	case len(inner) == 0:
		return []string{c.Op + " of its conditions is " + c.Truth.String()}
	case span == "":
		return inner
	case len(inner) == 1:
		return []string{inner[0] + span}
	}
	return []string{"(" + strings.Join(inner, "; ") + ")" + span}
}

// pending reports whether a condition is false only because it has not held
// for its time yet.
func pending(c *linewatch.ConditionWhy) bool {
	return c.Truth == linewatch.False && c.For > 0 && c.Since != 0 && c.Since.Known()
}

// kept reports whether a condition is true only because it was a moment ago.
func kept(c *linewatch.ConditionWhy) bool {
	return c.Truth == linewatch.True && c.Until != 0 && c.Until.Known()
}

// conditionText says what one condition on a tag saw and what it asked for.
func (s speaker) conditionText(c *linewatch.ConditionWhy) string {
	name := s.subject(c)
	if c.Truth == linewatch.Undecided {
		name = strings.TrimSuffix(name, " =")
		if reason := unknownBecause(c); reason != "" {
			return name + " is unknown (" + reason + ")"
		}
		return name + " is unknown"
	}
	if pending(c) {
		return name + " " + s.asked(c, true) + ", but not yet for " + spanText(c.For)
	}
	if kept(c) {
		return name + " " + s.asked(c, false) + ", but kept for " + spanText(c.Keep)
	}
	text := name + " " + s.asked(c, c.Truth == linewatch.True)
	if c.For > 0 {
		text += " for " + spanText(c.For)
	}
	return text
}

// unknownBecause says why a condition cannot be decided: the quality of its tag,
// the cause, or both.
func unknownBecause(c *linewatch.ConditionWhy) string {
	switch {
	case c.Quality == "" || c.Quality == linewatch.Ok.String():
		return c.Cause
	case c.Cause == "":
		return "quality " + c.Quality
	}
	return "quality " + c.Quality + ", " + c.Cause
}

// subject names what a condition is about.
func (s speaker) subject(c *linewatch.ConditionWhy) string {
	name := c.Tag
	if c.Equipment != "" {
		name = s.called(c.Equipment) + " " + name
	}
	switch op := linewatch.OpNamed(c.Op); {
	case c.Expr != "" && (op == linewatch.Is || op == linewatch.IsNot):
		return c.Expr // speed > 3 is true
	case c.Expr != "":
		return c.Expr + " ="
	case c.Window != "":
		return c.Window + " of " + name + " over " + spanText(c.Over)
	}
	return name
}

// asked is the value seen and how it stands to the limit, which the condition
// on it holds or not.
func (s speaker) asked(c *linewatch.ConditionWhy, holds bool) string {
	value := "without a value"
	if v := c.Compared(); v != nil {
		value = s.number(c, v)
	}
	limits := make([]string, len(c.Limits))
	for i := range c.Limits {
		limits[i] = plain(&c.Limits[i])
	}
	if n := len(limits); n > 0 && !slices.ContainsFunc(c.Limits, func(v linewatch.Value) bool { return !v.IsNumber() }) {
		limits[n-1] += s.unit(c) // once for all
	}
	not := ""
	if !holds {
		not = "not "
	}
	switch op := linewatch.OpNamed(c.Op); {
	case op == linewatch.Changed:
		return not + "changed, is " + value
	case op == linewatch.Stuck:
		return "is " + value + ", " + not + "unchanged for " + spanText(c.Span)
	case op == linewatch.Missing && holds:
		return "sent nothing for " + spanText(c.Span)
	case op == linewatch.Missing:
		return "has sent within " + spanText(c.Span)
	case op == linewatch.Sequence:
		return not + "in the sequence " + strings.Join(limits, ", ") + " within " + spanText(c.Span)
	case op == linewatch.Is && holds, op == linewatch.IsNot && !holds:
		return "is " + value
	case op == linewatch.Is || op == linewatch.IsNot:
		return "is " + value + ", not " + strings.Join(limits, " ")
	case op == linewatch.In && holds:
		return value + " is one of " + strings.Join(limits, ", ")
	case op == linewatch.In:
		return value + " is none of " + strings.Join(limits, ", ")
	case op == linewatch.AtLeast:
		return value + " " + not + "at least " + strings.Join(limits, " ")
	case op == linewatch.AtMost:
		return value + " " + not + "at most " + strings.Join(limits, " ")
	case op == linewatch.Inside || op == linewatch.Outside:
		return value + " " + not + c.Op + " " + strings.Join(limits, " to ")
	}
	return value + " " + not + c.Op + " " + strings.Join(limits, " ") + s.clearText(c)
}

// clearText tells of hysteresis when the value no longer breaks the limit
// itself, for otherwise the sentence would look wrong.
func (s speaker) clearText(c *linewatch.ConditionWhy) string {
	v := c.Compared()
	if c.Clear == nil || v == nil || len(c.Limits) != 1 || !v.IsNumber() || !c.Limits[0].IsNumber() {
		return ""
	}
	past := linewatch.CompareNumbers(*v, c.Limits[0]) > 0
	if linewatch.OpNamed(c.Op) == linewatch.Below {
		past = linewatch.CompareNumbers(*v, c.Limits[0]) < 0
	}
	if past || c.Truth != linewatch.True {
		return ""
	}
	return " (clears at " + plain(c.Clear) + s.unit(c) + ")"
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
