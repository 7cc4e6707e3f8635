package linewatch

// Control is one record of the control log. Exactly one field beside Version
// is set.
type Control struct {
	Version    int          `json:"version"` // format, 1
	Rule       *RuleVersion `json:"rule,omitempty"`
	DeleteRule *RuleDelete  `json:"deleteRule,omitempty"`
	Assets     *Assets      `json:"assets,omitempty"`
	Table      *Table       `json:"table,omitempty"`
}

// RuleVersion publishes a version of a rule.
type RuleVersion struct {
	Rule    Rule   `json:"rule"`
	Version uint32 `json:"version"` // 1, 2, 3, ... per rule
	// From is the event time at which the version takes effect; 0 or one that
	// the domain has passed already means at once.
	From Time `json:"from,omitempty"`
}

// RuleDelete withdraws a rule. Versions up to Version stay dead.
type RuleDelete struct {
	ID      RuleID `json:"id"`
	Version uint32 `json:"version"`
	From    Time   `json:"from,omitempty"` // as in RuleVersion
}
