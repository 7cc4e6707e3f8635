package host

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"linewatch"
	"linewatch/rules"
)

// A rule that is published again and again for years, with drafts, shadows,
// withdrawals and registries in between, is remembered as it stands.
func TestHistoryIsBounded(t *testing.T) {
	h, version, at := newHistory(), uint32(0), base
	note := func(c linewatch.Control) {
		c.Version = 1
		at = at.Add(linewatch.Minute)
		h.note(controlRecord{at, &c})
	}
	publish := func(stage linewatch.Stage, from linewatch.Time) {
		version++
		rv := hotAbove(version, int64(version), from)
		rv.Stage = stage
		note(linewatch.Control{Rule: rv})
	}
	for n := range 10_000 {
		publish(linewatch.StageDraft, 0)
		publish(linewatch.StageShadow, 0)
		publish(linewatch.StageShadow, base.Add(linewatch.Duration(n)*linewatch.Hour))
		publish(linewatch.StageActive, base.Add(linewatch.Duration(n)*linewatch.Hour))
		publish(linewatch.StageActive, 0)
		version++
		note(linewatch.Control{DeleteRule: &linewatch.RuleDelete{ID: "hot", Version: version}})
		note(linewatch.Control{Assets: assetsOf(3)})
		publish(linewatch.StageRetired, 0)
		publish(linewatch.StageActive, 0)
		publish(linewatch.StageShadow, 0)
		publish(linewatch.StageDraft, 0)
	}
	// The earliest effective-from, a registry, the rule, its shadow and its draft.
	if got := h.records(); len(got) != 5 || len(h.all) > 2*len(got) {
		t.Errorf("%d records are remembered in %d places, want 5", len(got), len(h.all))
	}
}

// What one version costs does not hang on how many rules there are.
func TestHistoryOfManyRules(t *testing.T) {
	h := newHistory()
	for n := range 100_000 {
		rv := hotAbove(uint32(n/10_000+1), 1, 0)
		rv.Rule.ID = linewatch.RuleID(fmt.Sprintf("rule-%d", n%10_000))
		h.note(controlRecord{base.Add(linewatch.Duration(n)), &linewatch.Control{Version: 1, Rule: rv}})
	}
	got := h.records()
	if len(got) != 10_000 || len(h.all) > 2*len(got)+1 {
		t.Fatalf("%d records in %d places, want 10,000", len(got), len(h.all))
	}
	if !slices.IsSortedFunc(got, func(a, b controlRecord) int { return int(a.arrival - b.arrival) }) {
		t.Error("the records are not in the order of the log")
	}
}

// What stands for a version that is not judged is a valid record.
func TestBareVersion(t *testing.T) {
	for _, stage := range []linewatch.Stage{linewatch.StageDraft, linewatch.StageRetired} {
		rv := hotAbove(3, 1, base)
		rv.Stage = stage
		got := bare(rv)
		if err := got.Validate(); err != nil {
			t.Error(err)
		}
		if got.Rule.Rule.ID != "hot" || got.Rule.Version != 3 || got.Rule.From != base || got.Rule.In() != stage {
			t.Errorf("%+v stands for %+v", got.Rule, rv)
		}
	}
}

// assetsOf is a plant of n lines at one site, two machines each.
func assetsOf(n int) *linewatch.Assets {
	a := &linewatch.Assets{}
	for i := range n {
		line := fmt.Sprintf("line-%d", i)
		for k := range 2 {
			a.Equipment = append(a.Equipment, linewatch.Equipment{ID: fmt.Sprintf("m%d%d", i, k), Line: line, Site: "s", Class: "filler"})
		}
		a.Senders = append(a.Senders, linewatch.SenderDef{Gateway: "gw", Source: fmt.Sprintf("plc%d", i), Line: line})
	}
	return a
}

// birth is a plant in which a home comes into being late.
type birth struct {
	*rapid.T
	rng      *rand.Rand
	home     string
	at       linewatch.Time
	versions map[linewatch.RuleID]uint32
	guests   *rules.Guests
	assets   *linewatch.Assets
	hosts    bool // the home has, or had, guests
}

func (b *birth) one(of ...string) string { return of[b.rng.IntN(len(of))] }

func (b *birth) chance(percent int) bool {
	return 1+b.rng.IntN(100) <= percent
}

func (b *birth) pass() {
	b.at = b.at.Add([]linewatch.Duration{0, 1, 300, 4000, 15_000}[b.rng.IntN(5)])
}

// from is an effective-from: mostly at once, else around the points to come.
func (b *birth) from() linewatch.Time {
	if b.chance(60) {
		return 0
	}
	return base.Add(linewatch.Duration(b.rng.IntN(201)) * linewatch.Second)
}

func (b *birth) condition(id linewatch.RuleID, depth int) linewatch.Condition {
	c := linewatch.Condition{Op: linewatch.Above, Tag: b.one("temp", "level"), Limit: linewatch.IntValue(2 + b.rng.Int64N(6))}
	c.Equipment = b.one("m00", "m10", "m11", "m20")
	if b.chance(30) {
		c.For = 2 * linewatch.Second
	}
	switch b.one("plain", "plain", "clear", "missing", "stuck", "window", "rule", "not", "table") {
	case "clear":
		c.Clear = linewatch.IntValue(1)
	case "missing":
		return linewatch.Condition{Op: linewatch.Missing, Tag: c.Tag, Equipment: c.Equipment, Span: 5 * linewatch.Second}
	case "stuck":
		return linewatch.Condition{Op: linewatch.Stuck, Tag: c.Tag, Equipment: c.Equipment, Span: 3 * linewatch.Second}
	case "window":
		c.Window = linewatch.Window{Func: linewatch.Avg, Over: 5 * linewatch.Second}
	case "table":
		c.Limit, c.Hysteresis = linewatch.Value{}, linewatch.IntValue(2)
		c.Lookups = []linewatch.Lookup{{Table: "limits", Key: linewatch.TagRef{Tag: "level", Equipment: c.Equipment}, Column: "most"}}
	case "rule":
		other := b.rule()
		return linewatch.Condition{Op: linewatch.Is, Tag: linewatch.RuleTagPrefix + string(other), Equipment: c.Equipment, Limit: linewatch.StringValue("WARNING")}
	case "not":
		if depth < 2 {
			return linewatch.Condition{Op: linewatch.Not, Of: []linewatch.Condition{b.condition(id, depth+1)}}
		}
	}
	return c
}

func (b *birth) rule() linewatch.RuleID { return linewatch.RuleID(b.one("ra", "rb", "rc")) }

func (b *birth) version() linewatch.Control {
	id := b.rule()
	v := max(1, b.versions[id]+uint32([]int{1, 1, 1, 1, 2, 0}[b.rng.IntN(6)]))
	b.versions[id] = max(v, b.versions[id])
	if b.chance(15) {
		return linewatch.Control{DeleteRule: &linewatch.RuleDelete{ID: id, Version: v, From: b.from()}}
	}
	scopes := []linewatch.Scope{{Class: "filler"}, {Class: "capper"}, {Equipment: "m10"}, {Equipment: "m21"}, {Line: "line-1"}, {Site: "s"}}
	r := linewatch.Rule{ID: id, Name: "Rule", Priority: 2, Scope: scopes[b.rng.IntN(len(scopes))]}
	for g := range 1 + b.rng.IntN(2) {
		group := linewatch.Group{ID: fmt.Sprintf("g%d", g), Weight: 10 + g, Cases: []linewatch.Case{{State: linewatch.Warning, When: b.condition(id, 0)}}}
		if b.chance(60) {
			group.Otherwise = linewatch.Idle
		}
		if b.chance(50) {
			group.Unknown = linewatch.UnknownIgnore
		}
		r.Groups = append(r.Groups, group)
	}
	stage := linewatch.Stage(b.one("", "", "active", "shadow", "shadow", "draft", "retired"))
	return linewatch.Control{Rule: &linewatch.RuleVersion{Rule: r, Version: v, From: b.from(), Stage: stage}}
}

func (b *birth) control() *linewatch.Control {
	var c linewatch.Control
	switch kind := 1 + b.rng.IntN(100); {
	case kind <= 70:
		c = b.version()
	case kind <= 85:
		c.Assets = assetsOf(1 + b.rng.IntN(3))
		for i := range c.Assets.Equipment {
			c.Assets.Equipment[i].Class = b.one("filler", "capper")
		}
		if b.chance(30) {
			c.Assets.Senders = c.Assets.Senders[1:]
		}
	case kind <= 94:
		row := map[string]linewatch.Value{"most": linewatch.IntValue(2 + b.rng.Int64N(5))}
		c.Table = &linewatch.Table{ID: "limits", Rows: map[string]map[string]linewatch.Value{"1": row, "3": row}}
	default:
		line := b.rng.IntN(3)
		c.Values = &linewatch.HomeValues{Home: b.one("line-1", "site:s"), Done: true, Values: []linewatch.HomeValue{{
			Equipment: fmt.Sprintf("m%d0", line), Tag: b.one("temp", "level"), Value: linewatch.IntValue(5), Quality: linewatch.Ok,
			Gateway: "gw", Source: fmt.Sprintf("plc%d", line), Sequence: 1,
		}}}
	}
	c.Version = 1
	return &c
}

// take makes the next control record, as an item for homes that are there.
func (b *birth) take() (it item, refused error) {
	b.pass()
	c := b.control()
	if err := c.Validate(); err != nil {
		b.Fatal(err)
	}
	guests, refused := b.guests.Note(c)
	if _, ok := guests[b.home]; ok {
		b.hosts = true
	}
	if c.Assets != nil {
		b.assets = c.Assets
	}
	if b.home == "" {
		guests = nil
	}
	return item{kind: controlItem, arrival: b.at, control: c, guests: guests}, refused
}

// hears reports whether the router gives the home the points of an equipment.
func (b *birth) hears(equipment string) bool {
	return slices.ContainsFunc(b.assets.Equipment, func(eq linewatch.Equipment) bool {
		here := b.home == "" || b.home == eq.Line || b.home == linewatch.SiteSubject(eq.Site) || slices.Contains(b.guests.Of(b.home), eq.Line)
		return eq.ID == equipment && here
	})
}

// A home that comes into being late judges as one that was given every record
// of the control log, and refuses the same records from then on.
func TestLateHomeJudgesAsAnEarlyOne(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(rt, "seed"), 1))
		b := &birth{T: rt, rng: rng, at: base, versions: map[linewatch.RuleID]uint32{}, guests: rules.NewGuests(nil), assets: &linewatch.Assets{}}
		b.home = b.one("line-1", "line-1", "line-1", "site:s", "site:s", "", Nowhere)
		cfg := restoreConfig()
		cfg.Domain.OpenSenders = b.rng.IntN(2)
		h := newHistory()
		open := func(it item) *bucket {
			it.home, it.pos = b.home, positions{next: []uint64{0}}
			bucket := newBucket(cfg, 1, it.pos)
			if err := bucket.open(&it); err != nil {
				rt.Fatal(err)
			}
			return bucket
		}
		early := open(item{})
		var all []controlRecord
		for range 1 + b.rng.IntN(25) {
			it, refused := b.take()
			r := controlRecord{it.arrival, it.control}
			if all = append(all, r); refused == nil {
				h.note(r)
			}
			if err := early.control(&it); err != nil {
				rt.Fatal(err)
			}
		}
		guests := map[string][]string{b.home: b.guests.Of(b.home)}
		if b.home == "" {
			guests = nil
		}
		full, late, hosted := open(item{history: all, guests: guests}), open(item{history: h.records(), guests: guests}), b.hosts
		rest := b.life()
		want := outcome(rt, full, rest)
		if diff := cmp.Diff(want, outcome(rt, late, rest)); diff != "" {
			rt.Errorf("born with %d of %d records (-all +kept): %s", len(h.records()), len(all), diff)
		}
		if hosted {
			return // when guests came and went tells what of them is known
		}
		if diff := cmp.Diff(want, outcome(rt, early, rest)); diff != "" {
			rt.Errorf("born with the records, and before them (-with +before): %s", diff)
		}
	})
}

// life is what comes after the birth: points, and some control records.
func (b *birth) life() (items []item) {
	var seq uint64
	b.at = max(b.at, base.Add([]linewatch.Duration{0, 60_000, 300_000}[b.rng.IntN(3)]))
	for range 5 + b.rng.IntN(36) {
		if b.chance(15) {
			it, _ := b.take()
			items = append(items, it)
			continue
		}
		b.pass()
		i, k := b.rng.IntN(3), b.rng.IntN(2)
		equipment := fmt.Sprintf("m%d%d", i, k)
		if !b.hears(equipment) {
			continue
		}
		seq++
		items = append(items, item{kind: pointsItem, arrival: b.at, offset: seq, gateway: "gw", points: []linewatch.DataPoint{{
			Timestamp: b.at.Add(-linewatch.Duration(b.rng.IntN(1501))), CreatedAt: b.at, Equipment: equipment,
			Tag: b.one("temp", "level"), Value: linewatch.IntValue(b.rng.Int64N(9)), Quality: linewatch.Ok,
			Source: fmt.Sprintf("plc%d", i), Sequence: seq,
		}}})
	}
	b.at = b.at.Add(linewatch.Minute)
	return append(items, item{kind: closeItem, arrival: b.at})
}

// outcome lives through a life and returns the changes, and which control
// records were refused.
func outcome(t *rapid.T, b *bucket, rest []item) (out []string) {
	home := b.homes[0]
	for i := range rest {
		it, err, before := rest[i], error(nil), b.refused
		it.home = home
		switch it.kind {
		case controlItem:
			err = b.control(&it)
		case pointsItem:
			err = b.points(&it)
		default:
			b.tickUntil(it.arrival)
		}
		if err != nil {
			t.Fatal(err)
		}
		if b.refused > before {
			out = append(out, fmt.Sprintf("record %d is refused", i))
		}
	}
	for i := range b.changes {
		out = append(out, string(b.changes[i].AppendCanonical(nil)))
	}
	return append(out, fmt.Sprintf("%+v", b.domains[home].Accounts()))
}

// A line that comes late hears of the rules as they stand, wherever the host
// crashes before and after.
func TestLateLineAfterARestart(t *testing.T) {
	var records [][]byte
	version := uint32(0)
	publish := func(c linewatch.Control) { records = append(records, controlData(t, c)) }
	for n := range 5 {
		for _, stage := range []linewatch.Stage{linewatch.StageActive, linewatch.StageShadow, linewatch.StageDraft} {
			version++
			rv := hotAbove(version, int64(10+version), 0)
			rv.Stage = stage
			publish(linewatch.Control{Rule: rv})
		}
		if n == 2 {
			version++
			publish(linewatch.Control{DeleteRule: &linewatch.RuleDelete{ID: "hot", Version: version}})
		}
	}
	version++
	publish(linewatch.Control{Rule: hotAbove(version, 20, 0)})
	publish(linewatch.Control{Rule: hotAbove(version+1, 10, base+7000)})
	publish(linewatch.Control{Rule: hotAbove(version, 5, 0)}) // stale
	points, control := fourLines(t, records...)
	var first linewatch.Control
	if err := json.Unmarshal(control.parts[0][0].Data, &first); err != nil {
		t.Fatal(err)
	}
	late := *first.Assets
	first.Assets = &linewatch.Assets{Equipment: late.Equipment[:3], Senders: late.Senders[:3]}
	control.parts[0][0].Data = controlData(t, first)
	control.append(0, base+4000, controlData(t, linewatch.Control{Assets: &late}))
	want, crashes := "", 0
	for commits := -1; commits < 40; commits++ {
		store, status, crashed := runCrashing(t, points, control, commits)
		if crashed {
			crashes++
		}
		if want == "" {
			want = store.all()
		}
		if diff := cmp.Diff(want, store.all()); diff != "" || store.diverged > 0 {
			t.Fatalf("after a crash at commit %d, %d diverged: %s", commits, store.diverged, diff)
		}
		for _, d := range status {
			if d.Line != Nowhere && d.Versions["hot"] != version+1 {
				t.Fatalf("line %s is at version %d, want %d", d.Line, d.Versions["hot"], version+1)
			}
		}
	}
	if n := strings.Count(want, `"line":"line-3"`); n < 3 || crashes < 10 {
		t.Errorf("%d changes of the late line, %d crashes: %s", n, crashes, want)
	}
}
