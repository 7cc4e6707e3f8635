package app

import (
	"linewatch"
	"linewatch/internal/expression"
	"linewatch/rules"
)

// compileExpression makes the expressions of rules ready for the engine.
func compileExpression(source string) (rules.Expression, error) { return expression.Compile(source) }

// equipmentOf lists the equipment that a condition names for itself: that of
// its tag, of the tags of its expression, and of those that find its limits.
func equipmentOf(c *linewatch.Condition) (names []string) {
	refs := []linewatch.TagRef{{Equipment: c.Equipment}}
	if c.Expr != "" {
		if p, err := expression.Compile(c.Expr); err == nil {
			refs = append(refs, p.Inputs()...)
		}
	}
	for _, l := range c.Lookups {
		refs = append(refs, l.Key)
	}
	for _, ref := range refs {
		if ref.Equipment != "" {
			names = append(names, ref.Equipment)
		}
	}
	return names
}
