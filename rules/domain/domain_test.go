package domain

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"linewatch"
	"linewatch/watermark"
)

const rinseWater = `{"id":"rinse","name":"Rinse water too hot","scope":{"equipment":"F1"},"priority":2,"groups":[
	{"id":"context","weight":40,"cases":[{"state":"ACTIVE","all":[{"tag":"state","is":"Execute"},{"tag":"product","is":"PET-1L"}]}],"otherwise":"IDLE"},
	{"id":"limits","weight":60,"cases":[{"state":"WARNING","all":[{"tag":"temp","above":75,"clear":74,"for":"5m"},{"tag":"pressure","above":3.2,"for":"5m"}]}]}]}`

// base is the instant that the tests count from.
const base linewatch.Time = 1_767_225_600_000 // 2026-01-01

// bench feeds a domain by hand.
type bench struct {
	t   *testing.T
	d   *Domain
	seq map[string]uint64
}

func newBench(t *testing.T, cfg Config, rules ...string) *bench {
	cfg.OpenSenders, cfg.AnyEquipment = 10, true
	if cfg.Watermark == (watermark.Config{}) {
		cfg.Watermark = watermark.Defaults()
		cfg.Watermark.IdleTimeout = linewatch.Day
	}
	b := &bench{t: t, d: New(cfg), seq: map[string]uint64{}}
	for i, r := range rules {
		b.rule(base, r, uint32(i+1))
	}
	return b
}

func (b *bench) rule(arrival linewatch.Time, doc string, version uint32) {
	b.t.Helper()
	c := linewatch.Control{Version: 1, Rule: &linewatch.RuleVersion{Version: version}}
	if err := json.Unmarshal([]byte(doc), &c.Rule.Rule); err != nil {
		b.t.Fatal(err)
	}
	if _, err := b.d.Control(arrival, &c); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) point(at linewatch.Duration, source, tag string, v linewatch.Value) {
	b.seq[source]++
	p := linewatch.DataPoint{
		Timestamp: base.Add(at), CreatedAt: base.Add(at), Equipment: "F1", Tag: tag, Value: v,
		Source: source, Sequence: b.seq[source], Quality: linewatch.Ok,
	}
	if v.IsNull() {
		p.Quality = linewatch.Bad
	}
	b.d.Points(base.Add(at), linewatch.Position{}, "gw", []linewatch.DataPoint{p})
}

func (b *bench) heartbeat(at linewatch.Duration, source string) {
	p := linewatch.DataPoint{Timestamp: base.Add(at), Tag: linewatch.HeartbeatTag, Value: linewatch.IntValue(0), Source: source, Flags: linewatch.Watermark}
	b.d.Points(base.Add(at), linewatch.Position{}, "gw", []linewatch.DataPoint{p})
	b.d.Close(base.Add(at + 1000))
}

func (b *bench) changes() []string {
	var out []string
	for _, c := range b.d.Take() {
		out = append(out, fmt.Sprintf("%s %s -> %s by %s", c.EventTime.String()[11:19], c.From, c.To, c.Group))
	}
	return out
}

func TestWarningAfterFiveMinutes(t *testing.T) {
	b := newBench(t, Config{}, rinseWater)
	const m, s = linewatch.Minute, linewatch.Second
	b.point(0, "plc", "state", linewatch.StringValue("Execute"))
	b.point(0, "plc", "product", linewatch.StringValue("PET-1L"))
	b.point(0, "plc", "temp", linewatch.FloatValue(72.5))
	b.point(0, "plc", "pressure", linewatch.FloatValue(3.4))
	b.point(3*m, "plc", "temp", linewatch.IntValue(76))
	b.point(6*m+30*s, "plc", "temp", linewatch.Value{})
	b.point(6*m+31*s, "plc", "temp", linewatch.IntValue(76))
	b.heartbeat(20*m, "plc")
	want := []string{
		"00:00:00 UNKNOWN -> ACTIVE by context",
		"00:06:30 ACTIVE -> UNKNOWN by limits",
		"00:06:31 UNKNOWN -> ACTIVE by context",
		"00:11:31 ACTIVE -> WARNING by limits",
	}
	if diff := cmp.Diff(want, b.changes()); diff != "" {
		t.Error(diff)
	}
	if a := b.d.Accounts(); !a.Balanced() || a.Received != 7 || a.Processed != 7 {
		t.Errorf("accounts %+v", a)
	}
}

func TestSnapshotAtEveryStep(t *testing.T) {
	run := func(restart bool) string {
		b := newBench(t, Config{}, rinseWater)
		var log []string
		for i := range 1200 {
			at := linewatch.Duration(i) * 7 * linewatch.Second
			b.point(at, "plc", []string{"state", "product", "temp", "pressure"}[i%4],
				[]linewatch.Value{
					linewatch.StringValue("Execute"), linewatch.StringValue("PET-1L"),
					linewatch.FloatValue(70 + float64(i/60*6%12)), linewatch.FloatValue(3.0 + float64(i/200%2)),
				}[i%4])
			b.heartbeat(at, "plc")
			log = append(log, b.changes()...)
			if restart {
				state, err := b.d.AppendSnapshot(nil)
				if err != nil {
					t.Fatal(err)
				}
				b.d = New(b.d.cfg)
				if err := b.d.Restore(state); err != nil {
					t.Fatal(err)
				}
			}
		}
		return strings.Join(log, "\n")
	}
	plain, restarted := run(false), run(true)
	if diff := cmp.Diff(plain, restarted); diff != "" {
		t.Error(diff)
	}
	if n := strings.Count(plain, "\n"); n < 4 {
		t.Errorf("only %d changes:\n%s", n, plain)
	}
}

func TestFloodWithinTheBoundIsBounded(t *testing.T) {
	b := newBench(t, Config{BufferCap: 100})
	for range 500 {
		b.point(0, "plc", "temp", linewatch.IntValue(1))
	}
	a := b.d.Accounts()
	if a.Buffered != 200 || a.Quarantined[BufferFull] != 300 || !a.Balanced() {
		t.Errorf("accounts %+v, want 200 buffered and 300 quarantined", a)
	}
}

func TestTagsOfASenderThatIsTakenOffTheRegistryAreNotBelieved(t *testing.T) {
	b := newBench(t, Config{}, rinseWater)
	register := func(at linewatch.Duration, senders ...linewatch.SenderDef) {
		t.Helper()
		a := &linewatch.Assets{Equipment: []linewatch.Equipment{{ID: "F1", Line: "l", Site: "s"}}, Senders: senders}
		if _, err := b.d.Control(base.Add(at), &linewatch.Control{Version: 1, Assets: a}); err != nil {
			t.Fatal(err)
		}
	}
	plc := linewatch.SenderDef{Gateway: "gw", Source: "plc", Line: "l"}
	register(0, plc)
	b.point(0, "plc", "state", linewatch.StringValue("Execute"))
	b.point(0, "plc", "product", linewatch.StringValue("PET-1L"))
	b.point(0, "plc", "temp", linewatch.IntValue(70))
	b.point(0, "plc", "pressure", linewatch.IntValue(3))
	b.heartbeat(5000, "plc")
	register(10_000)
	want := []string{"00:00:00 UNKNOWN -> ACTIVE by context", "00:00:05 ACTIVE -> UNKNOWN by limits"}
	if diff := cmp.Diff(want, b.changes()); diff != "" {
		t.Error(diff)
	}
	register(11_000, plc)
	b.heartbeat(12_000, "plc")
	b.d.Close(base.Add(15_000))
	want = []string{"00:00:05 UNKNOWN -> ACTIVE by context"}
	if diff := cmp.Diff(want, b.changes()); diff != "" {
		t.Error("registered again: ", diff)
	}
}

// Which of two senders goes first when both leave the registry does not depend
// on who was registered, or heard of, first.
func TestSendersLeaveTheRegistryInTheOrderOfTheirNames(t *testing.T) {
	one := linewatch.SenderDef{Gateway: "gw", Source: "plc1", Line: "l"}
	two := linewatch.SenderDef{Gateway: "gw", Source: "plc2", Line: "l"}
	var outcomes []string
	for _, senders := range [][]linewatch.SenderDef{{one, two}, {two, one}} {
		b := newBench(t, Config{}, rinseWater)
		register := func(at linewatch.Duration, senders ...linewatch.SenderDef) {
			a := &linewatch.Assets{Equipment: []linewatch.Equipment{{ID: "F1", Line: "l", Site: "s"}}, Senders: senders}
			if _, err := b.d.Control(base.Add(at), &linewatch.Control{Version: 1, Assets: a}); err != nil {
				t.Fatal(err)
			}
		}
		register(0, senders...)
		b.point(0, "plc1", "state", linewatch.StringValue("Execute"))
		b.point(0, "plc1", "product", linewatch.StringValue("PET-1L"))
		b.point(0, "plc2", "temp", linewatch.IntValue(70))
		b.point(0, "plc2", "pressure", linewatch.IntValue(3))
		b.heartbeat(5000, "plc1")
		b.heartbeat(5000, "plc2")
		register(10_000)
		changes := b.d.Take()
		if len(changes) < 2 {
			t.Fatalf("only %d changes", len(changes))
		}
		var outcome []byte
		for i := range changes {
			outcome = append(changes[i].AppendCanonical(outcome), '\n')
		}
		outcomes = append(outcomes, string(outcome))
	}
	if diff := cmp.Diff(outcomes[0], outcomes[1]); diff != "" {
		t.Error(diff)
	}
}
