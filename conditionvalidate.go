package linewatch

import (
	"fmt"
	"strings"
)

// condition checks c and what it holds. It stops to descend where the rule is
// over a limit, so that the work is bounded.
func (f *faults) condition(path string, c *Condition, depth int, clauses *int) {
	if *clauses++; *clauses > MaxClauses {
		return // reported once, for the rule
	}
	f.span(path+".for", c.For)
	f.span(path+".keep", c.Keep)
	if int(c.Op) >= len(opNames) || c.Op == NoOp {
		f.add(path, "tests nothing", "give one of "+strings.Join(opNames[1:], ", "))
		return
	}
	if c.Op.Combines() {
		f.combination(path, c, depth+1, clauses)
		return
	}
	f.check(len(c.Of) == 0, path, c.Op.String()+" does not hold other conditions", "use all, any or not")
	f.tag(path, c)
	if c.Op == In || c.Op == Inside || c.Op == Outside {
		f.check(c.Limit.IsNull(), path, c.Op.String()+" takes a list", "")
		f.values(path+"."+c.Op.String(), c)
	} else {
		f.check(len(c.Values) == 0, path, c.Op.String()+" takes one value", "")
		f.limit(path+"."+c.Op.String(), c.Op.Numeric(), c.Limit)
	}
	f.clear(path, c)
}

func (f *faults) span(path string, d Duration) {
	f.check(d >= 0, path, "is negative", "give a span such as 30s or 5m")
	f.check(d <= MaxSpan, path, "is longer than "+MaxSpan.String(), "give a shorter span")
}

func (f *faults) combination(path string, c *Condition, depth int, clauses *int) {
	op := c.Op.String()
	f.check(c.Tag == "" && c.Equipment == "" && c.Limit.IsNull() && len(c.Values) == 0 && c.Clear.IsNull(),
		path, op+" stands beside a test of its own", "put the test into a condition of its own under "+op)
	if depth > MaxNesting {
		f.add(path+"."+op, fmt.Sprintf("is nested deeper than %d levels", MaxNesting), "flatten it")
		return
	}
	if c.Op == Not {
		f.check(len(c.Of) == 1, path+".not", fmt.Sprintf("holds %d conditions", len(c.Of)), "give exactly one")
		if len(c.Of) == 1 {
			f.condition(path+".not", &c.Of[0], depth, clauses)
		}
		return
	}
	f.check(len(c.Of) > 0, path+"."+op, "is empty", "give at least one condition")
	for i := range c.Of {
		f.condition(at(path+"."+op, i), &c.Of[i], depth, clauses)
	}
}

func (f *faults) tag(path string, c *Condition) {
	switch {
	case c.Tag == "":
		f.add(path, "names no tag", "give tag")
	case !ValidTag(c.Tag):
		f.add(path+".tag", "is not a tag", fmt.Sprintf("use 1 to %d bytes of printable text", MaxName))
	case c.Tag == HeartbeatTag || c.Tag == GapTag:
		f.add(path+".tag", "is a reserved name", "test a tag of the machine")
	case strings.HasPrefix(c.Tag, RuleTagPrefix):
		f.ruleInput(path, c)
	}
	f.check(c.Equipment == "" || ValidName(c.Equipment), path+".equipment", "is not an equipment id or alias", nameRemedy)
}

// limit checks one value that a tag is compared with.
func (f *faults) limit(path string, numeric bool, v Value) {
	switch {
	case v.IsNull():
		f.add(path, "is empty", "no value is unknown, and equals nothing; give a value")
	case numeric && !v.IsNumber():
		f.add(path, "is "+withArticle(v.Kind()), "give a number")
	case len(v.Str()) > MaxString:
		f.add(path, fmt.Sprintf("is %d bytes long", len(v.Str())), fmt.Sprintf("at most %d are allowed", MaxString))
	}
}

func withArticle(k Kind) string {
	if k == Int || k == Uint {
		return "an " + k.String()
	}
	return "a " + k.String()
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
	before := len(*f)
	for i, v := range c.Values {
		f.limit(at(path, i), c.Op.Numeric(), v)
		for _, w := range c.Values[:i] {
			f.check(c.Op != In || !v.Equal(w), at(path, i), "is listed twice", "remove one of them")
		}
	}
	if c.Op != In && len(*f) == before {
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
