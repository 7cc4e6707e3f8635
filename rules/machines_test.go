package rules

import (
	"testing"

	"linewatch"
)

func TestMachinesSayOnlyWhatIsKnown(t *testing.T) {
	e := New(Options{Line: "line-1"})
	assets := linewatch.Assets{Equipment: []linewatch.Equipment{
		{ID: "f1", Line: "line-1", Site: "s", Tags: []linewatch.Tag{{Name: "state"}, {Name: "speed"}}, Signals: linewatch.Signals{State: "state", Speed: "speed"}},
		{ID: "c1", Line: "line-1", Site: "s"},
		{ID: "f2", Line: "line-2", Site: "s", Tags: []linewatch.Tag{{Name: "state"}}, Signals: linewatch.Signals{State: "state"}},
	}}
	if _, err := e.Control(&linewatch.Control{Version: 1, Assets: &assets}, linewatch.NoTime); err != nil {
		t.Fatal(err)
	}
	sender := e.Sender(linewatch.Sender{Gateway: "g", Source: "plc"})
	point := func(tag string, v linewatch.Value, q linewatch.Quality, at linewatch.Time) {
		id, ok := e.Series("f1", tag)
		if !ok {
			t.Fatal("no series")
		}
		e.Point(id, Sample{Value: v, At: at, Sender: sender, Quality: q}, 0)
	}
	point("state", linewatch.StringValue("Execute"), linewatch.Ok, 1000)
	point("speed", linewatch.FloatValue(24000), linewatch.Ok, 1000)
	point("speed", linewatch.Value{}, linewatch.Bad, 2000)
	e.Advance(3000)
	got := e.Machines()
	if len(got) != 1 || got[0].Equipment.ID != "f1" {
		t.Fatalf("machines %+v, want f1 alone", got)
	}
	if m := got[0]; m.State != linewatch.StringValue("Execute") || !m.Speed.IsNull() || !m.Good.IsNull() {
		t.Errorf("state %v, speed %v, good %v; want Execute and nothing else", m.State, m.Speed, m.Good)
	}
	e.SetOnline(sender, false, 3000, 3000)
	if m := e.Machines()[0]; !m.State.IsNull() {
		t.Errorf("state %v of a source that is gone", m.State)
	}
}
