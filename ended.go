package linewatch

// endsAlarm reports whether a change leads from an alarm to something less
// severe that is known. A state that a rule has declared itself may have been
// an alarm, so it counts as one.
func (c *StateChange) endsAlarm() bool {
	from, builtin := BuiltinSeverity(c.From)
	switch {
	case c.To == Unknown:
		return false
	case builtin:
		return from > c.Severity
	}
	return c.Severity == 0
}

// Released returns the groups which, as far as the explanation tells, an alarm
// came from that this change ends: those of one case, which does not hold by an
// input of this very instant. Of a group of several cases nobody can tell which
// it was, nor of one that time has ended which group. There are none if the
// change ends no alarm, or if the group that decides is itself such a one: it
// says enough.
func (c *StateChange) Released() (list []*GroupWhy) {
	if !c.endsAlarm() {
		return nil
	}
	for i := range c.Why.Groups {
		g := &c.Why.Groups[i]
		if g.Case != 0 || g.Cases > 1 || g.State == c.From {
			continue
		}
		if at, fails := newestInput(g.Conditions, False); fails && at == c.EventTime {
			list = append(list, g)
		}
	}
	for _, g := range list {
		if g.Wins {
			return nil
		}
	}
	return list
}

// newestInput returns the event time of the newest input behind the conditions
// of a truth, and whether there is such a condition.
func newestInput(list []ConditionWhy, truth Truth) (newest Time, found bool) {
	for i := range list {
		c := &list[i]
		if c.Truth != truth {
			continue
		}
		found = true
		newest = max(newest, c.At)
		for j := range c.Inputs {
			newest = max(newest, c.Inputs[j].At)
		}
		inner := truth
		if OpNamed(c.Op) == Not {
			inner = truth.Not()
		}
		at, _ := newestInput(c.Of, inner)
		newest = max(newest, at)
	}
	return newest, found
}

// Compared returns what a condition compared with its limits: what the window
// or expression amounts to, else the value of the tag; nil if there was none.
func (c *ConditionWhy) Compared() *Value {
	if c.Window != "" || c.Expr != "" {
		return c.Result
	}
	return c.Value
}

// Cleared returns the value that ended a condition with hysteresis: the limit
// at which it clears, where what was compared has reached that; nil otherwise.
func (c *ConditionWhy) Cleared() *Value {
	v := c.Compared()
	if c.Truth != False || c.Clear == nil || v == nil || !v.IsNumber() || !c.Clear.IsNumber() {
		return nil
	}
	order := CompareNumbers(*v, *c.Clear)
	if op := OpNamed(c.Op); op == Above && order <= 0 || op == Below && order >= 0 {
		return c.Clear
	}
	return nil
}
