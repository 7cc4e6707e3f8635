package linewatch

import "slices"

// RuleID names a rule: 1 to 64 of a-z 0-9 and -.
type RuleID string

// Rule is one immutable version of a rule: groups of conditions that put
// states forward with weights, of which the highest-ranked wins.
type Rule struct {
	ID       RuleID     `json:"id"`
	Name     string     `json:"name"`
	Scope    Scope      `json:"scope"`
	Priority int        `json:"priority"`          // alarm priority, 1 (highest) to 4
	Ranking  Ranking    `json:"ranking,omitempty"` // empty: highest
	States   []StateDef `json:"states,omitempty"`  // states declared beside the built-in ones
	Groups   []Group    `json:"groups"`
	// Overrides are the groups of equipment that is treated in another way.
	Overrides []Override `json:"overrides,omitempty"`
	Alert     *Alert     `json:"alert,omitempty"`
	// OnUnknown says whether a change to UNKNOWN is shown (default) or alarms.
	OnUnknown OnUnknown `json:"onUnknown,omitempty"`
	// Late says what becomes of points that arrive too late to be judged.
	Late LatePolicy `json:"late,omitempty"`
}

// Ranking says how the opinions of a rule's groups are weighed.
type Ranking string

// The rankings.
const (
	RankHighest Ranking = "highest" // the opinion of the heaviest group wins
	RankSum     Ranking = "sum"     // weights are added per state
)

// OnUnknown is what a change to UNKNOWN does.
type OnUnknown string

// The ways to treat a change to UNKNOWN.
const (
	UnknownShow  OnUnknown = "show"
	UnknownAlarm OnUnknown = "alarm"
)

// LatePolicy is what becomes of a late point.
type LatePolicy string

// The policies for late points.
const (
	LateBackfill LatePolicy = "backfill" // stored and flagged
	LateDrop     LatePolicy = "drop"     // counted only
)

// StateDef declares a state beside the built-in ones.
type StateDef struct {
	Name     State    `json:"name"`
	Severity Severity `json:"severity"`
}

// Group is a list of cases; the first that holds gives the group's opinion.
type Group struct {
	ID     string `json:"id"`
	Weight int    `json:"weight"` // 1 to 1000
	Cases  []Case `json:"cases"`
	// Otherwise is the opinion when no case holds; empty for none.
	Otherwise State `json:"otherwise,omitempty"`
	// Unknown says what an undecidable group does; empty: report.
	Unknown UnknownPolicy `json:"unknown,omitempty"`
}

// UnknownPolicy is what a group says that cannot be decided.
type UnknownPolicy string

// The policies for undecidable groups.
const (
	UnknownReport UnknownPolicy = "report" // UNKNOWN, with the group's weight
	UnknownIgnore UnknownPolicy = "ignore" // no opinion
)

// Case is a state and the condition under which its group puts it forward.
type Case struct {
	State State
	When  Condition
}

// Op is what a condition tests.
type Op uint8

// The operators. The zero value is none and is refused by Validate.
const (
	NoOp     Op = iota
	All         // every condition of Of
	Any         // at least one condition of Of
	Not         // the single condition of Of does not hold
	Above       // tag > Limit, false again at or below Clear
	Below       // tag < Limit, false again at or above Clear
	AtLeast     // tag >= Limit, false again at or below Clear
	AtMost      // tag <= Limit, false again at or above Clear
	Is          // tag equals Limit
	IsNot       // tag differs from Limit
	In          // tag equals one of Values
	Inside      // Values[0] <= tag <= Values[1]
	Outside     // tag < Values[0] or tag > Values[1]
	Changed     // the tag's value became another at this instant
	Stuck       // the tag's value has been the same for Span
	Missing     // no point of the tag has come for Span
	Sequence    // the tag took the values of Values in this order within Span
	AtLeastN    // at least N conditions of Of
)

var opNames = [...]string{
	"", "all", "any", "not", "above", "below", "atLeast", "atMost", "is", "isNot", "in", "inside", "outside",
	"changed", "stuck", "missing", "sequence", "atLeastN",
}

// String returns the key used in rule documents.
func (op Op) String() string { return opNames[op] }

// OpNamed returns the operator of a rule document's key, or NoOp.
func OpNamed(key string) Op {
	for op, name := range opNames {
		if name == key && op != 0 {
			return Op(op)
		}
	}
	return NoOp
}

// Combines reports whether op joins other conditions rather than test a tag.
func (op Op) Combines() bool { return op >= All && op <= Not || op == AtLeastN }

// Compares reports whether op compares a value with limits.
func (op Op) Compares() bool { return op >= Above && op <= Outside }

// Numeric reports whether op orders numbers, so that a value that is not a
// number makes it unknown.
func (op Op) Numeric() bool {
	return op >= Above && op <= AtMost || op == Inside || op == Outside
}

// Alert says what operators are told when the rule raises an alarm. ${field}
// in the texts is replaced: equipment, machine, line, site, state, rule, and
// tag:NAME for the value of a tag.
type Alert struct {
	Title    string   `json:"title,omitempty"`
	Text     string   `json:"text,omitempty"`
	Channels []string `json:"channels,omitempty"`
}

// SeverityOf returns the severity of a state as this rule knows it.
func (r *Rule) SeverityOf(s State) Severity {
	if sev, ok := BuiltinSeverity(s); ok {
		return sev
	}
	for _, d := range r.States {
		if d.Name == s {
			return d.Severity
		}
	}
	return 0
}

// Says returns the states that the rule may be in, but for UNKNOWN.
func (r *Rule) Says() (states []State) {
	add := func(s State) {
		if s != "" && !slices.Contains(states, s) {
			states = append(states, s)
		}
	}
	for _, g := range r.allGroups() {
		for _, c := range g.Cases {
			add(c.State)
		}
		add(g.Otherwise)
	}
	add(Idle) // when no group has an opinion
	return states
}

// GroupIDs returns the names of the groups, those of overrides included.
func (r *Rule) GroupIDs() (ids []string) {
	for _, g := range r.allGroups() {
		if !slices.Contains(ids, g.ID) {
			ids = append(ids, g.ID)
		}
	}
	return ids
}

func (r *Rule) allGroups() []Group {
	groups := slices.Clone(r.Groups)
	for i := range r.Overrides {
		groups = append(groups, r.Overrides[i].Groups...)
	}
	return groups
}
