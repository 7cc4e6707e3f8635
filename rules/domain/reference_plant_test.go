package domain_test

import (
	"fmt"
	"slices"

	"linewatch"
	"linewatch/rules/domain"
	"linewatch/watermark"
)

// plant makes a case as it comes from the field: senders that fall silent and
// come back, late points, clocks that are wrong, the same record twice.
type plant struct {
	*generator
	cfg     domain.Config
	now     linewatch.Time
	senders []*plantSender
	offsets [refPartitions]uint64
	records []step // that may come again
	rules   []linewatch.RuleID
	weeks   bool // now and then nothing comes for a week; see newOpenPlant
}

// maxRepeated is how many of the newest records may come again.
const maxRepeated = 5000

type plantSender struct {
	name   linewatch.Sender
	seq    uint64
	epoch  uint64
	asleep linewatch.Time // until then
	beats  bool
	ahead  linewatch.Duration // of its clock
	tags   []refTag
}

func newPlant(seed uint64) *plant {
	p := &plant{generator: newGenerator(seed), now: epoch}
	p.cfg = domain.Config{
		Compile:      compileExpression,
		AnyEquipment: p.chance(0.5),
		Line:         pick(p.generator, "", "L1", "L1", "site:S1"),
		OpenSenders:  10,
		Watermark: watermark.Config{
			Bound:         pick[linewatch.Duration](p.generator, 0, 200, 1000),
			IdleTimeout:   pick[linewatch.Duration](p.generator, 500, 2000, 1_000_000),
			MaxFutureSkew: pick[linewatch.Duration](p.generator, 0, 5000),
			JoinGrace:     pick[linewatch.Duration](p.generator, 0, 1000),
			MaxHold:       pick[linewatch.Duration](p.generator, 0, 3000),
			CatchUp:       pick(p.generator, watermark.Hold, watermark.Hold, watermark.Skip),
			OnAllIdle:     pick(p.generator, watermark.Auto, watermark.Auto, watermark.Flush, watermark.HoldAll),
		},
	}
	p.site = p.cfg.Line == "site:S1"
	for i := range 1 + p.IntN(4) {
		s := &plantSender{
			name:  linewatch.Sender{Gateway: pick(p.generator, "gw1", "gw2"), Source: fmt.Sprintf("s%d", i)},
			beats: p.chance(0.5),
		}
		for range 2 + p.IntN(4) {
			s.tags = append(s.tags, refTag{pick(p.generator, "F1", "F1", "F1", "C1", "P1"), pick(p.generator, genTags...)})
		}
		p.senders = append(p.senders, s)
	}
	for _, s := range p.senders {
		s.tags = append(s.tags, refTag{"F1", "temp"}, refTag{"F1", "temp"}, refTag{"F1", "press"})
	}
	for i := range 1 + p.IntN(5) {
		p.rules = append(p.rules, linewatch.RuleID(fmt.Sprintf("r%d", i)))
	}
	return p
}

// newOpenPlant makes a plant with few slots for its many open senders, of which
// some are silent for so long that others take theirs.
func newOpenPlant(seed uint64) *plant {
	p := newPlant(seed)
	p.weeks = true
	p.cfg.OpenSenders = 1 + p.IntN(2)
	p.cfg.Tick = linewatch.Minute // weeks take their time with the reference
	if p.chance(0.2) {
		p.cfg.Watermark.IdleTimeout = 100 * linewatch.Day
	}
	for _, name := range []string{"s7", "s8", "s9"} {
		s := &plantSender{name: linewatch.Sender{Gateway: "gw1", Source: name}, beats: p.chance(0.5)}
		for range 3 {
			s.tags = append(s.tags, refTag{pick(p.generator, "F1", "F1", "line:L1", "site:S1"), pick(p.generator, "temp", "press")})
		}
		p.senders = append(p.senders, s)
	}
	return p
}

// registered reports whether the next registry lists a sender, which is more
// seldom so where there are to be open ones.
func (p *plant) registered(usual float64) bool {
	if p.weeks {
		usual = 0.3
	}
	return p.chance(usual)
}

// opening returns the records that a plant begins with.
func (p *plant) opening() (steps []step) {
	a := p.assets()
	for _, s := range p.senders {
		if p.registered(0.7) {
			a.Senders = append(a.Senders, linewatch.SenderDef{Gateway: s.name.Gateway, Source: s.name.Source, Line: a.Equipment[pick(p.generator, 0, 0, 2)].Line})
		}
	}
	if !p.cfg.AnyEquipment || p.site || p.chance(0.5) {
		steps = append(steps, p.controlled(linewatch.Control{Assets: a}))
	}
	steps = append(steps, p.controlled(linewatch.Control{Rule: p.lively()}))
	if p.chance(0.7) {
		steps = append(steps, p.controlled(linewatch.Control{Table: p.table()}))
	}
	if p.chance(0.3) {
		steps = append(steps, p.controlled(linewatch.Control{Values: p.values()}))
	}
	for _, id := range p.rules {
		if p.chance(0.8) {
			steps = append(steps, p.controlled(linewatch.Control{Rule: p.rule(id)}))
		}
	}
	return steps
}

func (p *plant) controlled(c linewatch.Control) step {
	c.Version = 1
	return step{arrival: p.now, control: &c}
}

// next returns the next step.
func (p *plant) next() step {
	p.now += pick[linewatch.Time](p.generator, 0, 0, 10, 50, 50, 100, 250)
	if p.weeks && p.chance(0.005) {
		p.now += 7*linewatch.Time(linewatch.Day) + linewatch.Time(p.IntN(3)*p.IntN(3000)) - 1
		p.records = nil // numbers beyond the horizon are another matter
		return step{arrival: p.now}
	}
	switch p.IntN(40) {
	case 0:
		return p.nextControl()
	case 1, 2, 3:
		return step{arrival: p.now}
	case 4:
		p.now += linewatch.Time(p.IntN(5000)) // everybody is silent
	case 5, 6:
		if len(p.records) > 0 { // a record comes twice
			again := p.records[p.IntN(len(p.records))]
			return p.recorded(again.gateway, again.points)
		}
	}
	s := p.awake()
	if s == nil {
		return step{arrival: p.now}
	}
	var points []linewatch.DataPoint
	for range 1 + p.IntN(4) {
		points = append(points, p.point(s))
		if other := p.awake(); p.chance(0.2) && other != nil && other.name.Gateway == s.name.Gateway {
			s = other
		}
	}
	if s.beats && p.chance(0.4) {
		points = append(points, p.heartbeat(s))
	}
	if len(p.records) > 0 && p.chance(0.1) {
		if again := p.records[p.IntN(len(p.records))]; again.gateway == s.name.Gateway {
			points = append(points, again.points[p.IntN(len(again.points))])
		}
	}
	made := p.recorded(s.name.Gateway, points)
	if len(p.records) == maxRepeated {
		p.records = p.records[1:]
	}
	p.records = append(p.records, made)
	return made
}

func (p *plant) recorded(gateway string, points []linewatch.DataPoint) step {
	partition := p.IntN(refPartitions)
	s := step{
		arrival: p.now, gateway: gateway, points: slices.Clone(points),
		at: linewatch.Position{Partition: partition, Offset: p.offsets[partition]},
	}
	p.offsets[partition]++
	return s
}

// awake returns a sender that speaks now, sending some of them to sleep.
func (p *plant) awake() *plantSender {
	s := p.senders[p.IntN(len(p.senders))]
	switch {
	case s.asleep > p.now:
		return nil
	case p.chance(0.02):
		s.asleep = p.now + linewatch.Time(p.IntN(6000))
	}
	return s
}

func (p *plant) point(s *plantSender) linewatch.DataPoint {
	bound := int(p.cfg.Watermark.Bound)
	at := p.now - linewatch.Time(p.IntN(bound+1)) + linewatch.Time(s.ahead)
	switch p.IntN(100) {
	case 0, 1:
		at -= linewatch.Time(bound + p.IntN(1000))
	case 3:
		at += linewatch.Time(4990 + p.IntN(20))
	case 4:
		if p.chance(0.1) {
			at /= 1000 // seconds
		}
	case 5:
		s.ahead = linewatch.Duration(p.IntN(300))
	case 6:
		if s.epoch < 3 { // what is remembered of epochs is bounded
			s.epoch++
		}
	case 7:
		return p.gap(s)
	}
	if p.chance(0.8) {
		at -= at % 50
	}
	s.seq++
	tag := s.tags[p.IntN(len(s.tags))]
	out := linewatch.DataPoint{
		Timestamp: at, CreatedAt: at, Equipment: tag.equipment, Tag: tag.tag, Source: s.name.Source,
		Sequence: s.seq, Epoch: s.epoch,
	}
	p.reading(&out)
	if p.chance(0.03) {
		out.Flags = linewatch.Last
	}
	return out
}

func (p *plant) gap(s *plantSender) linewatch.DataPoint {
	lost := 1 + p.IntN(3)
	s.seq += uint64(lost)
	if p.weeks && p.chance(0.3) {
		lost = pick(p.generator, -1, 0, int(s.seq), int(s.seq)+1, int(s.seq)+2)
	}
	return linewatch.DataPoint{
		Timestamp: p.now, Tag: linewatch.GapTag, Value: linewatch.IntValue(int64(lost)), Source: s.name.Source,
		Sequence: s.seq, Epoch: s.epoch,
	}
}

func (p *plant) heartbeat(s *plantSender) linewatch.DataPoint {
	at := p.now + linewatch.Time(s.ahead) - linewatch.Time(p.IntN(int(p.cfg.Watermark.Bound)+200))
	if p.chance(0.01) {
		at += 6000
	}
	return linewatch.DataPoint{
		Timestamp: at, Tag: linewatch.HeartbeatTag, Value: linewatch.IntValue(int64(p.IntN(2) * p.IntN(2))),
		Source: s.name.Source, Flags: linewatch.Watermark,
	}
}

// nextControl publishes, withdraws, changes the registry, or makes a mistake.
func (p *plant) nextControl() step {
	id := pick(p.generator, p.rules...)
	from := p.now + linewatch.Time(p.IntN(8000)-4000)
	switch {
	case p.chance(0.3):
		from = 0
	case p.chance(0.8):
		from -= from % 50 // the instants of most points
	}
	if p.chance(0.15) {
		return p.controlled(linewatch.Control{Values: p.values()})
	}
	switch p.IntN(10) {
	case 0, 1:
		p.versions[id]++
		return p.controlled(linewatch.Control{DeleteRule: &linewatch.RuleDelete{ID: id, Version: p.versions[id], From: from}})
	case 2:
		return p.controlled(linewatch.Control{DeleteRule: &linewatch.RuleDelete{ID: id, Version: p.versions[id], From: from}})
	case 3, 4:
		a := p.assets()
		if p.chance(0.3) { // a machine is gone, until a later registry has it again
			gone := pick(p.generator, 0, 1, 2, 2, 2)
			a.Equipment = slices.Delete(a.Equipment, gone, gone+1)
		}
		return p.controlled(linewatch.Control{Assets: p.withSenders(a)})
	case 5:
		return p.controlled(linewatch.Control{Table: p.table()})
	}
	rv := p.rule(id)
	rv.From, rv.Stage = from, p.stage()
	return p.controlled(linewatch.Control{Rule: rv})
}

// values are what another home knows of some tags.
func (p *plant) values() *linewatch.HomeValues {
	h := &linewatch.HomeValues{Home: pick(p.generator, "L1", "site:S1", "site:S1")}
	for range 1 + p.IntN(6) {
		v := linewatch.DataPoint{Tag: pick(p.generator, genTags...)}
		p.reading(&v)
		s := p.senders[p.IntN(len(p.senders))]
		h.Values = append(h.Values, linewatch.HomeValue{
			Equipment: pick(p.generator, genEquipment...), Tag: v.Tag, Value: v.Value, Quality: v.Quality, Cause: v.Cause,
			Gateway: s.name.Gateway, Source: s.name.Source, Sequence: uint64(p.IntN(100)),
		})
	}
	return h
}

// withSenders registers nearly all senders, each for one of the lines.
func (p *plant) withSenders(a *linewatch.Assets) *linewatch.Assets {
	for _, s := range p.senders {
		if p.registered(0.95) {
			line := a.Equipment[p.IntN(len(a.Equipment))].Line
			a.Senders = append(a.Senders, linewatch.SenderDef{Gateway: s.name.Gateway, Source: s.name.Source, Line: line})
		}
	}
	return a
}

// closing ends a case: everybody falls silent.
func (p *plant) closing() step { return step{arrival: p.now + 10_000} }
