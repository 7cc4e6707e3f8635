package linewatch

import "fmt"

// conditionReader turns the document form into a condition.
type conditionReader struct {
	*Condition
	doc conditionJSON
	err error
}

func (c *Condition) fromDocument(d conditionJSON) error {
	*c = Condition{Tag: d.Tag, Equipment: d.Equipment, Expr: d.Expr}
	r := conditionReader{Condition: c, doc: d}
	r.combinations()
	r.comparisons()
	r.histories()
	r.windows()
	if d.Clear != nil {
		c.Clear = *d.Clear
	}
	if d.Hysteresis != nil {
		c.Hysteresis = *d.Hysteresis
	}
	r.span("staleAfter", d.StaleAfter, &c.StaleAfter)
	if d.For != "" {
		r.span("for", &d.For, &c.For)
	}
	if d.Keep != "" {
		r.span("keep", &d.Keep, &c.Keep)
	}
	return r.err
}

// fail keeps the first mistake.
func (r *conditionReader) fail(err error) {
	if r.err == nil {
		r.err = err
	}
}

// set gives the condition its operator.
func (r *conditionReader) set(op Op) {
	if r.Op != NoOp {
		r.fail(fmt.Errorf("condition: both %q and %q; one condition has one operator", r.Op, op))
	}
	r.Op = op
}

func (r *conditionReader) span(key string, text *string, to *Duration) {
	if text == nil {
		return
	}
	d, err := ParseDuration(*text)
	if err != nil {
		r.fail(fmt.Errorf("%s: %w", key, err))
	}
	*to = d
}

func (r *conditionReader) combinations() {
	d := &r.doc
	for _, l := range [...]struct {
		op Op
		of []Condition
	}{{All, d.All}, {Any, d.Any}} {
		if l.of != nil {
			r.set(l.op)
			r.Of = l.of
		}
	}
	if d.Not != nil {
		r.set(Not)
		r.Of = []Condition{*d.Not}
	}
	if d.AtLeastN != nil {
		r.set(AtLeastN)
		r.N, r.Of = d.AtLeastN.N, d.AtLeastN.Of
	}
}

func (r *conditionReader) comparisons() {
	for op := Above; op <= IsNot; op++ {
		if l := *r.doc.limit(op); l != nil {
			r.set(op)
			r.Limit = l.Value
			r.lookups([]limitJSON{*l})
		}
	}
	for op := In; op <= Outside; op++ {
		list := *r.doc.list(op)
		if list == nil {
			continue
		}
		r.set(op)
		for _, l := range list {
			r.Values = append(r.Values, l.Value)
		}
		r.lookups(list)
	}
}

func (r *conditionReader) lookups(list []limitJSON) {
	for i, l := range list {
		if l.lookup == (Lookup{}) {
			continue
		}
		if r.Lookups == nil {
			r.Lookups = make([]Lookup, len(list))
		}
		r.Lookups[i] = l.lookup
	}
}

// histories reads the operators that look at a tag's past.
func (r *conditionReader) histories() {
	d := &r.doc
	if d.Changed != nil {
		r.set(Changed)
		if !*d.Changed {
			r.fail(fmt.Errorf("condition: changed: false; put changed: true under not"))
		}
	}
	if d.Stuck != nil {
		r.set(Stuck)
		r.span("stuck", d.Stuck, &r.Span)
	}
	if d.Missing != nil {
		r.set(Missing)
		r.span("missing", d.Missing, &r.Span)
	}
	if d.Sequence != nil {
		r.set(Sequence)
		r.Values = d.Sequence
		r.span("within", d.Within, &r.Span)
	} else if d.Within != nil {
		r.fail(fmt.Errorf("condition: within without sequence"))
	}
}

func (r *conditionReader) windows() {
	for _, a := range Aggregates() {
		text := *r.doc.window(a)
		if text == nil {
			continue
		}
		if r.Window.Func != NoAggregate {
			r.fail(fmt.Errorf("condition: both %q and %q; one condition has one window", r.Window.Func, a))
		}
		r.Window.Func = a
		r.span(a.String(), text, &r.Window.Over)
	}
}
