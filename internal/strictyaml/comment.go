package strictyaml

import (
	"strings"

	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/token"
)

// Place is where a key or an item of a list begins.
type Place struct {
	Path string
	Line int // from 1
}

// Places returns every key and every item of a list, in the order in which
// they stand in the file: what holds others comes before them.
func (d *Document) Places() []Place {
	var places []Place
	var visit func(path string, n *node)
	visit = func(path string, n *node) {
		for i := range n.entries {
			e := &n.entries[i]
			at := Key(path, e.key)
			places = append(places, Place{at, e.line})
			visit(at, e.value)
		}
		for i, item := range n.items {
			at := Index(path, i)
			places = append(places, Place{at, item.line})
			visit(at, item)
		}
	}
	visit("", d.root)
	return places
}

// Comment is a comment of a file, or a blank line, which keeps apart what
// people want to see apart.
type Comment struct {
	Line  int
	Text  string // with its #; empty for a blank line
	Alone bool   // nothing else stands on the line
}

// Comments returns the comments and blank lines of data, which Parse accepts,
// from top to bottom.
func Comments(data []byte) []Comment {
	text := strings.TrimPrefix(string(data), "\ufeff")
	inText := make(map[int]bool) // lines that belong to a value of several
	comments := make(map[int]Comment)
	for _, t := range lexer.Tokenize(text) {
		if t.Type == token.CommentType {
			comments[t.Position.Line] = Comment{Line: t.Position.Line, Text: "#" + strings.TrimRight(t.Value, " \t\r"), Alone: true}
			continue
		}
		if isScalar(t.Type) {
			last := strings.TrimRight(strings.TrimLeft(t.Origin, " \t\r\n"), " \t\r\n")
			for i := range strings.Count(last, "\n") {
				inText[t.Position.Line+i] = true
			}
		}
	}
	var list []Comment
	for i, line := range strings.Split(strings.TrimRight(text, "\n"), "\n") {
		c, ok := comments[i+1]
		words := strings.TrimLeft(line, " \t")
		switch {
		case ok:
			c.Alone = strings.HasPrefix(words, "#")
			list = append(list, c)
		case strings.TrimSpace(words) == "" && !inText[i+1]:
			list = append(list, Comment{Line: i + 1, Alone: true})
		}
	}
	return list
}
