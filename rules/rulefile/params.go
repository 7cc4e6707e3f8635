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
	Params    map[string]linewatch.Value `yaml:"params"`
	Groups    []groupDoc                 `yaml:"groups"`
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

// parameters checks the names: each is declared, and used.
func (c *converter) parameters(doc *strictyaml.Document, d *ruleDoc) {
	used := map[string]bool{}
	doc.Replace("groups", func(text string) string {
		if name, ok := reference(text); ok {
			used[name] = true
		}
		return ""
	})
	names := slices.Sorted(maps.Keys(d.Params))
	for _, name := range slices.Sorted(maps.Keys(used)) {
		if _, ok := d.Params[name]; ok {
			continue
		}
		remedy := "declare it under params, or put it into quotes if it is text"
		if near := strictyaml.Nearest(name, names); near != "" {
			remedy = "did you mean $" + near + "?"
		}
		c.fault("groups", fmt.Sprintf("use $%.40s, which is no parameter of the rule", name), remedy)
	}
	for _, name := range names {
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
		case base.IsNumber() != v.IsNumber() || !v.IsNumber() && base.Kind() != v.Kind():
			c.fault(at, "is of another type than the parameter of the rule", fmt.Sprintf("that is %v", base))
			return nil
		}
	}
	var v ruleDoc
	own := converter{doc: filled(doc, path+".params", "params")}
	if err := own.doc.Decode(&v); err != nil {
		c.fault(path+".params", "does not fit the rule: "+err.Error(), "")
		return nil
	}
	for i := range v.Groups {
		groups = append(groups, own.group(strictyaml.Index("groups", i), &v.Groups[i]))
	}
	for _, f := range own.faults {
		c.fault(path+".params", "makes the rule wrong: "+f.Field+": "+f.Message, f.Remedy)
	}
	return groups
}
