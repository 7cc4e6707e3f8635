package strictyaml

// Replace returns a document that is d but for the scalars below path: for each
// that is not in quotes, with says by which other scalar of d, named by its
// path, it is replaced; empty leaves it. The new ones keep the places of the
// old ones, where their mistakes are reported.
func (d *Document) Replace(path string, with func(text string) (source string)) *Document {
	_, _, at := d.root.find(path)
	if at == nil {
		return d
	}
	return &Document{file: d.file, root: d.root.replaced(at, func(n *node) *node {
		_, _, source := d.root.find(with(n.text))
		if source == nil || source == d.root {
			return n
		}
		out := *source
		out.line, out.col, out.block = n.line, n.col, 0
		return &out
	})}
}

// replaced copies the nodes on the way to below, and all of that, with its
// scalars replaced.
func (n *node) replaced(below *node, scalar func(*node) *node) *node {
	inside := n == below
	if inside {
		below = nil
	}
	if n.kind == scalarNode {
		if below == nil && !n.quoted && n.block == 0 {
			return scalar(n)
		}
		return n
	}
	out := *n
	out.entries, out.items = make([]entry, len(n.entries)), make([]*node, len(n.items))
	for i, e := range n.entries {
		out.entries[i] = e
		if below == nil || e.value == below || e.value.holds(below) {
			out.entries[i].value = e.value.replaced(below, scalar)
		}
	}
	for i, item := range n.items {
		out.items[i] = item
		if below == nil || item == below || item.holds(below) {
			out.items[i] = item.replaced(below, scalar)
		}
	}
	return &out
}

// holds reports whether a node stands somewhere in n.
func (n *node) holds(x *node) bool {
	for i := range n.entries {
		if v := n.entries[i].value; v == x || v.holds(x) {
			return true
		}
	}
	for _, item := range n.items {
		if item == x || item.holds(x) {
			return true
		}
	}
	return false
}
