package linewatch

import (
	"errors"
	"fmt"
	"slices"
)

// Control is one record of the control log. Exactly one field beside Version
// is set.
type Control struct {
	Version    int          `json:"version"` // format, 1
	Rule       *RuleVersion `json:"rule,omitempty"`
	DeleteRule *RuleDelete  `json:"deleteRule,omitempty"`
	Assets     *Assets      `json:"assets,omitempty"`
	Table      *Table       `json:"table,omitempty"`
	Values     *HomeValues  `json:"values,omitempty"`
}

// MaxHomeValues is how many values one record may hold.
const MaxHomeValues = 1000

// HomeValues tells a home that came into being later, or that has new guests,
// what other homes know already, so that it does not start blind. Whatever it has heard itself counts
// for more.
type HomeValues struct {
	Home   string      `json:"home"` // a line, or see SiteSubject
	Values []HomeValue `json:"values"`
	// Lines are the guests whose values these are, where the home is a line.
	Lines []string `json:"lines,omitempty"`
	Done  bool     `json:"done,omitempty"` // the last record of several
}

// HomeValue is the newest value of a tag.
type HomeValue struct {
	Equipment string  `json:"equipment"`
	Tag       string  `json:"tag"`
	Value     Value   `json:"value"`
	Quality   Quality `json:"quality"`
	Cause     string  `json:"cause,omitempty"` // why it is not Ok
	Gateway   string  `json:"gateway"`
	Source    string  `json:"source"`
	Sequence  uint64  `json:"sequence"`
}

// Validate returns what is wrong with the values by themselves.
func (h *HomeValues) Validate() error {
	if !ValidName(h.Home) {
		return fmt.Errorf("values: home %.80q is not a home's name", h.Home)
	}
	if len(h.Values) > MaxHomeValues {
		return fmt.Errorf("values: %d in one record; at most %d are allowed", len(h.Values), MaxHomeValues)
	}
	if len(h.Lines) > MaxHomeValues || slices.ContainsFunc(h.Lines, func(line string) bool { return !ValidName(line) }) {
		return errors.New("values: lines are not names of lines")
	}
	for i := range h.Values {
		v := &h.Values[i]
		if !ValidName(v.Equipment) || !ValidTag(v.Tag) || !ValidName(v.Gateway) || !ValidName(v.Source) || v.Quality > Ok || len(v.Value.Str()) > MaxString || len(v.Cause) > MaxCause {
			return fmt.Errorf("values[%d]: is no value of a tag", i)
		}
	}
	return nil
}

// Validate returns what is wrong with the record by itself: its version, that
// it does not hold exactly one thing, or what that thing's Validate finds. It
// does not know what was published before.
func (c *Control) Validate() error {
	if c.Version != 1 {
		return fmt.Errorf("control record: version %d is not supported", c.Version)
	}
	held := 0
	for _, is := range [...]bool{c.Rule != nil, c.DeleteRule != nil, c.Assets != nil, c.Table != nil, c.Values != nil} {
		if is {
			held++
		}
	}
	switch {
	case held != 1:
		return errors.New("control record: want exactly one of rule, deleteRule, assets, table and values")
	case c.Rule != nil:
		return c.Rule.Validate()
	case c.Assets != nil:
		return c.Assets.Validate()
	case c.Table != nil:
		return c.Table.Validate()
	case c.Values != nil:
		return c.Values.Validate()
	}
	return nil
}

// RuleVersion publishes a version of a rule.
type RuleVersion struct {
	Rule    Rule   `json:"rule"`
	Version uint32 `json:"version"` // 1, 2, 3, ... per rule
	// Stage is what the version is published for; empty: active.
	Stage Stage `json:"stage,omitempty"`
	// From is the event time at which the version takes effect; 0 or one that
	// the domain has passed already means at once.
	From Time `json:"from,omitempty"`
}

// Stage is where a version stands in the life of its rule.
type Stage string

// The stages. A version never changes its stage: another stage of the same
// rule is another version.
const (
	StageDraft   Stage = "draft"   // stored, not judged; what is in force stays so
	StageShadow  Stage = "shadow"  // judged beside what is in force, with changes of kind shadow
	StageActive  Stage = "active"  // in force; ends older versions, their shadows included
	StageRetired Stage = "retired" // nothing is in force any more; the rule is kept
)

// In returns the stage of v.
func (v *RuleVersion) In() Stage {
	if v.Stage == "" {
		return StageActive
	}
	return v.Stage
}

// Validate returns what is wrong with the version by itself.
func (v *RuleVersion) Validate() error {
	switch v.In() {
	case StageDraft, StageShadow, StageActive, StageRetired:
	default:
		return fmt.Errorf("rule %s: stage %q is not known; use draft, shadow, active or retired", v.Rule.ID, v.Stage)
	}
	if v.Version == 0 {
		return fmt.Errorf("rule %s: version 0; versions count from 1", v.Rule.ID)
	}
	return v.Rule.Validate()
}

// RuleDelete withdraws a rule. Versions up to Version stay dead.
type RuleDelete struct {
	ID      RuleID `json:"id"`
	Version uint32 `json:"version"`
	From    Time   `json:"from,omitempty"` // as in RuleVersion
}
