package configs_test

import (
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"linewatch"
	"linewatch/configs"
	"linewatch/rules/domain"
	"linewatch/rules/rulefile"
	"linewatch/simulators/plant"
	"linewatch/watermark"
)

// demo judges what a simulated plant does by the rules of the demonstration,
// as `linewatch run` does, but as fast as it can.
type demo struct {
	t      *testing.T
	plant  *plant.Plant
	domain *domain.Domain
	alias  map[string]string // by equipment id
	last   map[string]linewatch.Value
	next   uint64 // sequence number
	offset uint64
}

const demoSource = "line"

func newDemo(t *testing.T, seed uint64) *demo {
	t.Helper()
	start := time.Date(2026, 11, 25, 6, 0, 0, 0, time.UTC)
	d := &demo{
		t: t, plant: plant.New(plant.Options{Seed: seed, Start: start}),
		domain: domain.New(domain.Config{Watermark: watermark.Defaults()}),
		alias:  map[string]string{}, last: map[string]linewatch.Value{},
	}
	data, err := open("demo/assets.yaml")
	if err != nil {
		t.Fatal(err)
	}
	assets, err := rulefile.ParseAssets("demo/assets.yaml", data)
	if err != nil {
		t.Fatal(err)
	}
	assets.Senders = []linewatch.SenderDef{{Gateway: "demo", Source: demoSource, Line: assets.Equipment[0].Line}}
	for _, e := range assets.Equipment {
		d.alias[e.ID] = e.Alias
	}
	d.control(&linewatch.Control{Version: 1, Assets: &assets})
	for _, rule := range demoRules(t) {
		d.control(&linewatch.Control{Version: 1, Rule: &linewatch.RuleVersion{Rule: rule, Version: 1}})
	}
	return d
}

// demoRules are the rules of the demonstration.
func demoRules(t *testing.T) (rules []linewatch.Rule) {
	t.Helper()
	names, err := fs.Glob(configs.FS, "rules/demo/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if strings.HasSuffix(name, ".test.yaml") {
			continue
		}
		data, err := open(name)
		if err != nil {
			t.Fatal(err)
		}
		rule, err := rulefile.ParseRule(name, data)
		if err != nil {
			t.Fatal(err)
		}
		rules = append(rules, rule)
	}
	return rules
}

func (d *demo) now() linewatch.Time { return linewatch.Time(d.plant.Now().UnixMilli()) }

func (d *demo) control(c *linewatch.Control) {
	d.t.Helper()
	if _, err := d.domain.Control(d.now(), c); err != nil {
		d.t.Fatal(err)
	}
}

// run lets the plant work for a while and returns what the rules said.
func (d *demo) run(span time.Duration) []linewatch.StateChange {
	for end := d.plant.Now().Add(span); d.plant.Now().Before(end); d.plant.Step() {
		now := d.now()
		points := d.points(now)
		points = append(points, linewatch.DataPoint{
			Timestamp: now, CreatedAt: now, Tag: linewatch.HeartbeatTag, Value: linewatch.IntValue(0),
			Source: demoSource, Quality: linewatch.Ok, Flags: linewatch.Watermark,
		})
		d.domain.Points(now, linewatch.Position{Offset: d.offset}, "demo", points)
		d.offset++
	}
	d.domain.Close(d.now())
	return d.domain.Take()
}

// points are the tags that have changed.
func (d *demo) points(now linewatch.Time) (points []linewatch.DataPoint) {
	for _, m := range d.plant.Machines() {
		for _, tag := range m.Tags() {
			read, _ := m.Read(tag.Name)
			value, key := valueOf(read), m.ID+" "+tag.Name
			if last, known := d.last[key]; known && last.Equal(value) {
				continue
			}
			d.last[key] = value
			d.next++
			points = append(points, linewatch.DataPoint{
				Timestamp: now, CreatedAt: now, Equipment: m.ID, Tag: tag.Name, Value: value,
				Source: demoSource, Sequence: d.next, Quality: linewatch.Ok,
			})
		}
	}
	return points
}

func valueOf(v any) linewatch.Value {
	switch v := v.(type) {
	case bool:
		return linewatch.BoolValue(v)
	case int64:
		return linewatch.IntValue(v)
	case float64:
		return linewatch.FloatValue(v)
	}
	return linewatch.StringValue(fmt.Sprint(v))
}

// What a newcomer is shown in ten minutes, whichever the seed.
func TestTheDemoTellsItsStory(t *testing.T) {
	seeds := uint64(3)
	if os.Getenv("LINEWATCH_SOAK") == "1" {
		seeds = 40
	}
	for seed := range seeds {
		d := newDemo(t, seed)
		changes := d.run(10 * time.Minute)
		says := map[string]int{}
		for _, c := range changes {
			says[string(c.Rule)+" "+string(c.To)]++
			d.readable(&c)
		}
		for what, any := range map[string][]string{
			"a drift becomes a warning":         {"filler-rinse-water WARNING"},
			"weak signs add up":                 {"filler-quality WARNING"},
			"another drift":                     {"capper-torque WARNING", "rinser-pressure WARNING", "labeller-glue WARNING"},
			"an average goes down":              {"filler-level WARNING"},
			"maintenance silences":              {"filler-rinse-water MAINTENANCE"},
			"a fault":                           {"packer-fault ERROR"},
			"a guard door":                      {"packer-fault CRITICAL"},
			"a fault that must not flicker":     {"labeller-web ERROR"},
			"a stop that spreads to the filler": {"filler-flow TAILBACK", "filler-flow LACK"},
			"a stop that spreads to the packer": {"packer-fault LACK"},
			"the product changes":               {"filler-flow CHANGEOVER"},
			"caps are restocked":                {"capper-caps LOW_MATERIAL"},
			"packaging is restocked":            {"packer-supplies LOW_FILM", "packer-supplies LOW_CARTONS"},
		} {
			if !slices.ContainsFunc(any, func(s string) bool { return says[s] > 0 }) {
				t.Errorf("seed %d: ten minutes without %v (%s)", seed, any, what)
			}
		}
		first := slices.IndexFunc(changes, func(c linewatch.StateChange) bool { return c.Severity > 0 })
		if at := changes[first].EventTime; at > changes[0].EventTime.Add(20*linewatch.Second) {
			t.Errorf("seed %d: the first alarm comes at %v", seed, at)
		}
		d.calm(changes)
	}
}

// readable asks that a change says why, and that what it tells people is whole.
func (d *demo) readable(c *linewatch.StateChange) {
	d.t.Helper()
	if len(c.Why.Groups) == 0 {
		d.t.Errorf("%s: %s -> %s without a why", c.Rule, c.From, c.To)
	}
	if c.Severity == 0 {
		return
	}
	for _, text := range []string{c.Title, c.Text} {
		if text == "" || strings.Contains(text, "?") || strings.Contains(text, "${") {
			d.t.Errorf("%s %s says %q", c.Rule, c.To, text)
		}
	}
}

// calm asks that no rule chatters, and that all together can be followed.
func (d *demo) calm(changes []linewatch.StateChange) {
	d.t.Helper()
	times := map[string][]linewatch.Time{}
	for _, c := range changes {
		key := string(c.Rule) + " of " + d.alias[c.Equipment]
		times[key] = append(times[key], c.EventTime)
	}
	for key, at := range times {
		if len(at) > 3*10 {
			d.t.Errorf("%s changes %d times in ten minutes", key, len(at))
		}
		most := 0
		for i := range at {
			n := 0
			for _, later := range at[i:] {
				if later < at[i].Add(linewatch.Minute) {
					n++
				}
			}
			most = max(most, n)
		}
		d.t.Logf("%s: %d in ten minutes, %d in one", key, len(at), most)
		if most > 8 {
			d.t.Errorf("%s changes %d times in a minute", key, most)
		}
	}
	if len(changes) > 10*25 {
		d.t.Errorf("%d changes in ten minutes", len(changes))
	}
}

// Alarms are of use when few of them are urgent: about one in twenty of the
// highest priority, and three.
func TestFewRulesAreUrgent(t *testing.T) {
	count := map[int]int{}
	rules := demoRules(t)
	for _, r := range rules {
		count[r.Priority]++
	}
	if n := len(rules); n < 12 || count[1] == 0 || count[1]*100 > 10*n || count[2]*100 > 20*n {
		t.Errorf("of %d rules %d are of priority 1, and %d of priority 2", n, count[1], count[2])
	}
}

// Every rule of the demonstration has a file of tests.
func TestEveryDemoRuleIsTested(t *testing.T) {
	for _, r := range demoRules(t) {
		if _, err := open("rules/demo/" + string(r.ID) + ".test.yaml"); err != nil {
			t.Error(err)
		}
	}
}
