package rules

import (
	"errors"
	"fmt"

	"linewatch"
)

// Expression is a formula over tags made ready to be evaluated. Equal inputs
// give equal results, and an evaluation takes a bounded time.
type Expression interface {
	// Inputs lists the tags that it reads, each once.
	Inputs() []linewatch.TagRef
	// Eval computes the formula from the values of its inputs, in their order,
	// none of which is null. The error says in a few words why there is no
	// result; a result that is not finite is null.
	Eval(inputs []linewatch.Value) (linewatch.Value, error)
}

// ErrNoExpressions: the engine was made without a compiler for expressions.
var ErrNoExpressions = errors.New("expressions are not available here")

// expressions makes the expressions of a rule ready, by their text.
func expressions(r *linewatch.Rule, compile func(string) (Expression, error)) (map[string]Expression, error) {
	var all map[string]Expression
	var visit func(c *linewatch.Condition) error
	visit = func(c *linewatch.Condition) error {
		for i := range c.Of {
			if err := visit(&c.Of[i]); err != nil {
				return err
			}
		}
		if c.Expr == "" || all[c.Expr] != nil {
			return nil
		}
		if compile == nil {
			return ErrNoExpressions
		}
		compiled, err := compile(c.Expr)
		if err != nil {
			return fmt.Errorf("expr %.80q: %w", c.Expr, err)
		}
		if all == nil {
			all = map[string]Expression{}
		}
		all[c.Expr] = compiled
		return nil
	}
	groups := r.Groups
	for i := range r.Overrides {
		groups = append(groups[:len(groups):len(groups)], r.Overrides[i].Groups...)
	}
	for i := range groups {
		for j := range groups[i].Cases {
			if err := visit(&groups[i].Cases[j].When); err != nil {
				return nil, err
			}
		}
	}
	return all, nil
}

// compile makes a rule ready. The error says what is wrong with an expression.
func (e *Engine) compile(rv *linewatch.RuleVersion) (*program, error) {
	ready, err := expressions(&rv.Rule, e.opts.Compile)
	if err != nil {
		return nil, err
	}
	return compile(rv, ready), nil
}

// mustCompile makes a rule ready of which admit has seen that it compiles.
func (e *Engine) mustCompile(rv *linewatch.RuleVersion) *program {
	p, err := e.compile(rv)
	if err != nil {
		panic("rules: " + err.Error())
	}
	return p
}

// express computes an expression at t, or says why it is unknown.
func (e *Engine) express(n *node, p *probe, t linewatch.Time) (linewatch.Value, string) {
	values := make([]linewatch.Value, n.subjects())
	unknown := ""
	for k := range values {
		last, cause := e.sampleOf(p, k, t)
		if cause == "" && last.Value.IsNull() {
			cause = causeNoValue
		}
		if cause != "" && unknown == "" {
			unknown = p.inputs[k].ref.Tag + ": " + cause
		}
		values[k] = last.Value
	}
	if unknown != "" {
		return linewatch.Value{}, unknown
	}
	v, err := n.program.Eval(values)
	switch {
	case err != nil:
		return linewatch.Value{}, err.Error()
	case v.IsNull():
		return linewatch.Value{}, causeFinite
	}
	return v, ""
}
