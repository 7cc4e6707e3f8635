// Package expression makes the expressions of rules ready to be evaluated:
// arithmetic, comparison and logic over tags, without functions, lists or
// loops, so that one evaluation takes microseconds and always gives the same.
//
// It owns what an expression may say and the place of each mistake. When it is
// evaluated, and what an unknown tag means, is decided by package rules.
package expression

import (
	"errors"
	"fmt"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/conf"
	"github.com/expr-lang/expr/parser"
	"github.com/expr-lang/expr/vm"

	"linewatch"
)

// Limits on what one expression may cost.
const (
	MaxNodes  = 200 // names, constants and operators
	MaxInputs = 32  // tags
	maxMemory = 10_000
)

// Program is an expression that is ready. It is not for concurrent use.
type Program struct {
	inputs  []linewatch.TagRef
	names   []string // of the inputs, as the compiled program knows them
	kind    linewatch.Kind
	program *vm.Program
	machine vm.VM
	values  map[string]any
}

// Error is a mistake in an expression.
type Error struct {
	Column  int // 1 is the expression's first character; 0: not known
	Message string
	Remedy  string
}

// Error implements error.
func (e *Error) Error() string {
	s := e.Message
	if e.Column > 0 {
		s = fmt.Sprintf("character %d: %s", e.Column, s)
	}
	if e.Remedy != "" {
		s += "; " + e.Remedy
	}
	return s
}

// Compile makes an expression ready. Every error is an *Error.
//
// A name stands for a tag of the instance's equipment; tag("any name"),
// tag("C1", "speed") and C1.speed name tags that are no plain words or stand at
// other equipment. Numbers are computed as float64, also whole ones.
func Compile(source string) (*Program, error) {
	if len(source) > linewatch.MaxExpr {
		return nil, &Error{Message: fmt.Sprintf("is longer than %d bytes", linewatch.MaxExpr), Remedy: "split it into several conditions"}
	}
	limits := conf.CreateNew()
	limits.MaxNodes, limits.DisableIfOperator = MaxNodes, true
	for name := range limits.Builtins {
		limits.Disabled[name] = true
	}
	tree, err := parser.ParseWithConfig(source, limits)
	if err != nil {
		return nil, translate(source, err)
	}
	b := builder{}
	root, err := b.node(tree.Node)
	if err != nil {
		return nil, err
	}
	if len(b.inputs) == 0 {
		return nil, &Error{Column: 1, Message: "reads no tag", Remedy: "name at least one"}
	}
	p := &Program{inputs: b.inputs, names: b.names, kind: kindOfNode(root), values: map[string]any{}}
	p.program, err = expr.Compile(root.String(), expr.Env(map[string]any{}), expr.AllowUndefinedVariables(), expr.DisableAllBuiltins(), expr.Patch(floats{}))
	if err != nil {
		e := translate(source, err)
		e.Column = 0 // of a text that the user has not written
		return nil, e
	}
	p.machine.MemoryBudget = maxMemory
	return p, nil
}

// floats turns whole constants into floats, so that nothing wraps around.
type floats struct{}

// Visit implements ast.Visitor.
func (floats) Visit(node *ast.Node) {
	if n, ok := (*node).(*ast.IntegerNode); ok {
		ast.Patch(node, &ast.FloatNode{Value: float64(n.Value)})
	}
}

// Inputs lists the tags that the expression reads, each once.
func (p *Program) Inputs() []linewatch.TagRef { return p.inputs }

// Eval computes the expression from the values of its inputs. A result that is
// not finite is null. The error says in a few words why there is none.
func (p *Program) Eval(inputs []linewatch.Value) (linewatch.Value, error) {
	for i, v := range inputs {
		switch v.Kind() {
		case linewatch.Bool:
			p.values[p.names[i]] = v.Bool()
		case linewatch.String:
			p.values[p.names[i]] = v.Str()
		default:
			f, _ := v.Float()
			p.values[p.names[i]] = f
		}
	}
	out, err := p.machine.Run(p.program, p.values)
	if err != nil {
		return linewatch.Value{}, errors.New(runtimeMessage(err))
	}
	switch v := out.(type) {
	case float64:
		return linewatch.FloatValue(v), nil
	case bool:
		return linewatch.BoolValue(v), nil
	case string:
		if len(v) > linewatch.MaxString {
			return linewatch.Value{}, fmt.Errorf("text of more than %d bytes", linewatch.MaxString)
		}
		return linewatch.StringValue(v), nil
	}
	return linewatch.Value{}, errors.New("neither a number nor text nor true or false")
}
