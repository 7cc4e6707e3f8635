package ui

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"linewatch"
)

// StandingText explains for people how an instance stands: what each group
// says, what holds and what does not, and what is missing for the states that
// it is not in.
func StandingText(s *Standing) string {
	e := explainer{speaker: s.speaker(), now: s.Watermark}
	e.line(0, "rule %s version %d on %s: %s%s", s.Rule, s.Version, s.called(), s.State, e.since(s.Since))
	if s.Kind == linewatch.Shadow {
		e.line(0, "This version is only tried, as a shadow.")
	}
	if s.Watermark.Known() {
		e.line(0, "As of %s.", s.Watermark)
	} else {
		e.line(0, "No point was judged yet.")
	}
	for _, doubt := range s.Doubts {
		e.line(0, "%s.", doubt)
	}
	for i := range s.Groups {
		e.group(&s.Groups[i])
	}
	e.whyNot(s)
	return e.b.String()
}

// speaker tells of the standing's equipment.
func (s *Standing) speaker() speaker {
	return names{aliases: s.Aliases, tags: s.Tags}.of(s.Equipment)
}

// called is the equipment with the machine's name and line.
func (in *Instance) called() string {
	name := in.Equipment
	if in.Alias != "" {
		name = in.Alias
	}
	var more []string
	for _, s := range []string{in.Machine, in.Line} {
		if s != "" {
			more = append(more, s)
		}
	}
	if len(more) > 0 {
		name += " (" + strings.Join(more, ", ") + ")"
	}
	return name
}

// changeText explains a change for people: what every group said then.
func changeText(c *linewatch.StateChange, n names) string {
	e := explainer{speaker: n.of(c.Equipment), now: c.EventTime}
	e.line(0, "rule %s version %d on %s: %s -> %s at %s", c.Rule, c.Version, n.called(c.Equipment), c.From, c.To, c.EventTime)
	e.line(0, "Because %s.", e.change(c))
	for i := range c.Why.Groups {
		g := &c.Why.Groups[i]
		e.opinion(&linewatch.GroupStanding{Group: g.Group, Weight: g.Weight, State: g.State, Wins: g.Wins, Case: g.Case}, g.Was)
		e.conditions(1, g.Conditions)
	}
	return e.b.String()
}

// explainer writes indented lines.
type explainer struct {
	speaker
	b   strings.Builder
	now linewatch.Time
}

func (e *explainer) line(indent int, format string, args ...any) {
	e.b.WriteString(strings.Repeat("  ", indent) + visible(fmt.Sprintf(format, args...)) + "\n")
}

// since says how long a state lasts.
func (e *explainer) since(t linewatch.Time) string {
	if !t.Known() {
		return ""
	}
	return " since " + e.clock(t)
}

// clock writes a time of day, with the date unless it is that of now.
func (e *explainer) clock(t linewatch.Time) string {
	at, now := time.UnixMilli(int64(t)).UTC(), time.UnixMilli(int64(e.now)).UTC()
	layout := "15:04:05"
	if int64(t)%1000 != 0 {
		layout = "15:04:05.000"
	}
	if !e.now.Known() || at.Format(time.DateOnly) != now.Format(time.DateOnly) {
		layout = time.DateOnly + " " + layout
	}
	return at.Format(layout)
}

// opinion says what a group says, and what it said until now.
func (e *explainer) opinion(g *linewatch.GroupStanding, was linewatch.State) {
	says := "has no opinion"
	if g.State != "" {
		says = "says " + string(g.State)
	}
	if g.Wins {
		says += " and decides"
	}
	if was != "" {
		says += ", until now " + string(was)
	}
	e.line(0, "group %s (%d) %s", g.Group, g.Weight, says)
}

func (e *explainer) group(g *linewatch.GroupStanding) {
	e.opinion(g, "")
	for i := range g.Cases {
		c := &g.Cases[i]
		holds := map[linewatch.Truth]string{linewatch.True: "holds", linewatch.False: "does not hold", linewatch.Undecided: "cannot be decided"}[c.Truth]
		if c.Truth == linewatch.True && g.Case != i+1 {
			holds = fmt.Sprintf("holds, but case %d comes first", g.Case)
		}
		e.line(1, "case %d, %s: %s", i+1, c.State, holds)
		e.conditions(2, c.Conditions)
	}
	if g.Otherwise != "" {
		e.line(1, "otherwise: %s", g.Otherwise)
	}
}

// marks stand before a condition that holds, does not, or is not known to.
var marks = map[linewatch.Truth]string{linewatch.True: "+", linewatch.False: "-", linewatch.Undecided: "?"}

func (e *explainer) conditions(indent int, list []linewatch.ConditionWhy) {
	for i := range list {
		c := &list[i]
		if linewatch.OpNamed(c.Op).Combines() {
			span := ""
			if c.For > 0 {
				span = " for " + spanText(c.For)
			}
			e.line(indent, "%s %s%s%s", marks[c.Truth], joins(c), span, e.progress(c))
			e.conditions(indent+1, c.Of)
			continue
		}
		e.line(indent, "%s %s%s%s%s", marks[c.Truth], e.conditionText(c), e.progress(c), e.distance(c), tables(c))
	}
}

// joins says what is asked of the conditions below.
func joins(c *linewatch.ConditionWhy) string {
	switch linewatch.OpNamed(c.Op) {
	case linewatch.All:
		return "all of"
	case linewatch.Any:
		return "any of"
	case linewatch.AtLeastN:
		return fmt.Sprintf("at least %d of", c.N)
	}
	return c.Op
}

// progress says since when a condition with a time holds, and until when it has
// to.
func (e *explainer) progress(c *linewatch.ConditionWhy) string {
	if c.Truth == linewatch.False && c.Due != 0 && c.Due.Known() {
		return fmt.Sprintf(" (is true at %s if nothing else comes)", e.clock(c.Due))
	}
	if kept(c) {
		return fmt.Sprintf(" (until %s)", e.clock(c.Until))
	}
	if c.For == 0 || c.Since == 0 || !c.Since.Known() {
		return ""
	}
	if pending(c) {
		return fmt.Sprintf(" (since %s; is true at %s if it lasts)", e.clock(c.Since), e.clock(c.Since.Add(c.For)))
	}
	return " (since " + e.clock(c.Since) + ")"
}

// distance says how far a number is from the limit that it does not reach.
func (s speaker) distance(c *linewatch.ConditionWhy) string {
	value := c.Compared()
	if c.Truth != linewatch.False || pending(c) || value == nil || len(c.Limits) != 1 {
		return ""
	}
	v, ok := value.Float()
	limit, also := c.Limits[0].Float()
	switch op := linewatch.OpNamed(c.Op); {
	case !ok || !also || op < linewatch.Above || op > linewatch.AtMost:
		return ""
	case v == limit:
		return " (exactly on the limit)"
	}
	return " (" + strconv.FormatFloat(round(math.Abs(limit-v)), 'g', -1, 64) + s.unit(c) + " missing)"
}

// tables names the places in reference tables where limits were looked up.
func tables(c *linewatch.ConditionWhy) string {
	places := slices.DeleteFunc(slices.Clone(c.LimitFrom), func(s string) bool { return s == "" })
	if len(places) == 0 {
		return ""
	}
	return " (limit: " + strings.Join(places, ", ") + ")"
}

// round keeps three digits that count.
func round(f float64) float64 {
	short, err := strconv.ParseFloat(strconv.FormatFloat(f, 'g', 3, 64), 64)
	if err != nil {
		return f
	}
	return short
}
