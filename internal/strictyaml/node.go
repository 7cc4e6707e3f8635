package strictyaml

import (
	"strconv"
	"strings"
)

// nodeKind is the shape of a node.
type nodeKind uint8

const (
	scalarNode nodeKind = iota
	mapNode
	listNode
)

// node is a value of the document with its place.
type node struct {
	kind      nodeKind
	line, col int
	text      string  // of a scalar
	quoted    bool    // a scalar that is text whatever it looks like
	block     int     // line of the first text line of a literal (|) scalar; 0 otherwise
	indent    int     // of the lines of a literal scalar
	folded    bool    // a folded (>) scalar, whose characters have lost their places
	entries   []entry // of a map
	items     []*node // of a list
}

// entry is one key of a map.
type entry struct {
	key       string
	line, col int // of the key
	value     *node
}

func (n *node) entry(key string) *entry {
	for i := range n.entries {
		if n.entries[i].key == key {
			return &n.entries[i]
		}
	}
	return nil
}

// Key appends a key to a path: a.b, or a["b c"] where the key is no plain word.
func Key(path, key string) string {
	plain := key != ""
	for _, c := range []byte(key) {
		plain = plain && (c == '_' || c == '-' || 'a' <= c|0x20 && c|0x20 <= 'z' || '0' <= c && c <= '9')
	}
	switch {
	case !plain:
		return path + "[" + strconv.Quote(key) + "]"
	case path == "":
		return key
	}
	return path + "." + key
}

// Index appends a list index to a path.
func Index(path string, i int) string { return path + "[" + strconv.Itoa(i) + "]" }

// cutStep splits the first step off a path: a key, or an index >= 0.
func cutStep(path string) (key string, index int, rest string, ok bool) {
	path = strings.TrimPrefix(path, ".")
	if path == "" {
		return "", -1, "", false
	}
	if path[0] != '[' {
		end := strings.IndexAny(path, ".[")
		if end < 0 {
			end = len(path)
		}
		return path[:end], -1, path[end:], true
	}
	if quoted, err := strconv.QuotedPrefix(path[1:]); err == nil {
		key, err = strconv.Unquote(quoted)
		rest, closed := strings.CutPrefix(path[1+len(quoted):], "]")
		return key, -1, rest, err == nil && closed
	}
	digits, rest, closed := strings.Cut(path[1:], "]")
	index, err := strconv.Atoi(digits)
	return "", index, rest, err == nil && index >= 0 && closed
}

// find walks a path and returns the place of what it names, or of the nearest
// thing around it that exists, and the node where the path ends, if it does.
func (n *node) find(path string) (line, col int, at *node) {
	line, col = n.line, n.col
	for path != "" {
		key, index, rest, ok := cutStep(path)
		switch {
		case !ok:
			return line, col, nil
		case index >= 0:
			if n.kind != listNode || index >= len(n.items) {
				return line, col, nil
			}
			n = n.items[index]
			line, col = n.line, n.col
		default:
			e := n.entry(key)
			if n.kind != mapNode || e == nil {
				return line, col, nil
			}
			n = e.value
			line, col = e.line, e.col
			if n.line == e.line {
				line, col = n.line, n.col
			}
		}
		path = rest
	}
	return line, col, n
}
