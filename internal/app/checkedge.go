package app

import (
	"fmt"

	"linewatch"
	"linewatch/edge"
)

// warnUnregistered tells about sources and equipment that the registry does not
// know: their points would be read, kept and judged by no rule. It is no error,
// since the registry can follow while the process runs.
func (a *App) warnUnregistered(c edge.Config) {
	assets := a.control.registry()
	senders := map[string]bool{}
	for _, s := range assets.Senders {
		senders[s.Gateway+"/"+s.Source] = true
	}
	ids, aliases := map[string]bool{}, map[string]string{}
	for _, eq := range assets.Equipment {
		ids[eq.ID] = true
		aliases[eq.Alias] = eq.ID
	}
	told := map[string]bool{}
	for _, s := range c.WithDefaults().Sources {
		if a.o.Config.Engine.OpenSenders == 0 && !senders[c.Gateway+"/"+s.ID] {
			a.o.Log.Warn("source is not registered as a sender, its points will be refused; list it under senders in the assets file and apply it",
				"gateway", c.Gateway, "source", s.ID)
		}
		for _, tag := range s.Tags {
			if ids[tag.Equipment] || told[tag.Equipment] {
				continue
			}
			told[tag.Equipment] = true
			if id, ok := aliases[tag.Equipment]; ok {
				a.o.Log.Warn("equipment of a source is an alias, no rule will see its tags; use its id", "source", s.ID, "alias", tag.Equipment, "id", id)
				continue
			}
			a.o.Log.Warn("equipment of a source is not registered, no rule will see its tags; list it in the assets file and apply it",
				"source", s.ID, "equipment", tag.Equipment)
		}
	}
}

// warnStale tells about tags that the registry takes for stale although they
// may only have stayed the same: the edge repeats them later, or never.
func (a *App) warnStale(c edge.Config) {
	staleAfter := map[[2]string]linewatch.Duration{}
	for _, eq := range a.control.registry().Equipment {
		for _, t := range eq.Tags {
			staleAfter[[2]string{eq.ID, t.Name}] = t.StaleAfter
		}
	}
	for _, s := range c.WithDefaults().Sources {
		first, count := "", 0
		for _, t := range s.Tags {
			stale, silence := staleAfter[[2]string{t.Equipment, t.Name}], s.Silence(t)
			if stale == 0 || silence > 0 && silence < stale {
				continue
			}
			if count++; count == 1 {
				first = fmt.Sprintf("%s: staleAfter %v, repeated after %v", t.Name, stale, silence)
				if silence == 0 {
					first = fmt.Sprintf("%s: staleAfter %v, never repeated", t.Name, stale)
				}
			}
		}
		if count > 0 {
			a.o.Log.Warn("tags that stay the same will be taken for stale; set maxSilence of the source or the tag below the registry's staleAfter",
				"source", s.ID, "tags", count, "first", first)
		}
	}
}
