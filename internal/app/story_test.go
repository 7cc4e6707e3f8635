package app

import (
	"slices"
	"strings"
	"testing"
	"time"

	"linewatch"
	"linewatch/configs"
	"linewatch/rules/domain"
	"linewatch/rules/rulefile"
	"linewatch/simulators/plant"
)

// teller feeds the engine with what the sources read of the simulated line, in
// virtual time.
type teller struct {
	t       *testing.T
	plant   *plant.Plant
	domain  *domain.Domain
	sources map[string]string // by equipment
	last    map[string]any    // by equipment and tag
	next    map[string]uint64 // sequence number by source
	changes []linewatch.StateChange
	serving map[linewatch.Time]bool // the filler was in maintenance
}

var storyStart = time.Date(2026, 11, 22, 6, 0, 0, 0, time.UTC)

// newTeller returns a line at its start, with the registry and every rule of
// the demonstration in force.
func newTeller(t *testing.T, seed uint64) *teller {
	t.Helper()
	c := DefaultConfig()
	s := &teller{
		t: t, plant: plant.New(plant.Options{Seed: seed, Start: storyStart}), domain: domain.New(c.Engine.domain()),
		sources: map[string]string{}, last: map[string]any{}, next: map[string]uint64{},
		serving: map[linewatch.Time]bool{},
	}
	for _, src := range SimulatedEdge().WithDefaults().Sources {
		for _, tag := range src.Tags {
			s.sources[tag.Equipment] = src.ID
		}
	}
	data, err := configs.FS.ReadFile(demoAssets)
	if err != nil {
		t.Fatal(err)
	}
	assets, err := rulefile.ParseAssets(demoAssets, data)
	if err != nil {
		t.Fatal(err)
	}
	s.control(&linewatch.Control{Version: 1, Assets: &assets})
	entries, err := configs.FS.ReadDir(demoRules)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), ".test.yaml") {
			continue
		}
		data, err := configs.FS.ReadFile(demoRules + "/" + e.Name())
		if err != nil {
			t.Fatal(err)
		}
		rule, err := rulefile.ParseRule(e.Name(), data)
		if err != nil {
			t.Fatal(err)
		}
		s.control(&linewatch.Control{Version: 1, Rule: &linewatch.RuleVersion{Version: 1, Rule: rule}})
	}
	return s
}

func (s *teller) control(c *linewatch.Control) {
	s.t.Helper()
	if _, err := s.domain.Control(linewatch.TimeOf(storyStart), c); err != nil {
		s.t.Fatal(err)
	}
}

// step lets 200 ms pass: what has changed is told, with the promise that there
// is nothing else.
func (s *teller) step() {
	s.plant.AdvanceTo(s.plant.Now().Add(200 * time.Millisecond))
	now := linewatch.TimeOf(s.plant.Now())
	points := map[string][]linewatch.DataPoint{}
	for _, m := range s.plant.Machines() {
		source := s.sources[m.ID]
		for _, tag := range m.Tags() {
			v, _ := m.Read(tag.Name)
			key := m.ID + " " + tag.Name
			if old, told := s.last[key]; told && old == v {
				continue
			}
			s.last[key] = v
			s.next[source]++
			points[source] = append(points[source], linewatch.DataPoint{
				Timestamp: now, CreatedAt: now, Equipment: m.ID, Tag: tag.Name, Value: storyValue(v),
				Source: source, Sequence: s.next[source], Quality: linewatch.Ok,
			})
		}
	}
	for _, src := range []string{"capper", "dry-end", "filler", "packer"} {
		s.domain.Points(now, linewatch.Position{}, SimulatedGateway, append(points[src], linewatch.DataPoint{
			Timestamp: now, Tag: linewatch.HeartbeatTag, Value: linewatch.IntValue(0), Source: src, Flags: linewatch.Watermark,
		}))
	}
	s.domain.Close(now.Add(199))
	s.changes = append(s.changes, s.domain.Take()...)
}

func storyValue(v any) linewatch.Value {
	switch v := v.(type) {
	case bool:
		return linewatch.BoolValue(v)
	case int64:
		return linewatch.IntValue(v)
	case float64:
		return linewatch.FloatValue(v)
	}
	return linewatch.StringValue(v.(string))
}

// seen asks that a rule came to a state on an equipment, and returns the first
// such change.
func (s *teller) seen(rule linewatch.RuleID, equipment string, to linewatch.State) *linewatch.StateChange {
	i := slices.IndexFunc(s.changes, func(c linewatch.StateChange) bool {
		return c.Rule == rule && c.Equipment == equipment && c.To == to
	})
	if i < 0 {
		s.t.Errorf("rule %s never came to %s on %s", rule, to, equipment)
		return nil
	}
	return &s.changes[i]
}

// What the README promises of any ten minutes, judged by the rules that come
// with the line, each change with its reason.
func TestTenMinutesOfTheDemonstration(t *testing.T) {
	for seed := range uint64(4) {
		s := newTeller(t, seed)
		silenced := false // the limits were exceeded for long, in a maintenance
		hot := 0
		for s.plant.Now().Before(storyStart.Add(10 * time.Minute)) {
			s.step()
			f := s.plant.Machine("F1")
			water, _ := f.Read("water_temperature")
			bar, _ := f.Read("pressure")
			mode, _ := f.Read("machine_mode")
			s.serving[linewatch.TimeOf(s.plant.Now())] = mode == "Maintenance"
			if mode != "Maintenance" || water.(float64) <= 75 || bar.(float64) <= 3.2 {
				hot = 0
				continue
			}
			if hot++; hot >= 51 { // ten seconds
				silenced = true
			}
		}
		f := plant.FillerID
		if c := s.seen("filler-rinse-water", f, linewatch.Warning); c != nil {
			if c.EventTime > linewatch.TimeOf(storyStart.Add(30*time.Second)) {
				t.Errorf("seed %d: the first alert came at %v", seed, c.EventTime)
			}
			if w := c.Why.Groups[slices.IndexFunc(c.Why.Groups, func(g linewatch.GroupWhy) bool { return g.Wins })]; w.Group != "limits" || len(w.Conditions) != 2 {
				t.Errorf("seed %d: the first alert is explained by %+v", seed, w)
			}
		}
		s.seen("filler-rinse-water", f, linewatch.Maintenance)
		s.seen("filler-flow", f, "CHANGEOVER")
		s.seen("packer-fault", s.plant.Machine("P1").ID, "LACK") // of the filler's maintenance
		s.seen("restocking-round", f, "RESTOCK")
		s.check(silenced)
	}
}

// check asks that every change has a reason, and that nothing was an alert
// while somebody worked on the filler.
func (s *teller) check(silenced bool) {
	s.t.Helper()
	if !silenced {
		s.t.Error("no maintenance exceeded the limits")
	}
	for i := range s.changes {
		c := &s.changes[i]
		if len(c.Why.Groups) == 0 {
			s.t.Errorf("%s on %s: %s without a reason", c.Rule, c.Equipment, c.To)
		}
		if c.Rule == "filler-rinse-water" && c.To == linewatch.Warning && s.serving[c.EventTime] {
			s.t.Errorf("an alert in the maintenance, at %v", c.EventTime)
		}
	}
	if a := s.domain.Accounts(); a.Late > 0 || a.QuarantinedTotal() > 0 || !a.Balanced() {
		s.t.Errorf("accounts: %+v", a)
	}
}
