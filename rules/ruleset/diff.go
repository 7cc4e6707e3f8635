package ruleset

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"linewatch"
	"linewatch/rules"
	"linewatch/rules/rulefile"
)

// Difference is what differs between two versions of a rule in meaning; order
// of keys, comments and spelling do not count.
type Difference struct {
	lines []string
	// Kept, New and Ended are the conditions that remember something: those of
	// the newer version that keep it when it takes effect, those that begin
	// anew, and those of the older one that are no more. Each is written with
	// its group.
	Kept, New, Ended []string
}

// Same reports whether the versions mean the same.
func (d *Difference) Same() bool { return len(d.lines) == 0 }

// Diff compares two versions of a rule.
func Diff(old, next *linewatch.Rule) *Difference {
	d := &Difference{}
	d.field("id", string(old.ID), string(next.ID))
	d.field("name", old.Name, next.Name)
	d.field("scope", old.Scope.String(), next.Scope.String())
	d.field("priority", strconv.Itoa(old.Priority), strconv.Itoa(next.Priority))
	d.field("ranking", orDefault(string(old.Ranking), "highest"), orDefault(string(next.Ranking), "highest"))
	d.field("states", stateTexts(old.States), stateTexts(next.States))
	d.groups(old.Groups, next.Groups)
	d.overrides(old, next)
	d.alert(old.Alert, next.Alert)
	d.field("onUnknown", orDefault(string(old.OnUnknown), "show"), orDefault(string(next.OnUnknown), "show"))
	d.field("late", orDefault(string(old.Late), "backfill"), orDefault(string(next.Late), "backfill"))
	d.conditions(old, next)
	return d
}

// Akin reports whether one rule may be a version of the other: they have their
// name in common, or a group that tests the same tag or expression.
func Akin(a, b *linewatch.Rule) bool {
	if a.Name == b.Name && a.Name != "" {
		return true
	}
	tests := testsOf(a)
	for t := range testsOf(b) {
		if tests[t] {
			return true
		}
	}
	return false
}

// testsOf returns what the groups of a rule test, as group, tag and expression.
func testsOf(r *linewatch.Rule) map[[3]string]bool {
	all := map[[3]string]bool{}
	r.Walk(func(_ string, g *linewatch.Group, c *linewatch.Condition) {
		if c.Tag != "" || c.Expr != "" {
			all[[3]string{g.ID, c.Tag, c.Expr}] = true
		}
	})
	return all
}

// Text writes the difference for people, each line indented by two spaces.
func (d *Difference) Text() string {
	var b strings.Builder
	for _, line := range d.lines {
		b.WriteString("  " + line + "\n")
	}
	if d.Same() {
		return "  no difference\n"
	}
	fmt.Fprintf(&b, "  conditions that remember: %d kept, %d anew, %d gone\n", len(d.Kept), len(d.New), len(d.Ended))
	for _, c := range d.New {
		b.WriteString("    anew: " + c + "\n")
	}
	for _, c := range d.Ended {
		b.WriteString("    gone: " + c + "\n")
	}
	return b.String()
}

func (d *Difference) add(format string, args ...any) {
	d.lines = append(d.lines, fmt.Sprintf(format, args...))
}

// field compares a key; empty text means that it is not written.
func (d *Difference) field(path, old, next string) {
	switch {
	case old == next:
	case old == "":
		d.add("%s: %s is new", path, next)
	case next == "":
		d.add("%s: %s is gone", path, old)
	default:
		d.add("%s: %s -> %s", path, old, next)
	}
}

func orDefault(word, otherwise string) string {
	if word == "" {
		return otherwise
	}
	return word
}

func stateTexts(list []linewatch.StateDef) string {
	words := make([]string, len(list))
	for i, s := range list {
		words[i] = fmt.Sprintf("%s (severity %d)", s.Name, s.Severity)
	}
	return strings.Join(words, ", ")
}

func (d *Difference) alert(old, next *linewatch.Alert) {
	a, b := linewatch.Alert{}, linewatch.Alert{}
	if old != nil {
		a = *old
	}
	if next != nil {
		b = *next
	}
	d.field("alert.title", quoted(a.Title), quoted(b.Title))
	d.field("alert.text", quoted(a.Text), quoted(b.Text))
	d.field("alert.channels", strings.Join(a.Channels, ", "), strings.Join(b.Channels, ", "))
}

func quoted(s string) string {
	if s == "" {
		return ""
	}
	return strconv.Quote(s)
}

// groups compares the groups by name. Their order counts only among equals and
// is told when it differs.
func (d *Difference) groups(old, next []linewatch.Group) {
	before := map[string]*linewatch.Group{}
	var order, newOrder []string
	for i := range old {
		before[old[i].ID] = &old[i]
	}
	after := map[string]bool{}
	for i := range next {
		after[next[i].ID] = true
	}
	for i := range old {
		if g := &old[i]; after[g.ID] {
			order = append(order, g.ID)
		} else {
			d.add("group %s (weight %d) is gone", g.ID, g.Weight)
		}
	}
	for i := range next {
		g := &next[i]
		was := before[g.ID]
		if was == nil {
			d.add("group %s (weight %d) is new", g.ID, g.Weight)
			d.cases(nil, g.Cases)
			continue
		}
		newOrder = append(newOrder, g.ID)
		d.group(was, g)
	}
	d.field("order of groups", strings.Join(order, ", "), strings.Join(newOrder, ", "))
}

// overrides compares what is different for single machines.
func (d *Difference) overrides(old, next *linewatch.Rule) {
	find := func(r *linewatch.Rule, equipment string) *linewatch.Override {
		i := slices.IndexFunc(r.Overrides, func(o linewatch.Override) bool { return o.Equipment == equipment })
		if i < 0 {
			return nil
		}
		return &r.Overrides[i]
	}
	for _, o := range old.Overrides {
		if find(next, o.Equipment) == nil {
			d.add("override for %s is gone", o.Equipment)
		}
	}
	for _, o := range next.Overrides {
		was, inner := find(old, o.Equipment), &Difference{}
		if was == nil {
			d.add("override for %s is new", o.Equipment)
			continue
		}
		if inner.groups(was.Groups, o.Groups); len(inner.lines) > 0 {
			d.add("override for %s", o.Equipment)
			for _, line := range inner.lines {
				d.add("  %s", line)
			}
		}
	}
}

func (d *Difference) group(old, next *linewatch.Group) {
	inner := &Difference{}
	inner.field("weight", strconv.Itoa(old.Weight), strconv.Itoa(next.Weight))
	inner.cases(old.Cases, next.Cases)
	inner.field("otherwise", orDefault(string(old.Otherwise), "none"), orDefault(string(next.Otherwise), "none"))
	inner.field("unknown", orDefault(string(old.Unknown), "report"), orDefault(string(next.Unknown), "report"))
	if len(inner.lines) == 0 {
		return
	}
	d.add("group %s", next.ID)
	for _, line := range inner.lines {
		d.add("  %s", line)
	}
}

// cases compares the cases line by line in their canonical form.
func (d *Difference) cases(old, next []linewatch.Case) {
	a, b := caseLines(old), caseLines(next)
	if strings.Join(a, "\n") == strings.Join(b, "\n") {
		return
	}
	d.add("cases")
	for _, line := range lineDiff(a, b) {
		d.add("%s", line)
	}
}

func caseLines(cases []linewatch.Case) (lines []string) {
	for i := range cases {
		lines = append(lines, strings.Split(strings.TrimSuffix(string(rulefile.FormatCase(&cases[i])), "\n"), "\n")...)
	}
	return lines
}

// lineDiff marks the lines of a that b lacks with - and those that only b has
// with +.
func lineDiff(a, b []string) (out []string) {
	length := make([][]int, len(a)+1)
	for i := range length {
		length[i] = make([]int, len(b)+1)
	}
	for i := len(a) - 1; i >= 0; i-- {
		for j := len(b) - 1; j >= 0; j-- {
			if length[i][j] = max(length[i+1][j], length[i][j+1]); a[i] == b[j] {
				length[i][j] = length[i+1][j+1] + 1
			}
		}
	}
	for i, j := 0, 0; i < len(a) || j < len(b); {
		switch {
		case i < len(a) && j < len(b) && a[i] == b[j]:
			out = append(out, "  "+a[i])
			i, j = i+1, j+1
		case j == len(b) || i < len(a) && length[i+1][j] >= length[i][j+1]:
			out = append(out, "- "+a[i])
			i++
		default:
			out = append(out, "+ "+b[j])
			j++
		}
	}
	return out
}

// conditions tells which conditions keep what they remember, by the identities
// that the engine uses.
func (d *Difference) conditions(old, next *linewatch.Rule) {
	before, after := memories(old), memories(next)
	for _, m := range after {
		if slices.ContainsFunc(before, m.same) {
			d.Kept = append(d.Kept, m.text)
		} else {
			d.New = append(d.New, m.text)
		}
	}
	for _, m := range before {
		if !slices.ContainsFunc(after, m.same) {
			d.Ended = append(d.Ended, m.text)
		}
	}
}

// memory is a condition that remembers something.
type memory struct {
	id   [16]byte
	text string
}

func (m memory) same(other memory) bool { return m.id == other.id }

func memories(r *linewatch.Rule) (list []memory) {
	ids := rules.Identities(r)
	var add func(group string, c *linewatch.Condition)
	add = func(group string, c *linewatch.Condition) {
		for i := range c.Of {
			add(group, &c.Of[i])
		}
		if remembers(c) {
			list = append(list, memory{ids[0], group + " " + rulefile.FormatCondition(c)})
		}
		ids = ids[1:]
	}
	for i := range r.Groups {
		for j := range r.Groups[i].Cases {
			add(r.Groups[i].ID, &r.Groups[i].Cases[j].When)
		}
	}
	return list
}

// remembers reports whether a condition hangs on more than what is so now.
func remembers(c *linewatch.Condition) bool {
	return c.For != 0 || c.Keep != 0 || !c.Clear.IsNull() || !c.Hysteresis.IsNull() ||
		c.Window != linewatch.Window{} || c.Op >= linewatch.Changed && c.Op <= linewatch.Sequence
}
