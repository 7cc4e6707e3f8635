package linewatch

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// conditionJSON is the document form of a condition: one operator key, beside
// what goes with it.
type conditionJSON struct {
	State     State       `json:"state,omitempty"` // of the case that holds the condition
	All       []Condition `json:"all,omitempty"`
	Any       []Condition `json:"any,omitempty"`
	Not       *Condition  `json:"not,omitempty"`
	Tag       string      `json:"tag,omitempty"`
	Equipment string      `json:"equipment,omitempty"`
	Above     *Value      `json:"above,omitempty"`
	Below     *Value      `json:"below,omitempty"`
	AtLeast   *Value      `json:"atLeast,omitempty"`
	AtMost    *Value      `json:"atMost,omitempty"`
	Is        *Value      `json:"is,omitempty"`
	IsNot     *Value      `json:"isNot,omitempty"`
	In        []Value     `json:"in,omitempty"`
	Inside    []Value     `json:"inside,omitempty"`
	Outside   []Value     `json:"outside,omitempty"`
	Clear     *Value      `json:"clear,omitempty"`
	For       string      `json:"for,omitempty"`
	Keep      string      `json:"keep,omitempty"`
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
	d.Tag, d.Equipment = c.Tag, c.Equipment
	switch c.Op {
	case All:
		d.All = c.Of
	case Any:
		d.Any = c.Of
	case Not:
		if len(c.Of) > 0 {
			d.Not = &c.Of[0]
		}
	case In:
		d.In = c.Values
	case Inside:
		d.Inside = c.Values
	case Outside:
		d.Outside = c.Values
	default:
		if p := d.limit(c.Op); p != nil {
			*p = &c.Limit
		}
	}
	if !c.Clear.IsNull() {
		d.Clear = &c.Clear
	}
	if c.For != 0 {
		d.For = c.For.String()
	}
	if c.Keep != 0 {
		d.Keep = c.Keep.String()
	}
	return d
}

// limit returns where d holds the limit of an operator with a single one.
func (d *conditionJSON) limit(op Op) **Value {
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

func (c *Condition) fromDocument(d conditionJSON) error {
	*c = Condition{Tag: d.Tag, Equipment: d.Equipment}
	set := func(op Op) error {
		if c.Op != NoOp {
			return fmt.Errorf("condition: both %q and %q; one condition has one operator", c.Op, op)
		}
		c.Op = op
		return nil
	}
	for op := Above; op <= IsNot; op++ {
		if p := *d.limit(op); p != nil {
			if err := set(op); err != nil {
				return err
			}
			c.Limit = *p
		}
	}
	for _, l := range []struct {
		op     Op
		values []Value
	}{{In, d.In}, {Inside, d.Inside}, {Outside, d.Outside}} {
		if l.values != nil {
			if err := set(l.op); err != nil {
				return err
			}
			c.Values = l.values
		}
	}
	not := []Condition(nil)
	if d.Not != nil {
		not = []Condition{*d.Not}
	}
	for _, l := range []struct {
		op Op
		of []Condition
	}{{All, d.All}, {Any, d.Any}, {Not, not}} {
		if l.of != nil {
			if err := set(l.op); err != nil {
				return err
			}
			c.Of = l.of
		}
	}
	if d.Clear != nil {
		c.Clear = *d.Clear
	}
	return c.spansFrom(d)
}

func (c *Condition) spansFrom(d conditionJSON) (err error) {
	if d.For != "" {
		if c.For, err = ParseDuration(d.For); err != nil {
			return fmt.Errorf("for: %w", err)
		}
	}
	if d.Keep != "" {
		if c.Keep, err = ParseDuration(d.Keep); err != nil {
			return fmt.Errorf("keep: %w", err)
		}
	}
	return nil
}
