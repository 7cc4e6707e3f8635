package rules

import (
	"errors"
	"slices"
	"sort"
	"strings"

	"linewatch"
)

// Reasons to refuse a control record. The engine goes on as before.
var (
	// ErrStaleVersion: a version at or above this one is known already.
	ErrStaleVersion = errors.New("stale rule version")
	// ErrUnknownRule: the rule to be withdrawn is not known.
	ErrUnknownRule = errors.New("unknown rule")
)

// pendingControl is a control record that waits for its instant.
type pendingControl struct {
	at    linewatch.Time
	order uint64
	what  linewatch.Control
	// guests, unless what is set, are the lines heard from here on; see Host.
	guests []string
}

// hosts reports whether p is no record but tells of guests.
func (p *pendingControl) hosts() bool { return p.what.Version == 0 }

// beginning stands for "from the first instant on".
const beginning = linewatch.NoTime + 1

// Control takes a control record, which must not be changed any more. Rules
// take effect at their effective-from, everything else at once, but never at or
// before the given watermark (NoTime if there is none yet). It returns the
// event time of the effect.
//
// Errors: ErrStaleVersion, ErrUnknownRule, linewatch.ErrRuleCycle, and what
// Validate finds. A record that is refused changes nothing.
func (e *Engine) Control(c *linewatch.Control, watermark linewatch.Time) (linewatch.Time, error) {
	from, err := e.admit(c)
	if err != nil {
		return linewatch.NoTime, err
	}
	at := e.enqueue(pendingControl{what: *c}, from, watermark)
	if c.Assets != nil {
		e.rehear(newRegistry(*c.Assets), e.told, watermark)
	}
	return at, nil
}

// enqueue has a record wait for its instant, which it returns.
func (e *Engine) enqueue(p pendingControl, from, watermark linewatch.Time) linewatch.Time {
	p.at = beginning
	if from > 0 {
		p.at = from
	}
	if watermark.Known() {
		p.at = max(p.at, watermark.Add(linewatch.Millisecond))
	}
	if p.what.Table != nil {
		e.supersede(p.what.Table.ID, p.at)
	}
	e.order++
	p.order = e.order
	e.pending = slices.Insert(e.pending, e.pendingAfter(p.at), p)
	return p.at
}

// supersede drops an older state of a table that waits for the same instant, at
// which nobody would see it. While event time stands still, those of a table
// that is read again and again would pile up.
func (e *Engine) supersede(table string, at linewatch.Time) {
	e.pending = slices.DeleteFunc(e.pending, func(p pendingControl) bool {
		return p.at == at && p.what.Table != nil && p.what.Table.ID == table
	})
}

// admit checks a control record and returns its effective-from.
func (e *Engine) admit(c *linewatch.Control) (linewatch.Time, error) {
	from, err := e.published.Admit(c)
	if err == nil && c.Rule != nil && e.rules[c.Rule.Rule.ID] == nil {
		e.rules[c.Rule.Rule.ID] = &ruleState{}
	}
	return from, err
}

// nextControl returns the earliest instant that a control record asks for,
// MaxTime if none does. Records from the beginning wait for the first point.
func (e *Engine) nextControl() linewatch.Time {
	if len(e.pending) == 0 {
		return linewatch.MaxTime
	}
	if at := e.pending[0].at; at > beginning {
		return at
	}
	i := e.pendingAfter(beginning)
	if i == len(e.pending) {
		return linewatch.MaxTime
	}
	return e.pending[i].at
}

// pendingAfter returns the place of the first record that waits for an instant
// after t.
func (e *Engine) pendingAfter(t linewatch.Time) int {
	return sort.Search(len(e.pending), func(i int) bool { return e.pending[i].at > t })
}

// applyControl gives effect to the records that are due at the instant t.
// Other guests are heard as soon as the record behind them has its effect, so
// that nothing which it ends is judged without them.
func (e *Engine) applyControl(t linewatch.Time) {
	due, connected := 0, e.hosted
	for due < len(e.pending) && e.pending[due].at <= t {
		if p := &e.pending[due]; p.hosts() {
			e.hosted = p.guests
		} else {
			e.apply(&p.what, t)
			if p.what.Assets == nil { // which connects everything anyway
				e.reconnect(connected, t)
			}
			connected = e.hosted
		}
		due++
	}
	e.reconnect(connected, t)
	if due > 0 {
		e.pending = slices.Delete(e.pending, 0, due)
	}
	if len(e.pending) == 0 {
		e.pending = nil // there were thousands, and may never be again
	}
}

func (e *Engine) apply(c *linewatch.Control, t linewatch.Time) {
	switch {
	case c.Rule != nil:
		e.applyRule(c.Rule, t)
	case c.DeleteRule != nil:
		e.replace(c.DeleteRule.ID, &edition{version: c.DeleteRule.Version, from: c.DeleteRule.From, since: t}, t)
	case c.Assets != nil:
		e.reorganise(newRegistry(*c.Assets), t)
	case c.Table != nil:
		e.applyTable(c.Table)
	case c.Values != nil:
		e.applyValues(c.Values, t)
	}
}

// applyRule gives effect to a version, according to its stage.
func (e *Engine) applyRule(rv *linewatch.RuleVersion, t linewatch.Time) {
	next := edition{version: rv.Version, from: rv.From, since: t}
	switch rv.In() {
	case linewatch.StageActive:
		next.prog = e.mustCompile(rv)
		e.replace(rv.Rule.ID, &next, t)
	case linewatch.StageRetired:
		e.replace(rv.Rule.ID, &next, t)
	case linewatch.StageShadow:
		next.prog = e.mustCompile(rv)
		e.shadow(rv.Rule.ID, &next, t)
	}
}

// sortChanges puts the changes of one instant in the order of rule, equipment
// and kind.
func sortChanges(c []linewatch.StateChange) {
	slices.SortStableFunc(c, func(a, b linewatch.StateChange) int {
		if c := strings.Compare(string(a.Rule), string(b.Rule)); c != 0 {
			return c
		}
		if c := strings.Compare(a.Equipment, b.Equipment); c != 0 {
			return c
		}
		return strings.Compare(string(a.Kind), string(b.Kind))
	})
}
