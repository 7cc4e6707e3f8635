package domain

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"linewatch"
	"linewatch/rules"
	"linewatch/watermark"
)

// newOpenBench lets in as many open senders.
func newOpenBench(t *testing.T, most int) *bench {
	t.Helper()
	return &bench{t: t, d: New(Config{AnyEquipment: true, OpenSenders: most, Watermark: watermark.Defaults()}), seq: map[string]uint64{}}
}

// register publishes a registry with senders of the gateway gw.
func (b *bench) register(at linewatch.Duration, sources ...string) {
	b.t.Helper()
	a := &linewatch.Assets{Equipment: []linewatch.Equipment{{ID: "F1", Line: "l", Site: "s"}}}
	for _, source := range sources {
		a.Senders = append(a.Senders, linewatch.SenderDef{Gateway: "gw", Source: source, Line: "l"})
	}
	if _, err := b.d.Control(base.Add(at), &linewatch.Control{Version: 1, Assets: a}); err != nil {
		b.t.Fatal(err)
	}
}

// mustHear checks which senders have a say, in the order in which they became
// known.
func (b *bench) mustHear(sources ...string) {
	b.t.Helper()
	var got []string
	for _, s := range b.d.Senders() {
		got = append(got, s.Sender.Source)
	}
	if diff := cmp.Diff(sources, got); diff != "" {
		b.t.Errorf("heard (-want +got):\n%s", diff)
	}
}

// restart goes on with what a snapshot of it was restored to.
func (b *bench) restart() {
	b.t.Helper()
	b.d = restored(b.t, b.d)
}

// An open sender that becomes a registered one frees its slot, and so does a
// registered one that is taken off the registry.
func TestSlotsOfOpenSendersComeBack(t *testing.T) {
	b := newOpenBench(t, 1)
	b.point(0, "x", "temp", linewatch.IntValue(1))
	b.point(10, "y", "temp", linewatch.IntValue(1))
	b.mustHear("x")
	b.register(20, "x")
	b.register(21, "x")
	b.point(30, "y", "temp", linewatch.IntValue(1))
	b.mustHear("x", "y")
	b.restart()
	b.point(40, "z", "temp", linewatch.IntValue(1))
	b.mustHear("x", "y") // one is open, and there is room for one
	b.register(50, "y")  // x leaves
	b.point(60, "x", "temp", linewatch.IntValue(1))
	b.point(61, "z", "temp", linewatch.IntValue(1))
	b.mustHear("x", "y")
	b.register(70, "x", "y")
	b.register(80)
	b.mustHear()
	b.point(90, "z", "temp", linewatch.IntValue(1))
	b.point(91, "x", "temp", linewatch.IntValue(1))
	b.mustHear("z")
}

// A guest's open sender that goes with it frees its slot once.
func TestSlotsOfOpenSendersOfGuests(t *testing.T) {
	d := New(Config{Line: "l", OpenSenders: 1, Watermark: watermark.Defaults()})
	b := &bench{t: t, d: d, seq: map[string]uint64{}}
	assets := func(at linewatch.Duration, senders ...linewatch.SenderDef) {
		t.Helper()
		a := &linewatch.Assets{Equipment: []linewatch.Equipment{{ID: "F1", Line: "l", Site: "s"}, {ID: "G1", Line: "guest", Site: "s"}}, Senders: senders}
		if _, err := d.Control(base.Add(at), &linewatch.Control{Version: 1, Assets: a}); err != nil {
			t.Fatal(err)
		}
	}
	assets(0)
	d.Host(base.Add(1), []string{"guest"})
	p := reading("x", 1, 10)
	p.Equipment = "G1"
	b.give(10, p)
	b.mustHear("x")
	d.Close(base.Add(20_000))
	assets(30_000, linewatch.SenderDef{Gateway: "gw", Source: "x", Line: "guest"})
	d.Host(base.Add(30_001), nil)
	b.mustHear()
	b.point(30_010, "y", "temp", linewatch.IntValue(1))
	b.point(30_011, "z", "temp", linewatch.IntValue(1))
	b.mustHear("y")
}

// A full table gives the slot of who was silent longest to a newcomer, once
// nothing was believed of it for as long as its identities are kept. Of equals
// the first by name goes.
func TestSilentOpenSendersMakeRoom(t *testing.T) {
	const week = 7 * linewatch.Day
	b := newOpenBench(t, 3)
	b.give(0, stamped("c", 1, base), stamped("b", 1, base), stamped("a", 1, base))
	b.heartbeat(2000, "a")
	b.point(week, "new", "temp", linewatch.IntValue(1))
	b.mustHear("c", "b", "a")
	b.restart()
	b.point(week+1, "new", "temp", linewatch.IntValue(1)) // b is before c
	b.point(week+1, "newer", "temp", linewatch.IntValue(1))
	b.point(week+2, "newest", "temp", linewatch.IntValue(1))
	b.mustHear("a", "new", "newer")
	b.restart()
	b.point(week+2000, "newest", "temp", linewatch.IntValue(1)) // a had its heartbeat
	b.mustHear("a", "new", "newer")
	b.point(week+2001, "newest", "temp", linewatch.IntValue(1))
	b.mustHear("new", "newer", "newest")
	if a := b.d.Accounts(); a.Quarantined[UnknownSender] != 3 {
		t.Errorf("%d points of unknown senders, want 3", a.Quarantined[UnknownSender])
	}
	// Who comes back is a newcomer: it waits for room, and its numbers begin anew.
	back := stamped("b", 1, base.Add(2*week))
	b.give(2*week, back)
	b.mustHear("new", "newer", "newest")
	b.give(2*week+2, back, back)
	b.mustHear("b", "newer", "newest")
	if s := b.d.Senders()[0]; s.Counts.Received != 2 || s.Counts.Accepted != 1 || s.Counts.Duplicate != 1 {
		t.Errorf("counts %+v, want those of a newcomer", s.Counts)
	}
}

// What was never believed of a sender does not keep its slot, not even across
// a restart, and neither does what came twice.
func TestNothingBelievedKeepsNoSlot(t *testing.T) {
	const week = 7 * linewatch.Day
	b := newOpenBench(t, 2)
	b.give(0, stamped("ahead", 1, base.Add(3650*linewatch.Day)), stamped("plc", 1, base))
	b.give(5*linewatch.Day, stamped("ahead", 2, base.Add(3650*linewatch.Day)), stamped("plc", 1, base))
	b.restart()
	b.give(week+1, stamped("a", 1, base.Add(week)), stamped("b", 1, base.Add(week)))
	b.mustHear("a", "b")
}

// Who gives up its slot goes offline, even where the idle timeout is longer.
func TestWhoMakesRoomIsNotBelieved(t *testing.T) {
	const week = 7 * linewatch.Day
	w := watermark.Defaults()
	w.IdleTimeout, w.MaxHold = 100*linewatch.Day, 0
	b := newBench(t, Config{Watermark: w}, rinseWater)
	b.d.cfg.OpenSenders = 2
	b.point(0, "plc", "state", linewatch.StringValue("Execute"))
	b.point(0, "plc", "product", linewatch.StringValue("PET-1L"))
	b.point(0, "plc", "temp", linewatch.IntValue(70))
	b.point(0, "plc", "pressure", linewatch.IntValue(3))
	b.heartbeat(5000, "plc")
	b.point(week, "other", "temp", linewatch.IntValue(70))
	b.point(week+6000, "new", "none", linewatch.IntValue(1))
	want := []string{"00:00:00 UNKNOWN -> ACTIVE by context", "00:00:05 ACTIVE -> UNKNOWN by limits"}
	if diff := cmp.Diff(want, b.changes()); diff != "" {
		t.Error(diff)
	}
	b.mustHear("other", "new")
	b.d.Close(base.Add(week + 8000))
	if got, want := b.d.Watermark(), base.Add(week-2001); got != want {
		t.Errorf("the watermark is at %v, want %v: who left holds nothing", got, want)
	}
}

// Two made-up senders do not lock out a real one for longer than the horizon,
// and those that come in vain cost no look at all others.
func TestMadeUpSendersLockNobodyOut(t *testing.T) {
	const most, week = 1000, 7 * linewatch.Day
	b := newOpenBench(t, most)
	made := func(at linewatch.Duration, n int) (points []linewatch.DataPoint) {
		for i := range n {
			points = append(points, stamped(fmt.Sprintf("made-up-%d-%d", at, i), 1, base.Add(at)))
		}
		return points
	}
	b.give(0, made(0, 2*most)...)
	b.give(week+1001, made(week+1001, 2*most)...)
	a := b.d.Accounts()
	if !a.Balanced() || a.Accepted != 2*most || a.Quarantined[UnknownSender] != 2*most {
		t.Errorf("accounts %+v", a)
	}
	if n := len(b.d.Senders()); n != most {
		t.Errorf("%d senders, want %d", n, most)
	}
}

// A gap record may declare everything lost, from number 0 on. One that is
// refused is counted, as are heartbeats of senders without a say.
func TestGapRecordsAndHeartbeatsAreCounted(t *testing.T) {
	gap := func(source string, seq uint64, lost linewatch.Value) linewatch.DataPoint {
		return linewatch.DataPoint{Timestamp: base, Tag: linewatch.GapTag, Source: source, Sequence: seq, Value: lost}
	}
	b := newOpenBench(t, 1)
	b.register(0, "plc")
	b.give(1, gap("plc", 4, linewatch.IntValue(5)))
	if a := b.d.Accounts(); a.GapLost != 5 || a.GapsRefused != 0 {
		t.Errorf("accounts %+v, want 5 points lost", a)
	}
	b.give(2, stamped("plc", 0, base.Add(2)), stamped("plc", 4, base.Add(2)), stamped("plc", 5, base.Add(2)))
	b.mustBalance(1, 2, nil)
	b.give(3,
		gap("plc", 4, linewatch.IntValue(6)), gap("plc", 9, linewatch.IntValue(0)), gap("plc", 9, linewatch.IntValue(-1)),
		gap("plc", 9, linewatch.FloatValue(0.5)), gap("stranger", 9, linewatch.IntValue(1)),
	)
	b.heartbeat(3, "plc")
	b.heartbeat(3, "stranger")
	b.restart()
	b.heartbeat(4000, "stranger")
	if a := b.d.Accounts(); a.GapLost != 5 || a.GapsRefused != 5 || a.Heartbeats != 1 || a.HeartbeatsRefused != 2 {
		t.Errorf("accounts %+v, want 5 gap records and 2 heartbeats refused", a)
	}
}

// A name that stands for a line or a site is no equipment, whether or not a
// rule reads it.
func TestLinesAndSitesSendNothing(t *testing.T) {
	for _, line := range []string{"", "l", "site:s"} {
		b := &bench{t: t, d: New(Config{Line: line, OpenSenders: 1, Watermark: watermark.Defaults()}), seq: map[string]uint64{}}
		b.register(0)
		b.rule(base, `{"id":"r","name":"R","scope":{"line":"l"},"priority":2,"groups":[
			{"id":"g","weight":1,"otherwise":"IDLE","cases":[{"state":"WARNING","tag":"temp","equipment":"line:l","above":1}]}]}`, 1)
		for i, name := range []string{"line:l", "site:s", "line:other"} {
			p := reading("plc", uint64(i), 10)
			p.Equipment = name
			b.give(10, p)
		}
		b.mustBalance(0, 0, map[Reason]uint64{UnknownEquipment: 3})
	}
	if e := rules.New(rules.Options{AnyEquipment: true}); !e.Knows("any") {
		t.Error("any equipment is known")
	}
}
