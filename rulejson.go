package linewatch

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// conditionJSON is the document form of a condition: one operator key, beside
// what goes with it.
type conditionJSON struct {
	State      State         `json:"state,omitempty"` // of the case that holds the condition
	All        []Condition   `json:"all,omitempty"`
	Any        []Condition   `json:"any,omitempty"`
	Not        *Condition    `json:"not,omitempty"`
	AtLeastN   *atLeastNJSON `json:"atLeastN,omitempty"`
	Tag        string        `json:"tag,omitempty"`
	Equipment  string        `json:"equipment,omitempty"`
	Expr       string        `json:"expr,omitempty"`
	Avg        *string       `json:"avg,omitempty"`
	TimeAvg    *string       `json:"timeAvg,omitempty"`
	Min        *string       `json:"min,omitempty"`
	Max        *string       `json:"max,omitempty"`
	Sum        *string       `json:"sum,omitempty"`
	Count      *string       `json:"count,omitempty"`
	StdDev     *string       `json:"stddev,omitempty"`
	Range      *string       `json:"range,omitempty"`
	Rate       *string       `json:"rate,omitempty"`
	Delta      *string       `json:"delta,omitempty"`
	Above      *limitJSON    `json:"above,omitempty"`
	Below      *limitJSON    `json:"below,omitempty"`
	AtLeast    *limitJSON    `json:"atLeast,omitempty"`
	AtMost     *limitJSON    `json:"atMost,omitempty"`
	Is         *limitJSON    `json:"is,omitempty"`
	IsNot      *limitJSON    `json:"isNot,omitempty"`
	In         []limitJSON   `json:"in,omitempty"`
	Inside     []limitJSON   `json:"inside,omitempty"`
	Outside    []limitJSON   `json:"outside,omitempty"`
	Changed    *bool         `json:"changed,omitempty"`
	Stuck      *string       `json:"stuck,omitempty"`
	Missing    *string       `json:"missing,omitempty"`
	Sequence   []Value       `json:"sequence,omitempty"`
	Within     *string       `json:"within,omitempty"`
	Clear      *Value        `json:"clear,omitempty"`
	Hysteresis *Value        `json:"hysteresis,omitempty"`
	StaleAfter *string       `json:"staleAfter,omitempty"`
	For        string        `json:"for,omitempty"`
	Keep       string        `json:"keep,omitempty"`
}

type atLeastNJSON struct {
	N  int         `json:"n"`
	Of []Condition `json:"of"`
}

// limitJSON is a constant, or an object that says where the limit stands.
type limitJSON struct {
	Value
	lookup Lookup
}

func (l limitJSON) MarshalJSON() ([]byte, error) {
	if l.lookup != (Lookup{}) {
		return json.Marshal(l.lookup)
	}
	return l.Value.MarshalJSON()
}

func (l *limitJSON) UnmarshalJSON(b []byte) error {
	if len(b) > 0 && b[0] == '{' {
		dec := json.NewDecoder(bytes.NewReader(b))
		dec.DisallowUnknownFields()
		return dec.Decode(&l.lookup)
	}
	return l.Value.UnmarshalJSON(b)
}

// MarshalJSON writes the document form of c. It is canonical: equal conditions
// give equal bytes, which identify a condition's state across versions.
func (c Condition) MarshalJSON() ([]byte, error) { return json.Marshal(c.document()) }

// Canonical returns the document form of c as text.
func (c Condition) Canonical() string {
	b, err := json.Marshal(c.document())
	if err != nil {
		panic("condition: " + err.Error()) // the document holds nothing that JSON lacks
	}
	return string(b)
}

// UnmarshalJSON reads the document form and refuses unknown keys. It does not
// validate; see Rule.Validate.
func (c *Condition) UnmarshalJSON(b []byte) error {
	d, err := decodeCondition(b)
	if err == nil && d.State != "" {
		err = fmt.Errorf("condition: unknown key %q", "state")
	}
	if err != nil {
		return err
	}
	return c.fromDocument(d)
}

// MarshalJSON writes the document form: the state beside the condition's keys.
func (c Case) MarshalJSON() ([]byte, error) {
	d := c.When.document()
	d.State = c.State
	return json.Marshal(d)
}

// UnmarshalJSON reads the document form of a case.
func (c *Case) UnmarshalJSON(b []byte) error {
	d, err := decodeCondition(b)
	if err != nil {
		return err
	}
	c.State = d.State
	return c.When.fromDocument(d)
}

func decodeCondition(b []byte) (d conditionJSON, err error) {
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.DisallowUnknownFields()
	err = dec.Decode(&d)
	return d, err
}

func (c *Condition) document() (d conditionJSON) {
	d.Tag, d.Equipment, d.Expr = c.Tag, c.Equipment, c.Expr
	if p := d.window(c.Window.Func); p != nil {
		*p = text(c.Window.Over)
	}
	switch c.Op {
	case All:
		d.All = c.Of
	case Any:
		d.Any = c.Of
	case Not:
		if len(c.Of) > 0 {
			d.Not = &c.Of[0]
		}
	case AtLeastN:
		d.AtLeastN = &atLeastNJSON{N: c.N, Of: c.Of}
	case Changed:
		yes := true
		d.Changed = &yes
	case Stuck:
		d.Stuck = text(c.Span)
	case Missing:
		d.Missing = text(c.Span)
	case Sequence:
		d.Sequence, d.Within = c.Values, text(c.Span)
	default:
		d.setLimits(c)
	}
	if !c.Clear.IsNull() {
		d.Clear = &c.Clear
	}
	if !c.Hysteresis.IsNull() {
		d.Hysteresis = &c.Hysteresis
	}
	if c.StaleAfter != 0 {
		d.StaleAfter = text(c.StaleAfter)
	}
	if c.For != 0 {
		d.For = c.For.String()
	}
	if c.Keep != 0 {
		d.Keep = c.Keep.String()
	}
	return d
}

func text(d Duration) *string {
	s := d.String()
	return &s
}

// setLimits writes what a comparing condition compares with.
func (d *conditionJSON) setLimits(c *Condition) {
	lookup := func(i int) (l Lookup) {
		if i < len(c.Lookups) {
			l = c.Lookups[i]
		}
		return l
	}
	if p := d.limit(c.Op); p != nil {
		*p = &limitJSON{c.Limit, lookup(0)}
		return
	}
	if p := d.list(c.Op); p != nil {
		for i, v := range c.Values {
			*p = append(*p, limitJSON{v, lookup(i)})
		}
	}
}

// limit returns where d holds the limit of an operator with a single one.
func (d *conditionJSON) limit(op Op) **limitJSON {
	switch op {
	case Above:
		return &d.Above
	case Below:
		return &d.Below
	case AtLeast:
		return &d.AtLeast
	case AtMost:
		return &d.AtMost
	case Is:
		return &d.Is
	case IsNot:
		return &d.IsNot
	}
	return nil
}

// list returns where d holds the limits of an operator with several.
func (d *conditionJSON) list(op Op) *[]limitJSON {
	switch op {
	case In:
		return &d.In
	case Inside:
		return &d.Inside
	case Outside:
		return &d.Outside
	}
	return nil
}

// window returns where d holds the length of a window.
func (d *conditionJSON) window(a Aggregate) **string {
	switch a {
	case Avg:
		return &d.Avg
	case TimeAvg:
		return &d.TimeAvg
	case Min:
		return &d.Min
	case Max:
		return &d.Max
	case Sum:
		return &d.Sum
	case Count:
		return &d.Count
	case StdDev:
		return &d.StdDev
	case Range:
		return &d.Range
	case Rate:
		return &d.Rate
	case Delta:
		return &d.Delta
	}
	return nil
}
