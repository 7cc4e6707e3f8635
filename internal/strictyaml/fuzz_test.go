package strictyaml

import (
	"errors"
	"testing"
	"time"

	"github.com/goccy/go-yaml/ast"
	yaml "github.com/goccy/go-yaml/parser"
	"github.com/google/go-cmp/cmp"
)

// FuzzParse demands that any bytes are refused with a place, or give a tree
// that the lexer's own parser agrees with.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		"a: 1\nb:\n  - c: {d: [e, 'f', \"g\"]}\n    h: |\n      x\n       y\n  -\n    i: j\n- k", "a:\n- b\n- c\nd: e\n", "{\"a\":1,\"b\":[1,2,{}]}",
		"- - a\n  - b\n- c: d\n  e:\n", "a: >-\n  b\n\n  c\nd: e f\n  g\nh:\n", "---\na: 'it''s' # c\n...\n", "[a, b, ]", "a: {b: , c: d}", "a:\n    b: 1\n  c: 2\n",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 1000 {
			return
		}
		start := time.Now()
		d, err := Parse("f", data)
		if took := time.Since(start); took > 2*time.Second {
			t.Fatalf("took %v", took)
		}
		if err != nil {
			if e := (*Error)(nil); !errors.As(err, &e) || e.Message == "" || e.Line > 0 && e.Column < 1 {
				t.Fatalf("error without a place: %#v", err)
			}
			return
		}
		file, err := yaml.ParseBytes(data, 0)
		if err != nil || len(file.Docs) != 1 || file.Docs[0].Body == nil {
			return // stricter here, laxer there: only trees are compared
		}
		if holdsEmpty(d.root) {
			return // the other parser takes the key below an empty item for its value
		}
		if diff := cmp.Diff(foreign(file.Docs[0].Body), plain(d.root)); diff != "" {
			t.Fatalf("%q: the trees differ (-goccy +ours)\n%s", data, diff)
		}
	})
}

func holdsEmpty(n *node) bool {
	empty := n.kind == scalarNode && n.text == "" && !n.quoted
	for _, e := range n.entries {
		empty = empty || holdsEmpty(e.value)
	}
	for _, i := range n.items {
		empty = empty || holdsEmpty(i)
	}
	return empty
}

func plain(n *node) any {
	switch n.kind {
	case mapNode:
		m := []any{}
		for _, e := range n.entries {
			m = append(m, e.key, plain(e.value))
		}
		return map[string]any{"map": m}
	case listNode:
		l := []any{}
		for _, i := range n.items {
			l = append(l, plain(i))
		}
		return l
	}
	return n.text
}

func foreign(n ast.Node) any {
	switch n := n.(type) {
	case *ast.MappingNode:
		m := []any{}
		for _, v := range n.Values {
			m = append(m, n2text(v.Key), foreign(v.Value))
		}
		return map[string]any{"map": m}
	case *ast.SequenceNode:
		l := []any{}
		for _, v := range n.Values {
			l = append(l, foreign(v))
		}
		return l
	case *ast.LiteralNode:
		return n.Value.Value
	case *ast.NullNode:
		if n.Token.Type.String() == "ImplicitNull" {
			return ""
		}
		return n.Token.Value
	}
	return n2text(n)
}

func n2text(n ast.Node) string { return n.GetToken().Value }
