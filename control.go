package linewatch

import (
	"errors"
	"fmt"
)

// Control is one record of the control log. Exactly one field beside Version
// is set.
type Control struct {
	Version    int          `json:"version"` // format, 1
	Rule       *RuleVersion `json:"rule,omitempty"`
	DeleteRule *RuleDelete  `json:"deleteRule,omitempty"`
	Assets     *Assets      `json:"assets,omitempty"`
	Table      *Table       `json:"table,omitempty"`
}

// Validate returns what is wrong with the record by itself: its version, that
// it does not hold exactly one thing, or what that thing's Validate finds. It
// does not know what was published before.
func (c *Control) Validate() error {
	if c.Version != 1 {
		return fmt.Errorf("control record: version %d is not supported", c.Version)
	}
	held := 0
	for _, is := range [...]bool{c.Rule != nil, c.DeleteRule != nil, c.Assets != nil, c.Table != nil} {
		if is {
			held++
		}
	}
	switch {
	case held != 1:
		return errors.New("control record: want exactly one of rule, deleteRule, assets and table")
	case c.Rule != nil:
		return c.Rule.Validate()
	case c.Assets != nil:
		return c.Assets.Validate()
	case c.Table != nil:
		return c.Table.Validate()
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
