package strictyaml

import (
	"fmt"
	"strings"

	"github.com/goccy/go-yaml/token"
)

// maxDepth bounds how deep maps and lists may nest.
const maxDepth = 100

// parser builds the tree from the lexer's tokens. The library's own parser is
// not used: it takes quadratic time on long flat maps, and reads anchors, tags
// and second documents that are to be refused.
type parser struct {
	tokens []*token.Token
	next   int
	fault  *Error // the first syntax error; parsing stops there
	depth  int
}

func (p *parser) peek() *token.Token {
	if p.fault != nil || p.next >= len(p.tokens) {
		return nil
	}
	return p.tokens[p.next]
}

func (p *parser) peekIs(t token.Type) bool {
	tok := p.peek()
	return tok != nil && tok.Type == t
}

func (p *parser) fail(at *token.Token, message, remedy string) *node {
	if p.fault == nil {
		p.fault = &Error{Message: message, Remedy: remedy, Line: 1, Column: 1}
		if at != nil {
			p.fault.Line, p.fault.Column = at.Position.Line, max(at.Position.Column, 1)
		}
	}
	return &node{}
}

func (p *parser) enter(at *token.Token) bool {
	if p.depth++; p.depth > maxDepth {
		p.fail(at, fmt.Sprintf("nested deeper than %d levels", maxDepth), "flatten it")
	}
	return p.fault == nil
}

// document reads all tokens as one document; nil for an empty one.
func (p *parser) document() *node {
	if p.peekIs(token.DocumentHeaderType) {
		p.next++
	}
	if p.peek() == nil {
		return nil
	}
	root := p.block(0)
	if p.peekIs(token.DocumentEndType) {
		p.next++
	}
	if t := p.peek(); t != nil {
		if t.Type == token.DocumentHeaderType {
			p.fail(t, "a second document", "put one document into a file")
		} else {
			p.fail(t, "does not belong to anything before it", "check the indentation of this line and the lines above")
		}
	}
	return root
}

// block reads a node whose lines are indented to more than column outer.
func (p *parser) block(outer int) *node {
	t := p.peek()
	switch {
	case t == nil:
		return &node{}
	case t.Type == token.SequenceEntryType:
		return p.blockList(t)
	case p.isKey():
		return p.blockMap(t)
	case t.Position.Column <= outer && t.Type != token.LiteralType && t.Type != token.FoldedType:
		return p.fail(t, "is not indented enough", "indent it further than the line that it belongs to")
	}
	return p.inline()
}

// isKey reports whether the next tokens are a key and its colon.
func (p *parser) isKey() bool {
	if p.next+1 >= len(p.tokens) || p.fault != nil {
		return false
	}
	t, colon := p.tokens[p.next], p.tokens[p.next+1]
	return isScalar(t.Type) && colon.Type == token.MappingValueType && colon.Position.Line == t.Position.Line
}

// colonWithin reports whether the colon of what looks like a key has text right
// behind it.
func (p *parser) colonWithin() bool {
	if p.next+2 >= len(p.tokens) {
		return false
	}
	colon, then := p.tokens[p.next+1], p.tokens[p.next+2]
	return isScalar(then.Type) && then.Position.Line == colon.Position.Line && then.Position.Column == colon.Position.Column+1
}

func (p *parser) blockList(first *token.Token) *node {
	n := &node{kind: listNode, line: first.Position.Line, col: first.Position.Column}
	if !p.enter(first) {
		return n
	}
	for p.peekIs(token.SequenceEntryType) && p.peek().Position.Column == n.col {
		dash := p.peek()
		p.next++
		item := &node{line: dash.Position.Line, col: n.col}
		if t := p.peek(); t != nil && !isMark(t.Type) && t.Position.Column > n.col {
			item = p.block(n.col)
		}
		n.items = append(n.items, item)
	}
	p.depth--
	return n
}

func (p *parser) blockMap(first *token.Token) *node {
	n := &node{kind: mapNode, line: first.Position.Line, col: first.Position.Column}
	if !p.enter(first) {
		return n
	}
	seen := make(map[string]int)
	for p.peek() != nil && p.peek().Position.Column == n.col && !isMark(p.peek().Type) {
		key := p.peek()
		if !p.isKey() {
			if key.Type != token.SequenceEntryType {
				p.fail(key, "a key without a value", "write it as key: value, with a space after the colon")
			}
			break
		}
		colon := p.tokens[p.next+1]
		p.next += 2
		p.add(n, seen, key, p.blockValue(n.col, colon))
	}
	p.depth--
	return n
}

// blockValue reads what follows a key's colon in a map at the given column.
func (p *parser) blockValue(column int, colon *token.Token) *node {
	t := p.peek()
	empty := &node{line: colon.Position.Line, col: colon.Position.Column}
	switch {
	case t == nil || isMark(t.Type):
		return empty
	case t.Position.Line == colon.Position.Line:
		if t.Type == token.SequenceEntryType {
			return p.fail(t, "a list that begins beside its key", "begin it on the next line, or write [a, b]")
		}
		if p.isKey() {
			return p.fail(t, "a key beside another key", "begin it on the next line, or put text that holds a colon and a space into quotes")
		}
		return p.inline()
	case t.Type == token.SequenceEntryType && t.Position.Column >= column, t.Position.Column > column:
		return p.block(column)
	}
	return empty
}

// inline reads a scalar or a list or map in brackets.
func (p *parser) inline() *node {
	t := p.peek()
	if t == nil {
		return &node{}
	}
	n := &node{line: t.Position.Line, col: t.Position.Column}
	switch {
	case t.Type == token.SequenceStartType:
		p.flowList(n, t)
	case t.Type == token.MappingStartType:
		p.flowMap(n, t)
	case t.Type == token.LiteralType || t.Type == token.FoldedType:
		p.next++
		n.quoted = true
		n.folded = t.Type == token.FoldedType
		if !n.folded {
			n.block = t.Position.Line + 1
		}
		if p.peekIs(token.StringType) {
			n.text = p.peek().Value
			n.indent = indentation(p.peek().Origin, n.text)
			p.next++
		}
		if n.text == "" {
			// Behind one the lexer takes the next dash for text.
			return p.fail(t, "an empty block of text", `write "" for no text`)
		}
	case t.Type == token.StringType && strings.Contains(t.Value, ": "):
		// The lexer takes {is: A for: 5m} for the text "A for: 5m".
		return p.fail(t, "text that holds a colon and a space", "put a comma before the next key, or put the text into quotes")
	case isScalar(t.Type):
		p.next++
		n.text = t.Value
		n.quoted = t.Type == token.SingleQuoteType || t.Type == token.DoubleQuoteType
	default:
		return p.fail(t, "unexpected "+describe(t), "put text that begins with a special character into quotes")
	}
	return n
}

// indentation returns by how many spaces the lines of a block are indented.
func indentation(origin, text string) int {
	for text != "" {
		was, below, _ := strings.Cut(origin, "\n")
		line, rest, _ := strings.Cut(text, "\n")
		if strings.TrimSpace(line) != "" {
			spaces := func(s string) int { return len(s) - len(strings.TrimLeft(s, " ")) }
			return max(spaces(was)-spaces(line), 0)
		}
		origin, text = below, rest
	}
	return 0
}

func (p *parser) flowList(n *node, open *token.Token) {
	n.kind = listNode
	p.next++
	if !p.enter(open) {
		return
	}
	for !p.peekIs(token.SequenceEndType) && p.fault == nil {
		if p.isKey() {
			if p.colonWithin() {
				p.fail(p.peek(), "text with a colon inside [ ]", "put it into quotes")
			} else {
				p.fail(p.peek(), "a key inside [ ]", "put braces around it: [{key: value}]")
			}
			return
		}
		if p.peek() != nil {
			n.items = append(n.items, p.inline())
		}
		p.separator(open, token.SequenceEndType, "]")
	}
	p.next++
	p.depth--
}

func (p *parser) flowMap(n *node, open *token.Token) {
	n.kind = mapNode
	p.next++
	if !p.enter(open) {
		return
	}
	seen := make(map[string]int)
	for !p.peekIs(token.MappingEndType) && p.fault == nil {
		key := p.peek()
		if key != nil && !p.isKey() {
			p.fail(key, "a key without a value inside { }", keyRemedy(key.Value))
			return
		}
		if key != nil {
			colon := p.tokens[p.next+1]
			p.next += 2
			p.add(n, seen, key, p.flowValue(colon))
		}
		p.separator(open, token.MappingEndType, "}")
	}
	p.next++
	p.depth--
}

// keyRemedy says what to do about what stands where a key should inside { }:
// digits there are what follows a decimal comma.
func keyRemedy(text string) string {
	if text != "" && strings.Trim(text, "0123456789") == "" {
		return "if it belongs to the number before it, write a decimal point instead of the comma"
	}
	return "write it as key: value, with a space after the colon"
}

func (p *parser) flowValue(colon *token.Token) *node {
	if p.peekIs(token.CollectEntryType) || p.peekIs(token.MappingEndType) || p.peek() == nil {
		return &node{line: colon.Position.Line, col: colon.Position.Column}
	}
	return p.inline()
}

// separator reads the comma after an item, or leaves the closing bracket.
func (p *parser) separator(open *token.Token, end token.Type, bracket string) {
	t := p.peek()
	switch {
	case t == nil:
		p.fail(open, "is never closed", "add the missing "+bracket)
	case t.Type == token.CollectEntryType:
		p.next++
	case t.Type != end:
		p.fail(t, "a comma or "+bracket+" is missing before "+describe(t), "")
	}
}

// add appends a key to a map and refuses a repeated one.
func (p *parser) add(n *node, seen map[string]int, key *token.Token, value *node) {
	if line, ok := seen[key.Value]; ok {
		p.fail(key, fmt.Sprintf("the key %s is repeated, first on line %d", quoteName(key.Value), line), "remove one of them")
		return
	}
	seen[key.Value] = key.Position.Line
	n.entries = append(n.entries, entry{key: key.Value, line: key.Position.Line, col: key.Position.Column, value: value})
}

func isScalar(t token.Type) bool {
	switch t {
	case token.StringType, token.SingleQuoteType, token.DoubleQuoteType, token.NullType, token.BoolType,
		token.IntegerType, token.BinaryIntegerType, token.OctetIntegerType, token.HexIntegerType,
		token.FloatType, token.InfinityType, token.NanType:
		return true
	}
	return false
}

func isMark(t token.Type) bool {
	return t == token.DocumentHeaderType || t == token.DocumentEndType
}

// describe names a token without repeating what it holds.
func describe(t *token.Token) string {
	if isScalar(t.Type) {
		return "text"
	}
	if v := strings.TrimSpace(t.Value); len(v) == 1 {
		return v
	}
	return "text"
}
