package rules

import (
	"fmt"
	"slices"
	"testing"

	"linewatch"
)

// causeBench judges one rule on each way in which conditions read a tag.
func causeBench(t *testing.T) *bench {
	t.Helper()
	b := newBench(t, Options{Line: "L1"})
	b.assets(linewatch.Equipment{ID: "F1", Line: "L1", Site: "S1"})
	for id, c := range map[linewatch.RuleID]linewatch.Condition{
		"plain":  {Op: linewatch.Above, Tag: "temp", Limit: linewatch.FloatValue(75)},
		"window": {Op: linewatch.Above, Tag: "temp", Window: linewatch.Window{Func: linewatch.Avg, Over: linewatch.Minute}, Limit: linewatch.FloatValue(75)},
		"stuck":  {Op: linewatch.Stuck, Tag: "temp", Span: linewatch.Minute},
		"lookup": {Op: linewatch.Above, Tag: "other", Lookups: []linewatch.Lookup{{Table: "limits", Key: linewatch.TagRef{Tag: "temp"}, Column: "max"}}},
	} {
		b.control(&linewatch.Control{Version: 1, Rule: &linewatch.RuleVersion{Version: 1, Rule: linewatch.Rule{
			ID: id, Name: string(id), Priority: 1, Scope: linewatch.Scope{Equipment: "F1"},
			Groups: []linewatch.Group{{ID: "g", Weight: 1, Cases: []linewatch.Case{{State: linewatch.Warning, When: c}}}},
		}}})
	}
	return b
}

// bad gives F1's temperature a sample that is not Ok.
func (b *bench) bad(after linewatch.Duration, cause string) {
	b.t.Helper()
	id, ok := b.e.Series("F1", "temp")
	if !ok {
		b.t.Fatal("no series")
	}
	b.seq++
	sender := b.e.Sender(linewatch.Sender{Gateway: "gw", Source: "plc"})
	b.e.Point(id, Sample{At: start.Add(after), Sequence: b.seq, Sender: sender, Quality: linewatch.Bad}, b.e.Cause(cause))
}

// causes says what each rule has of the quality of its tag.
func (b *bench) causes() (list []string) {
	for _, s := range b.e.Instances() {
		c := s.Why.Groups[0].Conditions[0]
		list = append(list, fmt.Sprintf("%s: %s|%s", s.Rule, c.Quality, c.Cause))
	}
	return list
}

func TestCauseOfPointsThatAreNotOk(t *testing.T) {
	b := causeBench(t)
	want := func(when string, e *Engine, want ...string) {
		t.Helper()
		if got := (&bench{t: t, e: e}).causes(); !slices.Equal(got, want) {
			t.Errorf("%s: got %q, want %q", when, got, want)
		}
	}
	b.point(0, "F1", "other", linewatch.FloatValue(1))
	b.bad(0, "connection lost")
	b.advance(linewatch.Second)
	lost := []string{"lookup: |temp: quality Bad, connection lost", "plain: Bad|connection lost", "stuck: Bad|connection lost", "window: Bad|connection lost"}
	want("at first", b.e, lost...)

	snapshot, err := b.e.AppendSnapshot(nil)
	if err != nil {
		t.Fatal(err)
	}
	restored := newBench(t, Options{Line: "L1"})
	if err := restored.e.Restore(snapshot); err != nil {
		t.Fatal(err)
	}
	want("after a restart", restored.e, lost...)

	b.bad(2*linewatch.Second, "")
	b.advance(3 * linewatch.Second)
	want("without a cause", b.e, "lookup: |temp: quality Bad", "plain: Bad|", "stuck: Bad|", "window: Bad|")

	b.bad(4*linewatch.Second, "sensor broken")
	b.point(4*linewatch.Second, "F1", "temp", linewatch.FloatValue(70))
	b.advance(5 * linewatch.Second)
	want("Ok in the end", b.e, "lookup: |no table limits", "plain: |", "stuck: |", "window: |")
}

// A sender that makes up a cause for each point takes no more room than its tags
// do.
func TestCausesDoNotPileUp(t *testing.T) {
	b := causeBench(t)
	for i := range 1000 {
		b.bad(linewatch.Duration(i/2)*linewatch.Second, fmt.Sprint("cause ", i))
		if i%10 == 9 {
			b.advance(linewatch.Duration(i/2) * linewatch.Second)
		}
	}
	if n := len(b.e.causes.texts); n > 3 {
		t.Errorf("%d causes are kept of one tag", n)
	}
	if got := b.causes()[1]; got != "plain: Bad|cause 999" {
		t.Errorf("got %s, want the newest cause", got)
	}
}
