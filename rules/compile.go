package rules

import (
	"crypto/sha256"
	"strconv"

	"linewatch"
)

// program is one rule version made ready to be judged: its conditions as one
// flat list in which every node stands behind the nodes it joins.
type program struct {
	rule    *linewatch.Rule // of the record that published it
	version uint32
	nodes   []node
	groups  []group
	chained bool // it reads the states of other rules

	variants map[string]*program // by the equipment that is overridden
}

type group struct {
	id        string
	weight    int
	cases     []caseNode
	otherwise linewatch.State
	ignore    bool // an undecidable group has no opinion
}

type caseNode struct {
	state linewatch.State
	root  int32
}

// node is one condition.
type node struct {
	op        linewatch.Op
	kids      []int32
	tag       string
	rule      linewatch.RuleID // whose state it tests; empty: it tests a tag
	equipment string           // empty: the instance's own
	limits    []linewatch.Value
	clear     linewatch.Value
	hold      linewatch.Duration // on-delay
	keep      linewatch.Duration // off-delay
	identity  identity
	cond      *linewatch.Condition
	program   Expression // of an expression
	room      int        // how many samples its window may keep
}

// identity names a condition across versions of its rule: a hash of its group
// and canonical form, and of a number if these repeat.
type identity [16]byte

// compile makes a rule that passed Validate ready to be judged, with its
// expressions by their text.
func compile(rv *linewatch.RuleVersion, expressions map[string]Expression) *program {
	p := compileGroups(&rv.Rule, rv.Version, expressions)
	for i := range rv.Rule.Overrides {
		o := rv.Rule.Overrides[i].Equipment
		v := compileGroups(rv.Rule.For(o, o), rv.Version, expressions)
		if p.variants == nil {
			p.variants = map[string]*program{}
		}
		p.variants[o] = v
		p.chained = p.chained || v.chained
	}
	return p
}

// variant returns the program for an equipment.
func (p *program) variant(eq *linewatch.Equipment) *program {
	if v := p.variants[eq.ID]; v != nil {
		return v
	}
	if v := p.variants[eq.Alias]; v != nil && eq.Alias != "" {
		return v
	}
	return p
}

func compileGroups(rule *linewatch.Rule, version uint32, expressions map[string]Expression) *program {
	p := &program{rule: rule, version: version}
	for _, g := range rule.Groups {
		c := compiler{program: p, group: g.ID, seen: map[string]int{}, expressions: expressions}
		out := group{id: g.ID, weight: g.Weight, otherwise: g.Otherwise, ignore: g.Unknown == linewatch.UnknownIgnore}
		for i := range g.Cases {
			out.cases = append(out.cases, caseNode{state: g.Cases[i].State, root: c.add(&g.Cases[i].When)})
		}
		p.groups = append(p.groups, out)
	}
	p.shareSamples()
	return p
}

// shareSamples says how many samples each window of the program may keep.
func (p *program) shareSamples() {
	windows := 0
	for i := range p.nodes {
		if p.nodes[i].cond.Window.Func != 0 {
			windows++
		}
	}
	for i := range p.nodes {
		p.nodes[i].room = min(maxSamples, maxRuleSamples/max(1, windows))
	}
}

type compiler struct {
	*program
	group       string
	seen        map[string]int
	expressions map[string]Expression // by their text
}

func (c *compiler) add(cond *linewatch.Condition) int32 {
	n := node{op: cond.Op, tag: cond.Tag, equipment: cond.Equipment, clear: cond.Clear, hold: cond.For, keep: cond.Keep, cond: cond}
	for i := range cond.Of {
		n.kids = append(n.kids, c.add(&cond.Of[i]))
	}
	n.rule, _ = linewatch.RuleTag(cond.Tag)
	if !n.op.Combines() {
		n.limits = cond.Values
		if n.limits == nil {
			n.limits = []linewatch.Value{cond.Limit}
		}
		if !cond.Hysteresis.IsNull() && len(cond.Lookups) == 0 {
			n.clear = clearOf(n.op, cond.Limit, cond.Hysteresis)
		}
		n.program = c.expressions[cond.Expr]
	}
	name := c.group + " " + cond.Canonical()
	c.seen[name]++
	sum := sha256.Sum256([]byte(name + " #" + strconv.Itoa(c.seen[name])))
	n.identity = identity(sum[:16])
	c.chained = c.chained || n.rule != ""
	c.nodes = append(c.nodes, n)
	return int32(len(c.nodes) - 1)
}

// fits reports whether a value is of a type that a leaf compares with.
func (n *node) fits(v linewatch.Value) bool {
	c := classOf(v)
	for _, w := range n.limits {
		if classOf(w) == c {
			return true
		}
	}
	return false
}

// test judges a leaf on a known value; memory is what it said when it was last
// decided, which is what hysteresis hangs on.
func (n *node) test(v linewatch.Value, memory bool) linewatch.Truth {
	if !n.fits(v) {
		return linewatch.Undecided
	}
	switch n.op {
	case linewatch.Is:
		return linewatch.TruthOf(v.Equal(n.limits[0]))
	case linewatch.IsNot:
		return linewatch.TruthOf(!v.Equal(n.limits[0]))
	case linewatch.In:
		for _, w := range n.limits {
			if v.Equal(w) {
				return linewatch.True
			}
		}
		return linewatch.False
	case linewatch.Inside, linewatch.Outside:
		inside := linewatch.CompareNumbers(v, n.limits[0]) >= 0 && linewatch.CompareNumbers(v, n.limits[1]) <= 0
		return linewatch.TruthOf(inside == (n.op == linewatch.Inside))
	}
	return linewatch.TruthOf(n.beyond(v, memory))
}

// beyond judges the four one-sided comparisons.
func (n *node) beyond(v linewatch.Value, memory bool) bool {
	if memory && !n.clear.IsNull() {
		order := linewatch.CompareNumbers(v, n.clear)
		if n.op == linewatch.Above || n.op == linewatch.AtLeast {
			return order > 0
		}
		return order < 0
	}
	order := linewatch.CompareNumbers(v, n.limits[0])
	switch n.op {
	case linewatch.Above:
		return order > 0
	case linewatch.AtLeast:
		return order >= 0
	case linewatch.Below:
		return order < 0
	}
	return order <= 0
}
