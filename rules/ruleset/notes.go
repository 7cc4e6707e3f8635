package ruleset

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"linewatch"
	"linewatch/internal/strictyaml"
	"linewatch/rules/rulefile"
)

// Notes tells what of a rule cannot be decided as things stand, though it may
// be once more is published: states of rules that are not in force or never
// said, limits that stand nowhere. Each is a line for people.
func (f *InForce) Notes(r *linewatch.Rule) []string { return newNoter(f).notes(r) }

// Concerns tells what Notes says of the rules in force under after and does
// not under f, such as before another table is published; each line begins
// with its rule. Rules whose own machine is gone are passed over: they end.
func (f *InForce) Concerns(after *InForce) (list []string) {
	was, is := newNoter(f), newNoter(after)
	was.plain, is.plain = true, true // the names were right before
	is.before = f.Tables
	for _, id := range slices.Sorted(maps.Keys(after.Rules)) {
		r := after.Rules[id]
		if !is.knows(r) {
			continue
		}
		notes := is.notes(r)
		if len(notes) == 0 {
			continue
		}
		before := was.notes(r)
		for _, note := range notes {
			if !slices.Contains(before, note) {
				list = append(list, "rule "+string(id)+": "+note)
			}
		}
	}
	return list
}

// noter makes the notes of one rule after the other.
type noter struct {
	*InForce
	rule    *linewatch.Rule
	plain   bool                          // ask for no other names
	before  map[string]linewatch.Table    // what another publication replaces; nil: nothing
	columns map[string]map[string]*column // by table, as far as they were needed
	list    []string
}

func newNoter(f *InForce) *noter { return &noter{InForce: f, columns: map[string]map[string]*column{}} }

// column is what the rows of a table hold under one name.
type column struct {
	rows []string // that have it, in order
	text []string // of these the ones where it is no number
}

func (n *noter) add(format string, args ...any) {
	n.list = append(n.list, fmt.Sprintf(format, args...))
}

// knows reports whether the registry knows what a rule is about.
func (n *noter) knows(r *linewatch.Rule) bool {
	if n.Registry == nil {
		return true
	}
	d := n.directory()
	return r.Scope.Class != "" && d.classes[r.Scope.Class] != nil || d.byName[r.Scope.Subject()] != nil
}

func (n *noter) notes(r *linewatch.Rule) []string {
	n.rule, n.list = r, nil
	for _, fault := range n.check(rulefile.Known("", r), false).list {
		n.add("%s: %s", fault.Field, fault.Message)
	}
	var about []*linewatch.Equipment
	if n.Registry != nil {
		about = n.about()
	}
	n.rule.Walk(func(path string, _ *linewatch.Group, cond *linewatch.Condition) {
		if id, ok := linewatch.RuleTag(cond.Tag); ok {
			n.state(path, id, cond, concerned(n.rule, path, about))
		}
		for _, l := range cond.Lookups {
			if l != (linewatch.Lookup{}) {
				n.limit(path, cond, &l)
			}
		}
	})
	return n.list
}

// about returns the equipment of the rule, as far as it is registered.
func (n *noter) about() []*linewatch.Equipment {
	d, scope := n.directory(), n.rule.Scope
	if scope.Class == "" {
		if e := d.byName[scope.Subject()]; e != nil {
			return []*linewatch.Equipment{e}
		}
		return nil
	}
	about := d.classes[scope.Class]
	if about == nil {
		n.add("no equipment of class %s is registered%s; until there is, the rule says nothing", scope.Class, n.near(scope.Class, slices.Sorted(maps.Keys(d.classes))))
	}
	return about
}

// state tells of a condition on the state of a rule.
func (n *noter) state(path string, id linewatch.RuleID, cond *linewatch.Condition, about []*linewatch.Equipment) {
	other := n.published(id)
	switch {
	case n.plain && n.Rules[id] == nil: // it was
		n.add("no rule %s is in force any more; %s is UNKNOWN", id, path)
		return
	case other == nil:
		ids := make([]string, 0, len(n.Rules))
		for known := range n.Rules {
			if known != n.rule.ID {
				ids = append(ids, string(known))
			}
		}
		slices.Sort(ids)
		n.add("no rule %s is published%s; until it is, %s is UNKNOWN", id, n.near(string(id), ids), path)
		return
	case n.Rules[id] == nil:
		n.add("rule %s is not in force; until it is, %s is UNKNOWN", id, path)
	}
	n.silent(path, id, cond, other, about)
	unsaid(path, cond, states(other), func(at, state string, says []string) {
		n.add("rule %s never says %s, only %s; until it does, %s is without effect", id, state, strings.Join(says, ", "), at)
	})
}

// silent tells of equipment of which the rule that is read says nothing. Where
// both rules are about one thing each, that is refused and not told.
func (n *noter) silent(path string, id linewatch.RuleID, cond *linewatch.Condition, other *linewatch.Rule, about []*linewatch.Equipment) {
	if n.Registry == nil {
		return
	}
	if cond.Equipment != "" {
		about = nil
		if e := n.directory().byName[cond.Equipment]; e != nil {
			about = []*linewatch.Equipment{e}
		}
	}
	one := n.directory().byName[other.Scope.Subject()]
	if one != nil && (cond.Equipment != "" || n.rule.Scope.Class == "") {
		return
	}
	for _, e := range about {
		if other.Scope.Class != "" && other.Scope.Class != e.Class || one != nil && one != e {
			n.add("rule %s says nothing of %s; for that %s is UNKNOWN", id, call(e), path)
			return
		}
	}
}

// limit tells of a limit that stands nowhere, or for some rows nowhere.
func (n *noter) limit(path string, cond *linewatch.Condition, l *linewatch.Lookup) {
	table, ok := n.Tables[l.Table]
	if !ok {
		n.add("no table %s is published%s; until it is, %s is UNKNOWN", l.Table, n.near(l.Table, slices.Sorted(maps.Keys(n.Tables))), path)
		return
	}
	columns := n.columnsOf(&table)
	c := columns[l.Column]
	if c == nil {
		n.add("no row of table %s has a column %s%s; until one has, %s is UNKNOWN", l.Table, l.Column, n.near(l.Column, slices.Sorted(maps.Keys(columns))), path)
		return
	}
	n.lost(&table, l, path)
	var lacking []string
	if len(c.rows) < len(table.Rows) {
		for row := range table.Rows {
			if _, ok := table.Rows[row][l.Column]; !ok {
				lacking = append(lacking, row)
			}
		}
		slices.Sort(lacking)
	}
	n.rows("no "+l.Column, l.Table, lacking, path)
	if cond.Op.Numeric() {
		n.rows("no number as "+l.Column, l.Table, c.text, path)
	}
}

// lost tells of rows with a limit that a table had and has no more.
func (n *noter) lost(table *linewatch.Table, l *linewatch.Lookup, path string) {
	var lost []string
	for row, cells := range n.before[table.ID].Rows {
		_, had := cells[l.Column]
		if _, has := table.Rows[row]; had && !has {
			lost = append(lost, row)
		}
	}
	slices.Sort(lost)
	switch len(lost) {
	case 0:
	case 1:
		n.add("row %.64q of table %s is gone; for that %s is UNKNOWN", lost[0], table.ID, path)
	default:
		n.add("%d rows of table %s, such as %.64q, are gone; for these %s is UNKNOWN", len(lost), table.ID, lost[0], path)
	}
}

// near asks whether another name was meant.
func (n *noter) near(name string, names []string) string {
	if other := strictyaml.Nearest(name, names); other != "" && !n.plain {
		return " (did you mean " + other + "?)"
	}
	return ""
}

// rows tells of rows for which a limit cannot be had.
func (n *noter) rows(what, table string, rows []string, path string) {
	switch len(rows) {
	case 0:
	case 1:
		n.add("row %.64q of table %s has %s; for that %s is UNKNOWN", rows[0], table, what, path)
	default:
		n.add("%d rows of table %s, such as %.64q, have %s; for these %s is UNKNOWN", len(rows), table, rows[0], what, path)
	}
}

func (n *noter) columnsOf(t *linewatch.Table) map[string]*column {
	if all, ok := n.columns[t.ID]; ok {
		return all
	}
	all := map[string]*column{}
	for _, row := range slices.Sorted(maps.Keys(t.Rows)) {
		for name, v := range t.Rows[row] {
			c := all[name]
			if c == nil {
				c = &column{}
				all[name] = c
			}
			c.rows = append(c.rows, row)
			if !v.IsNumber() {
				c.text = append(c.text, row)
			}
		}
	}
	n.columns[t.ID] = all
	return all
}
