package rulefile

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"linewatch"
	"linewatch/internal/strictyaml"
)

// overrideDoc says what is different for one equipment of a rule's class:
// values of the rule's parameters, or all of its groups.
type overrideDoc struct {
	Equipment string                     `yaml:"equipment"`
	Params    map[string]linewatch.Value `yaml:"params" remedy:"write params: {max_temp: 80}"`
	Groups    []groupDoc                 `yaml:"groups" remedy:"begin each group with a dash: - id: ..."`
}

// reference returns the parameter that a scalar such as $max_temp stands for.
func reference(text string) (name string, ok bool) {
	name, ok = strings.CutPrefix(text, "$")
	return name, ok && name != ""
}

// filled returns the document with each $name below groups replaced by the
// value of that name, which is looked for in the given maps in turn.
func filled(doc *strictyaml.Document, params ...string) *strictyaml.Document {
	return doc.Replace("groups", func(text string) string {
		name, ok := reference(text)
		for _, p := range params {
			if path := strictyaml.Key(p, name); ok && doc.Has(path) {
				return path
			}
		}
		return ""
	})
}

// undeclared finds what names a parameter that the rule does not have.
func undeclared(doc *strictyaml.Document) (faults []*Error) {
	names := doc.Keys("params")
	for _, s := range doc.Plain("groups") {
		name, ok := reference(s.Text)
		if !ok || slices.Contains(names, name) {
			continue
		}
		remedy := "declare it under params, or put it into quotes if it is text"
		if near := strictyaml.Nearest(name, names); near != "" {
			remedy = "did you mean $" + near + "?"
		}
		faults = append(faults, doc.Fault(s.Path, fmt.Sprintf("names $%.40s, which is no parameter of the rule", name), remedy))
	}
	return faults
}

// beside adds to mistakes those that decoding finds, but for what it finds at
// their places: a parameter without a value is of no type.
func beside(faults, decoding []*Error) []*Error {
	places := map[string]bool{}
	for _, f := range faults {
		places[f.Field] = true
	}
	for _, f := range decoding {
		if !places[f.Field] {
			faults = append(faults, f)
		}
	}
	return faults
}

// parameters checks the names: each is one, has a value, and is used.
func (c *converter) parameters(doc *strictyaml.Document, d *ruleDoc) {
	used := map[string]bool{}
	for _, s := range doc.Plain("groups") {
		if name, ok := reference(s.Text); ok {
			used[name] = true
		}
	}
	for _, name := range slices.Sorted(maps.Keys(d.Params)) {
		path := strictyaml.Key("params", name)
		switch {
		case !linewatch.ValidName(name):
			c.fault(path, "is not a parameter's name", "use 1 to 128 of A-Z a-z 0-9 . _ : and -")
		case d.Params[name].IsNull():
			c.fault(path, "is empty", "give the value that the rule has where nothing is overridden")
		case !used[name]:
			c.fault(path, "is not used", "write $"+name+" where its value belongs, or remove it")
		}
	}
}

// override returns what override i makes of the rule in the document.
func (c *converter) override(doc *strictyaml.Document, d *ruleDoc, i int) linewatch.Override {
	o, path := &d.Overrides[i], strictyaml.Index("overrides", i)
	out := linewatch.Override{Equipment: o.Equipment}
	switch {
	case o.Groups != nil && o.Params != nil:
		c.fault(path, "has params and groups", "give the params that differ, or all groups")
	case o.Groups != nil:
		for k := range o.Groups {
			out.Groups = append(out.Groups, c.group(strictyaml.Index(path+".groups", k), &o.Groups[k]))
		}
	case len(o.Params) == 0:
		c.fault(path, "overrides nothing", "give the params that differ")
	default:
		out.Groups = c.variant(doc, d, o, path)
	}
	return out
}

// variant reads the groups with other parameters.
func (c *converter) variant(doc *strictyaml.Document, d *ruleDoc, o *overrideDoc, path string) (groups []linewatch.Group) {
	for _, name := range slices.Sorted(maps.Keys(o.Params)) {
		at := strictyaml.Key(path+".params", name)
		base, known := d.Params[name]
		v := o.Params[name]
		switch {
		case !known:
			remedy := "declare it under params of the rule"
			if near := strictyaml.Nearest(name, slices.Sorted(maps.Keys(d.Params))); near != "" {
				remedy = "did you mean " + near + "?"
			}
			c.fault(at, "is no parameter of the rule", remedy)
			return nil
		case base.IsNull():
			return nil // which is a mistake of its own
		case v.IsNull():
			c.fault(at, "is empty", "give the value that differs, or remove the key")
			return nil
		case kindOf(base) != kindOf(v):
			c.fault(at, fmt.Sprintf("is %s, but the parameter of the rule is %s (%s)", kindOf(v), kindOf(base), shown(base)), "give "+kindOf(base))
			return nil
		}
	}
	var v ruleDoc
	own := converter{doc: filled(doc, path+".params", "params"), line: c.line}
	if faults := own.doc.Mistakes(&v); len(faults) > 0 {
		for _, f := range faults {
			c.overriding(doc, path, f)
		}
		return nil
	}
	for i := range v.Groups {
		groups = append(groups, own.group(strictyaml.Index("groups", i), &v.Groups[i]))
	}
	for _, f := range own.faults {
		c.overriding(doc, path, f)
	}
	return groups
}

// kindOf says what a value is, as messages do.
func kindOf(v linewatch.Value) string {
	switch {
	case v.IsNumber():
		return "a number"
	case v.Kind() == linewatch.Bool:
		return "true or false"
	}
	return "text"
}

// shown writes a value as it may stand in a file.
func shown(v linewatch.Value) string {
	if v.Kind() == linewatch.String {
		return fmt.Sprintf("%.40q", v.Str())
	}
	return v.String()
}

// overriding reports a mistake that the groups have with the parameters of an
// override, unless they have it in any case.
func (c *converter) overriding(doc *strictyaml.Document, path string, f *Error) {
	if slices.ContainsFunc(c.faults, func(known *Error) bool { return known.Field == f.Field }) {
		return
	}
	if name, ok := overridden(doc, path, f.Field); ok {
		c.fault(name, f.Message, f.Remedy)
		return
	}
	c.fault(path+".params", "makes the rule wrong: "+f.Field+": "+f.Message, f.Remedy)
}

// overridden returns the path of the override's parameter that stands at a
// place in the groups.
func overridden(doc *strictyaml.Document, override, place string) (path string, ok bool) {
	text, _ := doc.Text(place)
	name, ok := reference(text)
	path = strictyaml.Key(override+".params", name)
	return path, ok && doc.Has(path)
}

// shared splits off the override from the path of something that stands in the
// groups of the whole rule, for an override that gives parameters only.
func shared(doc *strictyaml.Document, path string) (override, place string, ok bool) {
	if !strings.HasPrefix(path, "overrides[") {
		return "", path, false
	}
	override, place, ok = strings.Cut(path, ".")
	if !ok || !strings.HasPrefix(place, "groups") || doc.Has(override+".groups") {
		return "", path, false
	}
	return override, place, true
}

// inFile moves the mistakes that a rule has in the groups of its overrides to
// where they stand in the file, each once.
func (c *converter) inFile(doc *strictyaml.Document, faults []*Error) error {
	for _, f := range faults {
		if override, place, ok := shared(doc, f.Field); ok {
			moved := *f
			moved.Field = place
			c.overriding(doc, override, &moved)
			continue
		}
		c.faults = append(c.faults, f)
	}
	return strictyaml.Join(c.faults)
}
