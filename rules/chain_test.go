package rules

import (
	"errors"
	"testing"

	"linewatch"
)

// says is a rule that puts a state forward while another rule says one.
func says(state, rule, is string) string {
	return `"groups":[{"id":"g","weight":1,"cases":[{"state":"` + state + `","tag":"rule:` + rule + `","is":"` + is + `"}]}]`
}

const above5 = `"groups":[{"id":"g","weight":1,"cases":[{"state":"WARNING","tag":"t","above":5}]}]`

// A chain of rules changes within one instant, whatever the order in which the
// rules were published, and each of them once.
func TestChainWithinOneInstant(t *testing.T) {
	b := newBench(t, Options{AnyEquipment: true})
	b.rule("c", 1, 0, `{"equipment":"F1"}`, says("CRITICAL", "b", "ERROR"))
	b.rule("b", 1, 0, `{"equipment":"F1"}`, says("ERROR", "a", "WARNING"))
	b.rule("d", 1, 0, `{"equipment":"F1"}`, `"groups":[{"id":"g","weight":1,"cases":[{"state":"INFO","all":[
		{"tag":"t","above":5},{"tag":"rule:a","is":"WARNING"},{"tag":"rule:b","is":"ERROR"},{"tag":"rule:c","is":"CRITICAL"}]}]}]`)
	b.rule("a", 1, 0, `{"equipment":"F1"}`, above5)
	b.point(1000, "F1", "t", linewatch.IntValue(1))
	b.advance(1000)
	b.want("1000 a/F1 UNKNOWN -> IDLE by ", "1000 b/F1 UNKNOWN -> IDLE by ", "1000 c/F1 UNKNOWN -> IDLE by ", "1000 d/F1 UNKNOWN -> IDLE by ")
	b.point(2000, "F1", "t", linewatch.IntValue(6))
	b.advance(2000)
	b.want("2000 a/F1 IDLE -> WARNING by g", "2000 b/F1 IDLE -> ERROR by g", "2000 c/F1 IDLE -> CRITICAL by g", "2000 d/F1 IDLE -> INFO by g")
}

// A rule that another reads is withdrawn, comes back, and belongs to another
// equipment.
func TestChainToARuleThatIsNotThere(t *testing.T) {
	b := newBench(t, Options{AnyEquipment: true})
	b.rule("a", 1, 0, `{"equipment":"F1"}`, above5)
	b.rule("b", 1, 0, `{"equipment":"F1"}`, says("ERROR", "a", "WARNING"))
	b.rule("other", 1, 0, `{"equipment":"C1"}`, says("ERROR", "a", "WARNING"))
	b.rule("named", 1, 0, `{"equipment":"C1"}`, `"groups":[{"id":"g","weight":1,"cases":[{"state":"INFO","tag":"rule:a","equipment":"F1","is":"WARNING"}]}]`)
	b.point(1000, "F1", "t", linewatch.IntValue(6))
	b.advance(1000)
	b.want("1000 a/F1 UNKNOWN -> WARNING by g", "1000 b/F1 UNKNOWN -> ERROR by g", "1000 named/C1 UNKNOWN -> INFO by g")
	b.control(&linewatch.Control{Version: 1, DeleteRule: &linewatch.RuleDelete{ID: "a", Version: 2, From: start.Add(2000)}})
	b.advance(2000)
	b.want("2000 a/F1 WARNING -> IDLE by ", "2000 b/F1 ERROR -> UNKNOWN by g", "2000 named/C1 INFO -> UNKNOWN by g")
	for _, s := range b.e.Instances() {
		if why := s.Why.Groups[0].Conditions[0]; why.Cause != "no such rule in force" {
			t.Errorf("%s: cause %q", s.Rule, why.Cause)
		}
	}
	b.rule("a", 3, start.Add(3000), `{"equipment":"F1"}`, above5)
	b.advance(3000)
	b.want("3000 a/F1 IDLE -> WARNING by g", "3000 b/F1 UNKNOWN -> ERROR by g", "3000 named/C1 UNKNOWN -> INFO by g")
}

func TestChainRefusesCircles(t *testing.T) {
	b := newBench(t, Options{AnyEquipment: true})
	b.rule("a", 1, 0, `{"equipment":"F1"}`, says("ERROR", "b", "WARNING"))
	rv := linewatch.RuleVersion{Version: 1, Rule: b.e.pending[0].what.Rule.Rule}
	rv.Rule.ID = "b"
	rv.Rule.Groups = []linewatch.Group{{ID: "g", Weight: 1, Cases: []linewatch.Case{{
		State: linewatch.Error, When: linewatch.Condition{Op: linewatch.Is, Tag: "rule:a", Limit: linewatch.StringValue("ERROR")},
	}}}}
	if _, err := b.e.Control(&linewatch.Control{Version: 1, Rule: &rv}, b.wm); !errors.Is(err, linewatch.ErrRuleCycle) {
		t.Errorf("got %v, want %v", err, linewatch.ErrRuleCycle)
	}
	rv.Rule.Groups[0].Cases[0].When.Tag = "rule:c"
	if _, err := b.e.Control(&linewatch.Control{Version: 1, Rule: &rv}, b.wm); err != nil {
		t.Errorf("after the refusal: %v", err)
	}
}
