package rules

import (
	"math"
	"math/big"
	"testing"

	"pgregory.net/rapid"

	"linewatch"
)

// exact is a number with every digit.
func exact(v linewatch.Value) *big.Rat {
	if v.Kind() == linewatch.Float {
		f, _ := v.Float()
		return new(big.Rat).SetFloat64(f)
	}
	r, _ := new(big.Rat).SetString(v.String())
	return r
}

// awkward draws numbers that a float64 cannot tell apart, and their like.
func awkward() *rapid.Generator[linewatch.Value] {
	return rapid.Custom(func(t *rapid.T) linewatch.Value {
		near := rapid.SampledFrom([]int64{0, 10, 1 << 53, -1 << 53, 1 << 62, math.MaxInt64 - 2, math.MinInt64 + 2}).Draw(t, "near")
		off := rapid.Int64Range(-2, 2).Draw(t, "off")
		switch rapid.IntRange(0, 3).Draw(t, "kind") {
		case 0:
			return linewatch.UintValue(1<<63 + uint64(off+2))
		case 1:
			return linewatch.FloatValue(float64(near) + float64(off)/2)
		case 2:
			return linewatch.FloatValue(math.Nextafter(float64(near), float64(off)*1e300))
		}
		return linewatch.IntValue(near + off)
	})
}

// The cuts of all conditions on a tag together say what each says by itself.
func TestCutsAgainstComparisons(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e := New(Options{AnyEquipment: true})
		rule := linewatch.Rule{ID: "r", Name: "r", Priority: 1, Scope: linewatch.Scope{Equipment: "F1"}}
		group := linewatch.Group{ID: "g", Weight: 1, Otherwise: linewatch.Idle}
		for range rapid.IntRange(1, 8).Draw(t, "conditions") {
			group.Cases = append(group.Cases, linewatch.Case{State: linewatch.Active, When: drawLeaf(t)})
		}
		rule.Groups = []linewatch.Group{group}
		if err := rule.Validate(); err != nil {
			t.Fatal(err)
		}
		if _, err := e.Control(&linewatch.Control{Version: 1, Rule: &linewatch.RuleVersion{Rule: rule, Version: 1}}, linewatch.NoTime); err != nil {
			t.Fatal(err)
		}
		series, _ := e.Series("F1", "x")
		memory := make([]bool, len(group.Cases))
		for i := range rapid.IntRange(1, 30).Draw(t, "points") {
			v := awkward().Draw(t, "value")
			e.Point(series, Sample{Value: v, At: start.Add(linewatch.Duration(i)), Sender: e.Sender(linewatch.Sender{}), Quality: linewatch.Ok}, 0)
			e.Advance(start.Add(linewatch.Duration(i)))
			for j := range group.Cases {
				memory[j] = holds(&group.Cases[j].When, v, memory[j])
				if got := e.instances[0].nodes[j].out; got != linewatch.TruthOf(memory[j]) {
					t.Fatalf("%s at %v: %v, want %v", group.Cases[j].When.Canonical(), v, got, memory[j])
				}
			}
		}
	})
}

func drawLeaf(t *rapid.T) linewatch.Condition {
	op := linewatch.Op(rapid.IntRange(int(linewatch.Above), int(linewatch.Outside)).Draw(t, "op"))
	c := linewatch.Condition{Op: op, Tag: "x"}
	a, b := awkward().Draw(t, "a"), awkward().Draw(t, "b")
	order := exact(a).Cmp(exact(b))
	if order > 0 {
		a, b = b, a
	}
	switch op {
	case linewatch.Inside, linewatch.Outside:
		c.Values = []linewatch.Value{a, b}
	case linewatch.In:
		c.Values = []linewatch.Value{a}
		if order != 0 {
			c.Values = append(c.Values, b)
		}
	case linewatch.Above, linewatch.AtLeast:
		c.Limit, c.Clear = b, a
	case linewatch.Below, linewatch.AtMost:
		c.Limit, c.Clear = a, b
	default:
		c.Limit = a
	}
	if order == 0 && (op == linewatch.AtLeast || op == linewatch.AtMost) || rapid.Bool().Draw(t, "plain") {
		c.Clear = linewatch.Value{}
	}
	return c
}

// holds is the condition as the documents of a rule say it.
func holds(c *linewatch.Condition, v linewatch.Value, memory bool) bool {
	order := func(w linewatch.Value) int { return exact(v).Cmp(exact(w)) }
	high := c.Op == linewatch.Above || c.Op == linewatch.AtLeast
	switch {
	case memory && !c.Clear.IsNull() && high:
		return order(c.Clear) > 0
	case memory && !c.Clear.IsNull():
		return order(c.Clear) < 0
	}
	switch c.Op {
	case linewatch.Above:
		return order(c.Limit) > 0
	case linewatch.AtLeast:
		return order(c.Limit) >= 0
	case linewatch.Below:
		return order(c.Limit) < 0
	case linewatch.AtMost:
		return order(c.Limit) <= 0
	case linewatch.Is, linewatch.IsNot:
		return (order(c.Limit) == 0) == (c.Op == linewatch.Is)
	case linewatch.In:
		return order(c.Values[0]) == 0 || order(c.Values[len(c.Values)-1]) == 0
	}
	inside := order(c.Values[0]) >= 0 && order(c.Values[1]) <= 0
	return inside == (c.Op == linewatch.Inside)
}
