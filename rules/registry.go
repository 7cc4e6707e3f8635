package rules

import "linewatch"

// registry is the asset registry as the rules of one home see it.
type registry struct {
	assets  linewatch.Assets
	byID    map[string]int
	byAlias map[string]int
}

func newRegistry(a linewatch.Assets) registry {
	r := registry{assets: a, byID: map[string]int{}, byAlias: map[string]int{}}
	for i, eq := range a.Equipment {
		r.byID[eq.ID] = i
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

// find returns what is registered of an equipment, or just its id.
func (r *registry) find(id string) linewatch.Equipment {
	if i, ok := r.byID[id]; ok {
		return r.assets.Equipment[i]
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
	if !ok {
		return e.opts.AnyEquipment
	}
	return e.opts.Line == "" || r.assets.Equipment[i].Line == e.opts.Line
}

// subjects returns the equipment of this home that a scope is about, in the
// order of the registry.
func (e *Engine) subjects(r *registry, s linewatch.Scope) (ids []string) {
	if s.Equipment != "" {
		if id := r.resolve(s.Equipment); e.belongs(r, id) {
			ids = append(ids, id)
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
