package ruleset

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"linewatch"
	"linewatch/rules/rulefile"
)

// directory finds what is registered by its name.
type directory struct {
	byName       map[string]*linewatch.Equipment // by id and alias, and what stands for lines and sites
	names        []string                        // ids and aliases
	classes      map[string][]*linewatch.Equipment
	lines, sites []string
}

func newDirectory(a *linewatch.Assets) *directory {
	d := &directory{byName: map[string]*linewatch.Equipment{}, classes: map[string][]*linewatch.Equipment{}}
	add := func(name string, e *linewatch.Equipment) bool {
		if _, known := d.byName[name]; known || name == "" {
			return false
		}
		d.byName[name] = e
		return true
	}
	for i := range a.Equipment {
		e := &a.Equipment[i]
		for _, name := range []string{e.Alias, e.ID} {
			if add(name, e) {
				d.names = append(d.names, name)
			}
		}
		d.classes[e.Class] = append(d.classes[e.Class], e)
		line, site := linewatch.LineSubject(e.Line), linewatch.SiteSubject(e.Site)
		if add(line, &linewatch.Equipment{ID: line, Alias: e.Line, Line: e.Line, Site: e.Site}) {
			d.lines = append(d.lines, e.Line)
		}
		if add(site, &linewatch.Equipment{ID: site, Alias: e.Site, Site: e.Site}) {
			d.sites = append(d.sites, e.Site)
		}
	}
	return d
}

// directory returns that of the registry, which there must be.
func (c *checker) directory() *directory {
	if c.plant == nil {
		c.plant = newDirectory(c.set.Assets.Assets)
	}
	return c.plant
}

// subjects returns the equipment that a rule is about; ok is false where that
// cannot be told, for want of a registry or because of a mistake in the scope.
func (c *checker) subjects(src *rulefile.Source) (about []*linewatch.Equipment, ok bool) {
	if c.set.Assets == nil {
		return nil, false
	}
	d, scope := c.directory(), src.Rule.Scope
	switch {
	case scope.Equipment != "":
		e := c.equipment(src, "scope.equipment", scope.Equipment)
		return []*linewatch.Equipment{e}, e != nil
	case scope.Class == "":
		if e := d.byName[scope.Subject()]; e != nil {
			return []*linewatch.Equipment{e}, true
		}
		c.nowhere(src)
		return nil, false
	}
	about = d.classes[scope.Class] // none is no mistake: they may come later
	c.overridden(src, about)
	return about, about != nil
}

// nowhere says that a rule is about a line or site that has no equipment.
func (c *checker) nowhere(src *rulefile.Source) {
	what, name, names := "line", src.Rule.Scope.Line, c.directory().lines
	if name == "" {
		what, name, names = "site", src.Rule.Scope.Site, c.directory().sites
	}
	if c.inForce != nil {
		c.add(src, "scope."+what, fmt.Sprintf("no equipment is registered with %s %q", what, name), didYouMean(name, names, applyAssets))
		return
	}
	c.add(src, "scope."+what, "is the "+what+" of no equipment in "+c.set.Assets.Name, didYouMean(name, names, "register its equipment there"))
}

// applyAssets is what to do about a name that a running process does not know.
const applyAssets = "apply the assets first (linewatch assets apply FILE)"

// overridden checks that the equipment of overrides is of the rule's class,
// and named once.
func (c *checker) overridden(src *rulefile.Source, about []*linewatch.Equipment) {
	by := map[*linewatch.Equipment]string{}
	for i, o := range src.Rule.Overrides {
		path := fmt.Sprintf("overrides[%d].equipment", i)
		e := c.equipment(src, path, o.Equipment)
		switch {
		case e == nil:
		case !slices.Contains(about, e):
			c.add(src, path, fmt.Sprintf("%q is of class %q, and the rule about class %q", o.Equipment, e.Class, src.Rule.Scope.Class), "remove the override, or give the equipment that class")
		case by[e] != "":
			c.add(src, path, fmt.Sprintf("%q is %q, which is overridden too", o.Equipment, by[e]), "remove one of them")
		default:
			by[e] = o.Equipment
		}
	}
}

// concerned returns those of the equipment that a rule is about for which the
// condition at path is judged: the groups of an override for one, the others
// for all without an override.
func concerned(r *linewatch.Rule, path string, about []*linewatch.Equipment) (out []*linewatch.Equipment) {
	overridden := map[string]bool{}
	rest, inOverride := strings.CutPrefix(path, "overrides[")
	if number, _, _ := strings.Cut(rest, "]"); inOverride {
		if i, err := strconv.Atoi(number); err == nil {
			overridden[r.Overrides[i].Equipment] = true
		}
	} else if len(r.Overrides) == 0 {
		return about
	} else {
		for i := range r.Overrides {
			overridden[r.Overrides[i].Equipment] = true
		}
	}
	for _, e := range about {
		if (overridden[e.ID] || overridden[e.Alias]) == inOverride {
			out = append(out, e)
		}
	}
	return out
}

// equipment finds an equipment by id or alias, or says that there is none.
func (c *checker) equipment(src *rulefile.Source, path, name string) *linewatch.Equipment {
	d := c.directory()
	_, line := linewatch.SubjectLine(name)
	_, site := linewatch.SubjectSite(name)
	if e := d.byName[name]; e != nil && !line && !site {
		return e
	}
	if c.inForce != nil {
		c.add(src, path, fmt.Sprintf("%.128q is not registered", name), didYouMean(name, d.names, applyAssets))
		return nil
	}
	c.add(src, path, fmt.Sprintf("%.128q is not registered in %s", name, c.set.Assets.Name), didYouMean(name, d.names, "register it there"))
	return nil
}

// tags checks the tags that a condition reads.
func (c *checker) tags(src *rulefile.Source, path string, cond *linewatch.Condition, about []*linewatch.Equipment) {
	refs, paths := tagsOf(cond)
	if name := c.takenApart(cond, refs, about); name != "" {
		c.add(src, path+".expr", fmt.Sprintf("takes the tag %.64q apart, for its name is no plain word", name), fmt.Sprintf("write tag(%q)", name))
		return
	}
	for i, ref := range refs {
		c.tag(src, path+paths[i], ref.Tag, ref.Equipment, about)
	}
}

// takenApart returns a tag that stands in an expression without the quotes that
// its name needs, so that the expression reads its parts, which are no tags.
func (c *checker) takenApart(cond *linewatch.Condition, refs []linewatch.TagRef, about []*linewatch.Equipment) string {
	if cond.Expr == "" || c.anyTag {
		return ""
	}
	for _, e := range about {
		listed := func(name string) bool {
			return slices.ContainsFunc(e.Tags, func(t linewatch.Tag) bool { return t.Name == name })
		}
		for _, t := range e.Tags {
			part := func(ref linewatch.TagRef) bool {
				return ref.Equipment == "" && ref.Tag != t.Name && strings.Contains(t.Name, ref.Tag) && !listed(ref.Tag)
			}
			if strings.Contains(cond.Expr, t.Name) && !strings.Contains(cond.Expr, strconv.Quote(t.Name)) && slices.ContainsFunc(refs, part) {
				return t.Name
			}
		}
	}
	return ""
}

// tag checks one tag, of a named equipment or of each that the rule is about.
func (c *checker) tag(src *rulefile.Source, path, tag, equipment string, about []*linewatch.Equipment) {
	if equipment != "" {
		e := c.equipment(src, path+".equipment", equipment)
		if e == nil {
			return
		}
		if site := src.Rule.Scope.Site; site != "" && len(about) > 0 && e.Site != site {
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
	if c.anyTag || len(e.Tags) == 0 || slices.ContainsFunc(e.Tags, func(t linewatch.Tag) bool { return t.Name == tag }) {
		return true
	}
	names := make([]string, len(e.Tags))
	for i, t := range e.Tags {
		names[i] = t.Name
	}
	c.add(src, path, fmt.Sprintf("names %.128q, which is no tag of %s", tag, call(e)), didYouMean(tag, names, "list it in "+c.set.Assets.Name))
	return false
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
		if e := c.directory().byName[name]; e != nil {
			return e.ID
		}
	}
	return name
}
