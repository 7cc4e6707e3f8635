package domain

import (
	"fmt"
	"math"
	"testing"

	"linewatch"
	"linewatch/watermark"
)

// stamped is a point that claims to be of a time.
func stamped(source string, seq uint64, at linewatch.Time) linewatch.DataPoint {
	p := reading(source, seq, 0)
	p.Timestamp = at
	return p
}

// give takes one record and lets a second pass.
func (b *bench) give(at linewatch.Duration, points ...linewatch.DataPoint) {
	b.d.Points(base.Add(at), linewatch.Position{Offset: uint64(at)}, "gw", points)
	b.d.Close(base.Add(at + 1000))
}

// mustBalance checks the accounts and what they say of three outcomes.
func (b *bench) mustBalance(accepted, duplicate uint64, quarantined map[Reason]uint64) {
	b.t.Helper()
	a := b.d.Accounts()
	if !a.Balanced() || a.Accepted != accepted || a.Duplicate != duplicate {
		b.t.Errorf("accounts %+v, want %d accepted and %d duplicate", a, accepted, duplicate)
	}
	for why := notQuarantined + 1; why < reasons; why++ {
		if a.Quarantined[why] != quarantined[why] {
			b.t.Errorf("%d quarantined as %v, want %d", a.Quarantined[why], why, quarantined[why])
		}
	}
}

// Times in another unit than milliseconds, and those at the ends of the range,
// are set aside and move nothing: neither points nor heartbeats.
func TestTimestampsThatAreNoTimes(t *testing.T) {
	b := newBench(t, Config{}, rinseWater)
	b.give(0, stamped("plc", 1, base))
	b.give(5000, stamped("plc", 2, base.Add(5000)))
	before := b.d.Watermark()
	wrong := []linewatch.Time{base / 1000, base * 1000, base * 1_000_000, 0, -1, linewatch.NoTime + 1, math.MaxInt64}
	for i, at := range wrong {
		b.give(6000, stamped("plc", uint64(3+i), at))
		b.give(6000, linewatch.DataPoint{Timestamp: at, Tag: linewatch.HeartbeatTag, Value: linewatch.IntValue(0), Source: "plc", Flags: linewatch.Watermark})
	}
	if w := b.d.Watermark(); w != before {
		t.Errorf("the watermark went from %v to %v", before, w)
	}
	b.mustBalance(2, 0, map[Reason]uint64{TimestampUnit: uint64(len(wrong))})
	if s := b.d.Senders()[0]; s.Counts.HeartbeatsAhead != uint64(len(wrong)) || s.Counts.Quarantined[TimestampUnit] != uint64(len(wrong)) {
		t.Errorf("sender %+v, want %d heartbeats and points aside", s.Counts, len(wrong))
	}
	b.give(10_000, stamped("plc", 100, base.Add(10_000)))
	if w := b.d.Watermark(); w != base.Add(10_000-2001) {
		t.Errorf("a good point afterwards takes the watermark to %v", w)
	}
}

// A sender ten years ahead, alone or beside others, takes the watermark never
// beyond the arrival and the skew, and does not hold it.
func TestSenderTenYearsAhead(t *testing.T) {
	b := newBench(t, Config{Watermark: watermark.Defaults()})
	for n := range uint64(100) {
		at := linewatch.Duration(n) * 1000
		points := []linewatch.DataPoint{stamped("ahead", n, base.Add(at+3652*linewatch.Day))}
		if n < 50 { // then everybody else is silent
			points = append(points, stamped("plc", n, base.Add(at)))
		}
		b.give(at, points...)
		if w, most := b.d.Watermark(), base.Add(at+1000); w > most {
			t.Fatalf("after %d s the watermark is at %v", n, w)
		}
	}
	if w, want := b.d.Watermark(), base.Add(49_000-2001); w < want {
		t.Errorf("the watermark is held at %v, want at least %v", w, want)
	}
	b.mustBalance(50, 0, map[Reason]uint64{ClockAhead: 100})
}

// A clock that jumps an hour to and fro: what lies ahead is quarantined, what
// lies behind is late, each counted for its sender, and time goes on.
func TestClockThatOscillates(t *testing.T) {
	b := newBench(t, Config{})
	last := linewatch.NoTime
	for n := range uint64(200) {
		at := linewatch.Duration(n) * 1000
		off := linewatch.Hour
		if n%2 == 1 {
			off = -off
		}
		b.give(at, stamped("wild", n, base.Add(at+off)), stamped("plc", n, base.Add(at)))
		if w := b.d.Watermark(); w < last {
			t.Fatalf("the watermark goes back from %v to %v", last, w)
		}
		last = b.d.Watermark()
	}
	for _, s := range b.d.Senders() {
		c := &s.Counts
		if wild := s.Sender.Source == "wild"; wild && (c.Quarantined[ClockAhead] != 100 || c.Late == 0) || !wild && (c.QuarantinedTotal() != 0 || c.Late != 0) {
			t.Errorf("sender %v: %d ahead, %d late of %d", s.Sender, c.Quarantined[ClockAhead], c.Late, c.Received)
		}
	}
	b.mustBalance(300, 0, map[Reason]uint64{ClockAhead: 100})
	if behind := base.Add(199_000).Sub(last); behind > 5*linewatch.Second {
		t.Errorf("the watermark is %v behind", behind)
	}
}

// Made-up senders, more than are let in, are counted and have no say; what is
// kept of them is bounded.
func TestMadeUpSenders(t *testing.T) {
	d := New(Config{AnyEquipment: true, OpenSenders: 100, Watermark: watermark.Defaults()})
	const many = 50_000
	for n := range uint64(many) {
		p := stamped(fmt.Sprintf("made-up-%d", n), 1, base.Add(linewatch.Duration(n)))
		d.Points(base.Add(linewatch.Duration(n)), linewatch.Position{Offset: n}, "gw", []linewatch.DataPoint{p})
	}
	a := d.Accounts()
	if !a.Balanced() || a.Received != many || a.Quarantined[UnknownSender] != many-100 {
		t.Errorf("accounts %+v", a)
	}
	if len(d.Senders()) != 100 || len(d.byID) != 100 || len(d.quarantined) != maxKept {
		t.Errorf("%d senders, %d known, %d points kept", len(d.Senders()), len(d.byID), len(d.quarantined))
	}
	d.Close(base.Add(many + linewatch.Hour))
	if w := d.Watermark(); w > base.Add(100) {
		t.Errorf("who was not let in moves the watermark, to %v", w)
	}
}

// Two agents of one name give out numbers of two epochs in turn. All is judged,
// and it is counted; an agent that begins a new epoch, with what it sends again
// and declares lost of the old one, is none of that.
func TestTwoAgentsOfOneName(t *testing.T) {
	of := func(epoch, seq uint64) linewatch.DataPoint {
		p := stamped("plc", seq, base.Add(linewatch.Duration(seq)*100))
		p.Epoch = epoch
		return p
	}
	b := newBench(t, Config{}, rinseWater)
	superseded := func() uint64 { return b.d.Senders()[0].Counts.Superseded }
	gap := linewatch.DataPoint{Tag: linewatch.GapTag, Source: "plc", Sequence: 4, Epoch: 10, Value: linewatch.IntValue(2), Timestamp: base, Quality: linewatch.Ok}
	b.give(0, of(10, 1), of(10, 2), of(20, 1), gap, of(10, 1), of(10, 2), of(20, 2))
	if got := superseded(); got != 0 {
		t.Errorf("a new epoch counts %d", got)
	}
	for seq := uint64(5); seq < 10; seq++ {
		b.give(1000, of(10, seq), of(20, seq))
	}
	if got := superseded(); got != 5 {
		t.Errorf("two agents in turn count %d, want 5", got)
	}
	b.mustBalance(14, 2, nil)
}

// The same point a thousand times has one effect; a new epoch after a lost spool
// is none of the old one, whatever its numbers.
func TestIdentities(t *testing.T) {
	b := newBench(t, Config{}, rinseWater)
	for range 1000 {
		b.give(0, stamped("plc", 7, base))
	}
	b.mustBalance(1, 999, nil)
	again := stamped("plc", 7, base.Add(100))
	again.Epoch = 1
	b.give(1000, again, again)
	b.mustBalance(2, 1000, nil)
	for _, seq := range []uint64{1_000_007, math.MaxUint32, math.MaxUint32 + 1, linewatch.MaxSequence, 0} { // jumps, and the ends of 32 and 63 bits
		b.give(2000, stamped("plc", seq, base.Add(2000)), stamped("plc", seq, base.Add(2000)))
	}
	b.mustBalance(7, 1005, nil)
}
