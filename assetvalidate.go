package linewatch

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
)

// Validate returns every mistake in a, joined, each a *FieldError; nil if
// there is none.
func (a *Assets) Validate() error {
	var f faults
	v := assetCheck{faults: &f, names: map[string]string{}, sites: map[string]string{}}
	for i := range a.Equipment {
		v.equipment(at("equipment", i), &a.Equipment[i])
	}
	for i := range a.Equipment {
		v.alias(at("equipment", i), &a.Equipment[i])
	}
	seen := make(map[SenderDef]bool)
	for i, s := range a.Senders {
		path := at("senders", i)
		f.check(ValidName(s.Gateway), path+".gateway", "is not a gateway id", nameRemedy)
		f.check(ValidName(s.Source), path+".source", "is not a source id", nameRemedy)
		_, known := v.sites[s.Line]
		f.check(known, path+".line", "is the line of no equipment", "name the line as the equipment does")
		f.check(!seen[s], path, "is registered twice", "remove one of them")
		seen[s] = true
	}
	return errors.Join(f...)
}

// assetCheck holds what has been seen of a registry.
type assetCheck struct {
	*faults
	names map[string]string // equipment id or alias -> path
	sites map[string]string // line -> site
}

func (v *assetCheck) equipment(path string, e *Equipment) {
	v.check(ValidName(e.ID), path+".id", "is not an equipment id", nameRemedy)
	v.check(!stands(e.ID), path+".id", "is what stands for a line or site", "choose another id")
	v.check(!stands(e.Line), path+".line", "is what stands for a line or site", "choose another name")
	if other, ok := v.names[e.ID]; ok {
		v.add(path+".id", "is the id of "+other+" too", "give each equipment an id of its own")
	} else {
		v.names[e.ID] = path
	}
	v.check(ValidName(e.Line), path+".line", "is not a line's name", nameRemedy)
	v.check(ValidName(e.Site), path+".site", "is not a site's name", nameRemedy)
	v.check(e.Class == "" || ValidName(e.Class), path+".class", "is not an equipment class", nameRemedy)
	v.check(e.Order >= 0, path+".order", "is negative", "number the machines of a line from 1")
	if e.Machine != "" {
		v.text(path+".machine", e.Machine, MaxTitle, true)
	}
	// A line is the home of its rules and of one watermark, wherever it stands.
	if site, ok := v.sites[e.Line]; ok && site != e.Site {
		v.add(path+".site", "differs from the site of another equipment of line "+strconv.Quote(e.Line), "give lines of different sites different names")
	} else {
		v.sites[e.Line] = e.Site
	}
	seen := make(map[string]bool)
	for i := range e.Tags {
		v.tag(at(path+".tags", i), &e.Tags[i], seen)
	}
	v.signals(path+".signals", &e.Signals, seen)
}

// signals asks that each one names a tag that the equipment lists.
func (v *assetCheck) signals(path string, s *Signals, tags map[string]bool) {
	for _, signal := range [...]struct{ name, tag string }{
		{"state", s.State},
		{"reason", s.Reason},
		{"speed", s.Speed},
		{"nominal", s.Nominal},
		{"good", s.Good},
		{"total", s.Total},
		{"product", s.Product},
	} {
		v.check(signal.tag == "" || tags[signal.tag], path+"."+signal.name, "is no tag of this equipment", "list it under tags, or leave the signal out")
	}
}

// alias runs when all ids are known: an alias that is another's id would make
// rules ambiguous.
func (v *assetCheck) alias(path string, e *Equipment) {
	if e.Alias == "" || e.Alias == e.ID {
		return
	}
	v.check(ValidName(e.Alias), path+".alias", "is not an alias", nameRemedy)
	v.check(!stands(e.Alias), path+".alias", "is what stands for a line or site", "choose another alias")
	if other, ok := v.names[e.Alias]; ok {
		v.add(path+".alias", "is an id or alias of "+other+" too", "give each equipment an alias of its own")
		return
	}
	v.names[e.Alias] = path
}

func (v *assetCheck) tag(path string, t *Tag, seen map[string]bool) {
	v.check(ValidTag(t.Name), path+".name", "is not a tag", fmt.Sprintf("use 1 to %d bytes of printable text", MaxName))
	v.check(t.Name != HeartbeatTag && t.Name != GapTag, path+".name", "is a reserved name", "")
	v.check(!seen[t.Name], path+".name", "is listed twice", "remove one of them")
	seen[t.Name] = true
	if t.Title != "" {
		v.text(path+".title", t.Title, MaxTitle, true)
	}
	if t.Unit != "" {
		v.text(path+".unit", t.Unit, 32, true)
	}
	v.check(t.Decimals >= 0 && t.Decimals <= 9, path+".decimals", "is not a number of decimals", "give 0 to 9")
	v.span(path+".staleAfter", t.StaleAfter)
}

// Validate returns every mistake in t, joined, each a *FieldError; nil if
// there is none.
func (t *Table) Validate() error {
	var f faults
	f.check(ValidName(t.ID), "id", "is not a table's id", nameRemedy)
	f.check(len(t.Rows) > 0, "rows", "are missing", "give at least one row")
	for _, key := range slices.Sorted(maps.Keys(t.Rows)) {
		path := "rows" + step(key)
		f.check(len(key) <= MaxString, path, fmt.Sprintf("is a key of %d bytes", len(key)), fmt.Sprintf("at most %d are allowed", MaxString))
		f.check(key != "", path, "is an empty key", "give the value of the tag that finds the row")
		f.check(len(t.Rows[key]) > 0, path, "has no columns", "give at least one, or remove the row")
		for _, column := range slices.Sorted(maps.Keys(t.Rows[key])) {
			f.check(ValidName(column), path+step(column), "is not a column's name", nameRemedy)
			f.limit(path+step(column), false, t.Rows[key][column])
		}
	}
	return errors.Join(f...)
}

// step is a map key within a path: .key, or ["any key"] where it is no plain
// word.
func step(key string) string {
	plain := key != ""
	for _, c := range []byte(key) {
		plain = plain && (c == '_' || c == '-' || 'a' <= c|0x20 && c|0x20 <= 'z' || '0' <= c && c <= '9')
	}
	if plain {
		return "." + key
	}
	return "[" + strconv.Quote(key) + "]"
}
