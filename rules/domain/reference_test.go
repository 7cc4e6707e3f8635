package domain_test

import (
	"cmp"
	"maps"
	"math"
	"slices"
	"strings"

	"linewatch"
	"linewatch/rules/domain"
)

// reference is the slow and obvious time domain. It was written from the rules
// of time and of judgement and shares nothing with the code under test but the
// vocabulary: it keeps everything it ever heard, looks at all of it whenever
// something happens, and judges every condition of every rule at every instant.
type reference struct {
	cfg     domain.Config
	tick    linewatch.Time // next; NoTime before the first record
	clock   refClock
	judge   *refJudge
	known   map[refIdentity]bool
	waiting []refSample // accepted, and after the watermark
	sorted  int         // of these, those that stand in order
	counts  refCounts
	control int // control records heard
	newest  linewatch.Assets
	told    []string // guests as of the newest record
	hosting int      // how often there were others, and some
	evicted int      // open senders that made room for others
}

// refCounts is what became of the points, and of what comes beside them.
type refCounts struct {
	Received, Accepted, Duplicate, Quarantined, Late    uint64
	Heartbeats, HeartbeatsRefused, GapLost, GapsRefused uint64
}

// refIdentity is what makes a point the same point.
type refIdentity struct {
	sender     linewatch.Sender
	epoch, seq uint64
}

// refSample is an accepted point.
type refSample struct {
	linewatch.DataPoint
	sender linewatch.Sender
}

// refBeginning stands for "from the first instant on".
const refBeginning = linewatch.Time(math.MinInt64 + 1)

func newReference(cfg domain.Config) *reference {
	if cfg.Tick == 0 {
		cfg.Tick = 200
	}
	return &reference{
		cfg: cfg, tick: linewatch.NoTime, known: map[refIdentity]bool{},
		clock: refClock{cfg: cfg.Watermark, out: linewatch.NoTime}, judge: newRefJudge(cfg),
	}
}

// reach fires the ticks before a record with the given stamp.
func (r *reference) reach(arrival linewatch.Time) {
	if r.tick == linewatch.NoTime {
		r.tick = arrival
		for r.tick%linewatch.Time(r.cfg.Tick) != 0 {
			r.tick++
		}
	}
	r.close(arrival - 1)
}

// close fires the ticks up to a time.
func (r *reference) close(to linewatch.Time) {
	for r.tick != linewatch.NoTime && r.tick <= to {
		gone := r.clock.tick(r.tick)
		r.release()
		for _, s := range gone {
			r.judge.believe(s.name, false, r.clock.out, r.tick)
		}
		r.judge.reach(r.tick, r.clock.out)
		r.tick += linewatch.Time(r.cfg.Tick)
	}
}

// release hands over what the watermark has passed.
func (r *reference) release() {
	if r.clock.out == linewatch.NoTime {
		return
	}
	order := func(a, b refSample) int {
		return cmp.Or(cmp.Compare(a.Timestamp, b.Timestamp), cmp.Compare(a.sender.Gateway, b.sender.Gateway),
			cmp.Compare(a.sender.Source, b.sender.Source), cmp.Compare(a.Epoch, b.Epoch), cmp.Compare(a.Sequence, b.Sequence))
	}
	if len(r.waiting) > r.sorted { // else nothing came since
		slices.SortFunc(r.waiting, order)
	}
	n := 0
	for n < len(r.waiting) && r.waiting[n].Timestamp <= r.clock.out {
		n++
	}
	r.judge.advance(r.waiting[:n], r.clock.out)
	if n > 0 {
		r.waiting = slices.Clone(r.waiting[n:])
	}
	r.sorted = len(r.waiting)
}

// take takes one step of input.
func (r *reference) take(s *step) (effect linewatch.Time, refused bool) {
	switch {
	case s.control != nil:
		r.reach(s.arrival)
		return r.takeControl(s)
	case s.points != nil:
		r.reach(s.arrival)
		r.takeRecord(s)
	default:
		r.close(s.arrival)
	}
	return 0, false
}

func (r *reference) takeControl(s *step) (linewatch.Time, bool) {
	r.control += 2
	at, ok := r.judge.accept(s.control, r.clock.out, r.control)
	if !ok {
		return at, true
	}
	before := r.newest
	if s.control.Assets != nil {
		r.newest = *s.control.Assets
	}
	r.host(s, before)
	if s.control.Assets != nil {
		r.forget(&before, r.told, &r.newest)
		r.register(s, &r.newest, false)
	}
	return at, false
}

// register makes the registered senders those of a new registry. What others
// of them gave is not believed any more.
func (r *reference) register(s *step, a *linewatch.Assets, quiet bool) {
	listed := map[linewatch.Sender]bool{}
	for _, def := range a.Senders {
		if !refListens(r.cfg, r.told, a, def.Line) {
			continue
		}
		name := linewatch.Sender{Gateway: def.Gateway, Source: def.Source}
		listed[name] = true
		if known := r.clock.find(name); known != nil {
			known.registered = true
		} else {
			r.clock.add(name, s.arrival, true)
		}
	}
	names := slices.Clone(r.clock.names)
	slices.SortFunc(names, linewatch.Sender.Compare)
	for _, name := range names {
		known := r.clock.find(name)
		if known == nil || !known.registered || listed[name] {
			continue
		}
		if quiet {
			r.leave(known, s)
		} else {
			r.judge.believe(name, false, r.clock.out, s.arrival)
			r.clock.leave(known)
		}
	}
}

func (r *reference) takeRecord(s *step) {
	var back []linewatch.Sender
	for i := range s.points {
		p := &s.points[i]
		name := linewatch.Sender{Gateway: s.gateway, Source: p.Source}
		var resumed bool
		switch p.Tag {
		case "$watermark":
			from := r.clock.find(name)
			if from == nil {
				r.counts.HeartbeatsRefused++
				continue
			}
			r.counts.Heartbeats++
			if refPlausible(p.Timestamp) {
				waits, _ := p.Value.Float()
				_, resumed = r.clock.heartbeat(from, s.arrival, p.Timestamp, waits > 0)
			}
		case "$gap":
			r.takeGap(name, p)
		default:
			resumed = r.takePoint(name, s.arrival, p)
		}
		if resumed {
			back = append(back, name)
		}
	}
	for _, name := range back {
		r.judge.believe(name, true, r.clock.out, s.arrival)
	}
}

// takeGap marks the points up to a number as known, for they will never come.
func (r *reference) takeGap(name linewatch.Sender, p *linewatch.DataPoint) {
	lost, isInt := p.Value.Int()
	first := int64(p.Sequence) - lost + 1
	if r.clock.find(name) == nil || !isInt || lost < 1 || first < 0 {
		r.counts.GapsRefused++
		return
	}
	if !r.known[refIdentity{name, p.Epoch, p.Sequence}] {
		r.counts.GapLost += uint64(lost)
	}
	for seq := uint64(first); seq <= p.Sequence; seq++ {
		r.known[refIdentity{name, p.Epoch, seq}] = true
	}
}

// makeRoom ends the say of an open sender that nothing was believed of for more
// than a week, and all memory of it.
func (r *reference) makeRoom(arrival linewatch.Time) bool {
	open := r.clock.open()
	if len(open) == 0 {
		return false
	}
	s := slices.MinFunc(open, func(a, b *refSender) int {
		return cmp.Or(cmp.Compare(a.silent(), b.silent()), cmp.Compare(a.name.Gateway, b.name.Gateway), cmp.Compare(a.name.Source, b.name.Source))
	})
	if arrival-s.silent() <= 7*24*60*60*1000 {
		return false
	}
	r.judge.believe(s.name, false, r.clock.out, arrival)
	r.clock.leave(s)
	maps.DeleteFunc(r.known, func(id refIdentity, _ bool) bool { return id.sender == s.name })
	r.evicted++
	return true
}

func refPlausible(t linewatch.Time) bool {
	return t >= 946_684_800_000 && t < 7_258_118_400_000
}

// takePoint files one point and tells whether its sender was silent before.
func (r *reference) takePoint(name linewatch.Sender, arrival linewatch.Time, p *linewatch.DataPoint) (resumed bool) {
	r.counts.Received++
	from := r.clock.find(name)
	if from == nil {
		if len(r.clock.open()) >= r.cfg.OpenSenders && !r.makeRoom(arrival) {
			r.counts.Quarantined++
			return false
		}
		from = r.clock.add(name, arrival, false)
	}
	id := refIdentity{name, p.Epoch, p.Sequence}
	if r.known[id] {
		r.counts.Duplicate++
		return false
	}
	r.known[id] = true
	tag := refTag{p.Equipment, p.Tag}
	if !refPlausible(p.Timestamp) || !r.judge.tags[tag] && !refHears(r.cfg, r.told, &r.newest, p.Equipment) {
		r.counts.Quarantined++
		return false
	}
	r.judge.tags[tag] = true
	late := p.Timestamp <= r.clock.out
	sane, resumed := r.clock.point(from, arrival, p.Timestamp, p.Flags.Has(linewatch.Last))
	switch {
	case !sane:
		r.counts.Quarantined++
	case late:
		r.counts.Accepted++
		r.counts.Late++
	default:
		r.counts.Accepted++
		r.waiting = append(r.waiting, refSample{*p, name})
	}
	return resumed
}

// refHome reports whether rules about a subject are judged in the domain.
func refHome(cfg domain.Config, a *linewatch.Assets, subject string) bool {
	for _, eq := range a.Equipment {
		switch subject {
		case eq.ID, "line:" + eq.Line:
			return cfg.Line == "" || eq.Line == cfg.Line
		case "site:" + eq.Site:
			return cfg.Line == "" || cfg.Line == subject
		}
	}
	if strings.HasPrefix(subject, "line:") || strings.HasPrefix(subject, "site:") {
		return false
	}
	return cfg.AnyEquipment
}

// refHears reports whether the domain takes the points of an equipment, which
// is none if its name is that of a line or a site.
func refHears(cfg domain.Config, guests []string, a *linewatch.Assets, equipment string) bool {
	if kind, _, _ := strings.Cut(equipment, ":"); !cfg.AnyEquipment && (kind == "line" || kind == "site") && kind != equipment {
		return false
	}
	for _, eq := range a.Equipment {
		if eq.ID == equipment && slices.Contains(guests, eq.Line) {
			return true
		}
		if eq.ID == equipment && strings.HasPrefix(cfg.Line, "site:") {
			return cfg.Line == "site:"+eq.Site
		}
	}
	return refHome(cfg, a, equipment)
}

// refListens reports whether the senders of a line have a say in the domain.
func refListens(cfg domain.Config, guests []string, a *linewatch.Assets, line string) bool {
	for _, eq := range a.Equipment {
		if eq.Line == line && cfg.Line == "site:"+eq.Site {
			return true
		}
	}
	return cfg.Line == "" || cfg.Line == line || slices.Contains(guests, line)
}
