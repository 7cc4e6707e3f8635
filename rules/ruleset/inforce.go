package ruleset

import (
	"linewatch"
	"linewatch/rules/rulefile"
)

// InForce is what a running process has published, against which a rule is
// checked that is to join it. It is for one goroutine.
type InForce struct {
	Registry *linewatch.Assets                    // nil: none yet, and nothing is refused for it
	Rules    map[linewatch.RuleID]*linewatch.Rule // in force
	Waiting  map[linewatch.RuleID]*linewatch.Rule // published, such as a draft, and not in force
	Tables   map[string]linewatch.Table
	plant    *directory
	of       *linewatch.Assets // the registry that plant was made of
}

// NewInForce returns what is published at first, which is nothing.
func NewInForce() InForce {
	return InForce{Rules: map[linewatch.RuleID]*linewatch.Rule{}, Waiting: map[linewatch.RuleID]*linewatch.Rule{}, Tables: map[string]linewatch.Table{}}
}

// Check returns what is wrong with a rule and does not become right by
// publishing further rules or tables: names that are not registered, tags that
// the registry does not list, and rules that it cannot read.
func (f *InForce) Check(src *rulefile.Source) error { return f.check(src, false).join() }

// Recheck is Check for a rule that was published before. Tags that are not
// listed any more are no mistake then: the rest of the rule may be wanted.
func (f *InForce) Recheck(src *rulefile.Source) error { return f.check(src, true).join() }

func (f *InForce) check(src *rulefile.Source, anyTag bool) *checker {
	c := &checker{set: &Set{}, inForce: f, anyTag: anyTag}
	if f.Registry == nil {
		return c
	}
	c.plant = f.directory()
	c.set.Assets = &rulefile.Source{Name: "the registry", Document: rulefile.Document{Assets: f.Registry}}
	c.rule(src)
	return c
}

// directory returns that of the registry, which there must be.
func (f *InForce) directory() *directory {
	if f.of != f.Registry {
		f.plant, f.of = newDirectory(f.Registry), f.Registry
	}
	return f.plant
}

// published returns a rule that is in force, or else was published; nil if it
// never was.
func (f *InForce) published(id linewatch.RuleID) *linewatch.Rule {
	if r := f.Rules[id]; r != nil {
		return r
	}
	return f.Waiting[id]
}
