package rules

import (
	"fmt"
	"testing"
	"time"

	"linewatch"
)

// Thousands of rules on one tag: a value costs what it crosses, and another
// registry about as much as the rules themselves did, not their square.
func TestManyRulesOnOneTag(t *testing.T) {
	const many = 5000
	b := newBench(t, Options{AnyEquipment: true})
	for i := range many {
		b.rule(fmt.Sprintf("r%d", i), 1, 0, onF1, fmt.Sprintf(`"groups":[{"id":"g","weight":1,"otherwise":"IDLE","cases":[{"state":"WARNING","tag":"temp","above":%d}]}]`, i+1))
	}
	next := linewatch.Duration(0)
	instant := func(v float64, changes int) time.Duration {
		t.Helper()
		next++
		began := time.Now()
		b.point(next, "F1", "temp", num(v))
		b.advance(next)
		took := time.Since(began)
		if n := len(b.e.Take()); n != changes {
			t.Errorf("%v: %d changes, want %d", v, n, changes)
		}
		return took
	}
	first := instant(0, many)
	const quiet = 1000
	var all time.Duration
	for i := range quiet {
		all += instant(float64(i%10)/10, 0)
	}
	if all/quiet > first/50 {
		t.Errorf("a value that crosses nothing took %v, and all rules with their first value %v", all/quiet, first)
	}
	for v := range 10 { // one at a time
		instant(float64(v)+1.5, 1)
	}
	least := time.Hour // of several, since the machine may do something else
	for i := range 5 {
		b.assets(linewatch.Equipment{ID: "F1", Line: fmt.Sprintf("L%d", i), Site: "S"})
		least = min(least, instant(10.5, 0))
	}
	if least > 4*first {
		t.Errorf("another registry took %v, and the rules at first %v", least, first)
	}
	instant(many+1, many-10)
}
