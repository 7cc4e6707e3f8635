package rules

import "linewatch"

// registry is the asset registry as the rules of one home see it.
type registry struct {
	assets  linewatch.Assets
	byID    map[string]int
	byAlias map[string]int
	sites   map[string]string // line -> site
	encoded []byte            // JSON of assets, for snapshots; nil before the first one
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
	if site, ok := linewatch.SubjectSite(id); ok {
		return linewatch.Equipment{ID: id, Alias: site, Site: site}
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

// Knows reports whether the newest registry lists an equipment that this home
// hears, or whether any name will do.
func (e *Engine) Knows(equipment string) bool { return e.hears(&e.newest, e.told, equipment) }

// here reports whether this engine's home hears an equipment, so that its rules
// may test the tags of it.
func (e *Engine) here(id string) bool { return e.hears(&e.registry, e.hosted, id) }

// hears is so of the equipment of a line and of its guests for the line, and of
// all equipment of a site for the site. What stands for a line or a site is
// owned but sends nothing, so that it is none.
func (e *Engine) hears(r *registry, guests []string, id string) bool {
	_, line := linewatch.SubjectLine(id)
	_, ofSite := linewatch.SubjectSite(id)
	if (line || ofSite) && !e.opts.AnyEquipment {
		return false
	}
	if guest(r, guests, id) {
		return true
	}
	site, ok := linewatch.SubjectSite(e.opts.Line)
	if i, known := r.byID[id]; ok && known {
		return r.assets.Equipment[i].Site == site
	}
	return e.owns(r, id)
}

// owns reports whether rules about a subject are judged here: an equipment or a
// line at home on the line, a site at home on itself.
func (e *Engine) owns(r *registry, id string) bool {
	if i, ok := r.byID[id]; ok {
		return e.opts.Line == "" || r.assets.Equipment[i].Line == e.opts.Line
	}
	if line, ok := linewatch.SubjectLine(id); ok {
		_, known := r.sites[line]
		return known && (e.opts.Line == "" || line == e.opts.Line)
	}
	if site, ok := linewatch.SubjectSite(id); ok {
		return r.hasSite(site) && (e.opts.Line == "" || id == e.opts.Line)
	}
	return e.opts.AnyEquipment
}

// shareHome reports whether a rule about own may read the states of rules about
// a subject. An engine of all lines keeps their homes apart, too, so that rule
// tests see what a line would.
func (e *Engine) shareHome(subject, own string) bool {
	return e.owns(&e.registry, subject) && (e.opts.Line != "" || e.registry.homeOf(subject) == e.registry.homeOf(own))
}

// homeOf returns the line of an equipment, or the line or site itself; empty
// for what is not registered.
func (r *registry) homeOf(id string) string {
	if _, ok := linewatch.SubjectSite(id); ok {
		return id
	}
	return r.find(id).Line
}

// absence says why nothing is known here of an equipment.
func (e *Engine) absence(id string) string {
	eq := e.registry.find(id)
	if _, listed := e.registry.sites[eq.Line]; listed || eq.Site != "" && e.registry.hasSite(eq.Site) {
		return causeElsewhere
	}
	return causeAbsent
}

func (r *registry) hasSite(site string) bool {
	for _, s := range r.sites {
		if s == site {
			return true
		}
	}
	return false
}

// subjects returns what of this home a scope is about: equipment in the order
// of the registry, or the line or site.
func (e *Engine) subjects(r *registry, s linewatch.Scope) (ids []string) {
	if one := r.resolve(s.Subject()); one != "" {
		if e.owns(r, one) {
			ids = append(ids, one)
		}
		return ids
	}
	for _, eq := range r.assets.Equipment {
		if eq.Class == s.Class && e.owns(r, eq.ID) {
			ids = append(ids, eq.ID)
		}
	}
	return ids
}
