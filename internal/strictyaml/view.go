package strictyaml

import (
	"reflect"

	"linewatch"
)

// Node is a value of a document, for whoever wants to write it in another form.
type Node struct{ n *node }

// Root returns the value that the document is.
func (d *Document) Root() Node { return Node{d.root} }

// Pair is a key of a map with its value.
type Pair struct {
	Key   string
	Value Node
}

// IsMap reports whether the value is a map of keys and values.
func (v Node) IsMap() bool { return v.n.kind == mapNode }

// IsList reports whether the value is a list.
func (v Node) IsList() bool { return v.n.kind == listNode }

// Pairs returns the keys of a map in the order of the file.
func (v Node) Pairs() []Pair {
	pairs := make([]Pair, len(v.n.entries))
	for i, e := range v.n.entries {
		pairs[i] = Pair{e.key, Node{e.value}}
	}
	return pairs
}

// Items returns the items of a list.
func (v Node) Items() []Node {
	items := make([]Node, len(v.n.items))
	for i, item := range v.n.items {
		items[i] = Node{item}
	}
	return items
}

// Text returns a scalar as it stands in the file, without its quotes, and
// whether it had any.
func (v Node) Text() (text string, quoted bool) { return v.n.text, v.n.quoted || v.n.block > 0 }

// Value returns a scalar's value, as Decode reads it; null for a number in a
// form that Decode refuses.
func (v Node) Value() linewatch.Value {
	value, _, _ := v.n.value()
	return value
}

// Scalar is a scalar with the path that names it.
type Scalar struct{ Path, Text string }

// Plain returns the scalars below path that are not in quotes, in the order of
// the file.
func (d *Document) Plain(path string) []Scalar {
	_, _, n := d.root.find(path)
	if n == nil {
		return nil
	}
	return n.scalars(path, nil, func(n *node) bool { return !n.quoted && n.block == 0 })
}

// Scalars returns all scalars in the order of the file.
func (d *Document) Scalars() []Scalar {
	return d.root.scalars("", nil, func(*node) bool { return true })
}

func (n *node) scalars(path string, list []Scalar, of func(*node) bool) []Scalar {
	if n.kind == scalarNode && of(n) {
		return append(list, Scalar{path, n.text})
	}
	for _, e := range n.entries {
		list = e.value.scalars(Key(path, e.key), list, of)
	}
	for i, item := range n.items {
		list = item.scalars(Index(path, i), list, of)
	}
	return list
}

// StructKeys returns the keys that Decode takes for a struct, in the order of
// its fields, with the types that they are read into.
func StructKeys(t reflect.Type) (keys []string, types []reflect.Type) {
	for _, f := range structFields(t, nil, nil) {
		keys = append(keys, f.key)
		types = append(types, t.FieldByIndex(f.index).Type)
	}
	return keys, types
}
