package script

import (
	"fmt"
	"slices"
	"strings"

	"linewatch"
)

// hints says of the expected changes that did not come what no step can mend,
// because nothing is called so, or else how far event time came.
func (r *runner) hints(want []expected, got []string) string {
	names, missing := strings.Builder{}, []*expected(nil)
	align(want, got, func(i, j int) {
		if i < 0 || j >= 0 {
			return
		}
		missing = append(missing, &want[i])
		if hint := r.unknownName(&want[i]); hint != "" {
			fmt.Fprintf(&names, "  %s:%d: %s\n", r.file.name, want[i].line, hint)
		}
	})
	if len(missing) == 0 || names.Len() > 0 {
		return names.String()
	}
	return r.tooShort(missing)
}

// unknownName tells of the first name in an expected change that means nothing
// here; empty if all do.
func (r *runner) unknownName(e *expected) string {
	id := e.rule
	if id == "" {
		id = r.file.rule.ID
	}
	versions := r.rules[id]
	if versions == nil {
		return fmt.Sprintf("%q is no rule of the test; %s", string(id), listed(string(id), "the rules are ", r.ruleIDs()))
	}
	states, groups := []string{string(linewatch.Unknown)}, []string(nil)
	for _, v := range versions {
		for _, s := range v.Says() {
			states = append(states, string(s))
		}
		groups = append(groups, v.GroupIDs()...)
	}
	for _, s := range []linewatch.State{e.from, e.state} {
		if !slices.Contains(states, string(s)) {
			return fmt.Sprintf("%q is no state of rule %s; %s", string(s), id, listed(string(s), "its states are ", unique(states)))
		}
	}
	if e.group != "" && !slices.Contains(groups, e.group) {
		return fmt.Sprintf("%q is no group of rule %s; %s", e.group, id, listed(e.group, "its groups are ", unique(groups)))
	}
	_, isLine := linewatch.SubjectLine(e.equipment)
	_, isSite := linewatch.SubjectSite(e.equipment)
	if _, ok := r.find(e.equipment); !ok && !isLine && !isSite {
		return fmt.Sprintf("%q is no equipment of the test; %s", e.equipment, listed(e.equipment, "there are ", r.equipment()))
	}
	return ""
}

func unique(names []string) []string {
	slices.Sort(names)
	return slices.Compact(names)
}

// tooShort says how far event time came if that is less far than an expected
// change, or than what its condition waits for.
func (r *runner) tooShort(missing []*expected) string {
	end := r.domain.Watermark()
	if !end.Known() || r.domain.Accounts().Buffered > 0 {
		return "" // which is said of the points that wait
	}
	last, due := end, linewatch.MaxTime
	for _, e := range missing {
		last, due = max(last, e.at), min(due, r.due(e, end))
	}
	switch {
	case last > end:
		return fmt.Sprintf("  event time ended at %s, before an expected change; add a last step %s watermark\n", formatTime(end), formatTime(last))
	case due < linewatch.MaxTime:
		return fmt.Sprintf("  event time ended at %s, and the rule waits for %s; add a last step %[2]s watermark to see what comes then\n", formatTime(end), formatTime(due))
	}
	return ""
}

// due returns the first time after an instant at which a condition for an
// expected state becomes true if nothing comes; MaxTime for none.
func (r *runner) due(e *expected, after linewatch.Time) linewatch.Time {
	rule, first := e.rule, linewatch.MaxTime
	if rule == "" {
		rule = r.file.rule.ID
	}
	for _, s := range r.domain.Explain(rule, e.equipment) {
		for _, g := range s.Groups {
			for _, c := range g.Cases {
				if c.State == e.state {
					first = min(first, nextDue(c.Conditions, after))
				}
			}
		}
	}
	return first
}

// nextDue returns the first time after an instant at which conditions become
// true if nothing comes; MaxTime for none.
func nextDue(list []linewatch.ConditionWhy, after linewatch.Time) linewatch.Time {
	first := linewatch.MaxTime
	for i := range list {
		c := &list[i]
		due := c.Due
		if c.For > 0 && c.Since.Known() {
			due = c.Since.Add(c.For)
		}
		if due > after {
			first = min(first, due)
		}
		first = min(first, nextDue(c.Of, after))
	}
	return first
}
