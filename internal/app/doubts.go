package app

import (
	"cmp"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"

	"linewatch"
	"linewatch/edge"
	"linewatch/internal/strictyaml"
	"linewatch/rules/ruleset"
)

// doubt is something that the configuration, the registry or a rule says,
// which fits together badly with the others and is hardly meant. It is no
// error, since what is missing can follow while the process runs.
type doubt struct {
	message string // with the remedy
	facts   []any  // keys and values
	near    string // what may have been meant
}

// all returns the facts with what may have been meant.
func (d *doubt) all() []any {
	if d.near == "" {
		return d.facts
	}
	return append(slices.Clip(d.facts), "did_you_mean", d.near)
}

// String returns the doubt on one line, for people.
func (d *doubt) String() string {
	var facts []string
	for i := 0; i < len(d.facts); i += 2 {
		facts = append(facts, fmt.Sprintf("%s %v", strings.ReplaceAll(fmt.Sprint(d.facts[i]), "_", " "), d.facts[i+1]))
	}
	text := d.message + " (" + strings.Join(facts, ", ") + ")"
	if d.near != "" {
		text += "; did you mean " + d.near + "?"
	}
	return text
}

// tellDoubts logs doubts and returns them as notes.
func tellDoubts(log *slog.Logger, doubts []doubt) (notes []string) {
	for i := range doubts {
		if i == maxNotes {
			log.Warn("there are more doubts of that kind; mend these first", "more", len(doubts)-maxNotes)
			break
		}
		log.Warn(doubts[i].message, doubts[i].all()...)
	}
	for i := range doubts {
		notes = append(notes, doubts[i].String())
	}
	return notes
}

// reading is what the sources of this process read, with which registry and
// rules are compared. A nil one is of a process without sources, and doubts
// nothing.
type reading struct {
	config edge.Config // with its defaults
	open   bool        // senders that are not registered are let in
	tags   map[string]map[string]bool
}

func newReading(c edge.Config, open bool) *reading {
	r := &reading{config: c.WithDefaults(), open: open, tags: map[string]map[string]bool{}}
	for _, s := range r.config.Sources {
		for _, t := range s.Tags {
			if r.tags[t.Equipment] == nil {
				r.tags[t.Equipment] = map[string]bool{}
			}
			r.tags[t.Equipment][t.Name] = true
		}
	}
	return r
}

// doubts compares everything, with the rules in force.
func (r *reading) doubts(f *ruleset.InForce) (list []doubt) {
	if r == nil {
		return nil
	}
	var none linewatch.Assets
	registry := cmp.Or(f.Registry, &none)
	list = append(r.senders(registry), r.equipment(registry)...)
	ours := r.lines(registry)
	for _, id := range slices.Sorted(maps.Keys(f.Rules)) {
		list = append(list, r.unread(f, f.Rules[id], ours)...)
	}
	return list
}

// rule compares with one rule.
func (r *reading) rule(f *ruleset.InForce, rule *linewatch.Rule) []doubt {
	if r == nil || f.Registry == nil {
		return nil
	}
	return r.unread(f, rule, r.lines(f.Registry))
}

// senders compares the sources with the senders of the registry.
func (r *reading) senders(registry *linewatch.Assets) (list []doubt) {
	gateway := r.config.Gateway
	sources, registered := map[string]bool{}, map[string]bool{}
	for _, s := range r.config.Sources {
		sources[gateway+"/"+s.ID] = true
	}
	for _, s := range registry.Senders {
		registered[s.Sender().String()] = true
	}
	without := func(all, those map[string]bool) (names []string) {
		for name := range all {
			if !those[name] {
				names = append(names, name)
			}
		}
		slices.Sort(names)
		return names
	}
	strangers, silent := without(sources, registered), without(registered, sources)
	for _, s := range r.config.Sources {
		name := gateway + "/" + s.ID
		if !r.open && !registered[name] {
			list = append(list, doubt{
				"source is not registered as a sender, its points will be refused; list it under senders in the assets file and apply it",
				[]any{"gateway", gateway, "source", s.ID},
				strictyaml.Nearest(name, silent),
			})
		}
	}
	for _, name := range silent {
		if source, ours := strings.CutPrefix(name, gateway+"/"); ours {
			list = append(list, doubt{
				"sender is registered and no source has its name; correct one of the two, or take it off the registry",
				[]any{"gateway", gateway, "sender", source},
				strings.TrimPrefix(strictyaml.Nearest(name, strangers), gateway+"/"),
			})
		}
	}
	return list
}

// equipment compares what the sources read with what the registry lists.
func (r *reading) equipment(registry *linewatch.Assets) (list []doubt) {
	known, ids := map[string]*linewatch.Equipment{}, map[string]string{} // by id; by id and alias
	for i := range registry.Equipment {
		eq := &registry.Equipment[i]
		known[eq.ID], ids[eq.Alias] = eq, eq.ID
	}
	delete(ids, "")
	for id := range known {
		ids[id] = id
	}
	names := slices.Sorted(maps.Keys(ids))
	told := map[string]bool{}
	for _, s := range r.config.Sources {
		for _, t := range s.Tags {
			if told[t.Equipment] {
				continue
			}
			told[t.Equipment] = true
			eq, id := known[t.Equipment], ids[t.Equipment]
			switch {
			case eq != nil:
				list = append(list, r.unlisted(eq)...)
			case id != "":
				list = append(list, doubt{
					"equipment of a source is an alias, no rule will see its tags; use its id",
					[]any{"source", s.ID, "alias", t.Equipment, "id", id},
					"",
				})
			default:
				list = append(list, doubt{
					"equipment of a source is not registered, no rule will see its tags; list it in the assets file and apply it",
					[]any{"source", s.ID, "equipment", t.Equipment},
					ids[strictyaml.Nearest(t.Equipment, names)],
				})
			}
		}
	}
	return list
}

// unlisted finds tags that are read of an equipment and that the registry,
// which lists some of it, does not list: most likely a name is misspelt.
func (r *reading) unlisted(eq *linewatch.Equipment) []doubt {
	listed := make([]string, len(eq.Tags))
	for i, t := range eq.Tags {
		listed[i] = t.Name
	}
	slices.Sort(listed)
	var names []string
	for name := range r.tags[eq.ID] {
		if _, found := slices.BinarySearch(listed, name); !found {
			names = append(names, name)
		}
	}
	if len(listed) == 0 || len(names) == 0 {
		return nil
	}
	first := slices.Min(names)
	return []doubt{{
		"tags that are read are not those that the registry lists of their equipment; correct their names, or list them in the assets file and apply it",
		[]any{"equipment", cmp.Or(eq.Alias, eq.ID), "tags", len(names), "first", first},
		strictyaml.Nearest(first, listed),
	}}
}

// unread finds tags that a rule reads and no source, on lines for which nobody
// else sends.
func (r *reading) unread(f *ruleset.InForce, rule *linewatch.Rule, ours map[string]bool) []doubt {
	var unread []ruleset.Input
	for in := range f.Reads(rule) {
		if ours[in.Equipment.Line] && !r.tags[in.Equipment.ID][in.Tag] && !slices.Contains(unread, in) {
			unread = append(unread, in)
		}
	}
	if len(unread) == 0 {
		return nil
	}
	e := unread[0].Equipment
	d := doubt{
		"a rule reads tags that no source reads, they stay unknown; add them to the configuration, or correct the rule",
		[]any{"rule", rule.ID, "tags", len(unread), "equipment", cmp.Or(e.Alias, e.ID), "first", unread[0].Tag},
		strictyaml.Nearest(unread[0].Tag, slices.Sorted(maps.Keys(r.tags[e.ID]))),
	}
	if d.near != "" && len(e.Tags) > 0 { // the registry lists the tag, so that the rule is hardly wrong
		d.facts, d.near = append(d.facts, "nearest_read", d.near), ""
	}
	return []doubt{d}
}

// lines returns the lines all of whose senders are sources of this process.
func (r *reading) lines(registry *linewatch.Assets) map[string]bool {
	if r.open {
		return nil // others may send for any
	}
	sources := map[linewatch.Sender]bool{}
	for _, s := range r.config.Sources {
		sources[linewatch.Sender{Gateway: r.config.Gateway, Source: s.ID}] = true
	}
	ours := map[string]bool{}
	for _, s := range registry.Senders {
		before, seen := ours[s.Line]
		ours[s.Line] = sources[s.Sender()] && (before || !seen)
	}
	return ours
}
