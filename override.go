package linewatch

import (
	"errors"
	"fmt"
)

// MaxOverrides is how many equipments of its class a rule may treat by other
// groups; MaxOverrideClauses bounds the conditions of all of these together.
const (
	MaxOverrides       = 1000
	MaxOverrideClauses = 20_000
)

// Override gives one equipment of a rule's class groups of its own, such as
// the same with other limits.
type Override struct {
	Equipment string  `json:"equipment"` // id or alias
	Groups    []Group `json:"groups"`
}

// For returns the rule as it is for an equipment: with the groups that were
// overridden for its id or alias, or else its own.
func (r *Rule) For(id, alias string) *Rule {
	for i := range r.Overrides {
		if o := &r.Overrides[i]; o.Equipment == id || o.Equipment == alias {
			v := *r
			v.Groups, v.Overrides = o.Groups, nil
			return &v
		}
	}
	return r
}

// overrides checks each as if it were the rule.
func (f *faults) overrides(r *Rule) {
	if len(r.Overrides) == 0 {
		return
	}
	f.check(r.Scope.Class != "", "overrides", "go with a class", "give scope a class, or put the values into the rule itself")
	f.check(len(r.Overrides) <= MaxOverrides, "overrides", fmt.Sprintf("are %d", len(r.Overrides)), fmt.Sprintf("at most %d are allowed", MaxOverrides))
	seen := make(map[string]bool)
	clauses := 0
	for i := range r.Overrides {
		o, path := &r.Overrides[i], at("overrides", i)
		f.check(ValidName(o.Equipment), path+".equipment", "is not an equipment id or alias", nameRemedy)
		f.check(!seen[o.Equipment], path+".equipment", "is overridden twice", "remove one of them")
		seen[o.Equipment] = true
		v := Rule{States: r.States, Groups: o.Groups}
		v.visit(func(*Condition) { clauses++ })
		var own faults
		own.groups(&v)
		for _, err := range own {
			var fe *FieldError
			if errors.As(err, &fe) {
				f.add(path+"."+fe.Path, fe.Message, fe.Remedy)
			}
		}
	}
	f.check(clauses <= MaxOverrideClauses, "overrides", fmt.Sprintf("hold %d conditions", clauses), fmt.Sprintf("at most %d are allowed", MaxOverrideClauses))
}

// visit shows every condition of the rule's groups, in the order of the
// document.
func (r *Rule) visit(show func(*Condition)) {
	var visit func(c *Condition)
	visit = func(c *Condition) {
		show(c)
		for i := range c.Of {
			visit(&c.Of[i])
		}
	}
	for i := range r.Groups {
		for j := range r.Groups[i].Cases {
			visit(&r.Groups[i].Cases[j].When)
		}
	}
}
