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
	f.check(len(c.Of) == 0 && c.N == 0, path, c.Op.String()+" does not hold other conditions", "use all, any, not or atLeastN")
	f.subject(path, c)
	if c.Op.Compares() {
		f.comparison(path, c)
		return
	}
	f.history(path, c)
}

// span checks a span that may be left out.
func (f *faults) span(path string, d Duration) {
	f.check(d >= 0, path, "is negative", "give a span such as 30s or 5m")
	f.check(d <= MaxSpan, path, "is longer than "+MaxSpan.String(), "give a shorter span")
}

// length checks a span that must be given.
func (f *faults) length(path string, d Duration) {
	f.check(d != 0, path, "is no time at all", "give a span such as 30s or 5m")
	f.span(path, d)
}

func (f *faults) combination(path string, c *Condition, depth int, clauses *int) {
	op := c.Op.String()
	f.check(c.Tag == "" && c.Equipment == "" && c.Window == Window{} && c.Expr == "" && c.Limit.IsNull() && len(c.Values)+len(c.Lookups) == 0 &&
		c.Clear.IsNull() && c.Hysteresis.IsNull() && c.Span == 0 && c.StaleAfter == 0, path, op+" stands beside a test of its own", "put the test into a condition of its own under "+op)
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
	list := path + "." + op
	if c.Op == AtLeastN {
		f.check(c.N >= 1 && c.N <= len(c.Of), list+".n", fmt.Sprintf("is %d of %d conditions", c.N, len(c.Of)), "give a whole number from 1 to the number of conditions under of")
		list += ".of"
	} else {
		f.check(c.N == 0, path, op+" takes no number", "use atLeastN")
	}
	f.check(len(c.Of) > 0, list, "is empty", "give at least one condition")
	for i := range c.Of {
		f.condition(at(list, i), &c.Of[i], depth, clauses)
	}
}

// tag checks the name of a tag and of its equipment.
func (f *faults) tag(path string, tag, equipment string) {
	switch {
	case tag == "":
		f.add(path, "names no tag", "give tag")
	case !ValidTag(tag):
		f.add(path+".tag", "is not a tag", fmt.Sprintf("use 1 to %d bytes of printable text", MaxName))
	case tag == HeartbeatTag || tag == GapTag:
		f.add(path+".tag", "is a reserved name", "test a tag of the machine")
	}
	f.check(equipment == "" || ValidName(equipment), path+".equipment", "is not an equipment id or alias", nameRemedy)
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
