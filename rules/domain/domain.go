package domain

import (
	"container/heap"
	"slices"

	"linewatch"
	"linewatch/rules"
	"linewatch/watermark"
)

// Config says how a time domain is run. It must be the same whenever the same
// log is read.
type Config struct {
	// Line is the home line, or the home site as linewatch.SiteSubject names
	// it; empty: every line shares this domain and its watermark.
	Line      string
	Watermark watermark.Config
	// Tick is the grid on which the watermark is emitted; 0: 200 ms.
	Tick linewatch.Duration
	// BufferCap is how many points may wait for the watermark before the
	// slowest sender is left out at the next tick; 0: 1,000,000. Twice as many
	// are never kept: what comes then is quarantined.
	BufferCap int
	// OpenSenders is how many senders that the registry does not list are let
	// in; 0: none. The one that was silent longest makes room for another once
	// nothing was believed of it for a week.
	OpenSenders int
	// AnyEquipment lets in points of equipment that the registry does not
	// list, as rule tests do.
	AnyEquipment bool
	// Compile makes the expressions of rules ready; see rules.Options.
	Compile func(expression string) (rules.Expression, error)
}

const (
	defaultTick      = 200 * linewatch.Millisecond
	defaultBufferCap = 1_000_000
	bufferSlack      = 2
)

// Domain is one time domain. Its inputs must come in input order: by arrival
// stamp, control before points, then by partition and position.
type Domain struct {
	cfg      Config
	engine   *rules.Engine
	tracker  *watermark.Tracker
	buffer   orderBuffer
	nextTick linewatch.Time // NoTime before the first record
	settled  bool           // until the next record, ticks do nothing but let lapses fall due

	senders map[linewatch.Sender]*sender
	byID    []*sender                // by rules.SenderID
	byName  []*sender                // as of the last release
	owners  map[watermark.ID]*sender // who a bucket of the tracker belongs to
	open    openSenders
	guests  []string // other lines that are heard, ascending

	accounts    Accounts
	copies      Accounts // of these, points of guests, which their own line counts
	held        []heldRecord
	expected    int                        // points that waited when the restored snapshot was taken
	awaited     map[linewatch.Position]int // places in held, from Restore until Refilled
	late        []LatePoint
	quarantined []QuarantinedPoint
	changes     []linewatch.StateChange
}

// sender is what the domain knows of one sender.
type sender struct {
	name       linewatch.Sender
	id         rules.SenderID
	bucket     watermark.ID
	admitted   bool // has a bucket in the tracker
	registered bool
	seen       seen
	counts     SenderCounts
	waiting    int            // points in the order buffer
	heard      linewatch.Time // of an open one: an arrival that nothing is believed of it before
	place      int            // in Domain.open, from 1 on; 0: it is not in there
}

// New returns an empty domain.
func New(cfg Config) *Domain {
	if cfg.Tick == 0 {
		cfg.Tick = defaultTick
	}
	if cfg.BufferCap == 0 {
		cfg.BufferCap = defaultBufferCap
	}
	return &Domain{
		cfg:      cfg,
		engine:   rules.New(rules.Options{Line: cfg.Line, AnyEquipment: cfg.AnyEquipment, Compile: cfg.Compile}),
		tracker:  watermark.New(cfg.Watermark),
		nextTick: linewatch.NoTime,
		senders:  map[linewatch.Sender]*sender{},
		owners:   map[watermark.ID]*sender{},
	}
}

// Control takes a control record. An error means that the record was refused
// and changed nothing; see rules.Engine.Control. It returns the event time
// from which the record has effect, the first instant of all being
// linewatch.NoTime+1.
func (d *Domain) Control(arrival linewatch.Time, c *linewatch.Control) (linewatch.Time, error) {
	d.begin(arrival)
	if h := c.Values; h != nil && h.Home == d.cfg.Line && c.Validate() == nil {
		for i := range h.Values {
			d.sender(linewatch.Sender{Gateway: h.Values[i].Gateway, Source: h.Values[i].Source})
		}
	}
	at, err := d.engine.Control(c, d.tracker.Watermark())
	if err == nil && c.Assets != nil {
		d.register(arrival, c.Assets, d.dismiss)
	}
	return at, err
}

// register makes the registered senders those of a registry, and ends the say
// of the others.
func (d *Domain) register(arrival linewatch.Time, a *linewatch.Assets, end func(*sender, linewatch.Time)) {
	listed := map[linewatch.Sender]bool{}
	for _, def := range a.Senders {
		if !d.hears(a, def.Line) || listed[def.Sender()] {
			continue
		}
		s := d.sender(def.Sender())
		listed[s.name] = true
		if !s.registered {
			s.registered = true
			d.open.drop(s)
			d.admit(s, arrival)
		}
	}
	for _, s := range d.unlisted(listed) {
		s.registered = false
		end(s, arrival)
	}
	d.collect(arrival)
}

// unlisted returns the registered senders that are not listed, by name: who was
// heard of first may depend on the order of arrival.
func (d *Domain) unlisted(listed map[linewatch.Sender]bool) (out []*sender) {
	for _, s := range d.byID {
		if s.registered && !listed[s.name] {
			out = append(out, s)
		}
	}
	slices.SortFunc(out, func(a, b *sender) int { return a.name.Compare(b.name) })
	return out
}

// hears reports whether the senders of a line have a say here: those of the
// home line and its guests, or of the lines of the home site.
func (d *Domain) hears(a *linewatch.Assets, line string) bool {
	if slices.Contains(d.guests, line) {
		return true
	}
	site, ok := linewatch.SubjectSite(d.cfg.Line)
	if !ok {
		return d.cfg.Line == "" || line == d.cfg.Line
	}
	return slices.ContainsFunc(a.Equipment, func(eq linewatch.Equipment) bool { return eq.Line == line && eq.Site == site })
}

// sender returns what is known of a sender, making it if there is nothing.
func (d *Domain) sender(name linewatch.Sender) *sender {
	if s, ok := d.senders[name]; ok {
		return s
	}
	s := &sender{name: name, id: d.engine.Sender(name)}
	d.senders[name] = s
	d.byID = append(d.byID, s)
	return s
}

// rankSenders gives the senders that became known since the last release their
// places in the order of names, which settles points that have the same time.
// To do so for all at once costs little for each.
func (d *Domain) rankSenders() {
	known := len(d.byName)
	if known == len(d.byID) {
		return
	}
	more := slices.Clone(d.byID[known:])
	slices.SortFunc(more, func(a, b *sender) int { return a.name.Compare(b.name) })
	all := make([]*sender, 0, len(d.byID))
	for _, s := range d.byName {
		for len(more) > 0 && more[0].name.Compare(s.name) < 0 {
			all, more = append(all, more[0]), more[1:]
		}
		all = append(all, s)
	}
	d.byName = append(all, more...)
	d.buffer.rank = slices.Grow(d.buffer.rank[:0], len(d.byName))[:len(d.byName)]
	for rank, s := range d.byName {
		d.buffer.rank[s.id] = int32(rank)
	}
}

func (d *Domain) admit(s *sender, arrival linewatch.Time) {
	if s.admitted {
		return
	}
	s.admitted, s.bucket = true, d.tracker.Add(arrival, s.registered)
	d.owners[s.bucket] = s
	if !s.registered {
		s.heard = arrival
		heap.Push(&d.open, s)
	}
}

// dismiss takes a sender's say in the watermark, and the belief in its tags: it
// could not even be found silent any more.
func (d *Domain) dismiss(s *sender, arrival linewatch.Time) {
	if !s.admitted {
		return
	}
	d.engine.SetOnline(s.id, false, d.tracker.Watermark(), arrival)
	d.retract(s)
}

// retract takes a sender's say in the watermark, and its slot if it is an open
// one.
func (d *Domain) retract(s *sender) {
	d.open.drop(s)
	d.tracker.Remove(s.bucket)
	delete(d.owners, s.bucket)
	s.admitted = false
}

// Offline declares a sender offline now, as a rule test does.
func (d *Domain) Offline(arrival linewatch.Time, name linewatch.Sender) {
	d.begin(arrival)
	if s, ok := d.senders[name]; ok && s.admitted {
		d.tracker.SetIdle(s.bucket)
		d.applyTransitions(arrival)
	}
}

// Take returns the state changes since the last call, in order. The slice is
// the caller's.
func (d *Domain) Take() []linewatch.StateChange {
	c := d.changes
	d.changes = nil
	return c
}

// begin fires the ticks before a record with the given arrival stamp.
func (d *Domain) begin(arrival linewatch.Time) {
	if !d.nextTick.Known() {
		d.nextTick = onGrid(arrival, d.cfg.Tick)
		return
	}
	d.Close(arrival - 1)
	d.settled = false
}

// onGrid returns the first tick at or after t.
func onGrid(t linewatch.Time, tick linewatch.Duration) linewatch.Time {
	rest := int64(t) % int64(tick)
	if rest < 0 {
		rest += int64(tick)
	}
	if rest == 0 {
		return t
	}
	return t.Add(tick - linewatch.Duration(rest))
}

// Close says that the log is closed up to a time: every later record is
// stamped after it. The ticks up to there fire.
func (d *Domain) Close(closedAt linewatch.Time) {
	if !d.nextTick.Known() {
		return
	}
	for d.nextTick <= closedAt {
		d.nextTick = max(d.nextTick, min(d.NextTick(), lastOnGrid(closedAt, d.cfg.Tick)))
		d.tick(d.nextTick)
		d.nextTick = d.nextTick.Add(d.cfg.Tick)
	}
}

// NextTick returns the next tick of which anything can come without a record;
// those before it may be left out, and after years of silence they had better
// be. NoTime before the first record.
func (d *Domain) NextTick() linewatch.Time {
	if !d.settled {
		return d.nextTick
	}
	return max(d.nextTick, onGrid(d.engine.NextLapse(), d.cfg.Tick))
}

// lastOnGrid returns the last tick at or before t.
func lastOnGrid(t linewatch.Time, tick linewatch.Duration) linewatch.Time {
	return onGrid(t.Add(1-tick), tick)
}

// tick emits the watermark and judges what it lets through.
func (d *Domain) tick(at linewatch.Time) {
	if d.tracker.Tick(at) {
		d.release()
	}
	for d.buffer.count >= d.cfg.BufferCap {
		if _, ok := d.tracker.LagSlowest(at); !ok {
			break
		}
		d.accounts.Lagged++
		if d.tracker.Tick(at) {
			d.release()
		}
	}
	d.collect(at)
	d.applyTransitions(at)
	d.engine.Tick(at)
	d.collect(at)
	d.settled = d.tracker.Settled() && d.buffer.count < d.cfg.BufferCap
}

// release hands the engine, in order, what the watermark has passed.
func (d *Domain) release() {
	w := d.tracker.Watermark()
	d.rankSenders()
	d.buffer.release(w, func(e *entry) {
		d.accounts.Processed++
		if e.copy {
			d.copies.Processed++
			d.copies.Buffered--
		}
		d.byID[e.sender].waiting--
		d.engine.Point(e.series, rules.Sample{Value: e.value, At: e.at, Sequence: e.seq, Sender: e.sender, Quality: e.quality}, e.cause)
	})
	d.engine.Advance(w)
	d.forgetHeld(w)
}

// applyTransitions tells the engine whose tags can be believed. The changes
// that follow have the event time of the watermark.
func (d *Domain) applyTransitions(arrival linewatch.Time) {
	for _, tr := range d.tracker.Transitions() {
		if s := d.owners[tr.ID]; s != nil {
			d.engine.SetOnline(s.id, tr.Online, d.tracker.Watermark(), arrival)
		}
	}
	d.collect(arrival)
}

// collect takes the engine's changes and notes how they came to be seen.
func (d *Domain) collect(arrival linewatch.Time) {
	changes := d.engine.Take()
	if len(changes) == 0 {
		return
	}
	observed := linewatch.Observed{Watermark: d.tracker.Watermark(), HeldBy: d.holder(), Arrival: arrival}
	for i := range changes {
		changes[i].Observed = observed
	}
	if d.changes == nil {
		d.changes = changes
		return
	}
	d.changes = append(d.changes, changes...)
}

// holder names the sender that the watermark waits for; empty if none.
func (d *Domain) holder() string {
	if id, ok := d.tracker.Holder(); ok {
		return d.owners[id].name.String()
	}
	return ""
}
