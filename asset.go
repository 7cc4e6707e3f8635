package linewatch

// Assets is the registry of what a plant consists of: one record on the
// control log, replaced as a whole.
type Assets struct {
	Equipment []Equipment `json:"equipment"`
	// Senders lists who may send, per line; see SenderDef.
	Senders []SenderDef `json:"senders,omitempty"`
}

// Equipment is one machine, or a part of one that sends its own points.
type Equipment struct {
	ID      string `json:"id"`
	Alias   string `json:"alias,omitempty"`   // short name that rules may use, such as F1
	Machine string `json:"machine,omitempty"` // its name for people, such as Filler
	Line    string `json:"line"`
	Site    string `json:"site"`
	Class   string `json:"class,omitempty"` // equipment class, such as filler
	Order   int    `json:"order,omitempty"` // place in the flow of the line, 1 first
	Tags    []Tag  `json:"tags,omitempty"`
	// Signals says which of the tags tell how the machine runs.
	Signals Signals `json:"signals,omitzero"`
}

// Signals names the tags of a machine that everybody looks at first; empty
// where it has none.
type Signals struct {
	State   string `json:"state,omitempty"`   // its PackML state, by name
	Reason  string `json:"reason,omitempty"`  // why it is not producing
	Speed   string `json:"speed,omitempty"`   // now
	Nominal string `json:"nominal,omitempty"` // the speed that it is made for
	Good    string `json:"good,omitempty"`    // pieces that left it well
	Total   string `json:"total,omitempty"`   // all pieces
	Product string `json:"product,omitempty"` // what is made
}

// Tag describes one tag of an equipment for people.
type Tag struct {
	Name       string   `json:"name"`
	Title      string   `json:"title,omitempty"`
	Unit       string   `json:"unit,omitempty"`
	Decimals   int      `json:"decimals,omitempty"`
	StaleAfter Duration `json:"staleAfter,omitempty"` // milliseconds; 0: never
}

// SenderDef registers a sender with a line, so that its silence holds the
// line's watermark back until it counts as idle.
type SenderDef struct {
	Gateway string `json:"gateway"`
	Source  string `json:"source"`
	Line    string `json:"line"`
}

// Sender returns the identity of the registered sender.
func (d SenderDef) Sender() Sender { return Sender{Gateway: d.Gateway, Source: d.Source} }

// Table is a reference table: rows of values found by a key, such as the
// limits of a product. One record on the control log, replaced as a whole.
type Table struct {
	ID   string                      `json:"id"`
	Rows map[string]map[string]Value `json:"rows"` // key -> column -> value
}
