package rules

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"linewatch"
)

// What a rule reads follows the guests of its line, whichever record they came
// or went with: a restored engine knows no more of the past than who they are
// now.
func TestRulesReadWhatIsHeard(t *testing.T) {
	b := newBench(t, Options{Line: "L1"})
	same := func(when string) {
		t.Helper()
		one := snapshot(t, b.e)
		again := New(Options{Line: "L1"})
		if err := again.Restore(one); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(one, snapshot(t, again)) {
			t.Errorf("%s the snapshot is another one after it was restored", when)
		}
	}
	b.assets(linewatch.Equipment{ID: "F1", Line: "L1", Site: "S1"}, linewatch.Equipment{ID: "P1", Line: "L2", Site: "S1"})
	b.rule("r", 1, 0, onF1, `"groups":[{"id":"g","weight":1,"cases":[
		{"state":"WARNING","tag":"temp","equipment":"P1","above":75},
		{"state":"INFO","tag":"press","equipment":"P1","missing":"1s"}]}]`)
	b.point(0, "F1", "temp", num(1))
	b.advance(0)
	same("at first")
	b.want()
	b.e.Host([]string{"L2"}, b.wm)
	b.rule("other", 1, 0, onF1, hot)
	b.advance(1)
	same("with a guest")
	b.want("1 other/F1 UNKNOWN -> IDLE by ")
	b.point(2, "P1", "temp", num(80))
	b.advance(2)
	b.want("2 r/F1 UNKNOWN -> WARNING by g")
	b.e.Host(nil, b.wm)
	b.rule("other", 2, 0, onF1, hot)
	b.advance(3)
	b.want("3 r/F1 WARNING -> UNKNOWN by g")
	same("without it")
	// A guest for a version that takes effect later is heard at once.
	b.e.Host([]string{"L2"}, b.wm)
	b.rule("other", 3, start.Add(1000), onF1, hot)
	b.advance(4)
	b.point(5, "P1", "temp", num(20))
	b.advance(5)
	same("ahead of a version")
	b.advance(1004)
	b.want("5 r/F1 UNKNOWN -> IDLE by ", "1004 r/F1 IDLE -> INFO by g")
}

// Thousands of rules that read one machine of another line: that it is heard
// from now on costs about as much as the rules themselves did.
func TestManyRulesReadAGuest(t *testing.T) {
	const many = 4000
	b := newBench(t, Options{Line: "L1"})
	b.assets(linewatch.Equipment{ID: "F1", Line: "L1", Site: "S1"}, linewatch.Equipment{ID: "P1", Line: "L2", Site: "S1"})
	began := time.Now()
	for i := range many {
		b.rule(fmt.Sprintf("r%d", i), 1, 0, onF1, `"groups":[{"id":"g","weight":1,"cases":[{"state":"WARNING","tag":"temp","equipment":"P1","above":75}]}]`)
	}
	b.point(0, "F1", "temp", num(1))
	b.advance(0)
	first, least := time.Since(began), time.Hour
	for i := range linewatch.Duration(6) { // of several, since the machine may do something else
		lines := []string{"L2"}
		if i%2 == 1 {
			lines = nil
		}
		b.e.Host(lines, b.wm)
		b.rule("other", uint32(i)+1, 0, onF1, hot)
		began := time.Now()
		b.advance(i + 1)
		least = min(least, time.Since(began))
	}
	if least > first {
		t.Errorf("another guest took %v, and the rules at first %v", least, first)
	}
}

func snapshot(t *testing.T, e *Engine) []byte {
	t.Helper()
	b, err := e.AppendSnapshot(nil)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// What is to come of a rule is told by the lines that it will be judged on.
func TestWaitingVersionsOfOtherLines(t *testing.T) {
	for line, want := range map[string]int{"L1": 2, "L2": 0} {
		b := newBench(t, Options{Line: line})
		b.assets(linewatch.Equipment{ID: "F1", Line: "L1", Site: "S1"}, linewatch.Equipment{ID: "P1", Line: "L2", Site: "S1"})
		b.rule("r", 1, 0, onF1, hot)
		b.control(&linewatch.Control{Version: 1, DeleteRule: &linewatch.RuleDelete{ID: "r", Version: 2}})
		waiting := 0
		for _, s := range b.e.Rules() {
			waiting += len(s.Waiting)
		}
		if waiting != want {
			t.Errorf("%s: %d versions wait, want %d", line, waiting, want)
		}
	}
}
