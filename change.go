package linewatch

// ChangeKind says what a state change is good for.
type ChangeKind string

// The kinds of changes.
const (
	Live       ChangeKind = "live"
	Shadow     ChangeKind = "shadow"
	Correction ChangeKind = "correction"
)

// StateChange says that an instance (a rule on an equipment) went from one
// state to another. All fields but Observed are facts of event time and make
// up the canonical form: two deployments that saw the same points agree on
// every byte of it.
type StateChange struct {
	ID        string // 32 hex digits, see ChangeID
	Kind      ChangeKind
	Rule      RuleID
	Version   uint32 // of the rule
	Site      string
	Line      string
	Equipment string
	From, To  State
	Group     string // the group that decided; empty when none had an opinion
	EventTime Time
	Seq       uint64   // counts per instance and survives rule versions
	Severity  Severity // of To
	Priority  int
	Title     string // alert text with its fields filled in; empty at severity 0
	Text      string
	Channels  []string
	Why       Explanation
	Observed  Observed
}

// Explanation is why an instance is in its state: each group's opinion with
// the conditions behind it, winner and losers alike, in the rule's order.
type Explanation struct {
	Groups []GroupWhy `json:"groups,omitempty"`
	Cause  string     `json:"cause,omitempty"` // when no point is behind the change: "rule deleted", "source offline"
}

// GroupWhy is one group's part in an explanation.
type GroupWhy struct {
	Group  string `json:"group"`
	Weight int    `json:"weight"`
	State  State  `json:"state,omitempty"` // its opinion; empty for none
	Wins   bool   `json:"wins,omitempty"`
	Case   int    `json:"case,omitempty"` // 1-based index of the case that decided; 0 for otherwise or none
	// Was is the state of the case that held until this change, if now none does.
	Was State `json:"was,omitempty"`
	// Conditions are those of the case that decided, else of the one that held
	// until this change, else of the first.
	Conditions []ConditionWhy `json:"conditions,omitempty"`
}

// ConditionWhy is the evidence of one condition.
type ConditionWhy struct {
	Op        string         `json:"op"`
	Tag       string         `json:"tag,omitempty"`
	Equipment string         `json:"equipment,omitempty"` // whose tag, if not the instance's own
	Value     *Value         `json:"value,omitempty"`     // nil before the first value
	Quality   string         `json:"quality,omitempty"`
	At        Time           `json:"at,omitempty"` // the value's event time
	Sender    string         `json:"sender,omitempty"`
	Sequence  uint64         `json:"sequence,omitempty"`
	Window    string         `json:"window,omitempty"` // such as avg, of the tag's samples
	Over      Duration       `json:"overMs,omitempty"` // length of the window
	Samples   int            `json:"samples,omitempty"`
	Expr      string         `json:"expr,omitempty"`
	Inputs    []InputWhy     `json:"inputs,omitempty"`    // tags of the expression
	Result    *Value         `json:"result,omitempty"`    // of window or expression; nil if there is none
	N         int            `json:"n,omitempty"`         // of atLeastN
	Limits    []Value        `json:"limits,omitempty"`    // null: could not be looked up
	LimitFrom []string       `json:"limitFrom,omitempty"` // per limit: table[row].column; empty for a constant
	Clear     *Value         `json:"clear,omitempty"`
	Span      Duration       `json:"spanMs,omitempty"` // of stuck, missing and sequence
	Due       Time           `json:"due,omitempty"`    // when stuck or missing becomes true if nothing comes
	For       Duration       `json:"forMs,omitempty"`
	Since     Time           `json:"since,omitempty"` // when the predicate began to hold
	Keep      Duration       `json:"keepMs,omitempty"`
	Until     Time           `json:"until,omitempty"` // when Keep runs out, if that alone keeps the condition true
	Truth     Truth          `json:"is"`
	Cause     string         `json:"cause,omitempty"` // why it is unknown
	Of        []ConditionWhy `json:"of,omitempty"`
}

// InputWhy is a tag that an expression reads.
type InputWhy struct {
	Tag       string `json:"tag,omitempty"`
	Equipment string `json:"equipment,omitempty"` // if not the instance's own
	Value     *Value `json:"value,omitempty"`
	Quality   string `json:"quality,omitempty"`
	At        Time   `json:"at,omitempty"`
	Sender    string `json:"sender,omitempty"`
	Sequence  uint64 `json:"sequence,omitempty"`
	Cause     string `json:"cause,omitempty"` // why it is unknown
}

// Observed holds what depends on when and where a change was computed. It is
// left out of identity and comparison.
type Observed struct {
	Watermark Time   `json:"watermark"`
	HeldBy    string `json:"heldBy,omitempty"` // the sender that the watermark waited for
	Arrival   Time   `json:"arrival"`          // clock of the log at the deciding tick
	Processed Time   `json:"processed,omitempty"`
}
