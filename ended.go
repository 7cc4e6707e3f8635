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

// Released returns the groups that an alarm came from which this change ends:
// until now a case of theirs put it forward. There are none if the change ends no
// alarm, or if the group that decides is itself such a one: it says enough.
func (c *StateChange) Released() (list []*GroupWhy) {
	if !c.endsAlarm() {
		return nil
	}
	for i := range c.Why.Groups {
		g := &c.Why.Groups[i]
		if g.Was != c.From || g.State == c.From {
			continue
		}
		if g.Wins {
			return nil
		}
		list = append(list, g)
	}
	return list
}

// Rests returns the truth of the conditions that the opinion of a group rests
// on, or that it has none: of those that hold, those that fail where no case
// does, or those that cannot be decided.
func (g *GroupWhy) Rests() Truth {
	switch {
	case g.State == Unknown || g.State == "" && g.Case > 0:
		return Undecided
	case g.Case == 0:
		return False
	}
	return True
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
