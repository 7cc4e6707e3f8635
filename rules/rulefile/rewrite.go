package rulefile

import (
	"reflect"
	"slices"
	"strings"

	"linewatch"
	"linewatch/internal/strictyaml"
)

// rewrite writes a document that holds a valid rule in the form of Format, but
// as its author wrote it: with parameters by their names. Without any, the
// result is that of Format.
func rewrite(doc *strictyaml.Document) []byte {
	r := rewriter{}
	r.pairs(0, doc.Root(), reflect.TypeFor[ruleDoc]())
	return []byte(r.b.String())
}

// rewriter is a writer that follows the document and the types into which it is
// read, which say in what order keys stand and what a scalar is.
type rewriter struct{ writer }

// parameter stands for the type of a parameter, which may be a span, too.
type parameter struct{}

// typedPair is a key with its value and the type that this is read into; nil
// where that is not known.
type typedPair struct {
	strictyaml.Pair
	as reflect.Type
}

// ordered returns the pairs of a map in canonical order, without what says
// nothing.
func ordered(n strictyaml.Node, t reflect.Type) (out []typedPair) {
	for t != nil && t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t == nil || t.Kind() != reflect.Struct {
		var inner reflect.Type
		if t != nil && t.Kind() == reflect.Map {
			inner = reflect.TypeFor[parameter]()
		}
		for _, p := range n.Pairs() {
			out = append(out, typedPair{p, inner})
		}
		return out
	}
	keys, types := strictyaml.StructKeys(t)
	for i, key := range keys {
		for _, p := range n.Pairs() {
			if p.Key == key && !saysNothing(p) {
				out = append(out, typedPair{p, types[i]})
			}
		}
	}
	return out
}

func saysNothing(p strictyaml.Pair) bool {
	text, quoted := p.Value.Text()
	return p.Value.IsList() && len(p.Value.Items()) == 0 || p.Key == "otherwise" && text == noOpinion && !quoted
}

// pairs writes the keys of a map, each on lines of its own.
func (r *rewriter) pairs(indent int, n strictyaml.Node, t reflect.Type) {
	for _, p := range ordered(n, t) {
		switch v := p.Value; {
		case v.IsList() && blocks(p.Key):
			r.line(indent, key(p.Key)+":")
			for _, item := range v.Items() {
				r.item(indent+1, p.Key, item, elem(p.as))
			}
		case v.IsMap() && (nests(p.Key) || !flat(v)):
			r.line(indent, key(p.Key)+":")
			r.pairs(indent+1, v, p.as)
		case p.Key == "text" && p.as.Kind() == reflect.String:
			text, _ := v.Text()
			r.paragraphs(indent, p.Key, text)
		default:
			r.line(indent, key(p.Key)+": "+inline(v, p.as))
		}
	}
}

// item writes an item of a list of maps.
func (r *rewriter) item(indent int, list string, n strictyaml.Node, t reflect.Type) {
	if !n.IsMap() || flat(n) && list != "groups" && list != "cases" {
		r.line(indent, "- "+inline(n, t))
		return
	}
	inner := rewriter{}
	inner.pairs(indent+1, n, t)
	text, lead := inner.b.String(), 2*indent
	r.b.WriteString(text[:lead] + "- " + text[lead+2:])
}

// nests reports whether the map under a key is written over several lines
// whatever it holds.
func nests(key string) bool {
	return key == "not" || key == "alert" || key == "params"
}

// blocks reports whether the list under a key is one of maps.
func blocks(key string) bool {
	return slices.Contains([]string{"groups", "cases", "states", "overrides", "all", "any", "of"}, key)
}

// flat reports whether a map fits on one line: it holds no conditions.
func flat(n strictyaml.Node) bool {
	for _, p := range n.Pairs() {
		if blocks(p.Key) || p.Key == "not" || p.Key == "atLeastN" || p.Value.IsMap() && !flat(p.Value) {
			return false
		}
	}
	return true
}

func elem(t reflect.Type) reflect.Type {
	if t != nil && (t.Kind() == reflect.Slice || t.Kind() == reflect.Pointer) {
		return t.Elem()
	}
	return nil
}

// inline writes a value on one line.
func inline(n strictyaml.Node, t reflect.Type) string {
	switch {
	case n.IsList():
		return list(n.Items(), func(item strictyaml.Node) string { return inline(item, elem(t)) })
	case n.IsMap():
		var fields []string
		for _, p := range ordered(n, t) {
			fields = append(fields, key(p.Key)+": "+inline(p.Value, p.as))
		}
		return "{" + strings.Join(fields, ", ") + "}"
	}
	return word(n, t)
}

// key writes a key, which may be any text in a map of parameters.
func key(name string) string {
	if name == "n" { // of atLeastN: a key of ours, which needs no quotes here
		return name
	}
	return scalar(name)
}

// word writes a scalar as what it is read into.
func word(n strictyaml.Node, t reflect.Type) string {
	for t != nil && t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	text, quoted := n.Text()
	if _, is := reference(text); is && !quoted {
		return text
	}
	if t == reflect.TypeFor[linewatch.Duration]() || t == reflect.TypeFor[parameter]() && !quoted {
		if d, err := linewatch.ParseDuration(text); err == nil && n.Value().Kind() == linewatch.String {
			return d.String()
		}
	}
	if t != nil && t.Kind() == reflect.String {
		return scalar(text)
	}
	return value(n.Value())
}
