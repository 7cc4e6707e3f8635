package linewatch

import (
	"encoding/binary"
	"errors"
	"strings"
	"testing"
)

func reads(id RuleID, version uint32, from Time, of ...string) *RuleVersion {
	rv := &RuleVersion{Version: version, From: from, Rule: Rule{ID: id}}
	g := Group{ID: "g", Weight: 1}
	for _, r := range of {
		g.Cases = append(g.Cases, Case{State: Warning, When: Condition{Op: Not, Of: []Condition{{Op: Is, Tag: "rule:" + r, Limit: StringValue("ERROR")}}}})
	}
	rv.Rule.Groups = []Group{g}
	return rv
}

func TestRuleGraph(t *testing.T) {
	var g RuleGraph
	publish := func(rv *RuleVersion, circle string) {
		t.Helper()
		err := g.Check(rv)
		switch {
		case circle == "" && err == nil:
			g.Publish(rv)
		case circle == "" || !errors.Is(err, ErrRuleCycle) || !strings.HasSuffix(err.Error(), circle):
			t.Errorf("%s version %d: got %v, want the circle %q", rv.Rule.ID, rv.Version, err, circle)
		}
	}
	publish(reads("a", 1, 0, "a"), "a -> a")
	publish(reads("a", 1, 0, "b"), "")
	publish(reads("b", 1, 0, "c", "c", "d"), "")
	publish(reads("c", 1, 0, "d", "a"), "c -> a -> b -> c")
	publish(reads("d", 1, 0), "")
	publish(reads("d", 2, 0, "c", "a"), "d -> a -> b -> d")

	// A later version that waits for its time does not end the one before.
	publish(reads("a", 2, 5000), "")
	publish(reads("c", 1, 0, "a"), "c -> a -> b -> c")
	restored := RuleGraph{}
	r := NewBinaryReader(g.AppendBinary(nil))
	if restored.Restore(r); r.Err() != nil {
		t.Fatal(r.Err())
	}
	g = restored
	publish(reads("c", 1, 0, "a"), "c -> a -> b -> c")
	g.Withdraw("a", 6000)
	publish(reads("c", 1, 0, "a"), "c -> a -> b -> c")

	// One that takes effect at once does, and so does the end of a rule.
	publish(reads("a", 3, 0, "d"), "")
	publish(reads("c", 1, 0, "a"), "")
	publish(reads("d", 2, 0, "c"), "d -> c -> a -> d")
	g.Withdraw("a", 0)
	publish(reads("d", 2, 0, "c"), "")
}

func TestRuleGraphRefusesDamage(t *testing.T) {
	b := binary.AppendUvarint(nil, 3)
	r := NewBinaryReader(append(b, "xyz"...))
	var g RuleGraph
	g.Restore(r)
	if r.Err() == nil {
		t.Error("a damaged graph was read without an error")
	}
}

func TestRuleInputMistakes(t *testing.T) {
	for _, c := range []struct {
		condition Condition
		want      string
	}{
		{Condition{Op: Is, Tag: "rule:", Limit: StringValue("WARNING")}, "tag: does not name a rule"},
		{Condition{Op: Is, Tag: "rule:Rinse Water", Limit: StringValue("WARNING")}, "tag: does not name a rule"},
		{Condition{Op: Is, Tag: "rule:a", Limit: StringValue("warning")}, "is: is not a state's name"},
		{Condition{Op: Is, Tag: "rule:a", Limit: IntValue(1)}, "is: is not a state's name"},
		{Condition{Op: IsNot, Tag: "rule:a", Limit: StringValue("UNKNOWN")}, "isNot: UNKNOWN equals nothing"},
		{Condition{Op: In, Tag: "rule:a", Values: []Value{StringValue("WARNING"), StringValue("")}}, "in: is not a state's name"},
		{Condition{Op: Above, Tag: "rule:a", Limit: IntValue(1)}, "above does not go with the state of a rule"},
		{Condition{Op: Is, Tag: "rule:a", Limit: StringValue("WARNING")}, ""},
		{Condition{Op: In, Tag: "rule:a", Values: []Value{StringValue("WARNING"), StringValue("LOW_MATERIAL")}}, ""},
	} {
		var f faults
		clauses := 0
		f.condition("when", &c.condition, 0, &clauses)
		got := errors.Join(f...)
		if c.want == "" && got != nil || c.want != "" && (got == nil || !strings.Contains(got.Error(), c.want)) {
			t.Errorf("%s: got %v, want %q", c.condition.Canonical(), got, c.want)
		}
	}
}
