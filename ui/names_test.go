package ui

import (
	"encoding/json"
	"strings"
	"testing"

	"linewatch"
)

// TestDecimals asks that a number is written with the decimals of its tag, and
// with more only where it could not be told from a limit.
func TestDecimals(t *testing.T) {
	number := func(f float64) *linewatch.Value { return value(linewatch.FloatValue(f)) }
	level := linewatch.ConditionWhy{Op: "below", Tag: "level", Window: "avg", Over: 20 * linewatch.Second, Result: number(99.0032894736842), Limits: []linewatch.Value{linewatch.FloatValue(99.4)}, Truth: linewatch.True}
	near := level
	near.Result = number(99.39712)
	spread := level
	spread.Window, spread.Result, spread.Limits = "stddev", number(0.0123456), []linewatch.Value{linewatch.IntValue(1)}
	clears := level
	clears.Result, clears.Clear, clears.Truth = number(99.6012), number(99.6), linewatch.False
	elsewhere := linewatch.ConditionWhy{Op: "above", Tag: "speed", Equipment: "id-2", Value: number(23987.44444), Limits: []linewatch.Value{linewatch.IntValue(16000)}, Truth: linewatch.True}
	pace := linewatch.ConditionWhy{Op: "below", Tag: "pace", Window: "timeAvg", Over: 2 * linewatch.Minute, Result: number(30649.1663), Limits: []linewatch.Value{linewatch.IntValue(16000)}, Truth: linewatch.False}
	tests := []struct {
		name string
		c    linewatch.ConditionWhy
		want string
	}{
		{"a window", level, "avg of level over 20 s 99 below 99.4"},
		{"near its limit", near, "avg of level over 20 s 99.397 below 99.4"},
		{"a small deviation", spread, "stddev of level over 20 s 0.012 below 1"},
		{"not on the other side of its clear", clears, "avg of level over 20 s 99.601 not below 99.4"},
		{"of another machine", elsewhere, "C1 speed 23987.4 above 16000"},
		{"without decimals", pace, "timeAvg of pace over 2 min 30649 not below 16000"},
		{"small, without decimals", linewatch.ConditionWhy{Op: "above", Tag: "ph", Value: number(-3.14159265), Limits: []linewatch.Value{linewatch.IntValue(-5)}, Truth: linewatch.True}, "ph -3.142 above -5"},
		{"zero", linewatch.ConditionWhy{Op: "above", Expr: "a - b", Result: number(0), Limits: []linewatch.Value{linewatch.IntValue(5)}, Truth: linewatch.False}, "a - b = 0 not above 5"},
		{"text", linewatch.ConditionWhy{Op: "isNot", Tag: "level", Value: value(linewatch.StringValue("Production")), Limits: []linewatch.Value{linewatch.StringValue("Maintenance")}, Truth: linewatch.True}, "level is Production, not Maintenance"},
		{"an integer", linewatch.ConditionWhy{Op: "above", Tag: "level", Value: value(linewatch.IntValue(1234567)), Limits: []linewatch.Value{linewatch.IntValue(5)}, Truth: linewatch.True}, "level 1234567 above 5"},
		{"nothing", linewatch.ConditionWhy{Op: "above", Tag: "level", Cause: "no value yet"}, "level is unknown (no value yet)"},
	}
	n := names{aliases: map[string]string{"id-2": "C1"}, tags: map[string][]linewatch.Tag{
		"id-1": {{Name: "other", Unit: "m"}, {Name: "level", Decimals: 1}}, "id-2": {{Name: "speed", Decimals: 1}},
	}}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := n.of("id-1").conditionText(&tt.c); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

// TestUnits asks that numbers have the unit that the registry gives their tag,
// and that none is rounded until its sentence is wrong.
func TestUnits(t *testing.T) {
	number := func(f float64) *linewatch.Value { return value(linewatch.FloatValue(f)) }
	limit := func(list ...float64) (limits []linewatch.Value) {
		for _, f := range list {
			limits = append(limits, *number(f))
		}
		return limits
	}
	water := func(op string, v float64, truth linewatch.Truth, limits ...float64) linewatch.ConditionWhy {
		return linewatch.ConditionWhy{Op: op, Tag: "water", Value: number(v), Limits: limit(limits...), Truth: truth}
	}
	window := func(f, tag string, v float64) linewatch.ConditionWhy {
		return linewatch.ConditionWhy{Op: "above", Tag: tag, Window: f, Over: linewatch.Minute, Result: number(v), Limits: limit(1.5), Truth: linewatch.True}
	}
	cleared := water("above", 74.53, linewatch.True, 75.5)
	cleared.Clear = number(74.5)
	tests := []struct {
		name string
		c    linewatch.ConditionWhy
		want string
	}{
		{"a limit", water("above", 76.23, linewatch.True, 75.5), "water 76.2 °C above 75.5 °C"},
		{"just above its limit", water("above", 75.04, linewatch.True, 75), "water 75.04 °C above 75 °C"},
		{"just above a limit with many digits", water("above", 75.00042, linewatch.True, 75.0003), "water 75.0004 °C above 75.0003 °C"},
		{"closer than can be written", water("above", 75.00000000001, linewatch.True, 75), "water 75.00000000001 °C above 75 °C"},
		{"rounded to its limit from below", water("below", 74.96, linewatch.True, 75), "water 74.96 °C below 75 °C"},
		{"exactly its limit", water("atLeast", 75, linewatch.True, 75), "water 75 °C at least 75 °C"},
		{"a range", water("outside", 4.96, linewatch.True, 5, 9.5), "water 4.96 °C outside 5 to 9.5 °C"},
		{"a set", water("in", 5.01, linewatch.False, 5, 6), "water 5.01 °C is none of 5, 6 °C"},
		{"a little below nothing", water("below", -0.01, linewatch.True, 3), "water 0 °C below 3 °C"},
		{"still true until its clear", cleared, "water 74.53 °C above 75.5 °C (clears at 74.5 °C)"},
		{"a window", window("avg", "water", 2.345), "avg of water over 1 min 2.35 °C above 1.5 °C"},
		{"a number of samples", window("count", "water", 2), "count of water over 1 min 2 above 1.5"},
		{"a rate", window("rate", "water", 2), "rate of water over 1 min 2 °C/s above 1.5 °C/s"},
		{"a rate of a rate", window("rate", "speed", 2), "rate of speed over 1 min 2 bottles/h per s above 1.5 bottles/h per s"},
		{"an expression", linewatch.ConditionWhy{Op: "above", Expr: "water * 2", Result: number(7), Limits: limit(5), Truth: linewatch.True}, "water * 2 = 7 above 5"},
		{"text", linewatch.ConditionWhy{Op: "is", Tag: "water", Value: value(linewatch.StringValue("off")), Limits: []linewatch.Value{linewatch.StringValue("on")}, Truth: linewatch.False}, "water is off, not on"},
		{"a tag that nobody knows", linewatch.ConditionWhy{Op: "above", Tag: "?", Value: number(7), Limits: limit(5), Truth: linewatch.True}, "? 7 above 5"},
		{"of another machine", linewatch.ConditionWhy{Op: "above", Tag: "water", Equipment: "id-2", Value: number(7), Limits: limit(5), Truth: linewatch.True}, "C1 water 7 K above 5 K"},
		{"unchanged", linewatch.ConditionWhy{Op: "stuck", Tag: "water", Value: number(9), Span: linewatch.Minute, Truth: linewatch.True}, "water is 9 °C, unchanged for 1 min"},
	}
	n := names{aliases: map[string]string{"id-2": "C1"}, tags: map[string][]linewatch.Tag{
		"id-1": {{Name: "water", Unit: "°C", Decimals: 1}, {Name: "speed", Unit: "bottles/h"}}, "id-2": {{Name: "water", Unit: "K"}},
	}}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := n.of("id-1").conditionText(&tt.c); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

// TestEvidence asks that the evidence of a change is told in words, beside all
// digits of what is stored.
func TestEvidence(t *testing.T) {
	p := bottlingLine()
	p.status.Equipment = []linewatch.Equipment{{ID: "plant-F1", Tags: []linewatch.Tag{{Name: "water_temperature", Unit: "°C", Decimals: 1}}}}
	p.changes[1].Why.Groups[1].Conditions[0].Of[0].Value = value(linewatch.FloatValue(77.4123456))
	w := do(newServer(t, p), "GET", "/api/v1/changes", nil)
	var got struct {
		Changes []struct{ Evidence json.RawMessage }
	}
	if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	const want = `[{"group":"context","weight":40,"state":"ACTIVE","conditions":[{"is":"true","text":"all of","at":null,"of":[` +
		`{"is":"true","text":"machine_state is Execute","at":1795607910000},{"is":"true","text":"product is PET-1L","at":1795607910000}]}]},` +
		`{"group":"limits","weight":60,"state":"WARNING","wins":true,"conditions":[{"is":"true","text":"all of","at":null,"of":[` +
		`{"is":"true","text":"water_temperature 77.4 °C above 75 °C for 10 s","at":1795607999700},{"is":"true","text":"pressure 3.4 above 3.2 for 10 s","at":1795607998800}]}]}]`
	if string(got.Changes[1].Evidence) != want {
		t.Errorf("got  %s\nwant %s", got.Changes[1].Evidence, want)
	}
	if !strings.Contains(w.Body.String(), `"value":77.4123456`) {
		t.Error("the stored change has lost its digits")
	}
}

// TestUndecidedFirst asks that what is not known stands behind the alarms and
// before what is fine, whatever its priority.
func TestUndecidedFirst(t *testing.T) {
	list := sortInstances([]Instance{
		{Rule: "fine", State: linewatch.Idle, Priority: 1},
		{Rule: "open", State: linewatch.Unknown, Priority: 4},
		{Rule: "alarm", State: linewatch.Info, Severity: 1, Priority: 4},
		{Rule: "works", State: linewatch.Active, Priority: 1},
	})
	var got []string
	for _, in := range list {
		got = append(got, string(in.Rule))
	}
	if order := strings.Join(got, " "); order != "alarm open fine works" {
		t.Errorf("got %s", order)
	}
}
