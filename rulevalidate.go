package linewatch

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Limits on what one rule may cost. They keep an evaluation short and a rule
// readable.
const (
	MaxClauses   = 1000 // conditions of a rule, combining ones included
	MaxNesting   = 32   // levels of all, any and not
	MaxGroups    = 100
	MaxWeight    = 1000 // of a group
	MaxValues    = 256  // of one in list
	MaxStates    = 32   // declared beside the built-in ones
	MaxChannels  = 16   // of an alert
	MaxTitle     = 256  // bytes of a name or title
	MaxAlertText = 4096 // bytes of an alert's text
	MaxSpan      = 366 * Day
)

// FieldError is one mistake in a rule, an asset registry or a table.
type FieldError struct {
	Path    string // such as groups[1].cases[0].all[2].for
	Message string
	Remedy  string // may be empty
}

// Error returns "path: message; remedy".
func (e *FieldError) Error() string {
	s := e.Path + ": " + e.Message
	if e.Remedy != "" {
		s += "; " + e.Remedy
	}
	return s
}

// faults collects mistakes.
type faults []error

func (f *faults) add(path, message, remedy string) {
	*f = append(*f, &FieldError{Path: path, Message: message, Remedy: remedy})
}

// check adds a mistake unless ok.
func (f *faults) check(ok bool, path, message, remedy string) {
	if !ok {
		f.add(path, message, remedy)
	}
}

func at(path string, i int) string { return path + "[" + strconv.Itoa(i) + "]" }

// Validate returns every mistake in r, joined, each a *FieldError; nil if
// there is none. Whether equipment, class and tags exist is not its business.
func (r *Rule) Validate() error {
	var f faults
	f.ruleID(r.ID)
	f.text("name", r.Name, MaxTitle, true)
	f.scope(r.Scope)
	f.check(r.Priority != 0, "priority", "is missing or 0", "give 1 (highest) to 4")
	f.check(r.Priority >= 0 && r.Priority <= 4, "priority", "is not a priority", "give 1 (highest) to 4")
	f.choice("ranking", string(r.Ranking), string(RankHighest), string(RankSum))
	f.choice("onUnknown", string(r.OnUnknown), string(UnknownShow), string(UnknownAlarm))
	f.choice("late", string(r.Late), string(LateBackfill), string(LateDrop))
	f.states(r.States)
	f.groups(r)
	f.overrides(r)
	f.inputs(r)
	if r.Alert != nil {
		f.alert(r.Alert)
	}
	return errors.Join(f...)
}

func (f *faults) ruleID(id RuleID) {
	const chars = "use 1 to 64 of a-z 0-9 and -"
	switch lower := RuleID(strings.ToLower(string(id))); {
	case id == "":
		f.add("id", "is missing", "give the rule a name of its own; "+chars)
	case ValidRuleID(id):
	case ValidRuleID(lower):
		f.add("id", "is not a rule id", "write it in lower case: "+string(lower))
	default:
		f.add("id", "is not a rule id", chars)
	}
}

// ValidRuleID reports whether id may name a rule.
func ValidRuleID(id RuleID) bool {
	for _, c := range []byte(id) {
		if !('a' <= c && c <= 'z' || '0' <= c && c <= '9' || c == '-') {
			return false
		}
	}
	return len(id) >= 1 && len(id) <= 64
}

const nameRemedy = "use 1 to 128 of A-Z a-z 0-9 . _ : and -"

// text checks words for people.
func (f *faults) text(path, s string, most int, oneLine bool) {
	switch {
	case oneLine && strings.TrimSpace(s) == "":
		f.add(path, "is missing", "give a few words for people")
	case len(s) > most:
		f.add(path, fmt.Sprintf("is %d bytes long", len(s)), fmt.Sprintf("at most %d are allowed", most))
	case !utf8.ValidString(s):
		f.add(path, "is not UTF-8", "")
	}
	for _, r := range s {
		if !unicode.IsPrint(r) && (oneLine || r != '\n') {
			f.add(path, fmt.Sprintf("holds the unprintable character U+%04X", r), "remove it")
			return
		}
	}
}

// choice checks a word that may be left out.
func (f *faults) choice(path, word string, allowed ...string) {
	for _, a := range allowed {
		if word == a {
			return
		}
	}
	f.check(word == "", path, "is not one of the choices", "use "+strings.Join(allowed, " or "))
}

func (f *faults) states(states []StateDef) {
	f.check(len(states) <= MaxStates, "states", fmt.Sprintf("declares %d states", len(states)), fmt.Sprintf("at most %d are allowed", MaxStates))
	seen := make(map[State]bool)
	for i, d := range states {
		path := at("states", i)
		_, builtin := BuiltinSeverity(d.Name)
		switch {
		case !ValidState(d.Name):
			f.add(path+".name", "is not a state's name", "use 1 to 32 of A-Z 0-9 and _, a letter first")
		case builtin:
			f.add(path+".name", "is a built-in state", "remove the line, or choose another name")
		case seen[d.Name]:
			f.add(path+".name", "is declared twice", "remove one of them")
		}
		seen[d.Name] = true
		f.check(d.Severity <= MaxSeverity, path+".severity", "is above the highest severity", "give 0 (no alarm) to 4 (as CRITICAL)")
	}
}

func (f *faults) groups(r *Rule) {
	f.check(len(r.Groups) > 0, "groups", "are missing", "give at least one group")
	f.check(len(r.Groups) <= MaxGroups, "groups", fmt.Sprintf("are %d", len(r.Groups)), fmt.Sprintf("at most %d are allowed", MaxGroups))
	seen := make(map[string]bool)
	clauses := 0
	for i, g := range r.Groups {
		path := at("groups", i)
		f.groupID(path+".id", g.ID, seen)
		seen[g.ID] = true
		f.weight(path+".weight", g.Weight)
		f.choice(path+".unknown", string(g.Unknown), string(UnknownReport), string(UnknownIgnore))
		f.check(len(g.Cases) > 0 || g.Otherwise != "", path, "never puts a state forward", "give cases, or otherwise")
		if g.Otherwise != "" {
			f.state(path+".otherwise", g.Otherwise, r)
		}
		for j := range g.Cases {
			c := &g.Cases[j]
			f.state(at(path+".cases", j)+".state", c.State, r)
			f.condition(at(path+".cases", j), &c.When, 0, &clauses)
		}
	}
	f.check(clauses <= MaxClauses, "groups", fmt.Sprintf("hold more than %d conditions", MaxClauses), "split the rule")
}

func (f *faults) groupID(path, id string, seen map[string]bool) {
	const chars = "use 1 to 64 of A-Z a-z 0-9 . _ : and -"
	switch {
	case id == "":
		f.add(path, "is missing", "give the group a name within the rule; "+chars)
	case !ValidName(id) || len(id) > 64:
		f.add(path, "is not a group id", chars)
	case seen[id]:
		f.add(path, "names two groups", "give each group an id of its own")
	}
}

func (f *faults) weight(path string, weight int) {
	remedy := fmt.Sprintf("give a whole number from 1 to %d", MaxWeight)
	f.check(weight != 0, path, "is missing or 0", remedy)
	f.check(weight >= 0 && weight <= MaxWeight, path, "is not a weight", remedy)
}

// state checks a state that a group may put forward.
func (f *faults) state(path string, s State, r *Rule) {
	if s == Unknown {
		f.add(path, "UNKNOWN is not put forward by name", "a group says it by itself when it cannot be decided; see unknown: report or ignore")
		return
	}
	if _, ok := BuiltinSeverity(s); ok {
		return
	}
	for _, d := range r.States {
		if d.Name == s {
			return
		}
	}
	switch {
	case s == "":
		f.add(path, "is missing", "name the state that the case puts forward")
	case ValidState(s):
		f.add(path, "is neither built in nor declared", "declare it under states, or use IDLE, ACTIVE, MAINTENANCE, INFO, WARNING, ERROR or CRITICAL")
	case ValidState(State(strings.ToUpper(string(s)))):
		f.add(path, "is not a state's name", "write it in capitals: "+strings.ToUpper(string(s)))
	default:
		f.add(path, "is not a state's name", "use 1 to 32 of A-Z 0-9 and _, a letter first")
	}
}

func (f *faults) alert(a *Alert) {
	f.check(a.Title != "" || a.Text != "", "alert", "has neither title nor text", "give a title")
	if a.Title != "" {
		f.text("alert.title", a.Title, MaxTitle, true)
	}
	f.text("alert.text", a.Text, MaxAlertText, false)
	f.placeholders("alert.title", a.Title)
	f.placeholders("alert.text", a.Text)
	f.check(len(a.Channels) <= MaxChannels, "alert.channels", fmt.Sprintf("are %d", len(a.Channels)), fmt.Sprintf("at most %d are allowed", MaxChannels))
	seen := make(map[string]bool)
	for i, c := range a.Channels {
		f.check(ValidName(c), at("alert.channels", i), "is not a channel's name", nameRemedy)
		f.check(!seen[c], at("alert.channels", i), "is listed twice", "remove one of them")
		seen[c] = true
	}
}

// placeholders checks every ${field} of an alert's text.
func (f *faults) placeholders(path, s string) {
	const fields = "use equipment, machine, line, site, state, rule or tag:NAME"
	for {
		_, rest, found := strings.Cut(s, "${")
		if !found {
			return
		}
		field, after, closed := strings.Cut(rest, "}")
		if !closed {
			f.add(path, "a ${ without its }", "close it")
			return
		}
		tag, isTag := strings.CutPrefix(field, "tag:")
		switch field {
		case "equipment", "machine", "line", "site", "state", "rule":
		default:
			f.check(isTag && ValidTag(tag), path, fmt.Sprintf("${%.40s} is not a field", field), fields)
		}
		s = after
	}
}
