package rules

import "linewatch"

// registry is the asset registry as the rules of one home see it.
type registry struct {
	assets  linewatch.Assets
	byID    map[string]int
	byAlias map[string]int
	sites   map[string]string // line -> site
}

func newRegistry(a linewatch.Assets) registry {
	r := registry{assets: a, byID: map[string]int{}, byAlias: map[string]int{}, sites: map[string]string{}}
	for i, eq := range a.Equipment {
		r.byID[eq.ID], r.sites[eq.Line] = i, eq.Site
		if eq.Alias != "" {
			r.byAlias[eq.Alias] = i
		}
	}
	return r
}

// resolve returns the id behind an id or alias; a name that is not registered
// stands for itself.
func (r *registry) resolve(name string) string {
	if _, ok := r.byID[name]; ok {
		return name
	}
	if i, ok := r.byAlias[name]; ok {
		return r.assets.Equipment[i].ID
	}
	return name
}

// find returns what is registered of an equipment, or just its id. A line is
// found as if it were one.
func (r *registry) find(id string) linewatch.Equipment {
	if i, ok := r.byID[id]; ok {
		return r.assets.Equipment[i]
	}
	if line, ok := linewatch.SubjectLine(id); ok {
		return linewatch.Equipment{ID: id, Alias: line, Line: line, Site: r.sites[line]}
	}
	return linewatch.Equipment{ID: id}
}

// staleAfter returns from which age on the value of a tag is unknown; 0: never.
func (r *registry) staleAfter(id, tag string) linewatch.Duration {
	if i, ok := r.byID[id]; ok {
		for _, t := range r.assets.Equipment[i].Tags {
			if t.Name == tag {
				return t.StaleAfter
			}
		}
	}
	return 0
}

// Knows reports whether the newest registry lists an equipment for this home,
// or whether any name will do.
func (e *Engine) Knows(equipment string) bool { return e.belongs(&e.newest, equipment) }

// here reports whether an equipment belongs to this engine's home.
func (e *Engine) here(id string) bool { return e.belongs(&e.registry, id) }

func (e *Engine) belongs(r *registry, id string) bool {
	i, ok := r.byID[id]
	if line, is := linewatch.SubjectLine(id); is && !ok {
		_, known := r.sites[line]
		return known && (e.opts.Line == "" || line == e.opts.Line)
	}
	if !ok {
		return e.opts.AnyEquipment
	}
	return e.opts.Line == "" || r.assets.Equipment[i].Line == e.opts.Line
}

// subjects returns what of this home a scope is about: equipment in the order
// of the registry, or the line.
func (e *Engine) subjects(r *registry, s linewatch.Scope) (ids []string) {
	one := r.resolve(s.Equipment)
	if s.Line != "" {
		one = linewatch.LineSubject(s.Line)
	}
	if one != "" {
		if e.belongs(r, one) {
			ids = append(ids, one)
		}
		return ids
	}
	for _, eq := range r.assets.Equipment {
		if eq.Class == s.Class && e.belongs(r, eq.ID) {
			ids = append(ids, eq.ID)
		}
	}
	return ids
}
