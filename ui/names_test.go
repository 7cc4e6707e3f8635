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
	n := names{aliases: map[string]string{"id-2": "C1"}, decimals: map[TagOf]int{{"id-1", "level"}: 1, {"id-2", "speed"}: 1}}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			why := linewatch.Explanation{Groups: []linewatch.GroupWhy{{Conditions: []linewatch.ConditionWhy{tt.c}}}}
			if got := conditionText(&n.in("id-1", why).Groups[0].Conditions[0]); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

// TestEvidence asks that the evidence of a change is told in words, beside all
// digits of what is stored.
func TestEvidence(t *testing.T) {
	p := bottlingLine()
	p.status.Decimals = map[TagOf]int{{"plant-F1", "water_temperature"}: 1}
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
		`{"is":"true","text":"water_temperature 77.4 above 75 for 10 s","at":1795607999700},{"is":"true","text":"pressure 3.4 above 3.2 for 10 s","at":1795607998800}]}]}]`
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
