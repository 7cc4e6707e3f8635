package ruleset

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"linewatch"
	"linewatch/internal/expression"
	"linewatch/internal/strictyaml"
)

// reads is what one rule reads: tags, tables and the states of rules, each
// once.
type reads struct {
	rule   *linewatch.Rule
	tags   []string // with their equipment, as "F1 pressure"
	tables []string
	rules  []linewatch.RuleID
}

// Graph tells which rule reads what.
type Graph struct{ rules []reads }

// Graph returns what the rules of the set read, in the order of their ids.
func (s *Set) Graph() Graph {
	var g Graph
	for _, src := range s.Rules {
		g.rules = append(g.rules, readsOf(src.Rule))
	}
	slices.SortFunc(g.rules, func(a, b reads) int { return strings.Compare(string(a.rule.ID), string(b.rule.ID)) })
	return g
}

func readsOf(r *linewatch.Rule) reads {
	out := reads{rule: r, rules: r.RuleReads()}
	r.Walk(func(_ string, _ *linewatch.Group, c *linewatch.Condition) {
		refs, _ := tagsOf(c)
		for _, ref := range refs {
			if ref.Equipment == "" {
				ref.Equipment = subject(r)
			}
			out.tags = append(out.tags, ref.Equipment+" "+ref.Tag)
		}
		for _, l := range c.Lookups {
			if l != (linewatch.Lookup{}) {
				out.tables = append(out.tables, l.Table)
			}
		}
	})
	slices.Sort(out.tags)
	out.tags = slices.Compact(out.tags)
	slices.Sort(out.tables)
	out.tables = slices.Compact(out.tables)
	return out
}

// tagsOf returns the tags that a condition by itself reads, each with the path
// of its place below the condition.
func tagsOf(c *linewatch.Condition) (refs []linewatch.TagRef, paths []string) {
	add := func(path string, ref linewatch.TagRef) { refs, paths = append(refs, ref), append(paths, path) }
	if _, rule := linewatch.RuleTag(c.Tag); c.Tag != "" && !rule {
		add("", linewatch.TagRef{Tag: c.Tag, Equipment: c.Equipment})
	}
	if c.Expr != "" {
		if p, err := expression.Compile(c.Expr); err == nil { // it was checked
			for _, ref := range p.Inputs() {
				add(".expr", ref)
			}
		}
	}
	for i, l := range c.Lookups {
		if l != (linewatch.Lookup{}) {
			add(lookupPath(c, i)+".key", l.Key)
		}
	}
	return refs, paths
}

// lookupPath returns where limit i of a condition stands below it.
func lookupPath(c *linewatch.Condition, i int) string {
	path := "." + c.Op.String()
	if len(c.Values) > 0 {
		path = strictyaml.Index(path, i)
	}
	return path
}

// subject says in a word what a rule is about.
func subject(r *linewatch.Rule) string {
	if r.Scope.Class != "" {
		return "each " + r.Scope.Class
	}
	if !r.Scope.OwnTags() {
		return r.Scope.String()
	}
	return r.Scope.Equipment
}

// DOT returns the graph in the language of Graphviz: ellipses are tags, folders
// tables, boxes rules, and an arrow leads from what is read to who reads it.
func (g Graph) DOT() string {
	var b strings.Builder
	b.WriteString("digraph rules {\n  rankdir=LR;\n  node [fontname=\"sans-serif\"];\n")
	var tags []string
	for _, r := range g.rules {
		id := strconv.Quote("rule:" + string(r.rule.ID))
		fmt.Fprintf(&b, "  %s [shape=box, label=%s];\n", id, strconv.Quote(string(r.rule.ID)+"\n"+subject(r.rule)))
		for _, t := range r.tags {
			tags = append(tags, t)
			fmt.Fprintf(&b, "  %s -> %s;\n", strconv.Quote(t), id)
		}
		for _, t := range r.tables {
			fmt.Fprintf(&b, "  %s [shape=folder, label=%s];\n  %[1]s -> %[3]s;\n", strconv.Quote("table:"+t), strconv.Quote(t), id)
		}
		for _, other := range r.rules {
			fmt.Fprintf(&b, "  %s -> %s [style=bold];\n", strconv.Quote("rule:"+string(other)), id)
		}
	}
	slices.Sort(tags)
	for _, t := range slices.Compact(tags) {
		fmt.Fprintf(&b, "  %s [shape=ellipse];\n", strconv.Quote(t))
	}
	b.WriteString("}\n")
	return b.String()
}

// Tree returns the graph as indented text: under each rule that no other reads
// what it reads, and so on down. A rule is spelled out where it comes first.
func (g Graph) Tree() string {
	t := tree{all: map[linewatch.RuleID]*reads{}, told: map[linewatch.RuleID]bool{}}
	read := map[linewatch.RuleID]bool{}
	for i := range g.rules {
		t.all[g.rules[i].rule.ID] = &g.rules[i]
		for _, id := range g.rules[i].rules {
			read[id] = true
		}
	}
	for _, r := range g.rules {
		if !read[r.rule.ID] {
			t.rule(r.rule.ID, "")
		}
	}
	for _, r := range g.rules { // what is left reads itself in a circle
		if !t.told[r.rule.ID] {
			t.rule(r.rule.ID, "")
		}
	}
	return t.b.String()
}

type tree struct {
	b    strings.Builder
	all  map[linewatch.RuleID]*reads
	told map[linewatch.RuleID]bool
}

func (t *tree) rule(id linewatch.RuleID, indent string) {
	r, ok := t.all[id]
	switch {
	case !ok:
		fmt.Fprintf(&t.b, "%srule %s: in none of the files\n", indent, id)
		return
	case t.told[id]:
		fmt.Fprintf(&t.b, "%srule %s: see above\n", indent, id)
		return
	}
	t.told[id] = true
	fmt.Fprintf(&t.b, "%srule %s (%s): %s\n", indent, id, subject(r.rule), r.rule.Name)
	for _, tag := range r.tags {
		fmt.Fprintf(&t.b, "%s  %s\n", indent, tag)
	}
	for _, table := range r.tables {
		fmt.Fprintf(&t.b, "%s  table %s\n", indent, table)
	}
	for _, other := range r.rules {
		t.rule(other, indent+"  ")
	}
}
