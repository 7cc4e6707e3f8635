package linewatch

import (
	"fmt"
	"strings"
)

// Scope says what a rule is about. Exactly one field is set.
type Scope struct {
	Equipment string `json:"equipment,omitempty"` // an equipment id or alias
	Class     string `json:"class,omitempty"`     // one instance per equipment of the class
	Line      string `json:"line,omitempty"`      // the line itself; conditions name the equipment
	Site      string `json:"site,omitempty"`      // the site itself, in the same way
}

// What begins the subject of a rule about a line or a site, which stands where
// others have an equipment id.
const (
	linePrefix = "line:"
	sitePrefix = "site:"
)

// LineSubject returns the subject of rules about a line.
func LineSubject(line string) string { return linePrefix + line }

// SubjectLine returns the line that a subject stands for, and whether it is no
// equipment but a line.
func SubjectLine(subject string) (line string, ok bool) {
	return strings.CutPrefix(subject, linePrefix)
}

// SiteSubject returns the subject of rules about a site, which is also the name
// of their home.
func SiteSubject(site string) string { return sitePrefix + site }

// SubjectSite returns the site that a subject or home stands for, and whether
// it stands for one.
func SubjectSite(subject string) (site string, ok bool) {
	return strings.CutPrefix(subject, sitePrefix)
}

// stands reports whether a name is kept for lines and sites.
func stands(name string) bool {
	return strings.HasPrefix(name, linePrefix) || strings.HasPrefix(name, sitePrefix)
}

// Subject returns the one thing that the scope is about; empty for a class.
func (s Scope) Subject() string {
	switch {
	case s.Line != "":
		return LineSubject(s.Line)
	case s.Site != "":
		return SiteSubject(s.Site)
	}
	return s.Equipment
}

// OwnTags reports whether the subject has tags of its own, so that a condition
// need not say whose it tests.
func (s Scope) OwnTags() bool { return s.Line == "" && s.Site == "" }

// String names the scope for people.
func (s Scope) String() string {
	switch {
	case s.Equipment != "":
		return "equipment " + s.Equipment
	case s.Class != "":
		return "class " + s.Class
	case s.Site != "":
		return "site " + s.Site
	}
	return "line " + s.Line
}

// scope checks that exactly one thing is named.
func (f *faults) scope(s Scope) {
	named := 0
	for _, name := range []string{s.Equipment, s.Class, s.Line, s.Site} {
		if name != "" {
			named++
		}
	}
	switch {
	case named == 0:
		f.add("scope", "does not say what the rule is about", "give equipment, class, line or site")
	case named > 1:
		f.add("scope", "names more than one thing", "give one of equipment, class, line and site")
	}
	f.check(s.Equipment == "" || ValidName(s.Equipment), "scope.equipment", "is not an equipment id or alias", nameRemedy)
	f.check(s.Class == "" || ValidName(s.Class), "scope.class", "is not an equipment class", nameRemedy)
	f.check(s.Line == "" || ValidName(s.Line), "scope.line", "is not a line's name", nameRemedy)
	f.check(s.Site == "" || ValidName(s.Site), "scope.site", "is not a site's name", nameRemedy)
}

// inputs asks of a rule about a line or site that every tag says whose it is.
func (f *faults) inputs(r *Rule) {
	if r.Scope.OwnTags() {
		return
	}
	for i := range r.Groups {
		for j := range r.Groups[i].Cases {
			f.namesEquipment(at(at("groups", i)+".cases", j), &r.Groups[i].Cases[j].When)
		}
	}
}

func (f *faults) namesEquipment(path string, c *Condition) {
	_, rule := RuleTag(c.Tag)
	f.check(c.Tag == "" || rule || c.Equipment != "", path, "does not say whose "+c.Tag+" it tests", "the rule is about no machine: give equipment")
	for i, l := range c.Lookups {
		f.check(l.Table == "" || l.Key.Equipment != "", path, fmt.Sprintf("does not say whose %s finds limit %d", l.Key.Tag, i+1), "the rule is about a line: give equipment beside tag")
	}
	for i := range c.Of {
		of := at(path+"."+c.Op.String(), i)
		switch c.Op {
		case Not:
			of = path + ".not"
		case AtLeastN:
			of = at(path+".atLeastN.of", i)
		}
		f.namesEquipment(of, &c.Of[i])
	}
}
