package app

import (
	"linewatch/internal/expression"
	"linewatch/rules"
)

// compileExpression makes the expressions of rules ready for the engine.
func compileExpression(source string) (rules.Expression, error) { return expression.Compile(source) }
