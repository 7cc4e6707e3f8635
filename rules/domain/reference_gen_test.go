package domain_test

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"

	"linewatch"
)

// epoch is the instant that the cases count from, 2026-01-01.
const epoch linewatch.Time = 1_767_225_600_000

// generator makes rules and values that meet often: few tags, few limits,
// values around these, spans that are multiples of the same step.
type generator struct {
	*rand.Rand
	causes   *rand.Rand // its own stream, so that the telling seeds keep their meaning
	versions map[linewatch.RuleID]uint32
	latest   map[linewatch.RuleID]linewatch.Rule
	site     bool             // the home is a site
	making   linewatch.RuleID // the rule that conditions are made for
}

func newGenerator(seed uint64) *generator {
	return &generator{
		Rand:     rand.New(rand.NewPCG(seed, 0x11e)),
		causes:   rand.New(rand.NewPCG(seed, 0xca05e)),
		versions: map[linewatch.RuleID]uint32{}, latest: map[linewatch.RuleID]linewatch.Rule{},
	}
}

func (g *generator) chance(p float64) bool { return g.Float64() < p }

func pick[T any](g *generator, from ...T) T { return from[g.IntN(len(from))] }

// The plant: three machines, the last one of another line, with tags of each
// type.
var (
	genEquipment = []string{"F1", "C1", "P1"}
	genTags      = []string{"temp", "press", "count", "state", "product", "door"}
)

func (g *generator) assets() *linewatch.Assets {
	a := &linewatch.Assets{}
	for i, id := range genEquipment {
		a.Equipment = append(a.Equipment, linewatch.Equipment{
			ID: id, Alias: fmt.Sprintf("alias%d", i), Machine: "Machine " + id, Line: "L1", Site: "S1",
			Class: pick(g, "filler", "capper"), Tags: g.ages(),
		})
	}
	if g.chance(0.2) { // the names change hands
		i, k := g.IntN(3), g.IntN(3)
		a.Equipment[i].Alias, a.Equipment[k].Alias = a.Equipment[k].Alias, a.Equipment[i].Alias
	}
	for i, c := range []float64{0.05, 0.1, 0.5} { // machines move to another line
		if g.chance(c) {
			a.Equipment[i].Line = "L2"
		}
	}
	if g.chance(0.2) {
		for i := range a.Equipment {
			if a.Equipment[i].Line == "L2" {
				a.Equipment[i].Site = "S2"
			}
		}
	}
	return a
}

// number is a value at or near one of the limits.
func (g *generator) number(tag string, limit bool) linewatch.Value {
	if tag == "count" { // integers that a float64 cannot tell apart
		near := pick(g, int64(1)<<53, 1<<62, -1<<60, 0)
		if g.chance(0.1) {
			return linewatch.UintValue(1<<63 + uint64(g.IntN(3)))
		}
		if g.chance(0.2) {
			return linewatch.FloatValue(float64(near))
		}
		return linewatch.IntValue(near + int64(g.IntN(5)) - 2)
	}
	if g.chance(0.02) { // where float64 ends
		return pick(g, linewatch.FloatValue(math.MaxFloat64), linewatch.FloatValue(-math.MaxFloat64), linewatch.FloatValue(5e-324),
			linewatch.FloatValue(math.Copysign(0, -1)), linewatch.UintValue(math.MaxUint64), linewatch.IntValue(math.MinInt64), linewatch.IntValue(1<<53+1))
	}
	n := pick(g, 10, 20, 30)
	if limit {
		n += g.IntN(2)
	} else {
		n += g.IntN(5) - 2
	}
	switch g.IntN(3) {
	case 0:
		return linewatch.IntValue(int64(n))
	case 1:
		return linewatch.FloatValue(float64(n))
	}
	return linewatch.FloatValue(float64(n) + 0.5)
}

// value is one that fits a tag.
func (g *generator) value(tag string, limit bool) linewatch.Value {
	switch tag {
	case "small": // what windows of few samples amount to
		return pick(g, linewatch.IntValue(int64(g.IntN(4))), linewatch.FloatValue(g.Float64()*4-1))
	case "state":
		return linewatch.StringValue(pick(g, "Execute", "Idle", "Held"))
	case "product":
		return linewatch.StringValue(pick(g, "PET-1L", "PET-2L"))
	case "door":
		return linewatch.BoolValue(g.chance(0.5))
	}
	return g.number(tag, limit)
}

// reading gives a point its value and quality.
func (g *generator) reading(p *linewatch.DataPoint) {
	p.Value, p.Quality = g.value(p.Tag, false), linewatch.Ok
	switch g.IntN(50) {
	case 0:
		p.Value, p.Quality = linewatch.Value{}, linewatch.Bad
	case 1:
		p.Quality = pick(g, linewatch.Bad, linewatch.Uncertain)
	case 2:
		p.Value = g.value(pick(g, genTags...), false) // perhaps of another type
	case 3:
		p.Value = linewatch.Value{}
	}
	if p.Quality != linewatch.Ok {
		p.Cause = g.cause()
	}
}

func (g *generator) cause() string {
	causes := [...]string{"", "", "connection lost", "connection lost", "source offline", "BadNodeIdUnknown " + strconv.Itoa(g.causes.IntN(1000))}
	return causes[g.causes.IntN(len(causes))]
}

func (g *generator) span() linewatch.Duration {
	return linewatch.Duration(pick(g, 1, 50, 100, 250, 500, 1000, 2000))
}

func (g *generator) condition(depth int) (c linewatch.Condition) {
	if g.chance(0.25) {
		c.For = g.span()
	}
	if g.chance(0.2) {
		c.Keep = g.span()
	}
	if depth < 3 && g.chance(0.4) {
		c.Op = pick(g, linewatch.All, linewatch.All, linewatch.Any, linewatch.Any, linewatch.Not, linewatch.AtLeastN)
		for range g.IntN(3) + 1 {
			if c.Op != linewatch.Not || len(c.Of) == 0 {
				c.Of = append(c.Of, g.condition(depth+1))
			}
		}
		if g.chance(0.1) && c.Op != linewatch.Not {
			c.Of = append(c.Of, c.Of[0]) // the same condition twice
		}
		if c.Op == linewatch.AtLeastN {
			c.N = 1 + g.IntN(len(c.Of))
		}
		return c
	}
	g.leaf(&c)
	return c
}

// leaf makes c a condition on a tag.
func (g *generator) leaf(c *linewatch.Condition) {
	if g.chance(0.12) {
		g.readRule(c)
		return
	}
	c.Tag = pick(g, "temp", "temp", "temp", "press", "press", "count", "state", "product", "door")
	if g.chance(0.1) {
		c.Equipment = pick(g, "F1", "C1", "alias1", "alias2", "nowhere")
	}
	typed := c.Tag
	if g.chance(0.03) {
		typed = pick(g, genTags...) // a test that does not fit the tag
	}
	if g.chance(0.1) {
		c.StaleAfter = g.span()
	}
	switch {
	case g.chance(0.25):
		g.past(c, typed)
		return
	case g.chance(0.25):
		c.Window = linewatch.Window{Func: pick(g, linewatch.Aggregates()...), Over: g.span()}
		typed = pick(g, "temp", "temp", "small")
	case g.chance(0.1):
		c.Tag, c.Equipment, c.Expr = "", "", "("+g.formula(2)+" "+pick(g, "+", "-", "-", "*", "/", ">", "<", "==")+" temp)"
		typed = pick(g, "temp", "small", "door")
	}
	ops := []linewatch.Op{linewatch.Is, linewatch.IsNot, linewatch.In}
	if typed == "temp" || typed == "press" || typed == "count" || typed == "small" {
		for op := linewatch.Above; op <= linewatch.Outside; op++ {
			ops = append(ops, op)
		}
	}
	c.Op = pick(g, ops...)
	switch c.Op {
	case linewatch.In:
		for range 3 {
			of := typed
			if g.chance(0.1) && c.Window.Func == 0 {
				of = pick(g, genTags...)
			}
			if v := g.value(of, true); !containsValue(c.Values, v) {
				c.Values = append(c.Values, v)
			}
		}
	case linewatch.Inside, linewatch.Outside:
		c.Values = []linewatch.Value{g.value(typed, true), g.value(typed, true)}
		if linewatch.CompareNumbers(c.Values[0], c.Values[1]) > 0 {
			c.Values[0], c.Values[1] = c.Values[1], c.Values[0]
		}
	default:
		c.Limit = g.value(typed, true)
		g.hysteresis(c, typed)
	}
	if g.chance(0.2) && (c.Op != linewatch.In || len(c.Values) > 0) {
		g.lookUp(c)
	}
}

func containsValue(list []linewatch.Value, v linewatch.Value) bool {
	for _, w := range list {
		if v.Equal(w) {
			return true
		}
	}
	return false
}

func (g *generator) hysteresis(c *linewatch.Condition, typed string) {
	if !c.Op.Numeric() || g.chance(0.4) {
		return
	}
	if g.chance(0.3) {
		c.Hysteresis = pick(g, linewatch.IntValue(1), linewatch.IntValue(2), linewatch.FloatValue(0.5), linewatch.IntValue(1<<62))
		return
	}
	clear := g.value(typed, true)
	order := linewatch.CompareNumbers(clear, c.Limit)
	switch c.Op {
	case linewatch.Above, linewatch.AtLeast:
		order = -order
	}
	if order > 0 || order == 0 && (c.Op == linewatch.Above || c.Op == linewatch.Below) {
		c.Clear = clear
	}
}

func (g *generator) state() linewatch.State {
	return pick(g, linewatch.Idle, linewatch.Active, linewatch.Maintenance, linewatch.Info, linewatch.Warning, linewatch.Error, linewatch.Critical, "LOW")
}

func (g *generator) group(i int) linewatch.Group {
	out := linewatch.Group{
		ID: fmt.Sprintf("g%d", i), Weight: pick(g, 10, 10, 20, 30),
		Unknown: pick(g, "", linewatch.UnknownReport, linewatch.UnknownIgnore, linewatch.UnknownIgnore),
	}
	for range pick(g, 0, 1, 1, 1, 2, 3) {
		out.Cases = append(out.Cases, linewatch.Case{State: g.state(), When: g.condition(0)})
	}
	if len(out.Cases) == 0 || g.chance(0.4) {
		out.Otherwise = g.state()
	}
	return out
}

// rule makes the next version of a rule: a new one, or the last one altered.
func (g *generator) rule(id linewatch.RuleID) *linewatch.RuleVersion {
	g.making = id
	r, known := g.latest[id]
	if known && g.chance(0.8) {
		r = clone(r)
		if g.chance(0.8) { // or the same with another stage
			g.alter(&r)
		}
	} else {
		r = g.newRule(id)
	}
	g.override(&r)
	if !r.Scope.OwnTags() { // whose tag it is must be said
		refVisit(&r, func(c *linewatch.Condition) {
			if refReads(c) == "" && c.Tag != "" && c.Equipment == "" {
				c.Equipment = pick(g, "F1", "F1", "alias0", "C1", "P1")
			}
			for i := range c.Lookups {
				if key := &c.Lookups[i].Key; key.Tag != "" && key.Equipment == "" {
					key.Equipment = pick(g, "F1", "F1", "alias0")
				}
			}
		})
	}
	g.latest[id] = r
	g.versions[id]++
	if err := r.Validate(); err != nil {
		panic(err)
	}
	return &linewatch.RuleVersion{Rule: r, Version: g.versions[id]}
}

// override treats machines of a class in another way, now and then.
func (g *generator) override(r *linewatch.Rule) {
	if r.Scope.Class == "" || g.chance(0.4) {
		r.Overrides = nil
	}
	if r.Scope.Class == "" || g.chance(0.5) {
		return
	}
	r.Overrides = nil
	for _, name := range []string{"F1", "alias0", "C1", "alias1"} {
		if g.chance(0.4) {
			v := clone(*r)
			v.Overrides = nil
			g.alter(&v)
			r.Overrides = append(r.Overrides, linewatch.Override{Equipment: name, Groups: v.Groups})
		}
	}
}

// stage is mostly one that is judged.
func (g *generator) stage() linewatch.Stage {
	return pick(g, "", "", linewatch.StageActive, linewatch.StageActive, linewatch.StageShadow, linewatch.StageShadow, linewatch.StageShadow,
		linewatch.StageDraft, linewatch.StageRetired)
}

func (g *generator) newRule(id linewatch.RuleID) linewatch.Rule {
	r := linewatch.Rule{
		ID: id, Name: "Rule " + string(id), Priority: 1 + g.IntN(4), Scope: g.scope(),
		Ranking:   pick(g, "", linewatch.RankHighest, linewatch.RankSum, linewatch.RankSum),
		States:    []linewatch.StateDef{{Name: "LOW", Severity: linewatch.Severity(g.IntN(3))}},
		OnUnknown: pick(g, "", linewatch.UnknownAlarm),
	}
	if g.chance(0.5) {
		r.Alert = &linewatch.Alert{
			Title: pick(g, "", "${rule} is ${state} on ${equipment}"), Text: "${machine} ${line} ${site}: ${tag:temp} and ${tag:nothing}",
			Channels: []string{"line"},
		}
	}
	for i := range 1 + g.IntN(4) {
		r.Groups = append(r.Groups, g.group(i))
	}
	return r
}

// lively is a rule that changes with nearly every temperature, so that no case
// is asleep.
func (g *generator) lively() *linewatch.RuleVersion {
	above := linewatch.Condition{Op: linewatch.Above, Tag: "temp", Limit: linewatch.IntValue(20)}
	r := linewatch.Rule{
		ID: "lively", Name: "Lively", Scope: linewatch.Scope{Equipment: "F1"}, Priority: 1,
		Groups: []linewatch.Group{{ID: "a", Weight: 1, Cases: []linewatch.Case{{State: linewatch.Warning, When: above}}}},
	}
	if g.site {
		r.Scope = linewatch.Scope{Site: "S1"}
		r.Groups[0].Cases[0].When.Equipment = "F1"
	}
	g.latest[r.ID], g.versions[r.ID] = r, 1
	return &linewatch.RuleVersion{Rule: r, Version: 1}
}

func (g *generator) scope() linewatch.Scope {
	if g.site && g.chance(0.7) {
		return linewatch.Scope{Site: "S1"}
	}
	if g.chance(0.15) {
		return linewatch.Scope{Line: pick(g, "L1", "L1", "L2")}
	}
	if g.chance(0.15) {
		return linewatch.Scope{Site: pick(g, "S1", "S1", "S2")}
	}
	if g.chance(0.3) {
		return linewatch.Scope{Class: pick(g, "filler", "capper")}
	}
	return linewatch.Scope{Equipment: pick(g, "F1", "F1", "F1", "alias0", "C1", "P1", "alias1")}
}

// alter changes a rule here and there and leaves the rest of it.
func (g *generator) alter(r *linewatch.Rule) {
	group := &r.Groups[g.IntN(len(r.Groups))]
	switch g.IntN(9) {
	case 0:
		group.Weight = pick(g, 10, 20, 30)
	case 1:
		if len(group.Cases) > 0 {
			group.Cases[g.IntN(len(group.Cases))].When = g.condition(0)
		}
	case 2:
		group.Cases = append(group.Cases, linewatch.Case{State: g.state(), When: g.condition(1)})
	case 3:
		if len(group.Cases) > 1 { // renumbers what is repeated
			group.Cases = group.Cases[1:]
		}
	case 4:
		r.Groups[0], r.Groups[len(r.Groups)-1] = r.Groups[len(r.Groups)-1], r.Groups[0]
	case 5:
		r.Scope = g.scope()
	case 6, 7:
		if len(group.Cases) > 0 { // the same condition once more, with a past of its own
			group.Cases = append(group.Cases, linewatch.Case{State: g.state(), When: group.Cases[g.IntN(len(group.Cases))].When})
		}
	case 8:
		if len(group.Cases) > 0 { // what stood alone now stands in an all
			c := &group.Cases[0].When
			*c = linewatch.Condition{Op: linewatch.All, Of: []linewatch.Condition{*c}}
		}
	}
}

func clone(r linewatch.Rule) (out linewatch.Rule) {
	b, err := json.Marshal(r)
	if err == nil {
		err = json.Unmarshal(b, &out)
	}
	if err != nil {
		panic(err)
	}
	return out
}
