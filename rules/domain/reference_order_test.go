package domain_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"

	"linewatch"
	"linewatch/rules/domain"
	"linewatch/watermark"
)

// shipment is what senders have to say, whatever the order in which it comes.
type shipment struct {
	cfg      domain.Config
	controls []step
	points   []delivery // by sender, in the order of their sequence numbers
	beats    []delivery
	end      linewatch.Time
}

// delivery is a point with the place that it takes in the order of arrival.
type delivery struct {
	gateway string
	point   linewatch.DataPoint
	key     linewatch.Time
	copy    bool
}

// newShipment makes the rules and points of a seed. Every sender is registered
// and none falls silent, so that no point that is within the bound is late.
func newShipment(seed uint64, count int) *shipment {
	p := newPlant(seed)
	p.cfg.Watermark = watermark.Config{
		Bound:       pick[linewatch.Duration](p.generator, 0, 100, 1000, 5000),
		IdleTimeout: 100 * linewatch.Day, JoinGrace: 100 * linewatch.Day,
	}
	s := &shipment{cfg: p.cfg}
	assets := p.assets()
	assets.Equipment[0].Line, assets.Equipment[0].Site = "L1", "S1" // where the lively rule looks
	for _, sender := range p.senders {
		assets.Senders = append(assets.Senders, linewatch.SenderDef{Gateway: sender.name.Gateway, Source: sender.name.Source, Line: "L1"})
	}
	s.controls = append(s.controls, p.controlled(linewatch.Control{Assets: assets}), p.controlled(linewatch.Control{Rule: p.lively()}))
	times := make([]linewatch.Time, len(p.senders))
	for range count {
		p.now += linewatch.Time(pick(p.generator, 0, 10, 50, 50, 100, 250))
		i := p.IntN(len(p.senders))
		sender := p.senders[i]
		d := delivery{gateway: sender.name.Gateway, point: p.point(sender)}
		for d.point.IsGap() {
			d.point = p.point(sender)
		}
		times[i] = max(times[i], p.now-p.now%50)
		d.point.Timestamp = times[i]
		s.points = append(s.points, d)
		if p.chance(0.1) {
			beat := p.heartbeat(sender)
			beat.Timestamp = times[i] - linewatch.Time(p.IntN(500))
			s.beats = append(s.beats, delivery{gateway: sender.name.Gateway, point: beat})
		}
		for _, id := range p.rules {
			if p.chance(4 / float64(count)) {
				rv := p.rule(id)
				rv.From = p.now - linewatch.Time(p.IntN(3000))
				c := p.controlled(linewatch.Control{Rule: rv})
				c.arrival = epoch
				s.controls = append(s.controls, c)
			}
		}
	}
	s.end = p.now + 20_000
	for _, sender := range p.senders {
		beat := p.heartbeat(sender)
		beat.Timestamp = s.end
		s.beats = append(s.beats, delivery{gateway: sender.name.Gateway, point: beat})
	}
	return s
}

// arrive makes an arrival of a shipment: any order within the bound with
// heartbeats behind what they cover, any batches, any partitions, some points
// twice. Without a source of chance everything comes in order, one by one.
func (s *shipment) arrive(rng *rand.Rand) []step {
	var all []delivery
	for _, d := range s.points {
		d.key = d.point.Timestamp
		if rng != nil && s.cfg.Watermark.Bound > 0 {
			d.key += linewatch.Time(rng.Int64N(int64(s.cfg.Watermark.Bound) + 1))
		}
		all = append(all, d)
		if rng != nil && rng.IntN(20) == 0 {
			again := d
			again.copy = true
			again.key += linewatch.Time(rng.IntN(10_000))
			all = append(all, again)
		}
	}
	for _, d := range s.beats {
		d.key = d.point.Timestamp
		for _, p := range all {
			if p.gateway == d.gateway && p.point.Source == d.point.Source && p.point.Timestamp <= d.point.Timestamp && !p.copy {
				d.key = max(d.key, p.key)
			}
		}
		all = append(all, d)
	}
	if rng != nil {
		rng.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	}
	slices.SortStableFunc(all, func(a, b delivery) int {
		if a.key != b.key {
			return int(a.key - b.key)
		}
		return a.rank() - b.rank()
	})
	return s.batch(all, rng)
}

// rank puts a point before its copy and before a heartbeat that covers it.
func (d *delivery) rank() int {
	switch {
	case d.point.IsHeartbeat():
		return 2
	case d.copy:
		return 1
	}
	return 0
}

// batch makes records of the deliveries.
func (s *shipment) batch(all []delivery, rng *rand.Rand) []step {
	steps := slices.Clone(s.controls)
	most, partitions, pace := 1, 1, int64(10)
	if rng != nil {
		most, partitions, pace = 1+rng.IntN(20), 1+rng.IntN(refPartitions), 1+rng.Int64N(300)
	}
	var offsets [refPartitions]uint64
	now := epoch
	for len(all) > 0 {
		n := 1
		for n < len(all) && n < most && all[n].gateway == all[0].gateway && (rng == nil || rng.IntN(8) > 0) {
			n++
		}
		now += linewatch.Time(pace)
		part := 0
		if rng != nil {
			now += linewatch.Time(rng.Int64N(pace))
			part = rng.IntN(partitions)
		}
		record := step{arrival: now, gateway: all[0].gateway, at: linewatch.Position{Partition: part, Offset: offsets[part]}}
		for _, d := range all[:n] {
			record.points = append(record.points, d.point)
		}
		offsets[part]++
		steps, all = append(steps, record), all[n:]
	}
	return append(steps, step{arrival: now + 1000})
}

// TestArrivalDoesNotMatter: whatever the order of arrival within the bound,
// the batches, the partitions, the copies and the restarts, the changes are the
// same bytes.
func TestArrivalDoesNotMatter(t *testing.T) {
	rareCollection(t)
	const shards = 4
	for shard := range uint64(shards) {
		t.Run(strconv.Itoa(int(shard)), func(t *testing.T) {
			t.Parallel()
			for seed := shard; seed < cases(150); seed += shards {
				if what := arrivalCase(seed); what != "" {
					t.Fatalf("seed %d: %s", seed, what)
				}
			}
		})
	}
}

// arrivalCase checks one shipment; it returns what is wrong, or nothing.
func arrivalCase(seed uint64) string {
	var s *shipment
	var want outcome
	for count := 500; len(want.changes()) < enough; count = count * (enough + 40) / (len(want.changes()) + 1) {
		if count > 20_000 {
			return fmt.Sprintf("only %d changes", len(want.changes()))
		}
		s = newShipment(seed, count)
		want = runReference(s.cfg, s.arrive(nil))
	}
	for variant := range uint64(2) {
		rng := rand.New(rand.NewPCG(seed, 2+variant))
		steps := s.arrive(rng)
		got, err := runEngine(s.cfg, steps, rng, float64(variant)*4/float64(len(steps)))
		switch d := firstDifference(want.changes(), got.changes()); {
		case err != nil:
			return fmt.Sprintf("arrival %d: %v", variant, err)
		case got.counts.Late > 0 || got.counts.Quarantined != want.counts.Quarantined || got.counts.Accepted != want.counts.Accepted:
			return fmt.Sprintf("arrival %d: counts %+v, want nothing late and %+v", variant, got.counts, want.counts)
		case d != "":
			return fmt.Sprintf("arrival %d: %s", variant, d)
		}
	}
	return ""
}
