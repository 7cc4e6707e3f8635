package rules

import (
	"cmp"
	"maps"
	"slices"

	"linewatch"
)

// Guests finds in the control log alone which lines a line hears beside its
// own, because a rule of it reads their tags: its guests. A version counts from
// when it is published until a later one takes effect at once, as in
// linewatch.RuleGraph. Lines are guests as a whole, with all their senders.
type Guests struct {
	published *Published
	registry  registry
	wants     map[linewatch.RuleID][]want
	pairs     map[guestPair]int // and how many versions ask for it
	of        map[string][]string
}

// guestPair is a line and another one that it hears.
type guestPair struct{ home, line string }

// want is what one version reads of named equipment.
type want struct {
	shadow   bool
	scope    linewatch.Scope
	names    []string
	variants map[string][]string // of overridden equipment
	pairs    []guestPair
}

// NewGuests returns what an empty log says; compile is as in Options.
func NewGuests(compile func(expression string) (Expression, error)) *Guests {
	return &Guests{
		published: NewPublished(compile), registry: newRegistry(linewatch.Assets{}),
		wants: map[linewatch.RuleID][]want{}, pairs: map[guestPair]int{}, of: map[string][]string{},
	}
}

// Of returns the guests of a line, in ascending order. The slice does not
// change.
func (g *Guests) Of(home string) []string { return g.of[home] }

// Note takes the next record of the control log and returns, by home, the
// guests that are others from it on; nil if none are. A record that engines
// refuse changes nothing; the error says why, as that of Engine.Control.
func (g *Guests) Note(c *linewatch.Control) (map[string][]string, error) {
	if _, err := g.published.Admit(c); err != nil {
		return nil, err
	}
	touched := map[string]bool{}
	switch {
	case c.Rule != nil:
		g.noteRule(c.Rule, touched)
	case c.DeleteRule != nil && c.DeleteRule.From <= 0:
		g.end(c.DeleteRule.ID, false, touched)
	case c.Assets != nil:
		g.registry = newRegistry(*c.Assets)
		for _, wants := range g.wants {
			for i := range wants {
				g.count(&wants[i], -1, touched)
				wants[i].pairs = g.pairsOf(&wants[i])
				g.count(&wants[i], 1, touched)
			}
		}
	}
	return g.changed(touched), nil
}

func (g *Guests) noteRule(rv *linewatch.RuleVersion, touched map[string]bool) {
	id, stage := rv.Rule.ID, rv.In()
	if stage == linewatch.StageDraft {
		return
	}
	if rv.From <= 0 {
		g.end(id, stage == linewatch.StageShadow, touched)
	}
	if stage == linewatch.StageRetired {
		return
	}
	w := g.want(rv)
	w.shadow = stage == linewatch.StageShadow
	if w.names == nil && w.variants == nil {
		return
	}
	w.pairs = g.pairsOf(&w)
	g.count(&w, 1, touched)
	g.wants[id] = append(g.wants[id], w)
}

// end takes back what versions of a rule asked for, or its shadows alone.
func (g *Guests) end(id linewatch.RuleID, shadows bool, touched map[string]bool) {
	kept := slices.DeleteFunc(g.wants[id], func(w want) bool {
		if shadows && !w.shadow {
			return false
		}
		g.count(&w, -1, touched)
		return true
	})
	if g.wants[id] = kept; len(kept) == 0 {
		delete(g.wants, id)
	}
}

func (g *Guests) count(w *want, by int, touched map[string]bool) {
	for _, p := range w.pairs {
		touched[p.home] = true
		if g.pairs[p] += by; g.pairs[p] == 0 {
			delete(g.pairs, p)
		}
	}
}

// changed brings the guests of some homes up to date.
func (g *Guests) changed(touched map[string]bool) map[string][]string {
	var out map[string][]string
	next := map[string][]string{}
	if len(touched) > 0 {
		for p := range g.pairs {
			if touched[p.home] {
				next[p.home] = append(next[p.home], p.line)
			}
		}
	}
	for home := range touched {
		lines := next[home]
		slices.Sort(lines)
		if slices.Equal(lines, g.of[home]) {
			continue
		}
		if g.of[home] = lines; lines == nil {
			delete(g.of, home)
		}
		if out == nil {
			out = map[string][]string{}
		}
		out[home] = lines
	}
	return out
}

// want lists the equipment that the conditions of a version name.
func (g *Guests) want(rv *linewatch.RuleVersion) want {
	ready, _ := expressions(&rv.Rule, g.published.compile) // Admit has seen that they compile
	p := compile(rv, ready)
	w := want{scope: rv.Rule.Scope, names: p.named()}
	for name, v := range p.variants {
		if w.variants == nil {
			w.variants = map[string][]string{}
		}
		w.variants[name] = v.named()
	}
	return w
}

// named lists the equipment that conditions on tags name, each once.
func (p *program) named() (names []string) {
	for i := range p.nodes {
		if n := &p.nodes[i]; n.rule == "" && !n.op.Combines() {
			for _, ref := range n.refs() {
				if ref.Equipment != "" {
					names = append(names, ref.Equipment)
				}
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// pairsOf finds the lines of a version's homes and of what it names there.
func (g *Guests) pairsOf(w *want) []guestPair {
	found := map[guestPair]bool{}
	add := func(home string, names []string) {
		for _, name := range names {
			if i, ok := g.registry.byID[g.registry.resolve(name)]; ok {
				if line := g.registry.assets.Equipment[i].Line; line != home {
					found[guestPair{home, line}] = true
				}
			}
		}
	}
	switch {
	case w.scope.Site != "": // hears its lines anyway
	case w.scope.Line != "":
		add(w.scope.Line, w.names)
	default:
		subject := g.registry.resolve(w.scope.Equipment)
		for i := range g.registry.assets.Equipment {
			eq := &g.registry.assets.Equipment[i]
			if eq.ID != subject && (w.scope.Class == "" || eq.Class != w.scope.Class) {
				continue
			}
			names := w.names
			if v, ok := w.variants[eq.Alias]; ok && eq.Alias != "" {
				names = v
			}
			if v, ok := w.variants[eq.ID]; ok {
				names = v
			}
			add(eq.Line, names)
		}
	}
	return slices.SortedFunc(maps.Keys(found), func(a, b guestPair) int {
		return cmp.Or(cmp.Compare(a.home, b.home), cmp.Compare(a.line, b.line))
	})
}
