package linewatch

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// RuleTagPrefix begins the tag of a condition that reads the state of another
// rule of the same home.
const RuleTagPrefix = "rule:"

// RuleTag returns the rule whose state a tag stands for, and whether it stands
// for one at all.
func RuleTag(tag string) (RuleID, bool) {
	if id, ok := strings.CutPrefix(tag, RuleTagPrefix); ok {
		return RuleID(id), true
	}
	return "", false
}

// RuleReads returns the rules whose states r reads, for any equipment, each
// once, in order.
func (r *Rule) RuleReads() (ids []RuleID) {
	show := func(c *Condition) {
		if id, ok := RuleTag(c.Tag); ok {
			ids = append(ids, id)
		}
	}
	r.visit(show)
	for i := range r.Overrides {
		(&Rule{Groups: r.Overrides[i].Groups}).visit(show)
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

// ruleInput checks a condition on the state of another rule.
func (f *faults) ruleInput(path string, c *Condition) {
	id, _ := RuleTag(c.Tag)
	f.check(ValidRuleID(id), path+".tag", "does not name a rule", "write rule: and the id of the rule, such as rule:filler-rinse-water")
	limits := c.Values
	switch c.Op {
	case Is, IsNot:
		limits = []Value{c.Limit}
	case In:
	default:
		f.add(path, c.Op.String()+" does not go with the state of a rule", "use is, isNot or in")
		return
	}
	for _, v := range limits {
		switch s := State(v.Str()); {
		case v.IsNull(): // reported elsewhere
		case v.Kind() != String || !ValidState(s):
			f.add(path+"."+c.Op.String(), "is not a state's name", "give the name of a state, such as WARNING")
		case s == Unknown:
			f.add(path+"."+c.Op.String(), "UNKNOWN equals nothing", "a rule that says UNKNOWN makes the condition unknown; see unknown: report or ignore")
		}
	}
}

// ErrRuleCycle: a rule would hang on its own state.
var ErrRuleCycle = errors.New("rules read one another in a circle")

// RuleGraph knows which rules may read which, from the records of the control
// log alone: whoever follows the log refuses the same versions, wherever event
// time stands there. A version counts from when it is published until a later
// one takes effect at once; one with an effective-from does not end it, since
// nobody can tell from the log when that will be. The zero value is empty.
type RuleGraph struct {
	reads map[RuleID][]ruleReads
}

type ruleReads struct {
	version uint32
	of      []RuleID
}

// Check returns ErrRuleCycle, with the rules of the circle, if the version
// would close one; a shadow is asked as if it were live.
func (g *RuleGraph) Check(rv *RuleVersion) error {
	if in := rv.In(); in != StageActive && in != StageShadow {
		return nil
	}
	id := rv.Rule.ID
	seen := map[RuleID]bool{}
	var path []string
	var leads func(from RuleID) bool
	leads = func(from RuleID) bool {
		path = append(path, string(from))
		if from == id {
			return true
		}
		if !seen[from] {
			seen[from] = true
			for _, r := range g.reads[from] {
				if slices.ContainsFunc(r.of, leads) {
					return true
				}
			}
		}
		path = path[:len(path)-1]
		return false
	}
	if slices.ContainsFunc(rv.Rule.RuleReads(), leads) {
		return fmt.Errorf("rule %s version %d: %w: %s -> %s", id, rv.Version, ErrRuleCycle, id, strings.Join(path, " -> "))
	}
	return nil
}

// Publish notes what a version reads. It must have passed Check.
func (g *RuleGraph) Publish(rv *RuleVersion) {
	switch rv.In() {
	case StageRetired:
		g.end(rv.Rule.ID, rv.From)
		return
	case StageDraft, StageShadow:
		return // nobody can read them
	}
	g.end(rv.Rule.ID, rv.From)
	if of := rv.Rule.RuleReads(); len(of) > 0 {
		if g.reads == nil {
			g.reads = map[RuleID][]ruleReads{}
		}
		g.reads[rv.Rule.ID] = append(g.reads[rv.Rule.ID], ruleReads{rv.Version, of})
	}
}

// Withdraw notes that a rule is withdrawn from an event time on.
func (g *RuleGraph) Withdraw(id RuleID, from Time) { g.end(id, from) }

// end forgets the versions before one that takes effect at once.
func (g *RuleGraph) end(id RuleID, from Time) {
	if from <= 0 {
		delete(g.reads, id)
	}
}

// AppendBinary appends all that the graph knows, in an order of its own.
func (g *RuleGraph) AppendBinary(dst []byte) []byte {
	ids := make([]RuleID, 0, len(g.reads))
	for id := range g.reads {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	dst = binary.AppendUvarint(dst, uint64(len(ids)))
	for _, id := range ids {
		dst = AppendText(dst, string(id))
		dst = binary.AppendUvarint(dst, uint64(len(g.reads[id])))
		for _, r := range g.reads[id] {
			dst = binary.AppendUvarint(dst, uint64(r.version))
			dst = binary.AppendUvarint(dst, uint64(len(r.of)))
			for _, of := range r.of {
				dst = AppendText(dst, string(of))
			}
		}
	}
	return dst
}

// Restore reads what AppendBinary wrote; the reader keeps the first error.
func (g *RuleGraph) Restore(r *BinaryReader) {
	g.reads = map[RuleID][]ruleReads{}
	for range r.Count() {
		id := RuleID(r.Text())
		for range r.Count() {
			rr := ruleReads{version: uint32(r.Uvarint())}
			for range r.Count() {
				rr.of = append(rr.of, RuleID(r.Text()))
			}
			g.reads[id] = append(g.reads[id], rr)
		}
	}
}
