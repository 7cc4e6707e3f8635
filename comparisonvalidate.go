package linewatch

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// Limits on what one condition may cost.
const (
	MaxExpr  = 1024 // bytes of an expression
	MaxSteps = 16   // values of a sequence
)

// subject checks what a condition is about: a tag, a window on it, or an
// expression.
func (f *faults) subject(path string, c *Condition) {
	f.span(path+".staleAfter", c.StaleAfter)
	if c.Expr == "" {
		f.tag(path, c.Tag, c.Equipment)
	} else {
		f.expression(path, c)
	}
	if strings.HasPrefix(c.Tag, RuleTagPrefix) {
		f.ruleInput(path, c)
		f.check(c.StaleAfter == 0 && c.Window == Window{} && len(c.Lookups) == 0, path, "asks more of a rule than its state", "test a tag of the machine")
		return
	}
	if c.Window == (Window{}) {
		return
	}
	if c.Window.Func == NoAggregate || int(c.Window.Func) >= len(aggregateNames) {
		f.add(path, "has a window that amounts to nothing", "give one of avg, timeAvg, min, max, sum, count, stddev, range, rate, delta")
		return
	}
	name := c.Window.Func.String()
	f.length(path+"."+name, c.Window.Over)
	f.check(c.Op.Compares(), path, c.Op.String()+" does not go with "+name, "compare the window with above, below or the like")
	f.check(c.Expr == "", path, name+" does not go with expr", "put the window into a condition on a tag")
}

// expression checks what can be told of an expression without compiling it.
func (f *faults) expression(path string, c *Condition) {
	f.check(c.Tag == "", path, "has both tag and expr", "give one of them")
	f.check(c.Equipment == "", path, "has equipment beside expr", `name another equipment's tag in the expression: tag("C1", "speed")`)
	f.check(c.Op.Compares(), path, c.Op.String()+" does not go with expr", "use it with tag, or compare the expression with above, is or the like")
	switch {
	case len(c.Expr) > MaxExpr:
		f.add(path+".expr", fmt.Sprintf("is %d bytes long", len(c.Expr)), fmt.Sprintf("at most %d are allowed", MaxExpr))
	case !utf8.ValidString(c.Expr):
		f.add(path+".expr", "is not UTF-8", "")
	}
}

// comparison checks the limits of a condition that compares.
func (f *faults) comparison(path string, c *Condition) {
	f.check(c.Span == 0, path, "has a span of its own", "it goes with stuck, missing and sequence")
	op := c.Op.String()
	if c.Op >= In {
		f.check(c.Limit.IsNull(), path, op+" takes a list", "")
		f.values(path+"."+op, c)
	} else {
		f.check(len(c.Values) == 0, path, op+" takes one value", "")
		if len(c.Lookups) > 1 {
			f.add(path, op+" takes one value", "")
			return
		}
		f.operand(path+"."+op, c, 0, c.Limit)
	}
	f.clear(path, c)
	f.hysteresis(path, c)
}

// lookup returns where limit i is looked up, the zero Lookup for a constant.
func (c *Condition) lookup(i int) (l Lookup) {
	if i < len(c.Lookups) {
		l = c.Lookups[i]
	}
	return l
}

// operand checks a limit that is a constant or stands in a table.
func (f *faults) operand(path string, c *Condition, i int, v Value) {
	l := c.lookup(i)
	if l == (Lookup{}) {
		f.limit(path, c.Op.Numeric() || c.Window.Func != NoAggregate, v)
		return
	}
	f.check(v.IsNull(), path, "is both a constant and looked up", "give one of them")
	f.check(ValidName(l.Table), path+".table", "is not a table's id", nameRemedy)
	f.check(ValidName(l.Column), path+".column", "is not a column's name", nameRemedy)
	f.tag(path+".key", l.Key.Tag, l.Key.Equipment)
	f.check(!strings.HasPrefix(l.Key.Tag, RuleTagPrefix), path+".key.tag", "is the state of a rule", "look up by a tag of the machine")
}

func (f *faults) values(path string, c *Condition) {
	if c.Op == In {
		f.check(len(c.Values) > 0, path, "is empty", "give at least one value")
		if len(c.Values) > MaxValues {
			f.add(path, fmt.Sprintf("lists %d values", len(c.Values)), fmt.Sprintf("at most %d are allowed", MaxValues))
			return
		}
	} else if len(c.Values) != 2 {
		f.add(path, fmt.Sprintf("lists %d values", len(c.Values)), "give the lower and the upper limit: [3, 5]")
		return
	}
	f.check(len(c.Lookups) <= len(c.Values), path, "looks up more limits than it has", "")
	before := len(*f)
	for i, v := range c.Values {
		f.operand(at(path, i), c, i, v)
		for j, w := range c.Values[:i] {
			same := v.Equal(w) && c.lookup(i) == c.lookup(j)
			f.check(c.Op != In || !same, at(path, i), "is listed twice", "remove one of them")
		}
	}
	if c.Op != In && len(*f) == before && len(c.Lookups) == 0 {
		f.check(CompareNumbers(c.Values[0], c.Values[1]) <= 0, path, "has its limits in the wrong order", "write the lower one first")
	}
}

// clear checks the hysteresis: it must not lie on the side where the condition
// holds.
func (f *faults) clear(path string, c *Condition) {
	if c.Clear.IsNull() {
		return
	}
	path += ".clear"
	sign, side := 1, "at or below"
	switch c.Op {
	case Above, AtLeast:
	case Below, AtMost:
		sign, side = -1, "at or above"
	default:
		f.add(path, "does not go with "+c.Op.String(), "use it with above, below, atLeast or atMost")
		return
	}
	if !c.Clear.IsNumber() {
		f.add(path, "is "+withArticle(c.Clear.Kind()), "give a number")
		return
	}
	if len(c.Lookups) > 0 {
		f.add(path, "stays where it is while the limit moves", "use hysteresis, which is relative to the limit")
		return
	}
	if !c.Limit.IsNumber() {
		return
	}
	order := CompareNumbers(c.Clear, c.Limit) * sign
	if order == 0 && (c.Op == AtLeast || c.Op == AtMost) {
		// At the limit the condition would hold and be cleared at once.
		f.add(path, "equals the limit, at which "+c.Op.String()+" holds", "give a number beyond the limit, or leave clear out")
	}
	if order > 0 {
		f.add(path, "lies on the wrong side of "+c.Op.String(), "give a number "+side+" the limit")
	}
}

// hysteresis checks the distance from the limit at which a condition ends.
func (f *faults) hysteresis(path string, c *Condition) {
	if c.Hysteresis.IsNull() {
		return
	}
	path += ".hysteresis"
	switch {
	case c.Op < Above || c.Op > AtMost:
		f.add(path, "does not go with "+c.Op.String(), "use it with above, below, atLeast or atMost")
	case !c.Clear.IsNull():
		f.add(path, "stands beside clear", "give one of them")
	case !c.Hysteresis.IsNumber():
		f.add(path, "is "+withArticle(c.Hysteresis.Kind()), "give a number")
	case CompareNumbers(c.Hysteresis, IntValue(0)) <= 0:
		f.add(path, "is not above 0", "give the distance from the limit at which the condition ends")
	}
}

// history checks a condition on the past of a tag.
func (f *faults) history(path string, c *Condition) {
	op := c.Op.String()
	f.check(c.Limit.IsNull() && len(c.Lookups) == 0 && c.Clear.IsNull() && c.Hysteresis.IsNull(), path, op+" compares with no limit",
		"put the comparison into a condition of its own")
	f.check(c.Op == Sequence || len(c.Values) == 0, path, op+" takes no list", "")
	switch c.Op {
	case Changed:
		f.check(c.Span == 0, path, "changed takes no span", "use keep to make it last, or stuck for a value that does not change")
	case Stuck:
		f.length(path+".stuck", c.Span)
	case Missing:
		f.length(path+".missing", c.Span)
		f.check(c.StaleAfter == 0, path+".staleAfter", "does not go with missing", "missing says itself when a tag is silent for too long")
	case Sequence:
		f.sequence(path, c)
	}
}

func (f *faults) sequence(path string, c *Condition) {
	f.check(c.Span != 0, path, "has a sequence without within", "give within, such as within: 30s")
	f.span(path+".within", c.Span)
	path += ".sequence"
	f.check(len(c.Values) >= 2, path, fmt.Sprintf("lists %d values", len(c.Values)), "give at least two, in their order")
	if len(c.Values) > MaxSteps {
		f.add(path, fmt.Sprintf("lists %d values", len(c.Values)), fmt.Sprintf("at most %d are allowed", MaxSteps))
		return
	}
	for i, v := range c.Values {
		f.limit(at(path, i), false, v)
	}
}
