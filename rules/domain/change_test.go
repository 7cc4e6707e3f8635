package domain_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"linewatch"
	"linewatch/rules/domain"
	"linewatch/watermark"
)

// changing is a plant whose rules are changed while it runs: each has a group
// that stays, and one that is another in every version and never wins.
type changing struct {
	*benchPlant
	rules    []linewatch.Rule
	versions []uint32
	domain   *domain.Domain
	decoder  linewatch.Decoder
	points   []linewatch.DataPoint
	offset   uint64
	arrival  linewatch.Time
	states   []string // what the rules said, versions aside
}

func newChanging(tb testing.TB, rules, fanOut int) *changing {
	c := &changing{
		benchPlant: newBenchPlant(rules, fanOut), versions: make([]uint32, rules), arrival: epoch,
		domain: domain.New(domain.Config{AnyEquipment: true, OpenSenders: benchSenders, Watermark: watermark.Defaults()}),
	}
	for _, r := range c.control(rules, fanOut) {
		c.rules = append(c.rules, r.Rule.Rule)
	}
	for i := range c.rules {
		c.publish(tb, i)
	}
	return c
}

// publish publishes the next version of rule i, with another second group.
func (c *changing) publish(tb testing.TB, i int) {
	c.versions[i]++
	r := c.rules[i]
	r.Groups = append(slices.Clip(r.Groups), linewatch.Group{ID: "other", Weight: 1, Cases: []linewatch.Case{{
		State: linewatch.Info, When: linewatch.Condition{Op: linewatch.Above, Tag: c.names[0], Limit: linewatch.IntValue(int64(1000 + c.versions[i]))},
	}}})
	rec := linewatch.Control{Version: 1, Rule: &linewatch.RuleVersion{Rule: r, Version: c.versions[i]}}
	if _, err := c.domain.Control(c.arrival, &rec); err != nil {
		tb.Fatal(err)
	}
}

// take takes a block of points. It returns how long that took.
func (c *changing) take(tb testing.TB, block []byte) time.Duration {
	c.points = c.points[:0]
	for len(block) > 0 {
		var p linewatch.DataPoint
		n, err := c.decoder.DecodeNext(block, &p)
		if err != nil {
			tb.Fatal(err)
		}
		if block = block[n:]; len(block) > 0 && block[0] == '\n' {
			block = block[1:]
		}
		c.points = append(c.points, p)
	}
	begin := time.Now()
	c.arrival += benchBlock / benchRate
	c.domain.Points(c.arrival, linewatch.Position{Offset: c.offset}, "gw", c.points)
	c.offset++
	took := time.Since(begin)
	for _, s := range c.domain.Take() {
		c.states = append(c.states, fmt.Sprint(s.EventTime, s.Rule, s.Equipment, s.From, s.To, s.Group, s.Seq))
	}
	return took
}

// Changing rules all the time takes nothing away from the conditions that stay
// as they are: delays that run, hysteresis, states and their numbers.
func TestChangesLoseNoState(t *testing.T) {
	quiet, busy := newChanging(t, 300, 10), newChanging(t, 300, 10)
	changed := 0
	quiet.next()
	busy.next()
	for i := range quiet.blocks {
		quiet.take(t, quiet.blocks[i])
		busy.take(t, busy.blocks[i])
		for range i % 3 {
			busy.publish(t, changed*7%300)
			changed++
		}
	}
	if len(quiet.states) < 500 || changed < 900 || busy.versions[299] < 4 {
		t.Fatalf("%d state changes and %d changes of rules, too few to tell", len(quiet.states), changed)
	}
	if d := firstDifference(quiet.states, busy.states); d != "" {
		t.Error(d)
	}
	for id, v := range busy.domain.RuleVersions() {
		var i int
		if _, err := fmt.Sscanf(string(id), "r%d", &i); err != nil || v+2 < busy.versions[i] {
			t.Errorf("rule %s is in force as version %d of %d, %v", id, v, busy.versions[i], err)
		}
	}
}

// BenchmarkRuleChanges loads 10,000 rules and changes 1,000 a second while
// 20,000 points a second come in. Of event time each second has five ticks,
// with which the versions of 200 ms become live; what such a tick costs is what
// stands between a version that was published and one that is judged, beside
// the tick itself.
func BenchmarkRuleChanges(b *testing.B) {
	const rules, perBlock = 10_000, 5 // a block is 5 ms
	var load time.Duration
	var ticks []time.Duration
	changed, blocks := 0, 0
	var control time.Duration
	for b.Loop() {
		before := cpu()
		c := newChanging(b, rules, 10)
		c.next()
		c.take(b, c.blocks[0])
		for c.domain.RuleVersions()["r9999"] == 0 {
			blocks++
			c.take(b, c.blocks[blocks])
		}
		load += cpu() - before
		for range 4 {
			for _, block := range c.blocks {
				begin := time.Now()
				for range perBlock {
					c.publish(b, changed*13%rules)
					changed++
				}
				control += time.Since(begin)
				ticks = append(ticks, c.take(b, block))
			}
			c.next()
		}
	}
	slices.Sort(ticks)
	b.ReportMetric(float64(load.Milliseconds())/float64(b.N), "load-cpu-ms")
	b.ReportMetric(float64(control.Microseconds())/float64(changed), "us/published")
	b.ReportMetric(float64(ticks[len(ticks)*99/100].Microseconds())/1000, "p99-ms")
	b.ReportMetric(float64(ticks[len(ticks)-1].Microseconds())/1000, "max-ms")
	b.ReportMetric(float64(changed)/float64(b.N), "changes")
}
