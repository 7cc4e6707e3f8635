package expression

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/expr-lang/expr/ast"

	"linewatch"
)

// builder copies a tree of what is allowed, and gives each tag a name of its
// own in it.
type builder struct {
	inputs []linewatch.TagRef
	names  []string
}

// Powers are left out: they are not the same bits on every processor.
var (
	unary  = []string{"-", "+", "not", "!"}
	binary = []string{
		"+", "-", "*", "/", "==", "!=", "<", "<=", ">", ">=", "and", "&&", "or", "||",
		"contains", "startsWith", "endsWith",
	}
)

func mistake(n ast.Node, message, remedy string) *Error {
	return &Error{Column: n.Location().From + 1, Message: message, Remedy: remedy}
}

// node copies one node. What is not listed here is refused.
func (b *builder) node(n ast.Node) (ast.Node, error) {
	switch n := n.(type) {
	case *ast.IntegerNode, *ast.FloatNode, *ast.StringNode, *ast.BoolNode:
		return n, nil
	case *ast.IdentifierNode:
		return b.input(n, "", n.Value)
	case *ast.CallNode:
		return b.call(n)
	case *ast.MemberNode:
		return b.member(n)
	case *ast.UnaryNode:
		if !slices.Contains(unary, n.Operator) {
			return nil, mistake(n, fmt.Sprintf("the operator %s is not available", n.Operator), "use - and not")
		}
		of, err := b.node(n.Node)
		return &ast.UnaryNode{Operator: n.Operator, Node: of}, err
	case *ast.BinaryNode:
		return b.binary(n)
	case *ast.ConditionalNode:
		return b.conditional(n)
	}
	return nil, mistake(n, "is more than numbers, text and tags with operators between them", "functions, lists and nil are not available")
}

func (b *builder) binary(n *ast.BinaryNode) (ast.Node, error) {
	if !slices.Contains(binary, n.Operator) {
		return nil, mistake(n, fmt.Sprintf("the operator %s is not available", n.Operator), "use + - * / == != < <= > >= and or not contains startsWith endsWith, or a ? b : c")
	}
	left, err := b.node(n.Left)
	if err != nil {
		return nil, err
	}
	right, err := b.node(n.Right)
	return &ast.BinaryNode{Operator: n.Operator, Left: left, Right: right}, err
}

func (b *builder) conditional(n *ast.ConditionalNode) (ast.Node, error) {
	out := &ast.ConditionalNode{}
	for _, part := range []struct {
		from ast.Node
		to   *ast.Node
	}{{n.Cond, &out.Cond}, {n.Exp1, &out.Exp1}, {n.Exp2, &out.Exp2}} {
		var err error
		if *part.to, err = b.node(part.from); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// call reads tag("name") and tag("equipment", "name").
func (b *builder) call(n *ast.CallNode) (ast.Node, error) {
	const remedy = `write tag("name"), or tag("C1", "name") for another equipment`
	callee, ok := n.Callee.(*ast.IdentifierNode)
	if !ok || callee.Value != "tag" {
		return nil, mistake(n, "calls a function, and there are none", "only tag(...) is available")
	}
	var words []string
	for _, a := range n.Arguments {
		s, ok := a.(*ast.StringNode)
		if !ok {
			return nil, mistake(a, "tag wants text in quotes", remedy)
		}
		words = append(words, s.Value)
	}
	switch len(words) {
	case 1:
		return b.input(n, "", words[0])
	case 2:
		return b.input(n, words[0], words[1])
	}
	return nil, mistake(n, fmt.Sprintf("tag takes one or two words, here are %d", len(words)), remedy)
}

// member reads equipment.tag.
func (b *builder) member(n *ast.MemberNode) (ast.Node, error) {
	equipment, ok := n.Node.(*ast.IdentifierNode)
	tag, also := n.Property.(*ast.StringNode)
	if !ok || !also || n.Optional {
		return nil, mistake(n, "is not the tag of an equipment", `write C1.speed, or tag("C1", "speed")`)
	}
	return b.input(n, equipment.Value, tag.Value)
}

func (b *builder) input(n ast.Node, equipment, tag string) (ast.Node, error) {
	switch {
	case !linewatch.ValidTag(tag) || tag == linewatch.HeartbeatTag || tag == linewatch.GapTag:
		return nil, mistake(n, fmt.Sprintf("%.40q is not a tag", tag), "name a tag of the machine")
	case equipment != "" && !linewatch.ValidName(equipment):
		return nil, mistake(n, fmt.Sprintf("%.40q is not an equipment id or alias", equipment), "use A-Z a-z 0-9 . _ : and -")
	}
	if _, isRule := linewatch.RuleTag(tag); isRule {
		return nil, mistake(n, "the state of a rule cannot be computed with", "test it in a condition of its own")
	}
	if _, plain := n.(*ast.IdentifierNode); plain && strings.HasPrefix(tag, "$") {
		return nil, mistake(n, fmt.Sprintf("%.40q is not a tag, and parameters do not stand in expressions", tag), "compare the expression with the parameter, as in above: "+tag)
	}
	ref := linewatch.TagRef{Tag: tag, Equipment: equipment}
	i := slices.Index(b.inputs, ref)
	if i < 0 {
		if i = len(b.inputs); i == MaxInputs {
			return nil, mistake(n, fmt.Sprintf("reads more than %d tags", MaxInputs), "split it into several conditions")
		}
		b.inputs, b.names = append(b.inputs, ref), append(b.names, "v"+strconv.Itoa(i))
	}
	return &ast.IdentifierNode{Value: b.names[i]}, nil
}
