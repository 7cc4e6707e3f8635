package watermark_test

import (
	"bytes"
	"math"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"linewatch"
	"linewatch/watermark"
)

// Whatever is put in, in whatever configuration, the tracker says what the
// model reads off the history, restarts notwithstanding.
func TestTrackerEqualsModel(t *testing.T) {
	rounds := 15 // of rapid's 100 cases
	if os.Getenv("LINEWATCH_SOAK") == "1" {
		rounds = 1500
	}
	for range rounds {
		rapid.Check(t, equalsModel)
	}
}

func equalsModel(t *rapid.T) {
	cfg := drawConfig(t)
	p := &pair{t: t, model: model{cfg: cfg}, tracker: watermark.New(cfg)}
	p.arrival = rapid.SampledFrom([]linewatch.Time{0, 0, 0, lowest, math.MaxInt64 - 200}).Draw(t, "start")
	for range rapid.IntRange(1, 100).Draw(t, "steps") {
		p.step()
		p.compare()
	}
}

func drawConfig(t *rapid.T) watermark.Config {
	return watermark.Config{
		Bound:         rapid.SampledFrom([]linewatch.Duration{0, 0, 1, 5, math.MaxInt64}).Draw(t, "bound"),
		IdleTimeout:   rapid.SampledFrom([]linewatch.Duration{1, 5, 20, 1000, math.MaxInt64}).Draw(t, "idle-timeout"),
		MaxFutureSkew: rapid.SampledFrom([]linewatch.Duration{0, 0, 1, 30, math.MaxInt64}).Draw(t, "max-future-skew"),
		JoinGrace:     rapid.SampledFrom([]linewatch.Duration{0, 10, 50, math.MaxInt64}).Draw(t, "join-grace"),
		MaxHold:       rapid.SampledFrom([]linewatch.Duration{0, 1, 8, 25, math.MaxInt64}).Draw(t, "max-hold"),
		CatchUp:       rapid.SampledFrom([]watermark.CatchUp{watermark.Hold, watermark.Skip}).Draw(t, "catchup"),
		OnAllIdle:     rapid.SampledFrom([]watermark.OnAllIdle{watermark.Auto, watermark.Flush, watermark.HoldAll}).Draw(t, "on-all-idle"),
	}
}

// pair feeds tracker and model alike.
type pair struct {
	t       *rapid.T
	model   model
	tracker *watermark.Tracker
	arrival linewatch.Time
	want    []watermark.Transition
	most    int // senders at once
}

func (p *pair) step() {
	if rapid.IntRange(0, 2).Draw(p.t, "pass") == 0 {
		p.arrival = p.arrival.Add(linewatch.Duration(rapid.IntRange(1, 12).Draw(p.t, "time")))
	}
	at := p.arrival
	if rapid.IntRange(0, 19).Draw(p.t, "back") == 0 {
		at = at.Add(-3)
	}
	op := rapid.SampledFrom([]string{
		"point", "point", "point", "point", "heartbeat", "heartbeat", "heartbeat", "tick", "tick", "tick", "tick",
		"add", "add", "remove", "goodbye", "full", "restart",
	}).Draw(p.t, "op")
	if len(p.model.senders) == 0 && op != "tick" && op != "restart" && op != "full" {
		op = "add"
	}
	switch op {
	case "add":
		p.add(at, rapid.Bool().Draw(p.t, "registered"))
	case "point", "heartbeat":
		p.record(op, at)
	case "tick":
		p.tick(at)
	case "remove":
		i := rapid.IntRange(0, len(p.model.senders)-1).Draw(p.t, "who")
		p.tracker.Remove(p.model.senders[i].id)
		p.model.senders = append(p.model.senders[:i:i], p.model.senders[i+1:]...)
	case "goodbye":
		s := p.draw()
		was := p.model.awake(s, len(p.model.inputs))
		p.model.put(input{what: goodbye, who: s, arrival: linewatch.NoTime})
		p.tracker.SetIdle(s.id)
		if was {
			p.want = append(p.want, watermark.Transition{ID: s.id})
		}
	case "full":
		p.full(at)
	case "restart":
		p.restart()
	}
}

func (p *pair) draw() *sender { return rapid.SampledFrom(p.model.senders).Draw(p.t, "who") }

func (p *pair) add(at linewatch.Time, registered bool) {
	s := &sender{registered: registered && !p.tracker.Watermark().Known()}
	s.added = p.model.put(input{what: add, who: s, arrival: at}) - 1
	s.id = p.tracker.Add(at, registered)
	for _, other := range p.model.senders {
		if other.id == s.id {
			p.t.Fatalf("ID %d was given twice", s.id)
		}
	}
	p.model.senders = append(p.model.senders, s)
	if p.most = max(p.most, len(p.model.senders)); int(s.id) >= p.most {
		p.t.Fatalf("ID %d, though there were never more than %d senders", s.id, p.most)
	}
}

func (p *pair) record(op string, at linewatch.Time) {
	s, before := p.draw(), len(p.model.inputs)
	ts := p.timestamp()
	mark := rapid.Bool().Draw(p.t, "mark")
	var got bool
	if op == "point" {
		p.model.put(input{point, s, at, ts, mark})
		got = p.tracker.Point(s.id, at, ts, mark)
	} else {
		p.model.put(input{heartbeat, s, at, ts, mark})
		got = p.tracker.Heartbeat(s.id, at, ts, mark)
	}
	if want := !p.model.ahead(s, before+1); got != want {
		p.t.Fatalf("%s of %d at %d with %d: ok %v, want %v", op, s.id, at, ts, got, want)
	}
	if !p.model.awake(s, before) && p.model.awake(s, before+1) {
		p.want = append(p.want, watermark.Transition{ID: s.id, Online: true})
	}
}

// timestamp draws one near the arrival, so that senders meet, or an extreme.
func (p *pair) timestamp() linewatch.Time {
	if rapid.IntRange(0, 29).Draw(p.t, "extreme") == 0 {
		return rapid.SampledFrom([]linewatch.Time{linewatch.NoTime, lowest, lowest + 1, -1, math.MaxInt64 - 1, math.MaxInt64}).Draw(p.t, "ts")
	}
	return p.arrival.Add(linewatch.Duration(rapid.IntRange(-30, 12).Draw(p.t, "offset")))
}

func (p *pair) tick(at linewatch.Time) {
	idle, want := p.model.tick(at)
	p.want = append(p.want, idle...)
	before := p.tracker.Watermark()
	if got := p.tracker.Tick(at); got != want {
		p.t.Fatalf("tick at %d: advanced %v, want %v", at, got, want)
	}
	if after := p.tracker.Watermark(); after < before || (after != before) != want {
		p.t.Fatalf("tick at %d: %d became %d, advanced %v", at, before, after, want)
	}
	p.settled()
}

// settled ticks a copy that says it is settled long after, which must be in
// vain.
func (p *pair) settled() {
	if !p.tracker.Settled() {
		return
	}
	again := watermark.New(p.model.cfg)
	if err := again.Restore(p.tracker.AppendSnapshot(nil)); err != nil {
		p.t.Fatal(err)
	}
	again.Transitions() // those of before
	if again.Tick(p.arrival.Add(3000)) || len(again.Transitions()) > 0 {
		p.t.Fatalf("settled at %d, and a later tick changes something", p.arrival)
	}
}

func (p *pair) full(at linewatch.Time) {
	n := len(p.model.inputs)
	want := p.model.holder(n)
	silent := want != nil && p.model.joining(want, n)
	n = p.model.put(input{what: full, who: want, arrival: at})
	if want != nil && !silent {
		p.model.lags = append(p.model.lags, decision{at: n, who: want})
	}
	got, ok := p.tracker.LagSlowest(at)
	if ok != (want != nil) || ok && got != want.id {
		p.t.Fatalf("left out %d %v, want %v", got, ok, want)
	}
}

func (p *pair) restart() {
	snapshot := p.tracker.AppendSnapshot([]byte("kept"))
	p.tracker = watermark.New(p.model.cfg)
	if err := p.tracker.Restore(snapshot[4:]); err != nil {
		p.t.Fatal(err)
	}
	if again := p.tracker.AppendSnapshot(nil); !bytes.Equal(again, snapshot[4:]) {
		p.t.Fatalf("restored tracker has another snapshot:\n%x\n%x", snapshot[4:], again)
	}
}

func (p *pair) compare() {
	n := len(p.model.inputs)
	if got, want := p.tracker.Watermark(), p.model.out(n); got != want {
		p.t.Fatalf("watermark %d, want %d", got, want)
	}
	if rapid.IntRange(0, 3).Draw(p.t, "read") == 0 { // unread ones outlive a restart
		if diff := cmp.Diff(append([]watermark.Transition{}, p.want...), append([]watermark.Transition{}, p.tracker.Transitions()...)); diff != "" {
			p.t.Fatalf("transitions (-want +got):\n%s", diff)
		}
		p.want = nil
	}
	id, ok := p.tracker.Holder()
	if want := p.model.holder(n); ok != (want != nil) || ok && id != want.id {
		p.t.Fatalf("holder %d %v, want %v", id, ok, want)
	}
	for _, s := range p.model.senders {
		if diff := cmp.Diff(p.model.status(s, n), p.tracker.Bucket(s.id)); diff != "" {
			p.t.Fatalf("bucket %d (-want +got):\n%s", s.id, diff)
		}
	}
	for _, ts := range []linewatch.Time{lowest, p.arrival, p.tracker.Watermark().Add(1)} {
		if got, want := p.tracker.Late(ts), ts <= p.model.out(n); got != want {
			p.t.Fatalf("late %d: %v, want %v", ts, got, want)
		}
	}
}

func (m *model) status(s *sender, n int) watermark.Status {
	want := watermark.Status{
		Watermark:   m.watermark(s, n),
		LastArrival: linewatch.NoTime,
		HoldSince:   m.since(s, n),
		Active:      m.awake(s, n),
		Idle:        m.idle(s, n),
		Lagging:     m.lagging(s, n),
		Joining:     m.joining(s, n),
		Ahead:       m.ahead(s, n),
		Backlog:     m.backlog(s, n),
		Counts:      m.counts(s, n),
	}
	if _, sane := m.records(s, n); len(sane) > 0 {
		want.LastArrival = m.clock(sane[len(sane)-1] + 1)
	}
	return want
}
