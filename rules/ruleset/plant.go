package ruleset

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"linewatch"
	"linewatch/rules/rulefile"
)

// subjects returns the equipment that a rule is about; ok is false where that
// cannot be told, for want of a registry or because of a mistake in the scope.
func (c *checker) subjects(src *rulefile.Source) (about []*linewatch.Equipment, ok bool) {
	if c.set.Assets == nil {
		return nil, false
	}
	all := c.set.Assets.Assets.Equipment
	scope := src.Rule.Scope
	switch {
	case scope.Equipment != "":
		e := c.equipment(src, "scope.equipment", scope.Equipment)
		return []*linewatch.Equipment{e}, e != nil
	case scope.Class != "":
		var classes []string
		for i := range all {
			classes = append(classes, all[i].Class)
			if all[i].Class == scope.Class {
				about = append(about, &all[i])
			}
		}
		if about == nil {
			c.add(src, "scope.class", "is the class of no equipment in "+c.set.Assets.Name, didYouMean(scope.Class, classes, "give the equipment that class"))
		}
	case scope.Line != "":
		var lines []string
		for i := range all {
			if lines = append(lines, all[i].Line); all[i].Line == scope.Line {
				id := linewatch.LineSubject(scope.Line)
				return []*linewatch.Equipment{{ID: id, Alias: scope.Line, Line: all[i].Line, Site: all[i].Site}}, true
			}
		}
		c.add(src, "scope.line", "is the line of no equipment in "+c.set.Assets.Name, didYouMean(scope.Line, lines, "register its equipment there"))
	case scope.Site != "":
		var sites []string
		for i := range all {
			if sites = append(sites, all[i].Site); all[i].Site == scope.Site {
				return []*linewatch.Equipment{{ID: scope.Subject(), Alias: scope.Site, Site: scope.Site}}, true
			}
		}
		c.add(src, "scope.site", "is the site of no equipment in "+c.set.Assets.Name, didYouMean(scope.Site, sites, "register its equipment there"))
	}
	for i := range src.Rule.Overrides {
		c.overridden(src, i, about)
	}
	return about, about != nil
}

// overridden checks that the equipment of an override is of the rule's class.
func (c *checker) overridden(src *rulefile.Source, i int, about []*linewatch.Equipment) {
	path := fmt.Sprintf("overrides[%d].equipment", i)
	e := c.equipment(src, path, src.Rule.Overrides[i].Equipment)
	if e != nil && !slices.Contains(about, e) {
		c.add(src, path, "is not of class "+src.Rule.Scope.Class, "remove the override, or give the equipment that class")
	}
}

// concerned returns those of the equipment that a rule is about for which the
// condition at path is judged: the groups of an override for one, the others
// for all without an override.
func concerned(r *linewatch.Rule, path string, about []*linewatch.Equipment) (out []*linewatch.Equipment) {
	rest, inOverride := strings.CutPrefix(path, "overrides[")
	number, _, _ := strings.Cut(rest, "]")
	for _, e := range about {
		i := slices.IndexFunc(r.Overrides, func(o linewatch.Override) bool { return o.Equipment == e.ID || o.Equipment == e.Alias })
		if inOverride && number == strconv.Itoa(i) || !inOverride && i < 0 {
			out = append(out, e)
		}
	}
	return out
}

// equipment finds an equipment by id or alias, or says that there is none.
func (c *checker) equipment(src *rulefile.Source, path, name string) *linewatch.Equipment {
	all := c.set.Assets.Assets.Equipment
	var names []string
	for i := range all {
		if all[i].ID == name || all[i].Alias == name {
			return &all[i]
		}
		names = append(names, all[i].Alias, all[i].ID)
	}
	c.add(src, path, fmt.Sprintf("%.128q is not registered in %s", name, c.set.Assets.Name), didYouMean(name, names, "register it there"))
	return nil
}

// tags checks the tags that a condition reads.
func (c *checker) tags(src *rulefile.Source, path string, cond *linewatch.Condition, about []*linewatch.Equipment) {
	refs, paths := tagsOf(cond)
	for i, ref := range refs {
		c.tag(src, path+paths[i], ref.Tag, ref.Equipment, about)
	}
}

// tag checks one tag, of a named equipment or of each that the rule is about.
func (c *checker) tag(src *rulefile.Source, path, tag, equipment string, about []*linewatch.Equipment) {
	if equipment != "" {
		e := c.equipment(src, path+".equipment", equipment)
		if e == nil || len(about) == 0 {
			return
		}
		if site := about[0].Site; src.Rule.Scope.Site != "" && e.Site != site {
			c.add(src, path+".equipment", fmt.Sprintf("is of site %s, the rule of site %s", e.Site, site), "a rule reads tags of its own site")
		}
		about = []*linewatch.Equipment{e}
	}
	for _, e := range about {
		if !c.hasTag(src, path+".tag", tag, e) {
			return
		}
	}
}

func (c *checker) hasTag(src *rulefile.Source, path, tag string, e *linewatch.Equipment) bool {
	if len(e.Tags) == 0 || slices.ContainsFunc(e.Tags, func(t linewatch.Tag) bool { return t.Name == tag }) {
		return true
	}
	names := make([]string, len(e.Tags))
	for i, t := range e.Tags {
		names[i] = t.Name
	}
	c.add(src, path, fmt.Sprintf("names %.128q, which is no tag of %s", tag, call(e)), didYouMean(tag, names, "list it in "+c.set.Assets.Name))
	return false
}

// CheckTags returns every tag that a rule reads and that the registry does not
// list, where it lists any of the equipment. Equipment that is not registered
// is passed over.
func CheckTags(src *rulefile.Source, registry *linewatch.Assets) error {
	plant := &rulefile.Source{Name: "the registry", Document: rulefile.Document{Assets: registry}}
	about, ok := (&checker{set: &Set{Assets: plant}}).subjects(src)
	if !ok {
		return nil
	}
	c := checker{set: &Set{Assets: plant}}
	src.Rule.Walk(func(path string, _ *linewatch.Group, cond *linewatch.Condition) {
		refs, paths := tagsOf(cond)
		for i, ref := range refs {
			on := concerned(src.Rule, path, about)
			if ref.Equipment != "" {
				on = named(registry, ref.Equipment)
			}
			for _, e := range on {
				if !c.hasTag(src, path+paths[i]+".tag", ref.Tag, e) {
					break
				}
			}
		}
	})
	if a := src.Rule.Alert; a != nil {
		c.alertTags(src, "alert.title", a.Title, about)
		c.alertTags(src, "alert.text", a.Text, about)
	}
	return c.join()
}

// named returns the equipment of an id or alias, if there is one.
func named(registry *linewatch.Assets, name string) []*linewatch.Equipment {
	for i := range registry.Equipment {
		if e := &registry.Equipment[i]; e.ID == name || e.Alias == name {
			return []*linewatch.Equipment{e}
		}
	}
	return nil
}

// alertTags checks the ${tag:NAME} of an alert's text.
func (c *checker) alertTags(src *rulefile.Source, path, text string, about []*linewatch.Equipment) {
	for {
		_, rest, found := strings.Cut(text, "${tag:")
		if !found {
			return
		}
		tag, after, _ := strings.Cut(rest, "}")
		for _, e := range about {
			if !c.hasTag(src, path, tag, e) {
				break
			}
		}
		text = after
	}
}

// call returns what people call an equipment.
func call(e *linewatch.Equipment) string {
	if e.Alias != "" {
		return e.Alias
	}
	return e.ID
}

// id returns the id that a name of an equipment stands for.
func (c *checker) id(name string) string {
	if c.set.Assets != nil {
		for _, e := range c.set.Assets.Assets.Equipment {
			if e.Alias == name {
				return e.ID
			}
		}
	}
	return name
}
