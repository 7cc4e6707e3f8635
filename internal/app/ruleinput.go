package app

import (
	"fmt"

	"linewatch"
)

// inputFits checks a condition on the state of another rule: that rule must
// say something of the equipment that is meant, if it is published at all.
func (c *control) inputFits(cond *linewatch.Condition, rule *linewatch.Rule) error {
	for i := range cond.Of {
		if err := c.inputFits(&cond.Of[i], rule); err != nil {
			return err
		}
	}
	id, ok := linewatch.RuleTag(cond.Tag)
	if !ok {
		return nil
	}
	if home, ok := linewatch.SubjectSite(rule.Scope.Subject()); ok && cond.Equipment != "" && cond.Equipment != rule.Scope.Subject() {
		return fmt.Errorf("rule %s is judged on its line, not for the site %q; a rule about a site reads tags, and states of other rules about that site", id, home)
	}
	other, known := c.rules[id]
	meant := cond.Equipment
	if meant == "" {
		meant = rule.Scope.Subject()
	}
	about := other.rule.Scope.Subject()
	if !known || other.withdrawn || meant == "" || about == "" || c.same(meant, about) {
		return nil
	}
	return fmt.Errorf("rule %s says nothing of %q, it is about %q; name that with equipment: %s", id, meant, about, about)
}

// same reports whether two names stand for one equipment.
func (c *control) same(a, b string) bool {
	if a == b {
		return true
	}
	x, found := c.equipment(a)
	y, also := c.equipment(b)
	return found && also && x.ID == y.ID
}
