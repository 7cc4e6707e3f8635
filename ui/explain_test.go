package ui

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"linewatch"
)

// standing is the example of the rule files three minutes before its alarm.
func standing() Standing {
	why := rinseWater()
	tests := func(i int) []linewatch.ConditionWhy { return why.Groups[i].Conditions[0].Of }
	limits := tests(1)
	limits[0].Truth, limits[0].For, limits[0].Since = linewatch.False, 5*linewatch.Minute, noon.Add(-2*linewatch.Minute)
	limits[1].Truth, limits[1].Value, limits[1].Since = linewatch.False, value(linewatch.FloatValue(3.1)), 0
	any := linewatch.ConditionWhy{Op: "any", Truth: linewatch.Undecided, For: 3 * linewatch.Second, Of: []linewatch.ConditionWhy{
		{Op: "is", Tag: "door", Equipment: "c1f7", Truth: linewatch.Undecided, Cause: "source offline"},
		{Op: "is", Tag: "mode", Truth: linewatch.False, Value: value(linewatch.StringValue("Production")), Limits: []linewatch.Value{linewatch.StringValue("Manual")}},
	}}
	return Standing{
		Instance: Instance{
			Rule: "filler-rinse-water", Version: 2, Equipment: "84068f2f", Alias: "F1", Machine: "Filler", Line: "line-3",
			State: linewatch.Active, Since: noon.Add(-25 * linewatch.Hour),
		},
		Kind: linewatch.Live, Watermark: noon, HeldBy: "gw1/filler", Aliases: map[string]string{"c1f7": "C1"},
		Groups: []linewatch.GroupStanding{
			{Group: "context", Weight: 40, State: linewatch.Active, Wins: true, Case: 1, Otherwise: linewatch.Idle, Cases: []linewatch.CaseStanding{
				{State: linewatch.Active, Truth: linewatch.True, Conditions: tests(0)},
				{State: linewatch.Info, Truth: linewatch.True, Conditions: tests(0)[:1]},
			}},
			{Group: "limits", Weight: 60, Cases: []linewatch.CaseStanding{{State: linewatch.Warning, Truth: linewatch.False, Conditions: limits}}},
			{Group: "maintenance", Weight: 80, Case: 1, Cases: []linewatch.CaseStanding{{State: linewatch.Maintenance, Truth: linewatch.Undecided, Conditions: []linewatch.ConditionWhy{any}}}},
			{Group: "low", Weight: 10, State: linewatch.Warning, Otherwise: linewatch.Warning},
		},
	}
}

const standingText = `rule filler-rinse-water version 2 on F1 (Filler, line-3): ACTIVE since 2026-11-24 11:00:00
As of 2026-11-25T12:00:00.000Z.
group context (40) says ACTIVE and decides
  case 1, ACTIVE: holds
    + machine_state is Execute
    + product is PET-1L
  case 2, INFO: holds, but case 1 comes first
    + machine_state is Execute
  otherwise: IDLE
group limits (60) has no opinion
  case 1, WARNING: does not hold
    - water_temperature 77.4 above 75, but not yet for 5 min (since 11:58:00; is true at 12:03:00 if it lasts)
    - pressure 3.1 not above 3.2 for 10 s (0.1 missing)
group maintenance (80) has no opinion
  case 1, MAINTENANCE: cannot be decided
    ? any of for 3 s
      ? C1 door is unknown (source offline)
      - mode is Production, not Manual
group low (10) says WARNING
  otherwise: WARNING
not INFO: context (40) case 2 holds, but case 1 comes first
not IDLE: context (40) says it only when none of its cases holds; case 1 decides
not WARNING: limits (60) case 1 fails: water_temperature 77.4 above 75, but not yet for 5 min; pressure 3.1 not above 3.2 for 10 s
not WARNING: low (10) says it, but context (40) ACTIVE decides
not MAINTENANCE: maintenance (80) case 1 cannot be decided: C1 door is unknown (source offline)
`

func TestStandingText(t *testing.T) {
	s := standing()
	if diff := cmp.Diff(standingText, StandingText(&s)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestChangeText(t *testing.T) {
	c := linewatch.StateChange{Rule: "filler-rinse-water", Version: 1, Equipment: "84068f2f", From: "ACTIVE", To: "WARNING", EventTime: noon, Why: rinseWater()}
	const want = `rule filler-rinse-water version 1 on F1: ACTIVE -> WARNING at 2026-11-25T12:00:00.000Z
Because water_temperature 77.4 above 75 for 10 s; pressure 3.4 above 3.2 for 10 s — limits (60) outweighs context (40) ACTIVE.
group context (40) says ACTIVE
  + all of
    + machine_state is Execute
    + product is PET-1L
group limits (60) says WARNING and decides
  + all of
    + water_temperature 77.4 above 75 for 10 s (since 11:59:50)
    + pressure 3.4 above 3.2 for 10 s (since 11:59:48)
`
	if diff := cmp.Diff(want, changeText(&c, names{aliases: map[string]string{"84068f2f": "F1"}})); diff != "" || c.Equipment != "84068f2f" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestConditionsExplained(t *testing.T) {
	number := func(f float64) *linewatch.Value { return value(linewatch.FloatValue(f)) }
	five := []linewatch.Value{linewatch.IntValue(5)}
	e := explainer{now: noon}
	e.conditions(0, []linewatch.ConditionWhy{{Op: "atLeastN", N: 2, Truth: linewatch.False, Of: []linewatch.ConditionWhy{
		{Op: "above", Tag: "level", Window: "avg", Over: linewatch.Minute, Result: number(4.25), Value: number(9), Limits: five, Truth: linewatch.False},
		{Op: "below", Tag: "level", Value: number(4.25), Limits: five, LimitFrom: []string{"products[PET].min"}, Truth: linewatch.True},
		{Op: "above", Expr: "speed / nominal", Result: number(0.5), Limits: five, Truth: linewatch.False},
		{Op: "missing", Tag: "level", Span: linewatch.Minute, Due: noon.Add(linewatch.Second), Truth: linewatch.False},
		{Op: "above", Tag: "level", Value: number(4.5), Limits: five, Keep: linewatch.Minute, Until: noon.Add(20 * linewatch.Second), Truth: linewatch.True},
		{Op: "stuck", Tag: "level", Span: linewatch.Minute, Value: number(4), Truth: linewatch.True},
		{Op: "below", Tag: "level", Value: number(5), Limits: five, Truth: linewatch.False},
	}}})
	const want = `- at least 2 of
  - avg of level over 1 min 4.25 not above 5 (0.75 missing)
  + level 4.25 below 5 (limit: products[PET].min)
  - speed / nominal = 0.5 not above 5 (4.5 missing)
  - level has sent within 1 min (is true at 12:00:01 if nothing else comes)
  + level 4.5 not above 5, but kept for 1 min (until 12:00:20)
  + level is 4, unchanged for 1 min
  - level 5 not below 5 (exactly on the limit)
`
	if diff := cmp.Diff(want, e.b.String()); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func (p *plant) Explain(_ context.Context, rule linewatch.RuleID, equipment string) ([]Standing, error) {
	if s := standing(); rule == s.Rule && (equipment == "" || equipment == s.Alias) {
		return []Standing{s}, nil
	}
	return nil, nil
}

func TestWhyRoutes(t *testing.T) {
	p := bottlingLine()
	s := newServer(t, p)
	var why struct {
		Standings []struct {
			Text   string
			Groups []linewatch.GroupStanding
		}
	}
	for target, want := range map[string]int{
		"/api/v1/rules/filler-rinse-water/why": 1, "/api/v1/rules/filler-rinse-water/why?equipment=F1": 1, "/api/v1/rules/filler-rinse-water/why?equipment=F9": 0,
	} {
		w := do(s, "GET", target, nil)
		if err := json.Unmarshal(w.Body.Bytes(), &why); err != nil || w.Code != http.StatusOK || len(why.Standings) != want {
			t.Errorf("%s: %v, got %d %s", target, err, w.Code, w.Body)
		} else if want == 1 && (!strings.Contains(why.Standings[0].Text, "\nAs of 2026-11-25T12:00:00.000Z.\nSOURCE DOWN: packer since 11:58:25.\ngroup context ") || why.Standings[0].Groups[0].Cases[1].Truth != linewatch.True) {
			t.Errorf("%s: got %s", target, w.Body)
		}
	}
	checkProblem(t, "unknown", do(s, "GET", "/api/v1/rules/nobody/why", nil), http.StatusNotFound)

	var change struct {
		Text, Sentence string
		Change         linewatch.StateChange
	}
	c := p.changes[0]
	w := do(s, "GET", "/api/v1/changes/"+c.ID, nil)
	if err := json.Unmarshal(w.Body.Bytes(), &change); err != nil || change.Change.ID != c.ID || change.Text != changeText(&c, names{aliases: map[string]string{c.Equipment: "F1"}}) || change.Sentence != ChangeSentence(&c, nil) {
		t.Errorf("%v, got %d %s", err, w.Code, w.Body)
	}
	checkProblem(t, "not kept", do(s, "GET", "/api/v1/changes/"+"0123456789abcdef0123456789abcdef", nil), http.StatusNotFound)
	checkProblem(t, "no id", do(s, "GET", "/api/v1/changes/newest", nil), http.StatusBadRequest)
	p.change(func(p *plant) { p.broken = errDisk })
	checkProblem(t, "disk", do(s, "GET", "/api/v1/changes/"+c.ID, nil), http.StatusInternalServerError)
}
