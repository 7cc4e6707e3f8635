package script

import (
	"fmt"
	"strings"

	"linewatch"
	"linewatch/internal/expression"
	"linewatch/internal/strictyaml"
)

// maxUnread bounds how many tags that no rule reads are told of.
const maxUnread = 5

// unread tells of points that no rule of the test reads, each tag of a machine
// once: a misspelt tag, or the wrong machine, looks like a rule that fails.
func (r *runner) unread() (list []string) {
	told := map[linewatch.TagRef]bool{}
	for i := range r.steps {
		s := &r.steps[i]
		e, ok := r.find(s.equipment)
		ref := linewatch.TagRef{Equipment: e.ID, Tag: s.tag}
		if s.verb != point || !ok || r.reads[ref] || told[ref] {
			continue
		}
		if told[ref] = true; len(list) == maxUnread {
			return append(list, "and further points that no rule reads")
		}
		list = append(list, fmt.Sprintf("%s:%d: %s", r.file.name, s.place.line, r.notRead(ref)))
	}
	return list
}

// notRead says that no rule reads a tag, and what was perhaps meant.
func (r *runner) notRead(ref linewatch.TagRef) string {
	var tags, machines, all []string
	for read := range r.reads {
		if all = append(all, r.names.of(read.Equipment)); read.Equipment == ref.Equipment {
			tags = append(tags, read.Tag)
		} else if read.Tag == ref.Tag {
			machines = append(machines, r.names.of(read.Equipment))
		}
	}
	name := r.names.of(ref.Equipment)
	text := fmt.Sprintf("no rule of the test reads %s of %s; ", formatText(ref.Tag), name)
	near := strictyaml.Nearest(ref.Tag, tags)
	switch {
	case near != "":
		return text + "did you mean " + near + "?"
	case len(machines) > 0:
		return text + "it is read of " + strings.Join(few(machines), ", ")
	case len(tags) > 0:
		return text + "what is read of it is " + strings.Join(few(tags), ", ")
	case len(all) > 0:
		return text + "what is read is of " + strings.Join(few(all), ", ")
	}
	return text + "they read nothing"
}

// few returns names in order, each once, and the first ones of many.
func few(names []string) []string {
	const most = 10
	if names = unique(names); len(names) > most {
		return append(names[:most:most], "...")
	}
	return names
}

// noteReads takes note of what a rule reads of the machines that are
// registered now.
func (r *runner) noteReads(rule *linewatch.Rule) {
	scope, own := rule.Scope, []linewatch.Equipment{{}} // of a line or site
	if scope.OwnTags() {
		own = own[:0]
		for _, e := range r.assets.Equipment {
			if scope.Class != "" && scope.Class == e.Class || scope.Equipment != "" && (scope.Equipment == e.ID || scope.Equipment == e.Alias) {
				own = append(own, e)
			}
		}
	}
	for _, e := range own {
		refs := alertTags(rule)
		rule.For(e.ID, e.Alias).Walk(func(_ string, _ *linewatch.Group, c *linewatch.Condition) { refs = append(refs, tagsOf(c)...) })
		for _, ref := range refs {
			if ref.Equipment == "" {
				ref.Equipment = e.ID
			} else if other, ok := r.find(ref.Equipment); ok {
				ref.Equipment = other.ID
			}
			r.reads[ref] = true
		}
	}
}

// tagsOf returns the tags that a condition by itself reads.
func tagsOf(c *linewatch.Condition) (refs []linewatch.TagRef) {
	if _, rule := linewatch.RuleTag(c.Tag); c.Tag != "" && !rule {
		refs = append(refs, linewatch.TagRef{Tag: c.Tag, Equipment: c.Equipment})
	}
	if c.Expr != "" {
		if p, err := expression.Compile(c.Expr); err == nil { // it was checked
			refs = append(refs, p.Inputs()...)
		}
	}
	for _, l := range c.Lookups {
		if l != (linewatch.Lookup{}) {
			refs = append(refs, l.Key)
		}
	}
	return refs
}

// alertTags returns the tags of the rule's own machine that its alert names.
func alertTags(rule *linewatch.Rule) (refs []linewatch.TagRef) {
	if rule.Alert == nil {
		return nil
	}
	parts := strings.Split(rule.Alert.Title+rule.Alert.Text, "${tag:")
	for _, part := range parts[1:] {
		tag, _, _ := strings.Cut(part, "}")
		refs = append(refs, linewatch.TagRef{Tag: tag})
	}
	return refs
}
