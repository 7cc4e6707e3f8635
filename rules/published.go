package rules

import (
	"fmt"

	"linewatch"
)

// Published is what the control log has said of rules so far: whoever follows
// the log refuses the same records, wherever event time stands there.
type Published struct {
	compile func(expression string) (Expression, error)
	highest map[linewatch.RuleID]uint32 // the highest version heard of; lower ones are stale
	graph   linewatch.RuleGraph
}

// NewPublished returns what an empty log says; compile is as in Options.
func NewPublished(compile func(expression string) (Expression, error)) *Published {
	return &Published{compile: compile, highest: map[linewatch.RuleID]uint32{}}
}

// Admit checks the next record of the log, notes what it says of a rule and
// returns its effective-from. Errors are those of Engine.Control; a record that
// is refused changes nothing.
func (p *Published) Admit(c *linewatch.Control) (linewatch.Time, error) {
	if err := c.Validate(); err != nil {
		return 0, err
	}
	switch {
	case c.Rule != nil:
		return c.Rule.From, p.admitRule(c.Rule)
	case c.DeleteRule != nil:
		d := c.DeleteRule
		highest, ok := p.highest[d.ID]
		if !ok {
			return 0, fmt.Errorf("withdraw rule %s: %w", d.ID, ErrUnknownRule)
		}
		if d.Version <= highest {
			return 0, fmt.Errorf("withdraw rule %s at version %d, known is %d: %w", d.ID, d.Version, highest, ErrStaleVersion)
		}
		p.highest[d.ID] = d.Version
		p.graph.Withdraw(d.ID, d.From)
		return d.From, nil
	}
	return 0, nil
}

func (p *Published) admitRule(rv *linewatch.RuleVersion) error {
	id := rv.Rule.ID
	if highest, ok := p.highest[id]; ok && rv.Version <= highest {
		return fmt.Errorf("rule %s version %d, known is %d: %w", id, rv.Version, highest, ErrStaleVersion)
	}
	if err := p.graph.Check(rv); err != nil {
		return err
	}
	if _, err := expressions(&rv.Rule, p.compile); err != nil {
		return fmt.Errorf("rule %s version %d: %w", id, rv.Version, err)
	}
	p.highest[id] = rv.Version
	p.graph.Publish(rv)
	return nil
}
