package app

import (
	"fmt"
	"log/slog"

	"linewatch"
	"linewatch/edge"
	"linewatch/edge/s7"
)

// warnStale tells about tags that the registry takes for stale, or a rule for
// missing, although they may only have stayed the same: the edge repeats them
// later, or never.
func (a *App) warnStale(c edge.Config) {
	ages := a.control.ages()
	for _, s := range c.WithDefaults().Sources {
		first, count := "", 0
		for _, t := range s.Tags {
			most, silence := ages[[2]string{t.Equipment, t.Name}], s.Silence(t)
			if most.age == 0 || silence > 0 && silence < most.age {
				continue
			}
			if count++; count == 1 {
				first = fmt.Sprintf("%s: %s %v, repeated after %v", t.Name, most.by, most.age, silence)
				if silence == 0 {
					first = fmt.Sprintf("%s: %s %v, never repeated", t.Name, most.by, most.age)
				}
			}
		}
		if count > 0 {
			a.o.Log.Warn("tags that stay the same will be taken for stale or missing; set maxSilence of the source or the tag below what registry and rules allow",
				"source", s.ID, "tags", count, "first", first)
		}
	}
}

// allowedAge is how old the newest point of a tag may grow, and who says so.
type allowedAge struct {
	age linewatch.Duration
	by  string
}

// ages returns the least that the registry and the rules in force allow, by
// equipment id and tag.
func (c *control) ages() map[[2]string]allowedAge {
	all := map[[2]string]allowedAge{}
	add := func(equipment, tag string, age linewatch.Duration, by string) {
		key := [2]string{equipment, tag}
		if old := all[key]; age > 0 && (old.age == 0 || age < old.age) {
			all[key] = allowedAge{age, by}
		}
	}
	assets := c.registry()
	for _, eq := range assets.Equipment {
		for _, t := range eq.Tags {
			add(eq.ID, t.Name, t.StaleAfter, "staleAfter")
		}
	}
	for id, r := range c.rules {
		if r.deleted || r.stage == linewatch.StageDraft || r.stage == linewatch.StageRetired || !minds(r.rule) {
			continue
		}
		for _, eq := range assets.Equipment {
			about := r.rule.Scope.Class != "" && r.rule.Scope.Class == eq.Class || r.rule.Scope.Equipment == eq.ID || r.rule.Scope.Equipment == eq.Alias && eq.Alias != ""
			r.rule.For(eq.ID, eq.Alias).Walk(func(_ string, _ *linewatch.Group, cond *linewatch.Condition) {
				if cond.Equipment == eq.ID || cond.Equipment == eq.Alias && eq.Alias != "" || cond.Equipment == "" && about {
					add(eq.ID, cond.Tag, cond.StaleAfter, "staleAfter of rule "+string(id))
					if cond.Op == linewatch.Missing {
						add(eq.ID, cond.Tag, cond.Span, "missing of rule "+string(id))
					}
				}
			})
		}
	}
	return all
}

// minds reports whether a rule minds how old a tag is.
func minds(r *linewatch.Rule) (found bool) {
	look := func(_ string, _ *linewatch.Group, c *linewatch.Condition) {
		found = found || c.StaleAfter > 0 || c.Op == linewatch.Missing
	}
	r.Walk(look)
	for i := range r.Overrides {
		r.For(r.Overrides[i].Equipment, "").Walk(look)
	}
	return found
}

// warnOverlap tells about tags of an S7 PLC that share some bytes, which is a
// wrong address or type.
func warnOverlap(c edge.Config, log *slog.Logger) {
	for _, s := range c.Sources {
		if s.Protocol == edge.ProtocolOPCUA {
			continue
		}
		if count, first := s7.Overlap(s); count > 0 {
			log.Warn("tags of a source overlap in part; correct their addresses or types", "source", s.ID, "tags", count, "first", first)
		}
	}
}

// warnShared tells about tags of a machine that two sources read: their values
// would take turns as if they were one.
func warnShared(c edge.Config, log *slog.Logger) {
	sources := map[[2]string]string{}
	first, count := "", 0
	for _, s := range c.WithDefaults().Sources {
		for _, t := range s.Tags {
			key := [2]string{t.Equipment, t.Name}
			other, shared := sources[key]
			if !shared {
				sources[key] = s.ID
				continue
			}
			if count++; count == 1 {
				first = fmt.Sprintf("%s of %s: %s and %s", t.Name, t.Equipment, other, s.ID)
			}
		}
	}
	if count > 0 {
		log.Warn("tags are read from two sources, and rules see the values of both in turn; remove or rename one", "tags", count, "first", first)
	}
}

// warnDoubled tells about tags of a source that read the very same place, which
// is mostly a line that was copied and forgotten.
func warnDoubled(c edge.Config, log *slog.Logger) {
	for _, s := range c.Sources {
		names := map[string]string{}
		first, count := "", 0
		for _, t := range s.Tags {
			name, doubled := names[t.Address]
			if !doubled {
				names[t.Address] = t.Name
				continue
			}
			if count++; count == 1 {
				first = fmt.Sprintf("%s and %s: %s", name, t.Name, t.Address)
			}
		}
		if count > 0 {
			log.Warn("tags of a source have the same address; correct it unless that is meant", "source", s.ID, "tags", count, "first", first)
		}
	}
}
