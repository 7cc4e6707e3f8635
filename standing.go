package linewatch

// GroupStanding is what a group of an instance says now, and what each of its
// cases would need to be the one that decides.
type GroupStanding struct {
	Group     string         `json:"group"`
	Weight    int            `json:"weight"`
	State     State          `json:"state,omitempty"`     // its opinion; empty for none
	Wins      bool           `json:"wins,omitempty"`      // it decides the state of the instance
	Case      int            `json:"case,omitempty"`      // 1-based index of the case that decided; 0 for otherwise or none
	Otherwise State          `json:"otherwise,omitempty"` // its opinion when no case holds
	Cases     []CaseStanding `json:"cases,omitempty"`
}

// CaseStanding is one case of a group: the state that it would put forward, and
// whether each of its conditions holds.
type CaseStanding struct {
	State      State          `json:"state"`
	Truth      Truth          `json:"is"`
	Conditions []ConditionWhy `json:"conditions"`
}
