package ui

import (
	"strings"
	"testing"

	"linewatch"
)

func TestSentence(t *testing.T) {
	temp := func(op string, v float64, truth linewatch.Truth) linewatch.ConditionWhy {
		return linewatch.ConditionWhy{Op: op, Tag: "t", Value: value(linewatch.FloatValue(v)), Limits: []linewatch.Value{linewatch.IntValue(75)}, Truth: truth}
	}
	one := func(state linewatch.State, c ...linewatch.ConditionWhy) linewatch.Explanation {
		return linewatch.Explanation{Groups: []linewatch.GroupWhy{{Group: "g", Weight: 5, State: state, Wins: true, Case: 1, Conditions: c}}}
	}
	clearing := temp("above", 74.5, linewatch.True)
	clearing.Clear = value(linewatch.IntValue(74))
	belowClearing := temp("below", 75.5, linewatch.True)
	belowClearing.Clear = value(linewatch.IntValue(76))
	elsewhere := temp("atLeast", 75, linewatch.True)
	elsewhere.Equipment, elsewhere.For = "C1", 90*linewatch.Second
	fallback := one(linewatch.Idle, temp("above", 70, linewatch.False))
	fallback.Groups[0].Case = 0
	producing := func(state, product string) linewatch.Explanation {
		is := func(tag, v, limit string) linewatch.ConditionWhy {
			c := linewatch.ConditionWhy{Op: "is", Tag: tag, Value: value(linewatch.StringValue(v)), Limits: []linewatch.Value{linewatch.StringValue(limit)}, Truth: linewatch.False}
			if v == limit {
				c.Truth = linewatch.True
			}
			return c
		}
		w := one(linewatch.Idle, is("machine_state", state, "Execute"), is("product", product, "PET-1L"))
		w.Groups[0].Case = 0
		return w
	}
	short := temp("above", 80, linewatch.False)
	short.For, short.Since = 10*linewatch.Second, 1000
	waits := one(linewatch.Idle, short)
	waits.Groups[0].Case = 0
	together := linewatch.ConditionWhy{Op: "all", For: 10 * linewatch.Second, Since: 1000, Truth: linewatch.True, Of: []linewatch.ConditionWhy{temp("above", 80, linewatch.True), temp("atLeast", 80, linewatch.True)}}
	togetherWaits := together
	togetherWaits.Truth = linewatch.False
	neither := linewatch.ConditionWhy{Op: "not", Truth: linewatch.True, Of: []linewatch.ConditionWhy{{Op: "any", Truth: linewatch.False, Of: []linewatch.ConditionWhy{temp("above", 70, linewatch.False), temp("isNot", 75, linewatch.False)}}}}
	agree := rinseWater()
	agree.Groups[0].State = linewatch.Warning
	deleted := one(linewatch.Warning, temp("above", 80, linewatch.True))
	deleted.Cause = "rule version 2"
	oneReason := one(linewatch.Warning, temp("above", 80, linewatch.True))
	oneReason.Groups = append(oneReason.Groups, oneReason.Groups[0])
	oneReason.Groups[1].Group, oneReason.Groups[1].Wins = "h", false

	tests := []struct {
		name string
		to   linewatch.State
		why  linewatch.Explanation
		want string
	}{
		{"the example of the rule files", linewatch.Warning, rinseWater(), "water_temperature 77.4 above 75 for 10 s; pressure 3.4 above 3.2 for 10 s — limits (60) outweighs context (40) ACTIVE"},
		{"many digits", linewatch.Warning, one(linewatch.Warning, temp("above", 80.0624998, linewatch.True)), "t 80.06 above 75 — g (5) decides"},
		{"hardly above", linewatch.Warning, one(linewatch.Warning, temp("above", 75.00001, linewatch.True)), "t 75.00001 above 75 — g (5) decides"},
		{"no loser", linewatch.Active, contextOnly(), "machine_state is Execute; product is PET-1L — context (40) decides"},
		{"two groups of one mind", linewatch.Warning, agree, "water_temperature 77.4 above 75 for 10 s; pressure 3.4 above 3.2 for 10 s; machine_state is Execute; product is PET-1L — limits (60) and context (40) agree"},
		{"held by hysteresis", linewatch.Warning, one(linewatch.Warning, clearing), "t 74.5 above 75 (clears at 74) — g (5) decides"},
		{"held by hysteresis from below", linewatch.Warning, one(linewatch.Warning, belowClearing), "t 75.5 below 75 (clears at 76) — g (5) decides"},
		{"another equipment", linewatch.Warning, one(linewatch.Warning, elsewhere), "C1 t 75 at least 75 for 90 s — g (5) decides"},
		{"undecided", linewatch.Unknown, one(linewatch.Unknown, temp("above", 80, linewatch.True), linewatch.ConditionWhy{Op: "above", Tag: "p", Cause: "source offline"}), "p is unknown (source offline) — g (5) decides"},
		{"otherwise", linewatch.Idle, fallback, "t 70 not above 75 — g (5) decides"},
		{"otherwise, one condition holds", linewatch.Idle, producing("Completing", "PET-1L"), "machine_state is Completing, not Execute — g (5) decides"},
		{"otherwise, the other one holds", linewatch.Idle, producing("Execute", "PET-05L"), "product is PET-05L, not PET-1L — g (5) decides"},
		{"otherwise, not long enough", linewatch.Idle, waits, "t 80 above 75, but not yet for 10 s — g (5) decides"},
		{"together for a time", linewatch.Warning, one(linewatch.Warning, together), "(t 80 above 75; t 80 at least 75) for 10 s — g (5) decides"},
		{"together not long enough", linewatch.Warning, one(linewatch.Warning, linewatch.ConditionWhy{Op: "not", Truth: linewatch.True, Of: []linewatch.ConditionWhy{togetherWaits}}), "(t 80 above 75; t 80 at least 75), but not yet for 10 s — g (5) decides"},
		{"neither", linewatch.Warning, one(linewatch.Warning, neither), "t 70 not above 75; t is 75 — g (5) decides"},
		{"bad quality", linewatch.Unknown, one(linewatch.Unknown, linewatch.ConditionWhy{Op: "above", Tag: "p", Quality: "Bad", Truth: linewatch.Undecided}), "p is unknown (quality Bad) — g (5) decides"},
		{"bad quality with its cause", linewatch.Unknown, one(linewatch.Unknown, linewatch.ConditionWhy{Op: "above", Tag: "p", Quality: "Bad", Cause: "connection lost", Truth: linewatch.Undecided}), "p is unknown (quality Bad, connection lost) — g (5) decides"},
		{"negation", linewatch.Warning, one(linewatch.Warning, linewatch.ConditionWhy{Op: "not", Truth: linewatch.True, Of: []linewatch.ConditionWhy{temp("above", 70, linewatch.False)}}), "t 70 not above 75 — g (5) decides"},
		{"a range", linewatch.Warning, one(linewatch.Warning, linewatch.ConditionWhy{Op: "outside", Tag: "t", Value: value(linewatch.IntValue(9)), Limits: []linewatch.Value{linewatch.IntValue(1), linewatch.IntValue(5)}, Truth: linewatch.True}), "t 9 outside 1 to 5 — g (5) decides"},
		{"a window", linewatch.Warning, one(linewatch.Warning, linewatch.ConditionWhy{Op: "above", Tag: "t", Value: value(linewatch.IntValue(9)), Window: "avg", Over: 10 * linewatch.Minute, Result: value(linewatch.FloatValue(7.25)), Limits: []linewatch.Value{linewatch.IntValue(5)}, Truth: linewatch.True}), "avg of t over 10 min 7.25 above 5 — g (5) decides"},
		{"an expression", linewatch.Warning, one(linewatch.Warning, linewatch.ConditionWhy{Op: "above", Expr: "a - b", Result: value(linewatch.IntValue(7)), Limits: []linewatch.Value{linewatch.IntValue(5)}, Truth: linewatch.True}), "a - b = 7 above 5 — g (5) decides"},
		{"an expression that is true", linewatch.Warning, one(linewatch.Warning, linewatch.ConditionWhy{Op: "is", Expr: "speed > 3", Result: value(linewatch.BoolValue(true)), Limits: []linewatch.Value{linewatch.BoolValue(true)}, Truth: linewatch.True}), "speed > 3 is true — g (5) decides"},
		{"an expression that should be true", linewatch.Warning, one(linewatch.Warning, linewatch.ConditionWhy{Op: "isNot", Expr: "speed > 3", Result: value(linewatch.BoolValue(false)), Limits: []linewatch.Value{linewatch.BoolValue(true)}, Truth: linewatch.True}), "speed > 3 is false, not true — g (5) decides"},
		{"an expression without a result", linewatch.Unknown, one(linewatch.Unknown, linewatch.ConditionWhy{Op: "above", Expr: "a - b", Cause: "b: source offline"}), "a - b is unknown (b: source offline) — g (5) decides"},
		{"stuck", linewatch.Warning, one(linewatch.Warning, linewatch.ConditionWhy{Op: "stuck", Tag: "t", Value: value(linewatch.IntValue(9)), Span: linewatch.Minute, Truth: linewatch.True}), "t is 9, unchanged for 1 min — g (5) decides"},
		{"missing", linewatch.Warning, one(linewatch.Warning, linewatch.ConditionWhy{Op: "missing", Tag: "t", Span: linewatch.Minute, Truth: linewatch.True}), "t sent nothing for 1 min — g (5) decides"},
		{"a sequence", linewatch.Warning, one(linewatch.Warning, linewatch.ConditionWhy{Op: "sequence", Tag: "t", Span: linewatch.Minute, Limits: []linewatch.Value{linewatch.StringValue("A"), linewatch.StringValue("B")}, Truth: linewatch.True}), "t in the sequence A, B within 1 min — g (5) decides"},
		{"a set", linewatch.Warning, one(linewatch.Warning, linewatch.ConditionWhy{Op: "in", Tag: "t", Value: value(linewatch.IntValue(5)), Limits: []linewatch.Value{linewatch.IntValue(1), linewatch.IntValue(5)}, Truth: linewatch.True}), "t 5 is one of 1, 5 — g (5) decides"},
		{"two groups of one mind and one reason", linewatch.Warning, oneReason, "t 80 above 75 — g (5) and h (5) agree"},
		{"nobody has an opinion", linewatch.Idle, linewatch.Explanation{Groups: []linewatch.GroupWhy{{Group: "g", Conditions: []linewatch.ConditionWhy{temp("above", 70, linewatch.False)}}}}, "nothing is wrong: no case of the rule applies"},
		{"nobody, since it is undecided", linewatch.Unknown, linewatch.Explanation{Groups: []linewatch.GroupWhy{{Group: "g", Conditions: []linewatch.ConditionWhy{{Op: "above", Tag: "p", Cause: "source offline"}}}}}, "p is unknown (source offline)"},
		{"nobody knows why", linewatch.Unknown, linewatch.Explanation{Groups: []linewatch.GroupWhy{{Group: "g"}}}, "nothing is known yet"},
		{"no point behind it", linewatch.Unknown, linewatch.Explanation{Cause: "rule deleted"}, "rule deleted"},
		{"a cause and a winner", linewatch.Warning, deleted, "rule version 2: t 80 above 75 — g (5) decides"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := (speaker{}).sentence(tt.to, tt.why); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

// TestChangeSentence asks that a change which ends an alarm says what is well
// again.
func TestChangeSentence(t *testing.T) {
	level := func(average float64) linewatch.GroupWhy {
		return linewatch.GroupWhy{Group: "level", Weight: 50, Was: linewatch.Warning, Conditions: []linewatch.ConditionWhy{{Op: "all", For: 12 * linewatch.Second, Truth: linewatch.False, Of: []linewatch.ConditionWhy{
			{Op: "isNot", Tag: "machine_mode", Value: value(linewatch.StringValue("Production")), Limits: []linewatch.Value{linewatch.StringValue("Maintenance")}, At: noon - 9000, Truth: linewatch.True},
			{
				Op: "below", Tag: "fill_level", Window: "avg", Over: 20 * linewatch.Second, Result: value(linewatch.FloatValue(average)),
				Limits: []linewatch.Value{linewatch.FloatValue(99.4)}, Clear: value(linewatch.FloatValue(99.6)), At: noon, Truth: linewatch.False,
			},
		}}}}
	}
	maintenance := linewatch.GroupWhy{Group: "maintenance", Weight: 80, Conditions: []linewatch.ConditionWhy{
		{Op: "is", Tag: "machine_mode", Value: value(linewatch.StringValue("Production")), Limits: []linewatch.Value{linewatch.StringValue("Maintenance")}, At: noon - 9000, Truth: linewatch.False},
	}}
	running := contextOnly().Groups[0]
	stops := maintenance
	stops.State, stops.Wins, stops.Was, stops.Conditions = linewatch.Idle, true, linewatch.Warning, level(99.7).Conditions
	lost := linewatch.GroupWhy{Group: "level", Weight: 50, Was: linewatch.Warning, Case: 2, Conditions: []linewatch.ConditionWhy{
		{Op: "is", Tag: "machine_mode", Value: value(linewatch.StringValue("Production")), Truth: linewatch.True},
		{Op: "below", Tag: "fill_level", Quality: "Bad", Cause: "connection lost"},
	}}
	tests := []struct {
		name     string
		from, to linewatch.State
		groups   []linewatch.GroupWhy
		want     string
	}{
		{"back at its clear", linewatch.Warning, linewatch.Idle, []linewatch.GroupWhy{level(99.601), maintenance}, "avg of fill_level over 20 s 99.601 not below 99.6 — nothing is wrong any more: no case of the rule applies"},
		{"back at its limit", linewatch.Warning, linewatch.Idle, []linewatch.GroupWhy{level(99.5)}, "avg of fill_level over 20 s 99.5 not below 99.4 — nothing is wrong any more: no case of the rule applies"},
		{"somebody else decides", linewatch.Warning, linewatch.Active, []linewatch.GroupWhy{running, level(99.601)}, "machine_state is Execute; product is PET-1L — context (40) decides; level (50) has no opinion: avg of fill_level over 20 s 99.601 not below 99.6"},
		{"not known any more", linewatch.Warning, linewatch.Active, []linewatch.GroupWhy{running, lost}, "machine_state is Execute; product is PET-1L — context (40) decides; level (50) has no opinion: fill_level is unknown (quality Bad, connection lost)"},
		{"it decides by its otherwise", linewatch.Warning, linewatch.Idle, []linewatch.GroupWhy{stops}, "avg of fill_level over 20 s 99.7 not below 99.4 — maintenance (80) decides"},
		{"no alarm before", linewatch.Unknown, linewatch.Idle, []linewatch.GroupWhy{level(99.601)}, "nothing is wrong: no case of the rule applies"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := linewatch.StateChange{EventTime: noon, From: tt.from, To: tt.to, Why: linewatch.Explanation{Groups: tt.groups}}
			if got := ChangeSentence(&c, nil); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

// Values come from machines: none forges a line, colours a terminal, or turns
// the direction of the text.
func TestHostileValuesInSentences(t *testing.T) {
	hostile := linewatch.StringValue("PET\x1b[2J\nrule x: IDLE\u202e")
	c := linewatch.ConditionWhy{Op: "is", Tag: "product", Value: &hostile, Limits: []linewatch.Value{linewatch.StringValue("PET")}, Truth: linewatch.False}
	why := linewatch.Explanation{Groups: []linewatch.GroupWhy{{Group: "g", Weight: 5, State: linewatch.Idle, Wins: true, Case: 0, Conditions: []linewatch.ConditionWhy{c}}}}
	change := linewatch.StateChange{Rule: "r", Version: 1, Equipment: "F1", From: linewatch.Warning, To: linewatch.Idle, Why: why}
	for _, text := range []string{speaker{}.sentence(linewatch.Idle, why), changeText(&change, names{})} {
		if strings.ContainsAny(text, "\x1b\u202e") || strings.Contains(text, "\nrule x") || !strings.Contains(text, "PET�[2J�rule x: IDLE�") {
			t.Errorf("got %q", text)
		}
	}
}
