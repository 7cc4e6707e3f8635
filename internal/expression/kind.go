package expression

import (
	"github.com/expr-lang/expr/ast"

	"linewatch"
)

// Kind is what an expression amounts to as far as its text tells: Float for
// any number, Bool or String, and Null where that hangs on the tags.
func (p *Program) Kind() linewatch.Kind { return p.kind }

func kindOfNode(n ast.Node) linewatch.Kind {
	switch n := n.(type) {
	case *ast.IntegerNode, *ast.FloatNode:
		return linewatch.Float
	case *ast.StringNode:
		return linewatch.String
	case *ast.BoolNode:
		return linewatch.Bool
	case *ast.UnaryNode:
		if n.Operator == "-" || n.Operator == "+" {
			return linewatch.Float
		}
		return linewatch.Bool
	case *ast.BinaryNode:
		return kindOfBinary(n)
	case *ast.ConditionalNode:
		if k := kindOfNode(n.Exp1); k == kindOfNode(n.Exp2) {
			return k
		}
	}
	return linewatch.Null
}

func kindOfBinary(n *ast.BinaryNode) linewatch.Kind {
	switch n.Operator {
	case "-", "*", "/":
		return linewatch.Float
	case "+": // joins text as well
		if k := kindOfNode(n.Left); k != linewatch.Null {
			return k
		}
		return kindOfNode(n.Right)
	}
	return linewatch.Bool
}
