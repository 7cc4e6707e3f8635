package rules

import (
	"errors"
	"strings"
	"testing"

	"linewatch"
)

func TestExpressionsNeedACompiler(t *testing.T) {
	rule := linewatch.Rule{
		ID: "r", Name: "R", Priority: 1, Scope: linewatch.Scope{Equipment: "F1"},
		Groups: []linewatch.Group{{ID: "g", Weight: 1, Cases: []linewatch.Case{{
			State: linewatch.Warning, When: linewatch.Condition{Op: linewatch.Above, Expr: "a - b", Limit: linewatch.IntValue(1)},
		}}}},
	}
	publish := func(opts Options) error {
		_, err := New(opts).Control(&linewatch.Control{Version: 1, Rule: &linewatch.RuleVersion{Rule: rule, Version: 1}}, linewatch.NoTime)
		return err
	}
	if err := publish(Options{}); !errors.Is(err, ErrNoExpressions) {
		t.Errorf("without a compiler: got %v", err)
	}
	wrong := errors.New("character 3: no")
	err := publish(Options{Compile: func(string) (Expression, error) { return nil, wrong }})
	if !errors.Is(err, wrong) || !strings.Contains(err.Error(), `rule r version 1: expr "a - b"`) {
		t.Errorf("with a mistake: got %v", err)
	}
}

// A flapping condition takes one timer, however often it moves.
func TestProbesTakeOneTimerEach(t *testing.T) {
	b := newBench(t, Options{AnyEquipment: true})
	b.rule("r", 1, 0, `{"equipment":"F1"}`, `"groups":[{"id":"g","weight":1,"cases":[{"state":"WARNING","any":[
		{"tag":"t","avg":"1h","above":5,"for":"1m"},{"tag":"t","stuck":"10m"},{"tag":"t","missing":"10m","keep":"1m"},
		{"tag":"t","sequence":[1,2],"within":"1m"},{"tag":"t","changed":true,"staleAfter":"5m"}]}]}]`)
	for i := range 1000 {
		b.point(linewatch.Duration(i)*100, "F1", "t", linewatch.IntValue(int64(i%3)))
		b.advance(linewatch.Duration(i) * 100)
		if n := len(b.e.timers.entries); n > 1 {
			t.Fatalf("%d timers after %d points", n, i+1)
		}
	}
	if n := len(b.e.lapses); n > 0 {
		t.Errorf("%d instances wait for the arrival clock although nobody is offline", n)
	}
}

// What silence makes due is judged at ticks of the arrival clock, and the same
// after a restart in between.
func TestSilenceSurvivesARestart(t *testing.T) {
	b := newBench(t, Options{AnyEquipment: true})
	b.rule("r", 1, 0, `{"equipment":"F1"}`, `"groups":[{"id":"g","weight":1,"otherwise":"IDLE","cases":[{"state":"WARNING","tag":"t","missing":"2m"}]}]`)
	b.point(0, "F1", "t", linewatch.IntValue(1))
	b.advance(30_000)
	const arrival = 50_000_000
	id := b.e.Sender(linewatch.Sender{Gateway: "gw", Source: "plc"})
	b.e.SetOnline(id, true, b.wm, arrival)
	b.e.SetOnline(id, false, b.wm, arrival)
	b.e.Tick(arrival + 60_000)
	b.e.Take()
	saved, err := b.e.AppendSnapshot(nil)
	if err != nil {
		t.Fatal(err)
	}
	b.e = New(Options{AnyEquipment: true})
	if err := b.e.Restore(saved); err != nil {
		t.Fatal(err)
	}
	b.e.Tick(arrival + 89_999)
	if c := b.e.Take(); len(c) != 0 {
		t.Fatalf("a millisecond early: %v", c)
	}
	b.e.Tick(arrival + 90_000)
	c := b.e.Take()
	if len(c) != 1 || c[0].To != linewatch.Warning || c[0].EventTime != start.Add(30_000) || c[0].Why.Groups[0].Conditions[0].Due != start.Add(120_000) {
		t.Fatalf("got %+v, want WARNING at the watermark, due two minutes after the point", c)
	}
	b.e.SetOnline(id, true, b.wm, arrival+100_000)
	b.advance(31_000)
	if c := b.e.Take(); len(c) != 0 {
		t.Errorf("a heartbeat alone took the alarm back: %+v", c)
	}
}
