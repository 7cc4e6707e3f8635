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

// refJudge judges the rules in event time. It forgets nothing.
type refJudge struct {
	cfg     domain.Config
	now     linewatch.Time
	history map[refTag][]refSample
	tags    map[refTag]bool // that points are taken of
	tables  map[string]linewatch.Table
	refSilence
	order     []refKey // of evaluation; nil: not known since a control record
	assets    linewatch.Assets
	hosted    []string // guests
	rules     map[linewatch.RuleID]*refRule
	pending   []refControl
	variants  map[refVariant]*linewatch.RuleVersion
	arriving  []refSample          // points of the instant
	heard     []*linewatch.Control // of rules, as they were accepted
	instances map[refKey]*refInstance
	wake      map[linewatch.Time]bool // instants to look at, points or not
	changes   []linewatch.StateChange
}

type refTag struct{ equipment, tag string }

type refKey struct {
	rule      linewatch.RuleID
	equipment string
	shadow    bool
}

type refRule struct {
	live, shadow refEdition
	highest      uint32
}

// refVariant is a version for an equipment that it overrides.
type refVariant struct {
	version *linewatch.RuleVersion
	name    string
}

// refEdition is what is in force of a rule, or tried beside it.
type refEdition struct {
	version *linewatch.RuleVersion // nil: none
	number  uint32
}

type refControl struct {
	at    linewatch.Time
	order int
	what  *linewatch.Control
	// guests, without a record, are the lines heard from here on.
	guests []string
}

// refInstance is a rule on an equipment.
type refInstance struct {
	key        refKey
	version    *linewatch.RuleVersion // nil: withdrawn
	names      [][]string             // identities of the conditions, by group
	conditions map[string]*refCondition
	held       []int // of each group the case that held at the last look; -1: none did
	state      linewatch.State
	seq        uint64
	last       linewatch.Time
	n          uint32
}

func newRefJudge(cfg domain.Config) *refJudge {
	return &refJudge{
		cfg: cfg, now: linewatch.NoTime, history: map[refTag][]refSample{}, tags: map[refTag]bool{},
		tables: map[string]linewatch.Table{}, refSilence: newRefSilence(), rules: map[linewatch.RuleID]*refRule{},
		variants: map[refVariant]*linewatch.RuleVersion{}, instances: map[refKey]*refInstance{}, wake: map[linewatch.Time]bool{},
	}
}

// accept takes a control record and says when it has effect.
func (j *refJudge) accept(c *linewatch.Control, watermark linewatch.Time, order int) (linewatch.Time, bool) {
	from := linewatch.Time(0)
	switch {
	case c.Rule != nil:
		r := j.rules[c.Rule.Rule.ID]
		if r == nil {
			r = &refRule{}
		}
		if c.Rule.Version <= r.highest || j.circle(c.Rule) {
			return linewatch.NoTime, false
		}
		j.heard, j.rules[c.Rule.Rule.ID] = append(j.heard, c), r
		r.highest, from = c.Rule.Version, c.Rule.From
	case c.DeleteRule != nil:
		r := j.rules[c.DeleteRule.ID]
		if r == nil || c.DeleteRule.Version <= r.highest {
			return linewatch.NoTime, false
		}
		j.heard = append(j.heard, c)
		r.highest, from = c.DeleteRule.Version, c.DeleteRule.From
	}
	at := refBeginning
	if from > 0 {
		at = from
	}
	if watermark != linewatch.NoTime && at <= watermark {
		at = watermark + 1
	}
	j.pending = append(j.pending, refControl{at, order, c, nil})
	return at, true
}

// advance judges every instant up to the watermark; the points come in order.
func (j *refJudge) advance(points []refSample, watermark linewatch.Time) {
	for {
		next := linewatch.Time(math.MaxInt64)
		if len(points) > 0 {
			next = points[0].Timestamp
		}
		for t := range j.wake {
			next = min(next, t)
		}
		for _, c := range j.pending {
			if c.at > refBeginning {
				next = min(next, c.at)
			}
		}
		if next > watermark {
			return
		}
		delete(j.wake, next)
		n := 0
		for n < len(points) && points[n].Timestamp == next {
			n++
		}
		j.instant(next, points[:n])
		points = points[n:]
	}
}

// instant: control records, then points, then timers, then one evaluation.
func (j *refJudge) instant(t linewatch.Time, points []refSample) {
	j.now = t
	var changes []linewatch.StateChange
	due := slices.DeleteFunc(slices.Clone(j.pending), func(c refControl) bool { return c.at > t })
	j.pending = slices.DeleteFunc(j.pending, func(c refControl) bool { return c.at <= t })
	slices.SortFunc(due, func(a, b refControl) int { return cmp.Or(cmp.Compare(a.at, b.at), a.order-b.order) })
	j.arriving = points
	for i, c := range due {
		if c.what == nil {
			j.hosted = c.guests
		}
		if c.what != nil || i == len(due)-1 {
			changes = append(changes, j.apply(c.what, t)...)
		}
	}
	for _, p := range points {
		tag := refTag{p.Equipment, p.Tag}
		j.history[tag] = append(j.history[tag], p)
	}
	j.publish(append(changes, j.evaluate(t)...))
}

// publish adds the changes of one instant in the order of rule, equipment and
// kind.
func (j *refJudge) publish(changes []linewatch.StateChange) {
	slices.SortStableFunc(changes, func(a, b linewatch.StateChange) int {
		return cmp.Or(cmp.Compare(a.Rule, b.Rule), cmp.Compare(a.Equipment, b.Equipment), cmp.Compare(a.Kind, b.Kind))
	})
	j.changes = append(j.changes, changes...)
}

// apply gives effect to a record, and to the guests that are heard from it on;
// without a record to these alone.
func (j *refJudge) apply(c *linewatch.Control, t linewatch.Time) (changes []linewatch.StateChange) {
	j.order = nil
	if c == nil {
		c = &linewatch.Control{}
	}
	before := j.assets
	switch {
	case c.Assets != nil:
		j.assets = *c.Assets
	case c.Rule != nil:
		j.rules[c.Rule.Rule.ID].take(c.Rule)
	case c.DeleteRule != nil:
		j.rules[c.DeleteRule.ID].take(&linewatch.RuleVersion{Version: c.DeleteRule.Version, Stage: "retired"})
	}
	if c.Values != nil && c.Values.Home == j.cfg.Line {
		j.fillIn(c.Values, t)
	}
	if c.Table != nil {
		j.tables[c.Table.ID] = *c.Table
	}
	live := map[refKey]*linewatch.RuleVersion{}
	for id, r := range j.rules {
		for shadow, v := range map[bool]*linewatch.RuleVersion{false: r.live.version, true: r.shadow.version} {
			if v == nil {
				continue
			}
			for _, equipment := range j.subjects(v.Rule.Scope) {
				live[refKey{id, equipment, shadow}] = j.variant(v, equipment)
			}
		}
	}
	// What a shadow remembers goes on in the version that takes its place; what
	// a machine leaves behind that is another one now does not.
	if c.Assets != nil {
		changes = j.withdraw(live, &before, t)
	}
	for _, shadow := range []bool{false, true} {
		for key, v := range live {
			if key.shadow == shadow {
				j.install(key, v, t)
			}
		}
	}
	return append(changes, j.withdraw(live, &before, t)...)
}

// fillIn takes the values of tags that were never heard of.
func (j *refJudge) fillIn(h *linewatch.HomeValues, t linewatch.Time) {
	for _, v := range h.Values {
		tag := refTag{v.Equipment, v.Tag}
		heard := len(j.history[tag]) > 0
		for _, p := range j.arriving {
			heard = heard || p.Equipment == v.Equipment && p.Tag == v.Tag
		}
		if !refHears(j.cfg, j.hosted, &j.assets, v.Equipment) || heard {
			continue
		}
		j.tags[tag] = true
		j.history[tag] = append(j.history[tag], refSample{
			DataPoint: linewatch.DataPoint{Timestamp: t, Equipment: v.Equipment, Tag: v.Tag, Value: v.Value, Quality: v.Quality, Cause: v.Cause, Sequence: v.Sequence},
			sender:    linewatch.Sender{Gateway: v.Gateway, Source: v.Source},
		})
	}
}

// variant returns a version as it is for an equipment.
func (j *refJudge) variant(v *linewatch.RuleVersion, equipment string) *linewatch.RuleVersion {
	alias := refEquipment(&j.assets, equipment).Alias
	for _, by := range []string{equipment, alias} {
		for _, o := range v.Rule.Overrides {
			if o.Equipment != by || by == "" {
				continue
			}
			key := refVariant{v, by}
			if j.variants[key] == nil {
				own := *v
				own.Rule.Groups = o.Groups
				j.variants[key] = &own
			}
			return j.variants[key]
		}
	}
	return v
}

// take makes a version the one in force, or the one tried, unless a newer one
// is.
func (r *refRule) take(v *linewatch.RuleVersion) {
	next := refEdition{v, v.Version}
	switch v.Stage {
	case "draft":
	case "shadow":
		if v.Version > r.live.number && v.Version > r.shadow.number {
			r.shadow = next
		}
	default:
		if v.Stage == "retired" {
			next.version = nil
		}
		if v.Version <= r.live.number {
			break
		}
		r.live = next
		if r.shadow.number < v.Version {
			r.shadow = refEdition{nil, v.Version}
		}
	}
}

// withdraw ends the instances that are not live any more.
func (j *refJudge) withdraw(live map[refKey]*linewatch.RuleVersion, before *linewatch.Assets, t linewatch.Time) (changes []linewatch.StateChange) {
	for key, inst := range j.instances {
		if inst.version == nil || live[key] != nil {
			continue
		}
		if inst.seq > 0 && inst.state != linewatch.Idle {
			c := inst.change(refEquipment(before, key.equipment), linewatch.Idle, t)
			c.Why.Cause = "rule withdrawn"
			changes = append(changes, c)
		}
		inst.version, inst.conditions = nil, nil
	}
	return changes
}

// install gives an instance its version; conditions that the version before
// had too keep their past, and others take over that of its twin: the shadow of
// the same rule, or what it is the shadow of.
func (j *refJudge) install(key refKey, v *linewatch.RuleVersion, t linewatch.Time) {
	inst := j.instances[key]
	if inst == nil {
		inst = &refInstance{key: key, state: linewatch.Unknown, last: linewatch.NoTime}
		j.instances[key] = inst
	}
	if inst.version != v {
		past, twin := inst.conditions, map[string]*refCondition{}
		if other := j.instances[refKey{key.rule, key.equipment, !key.shadow}]; other != nil {
			for name, c := range other.conditions {
				twin[name] = &refCondition{past: slices.Clone(c.past), inputs: slices.Clone(c.inputs), born: c.born, values: slices.Clone(c.values)}
			}
		}
		inst.held = nil
		inst.version, inst.names, inst.conditions = v, nil, map[string]*refCondition{}
		for i := range v.Rule.Groups {
			names := refNames(&v.Rule.Groups[i])
			inst.names = append(inst.names, names)
			for _, name := range names {
				inst.conditions[name] = cmp.Or(past[name], twin[name], &refCondition{born: linewatch.NoTime})
			}
		}
	}
	for i := range v.Rule.Groups {
		names := inst.names[i]
		refVisit(&linewatch.Rule{Groups: v.Rule.Groups[i : i+1]}, func(c *linewatch.Condition) {
			j.connect(inst, c, inst.conditions[names[0]], t)
			names = names[1:]
		})
	}
}

// reads returns the equipment whose tag a condition tests.
func (j *refJudge) reads(c *linewatch.Condition, own string) string {
	if c.Equipment == "" {
		return own
	}
	return refResolve(&j.assets, c.Equipment)
}

func (j *refJudge) subjects(s linewatch.Scope) (ids []string) {
	if s.Equipment != "" {
		ids = []string{refResolve(&j.assets, s.Equipment)}
	}
	for _, eq := range j.assets.Equipment {
		if s.Class != "" && eq.Class == s.Class {
			ids = append(ids, eq.ID)
		}
	}
	if s.Line != "" {
		ids = []string{"line:" + s.Line}
	}
	if s.Site != "" {
		ids = []string{"site:" + s.Site}
	}
	return slices.DeleteFunc(ids, func(id string) bool { return !refHome(j.cfg, &j.assets, id) })
}

func refResolve(a *linewatch.Assets, name string) string {
	for _, eq := range a.Equipment {
		if eq.ID == name {
			return name
		}
	}
	for _, eq := range a.Equipment {
		if eq.Alias == name {
			return eq.ID
		}
	}
	return name
}

func refEquipment(a *linewatch.Assets, id string) linewatch.Equipment {
	for _, eq := range a.Equipment {
		if eq.ID == id {
			return eq
		}
	}
	for _, eq := range a.Equipment {
		if id == "line:"+eq.Line {
			return linewatch.Equipment{ID: id, Alias: eq.Line, Line: eq.Line, Site: eq.Site}
		}
	}
	if site, ok := strings.CutPrefix(id, "site:"); ok {
		return linewatch.Equipment{ID: id, Alias: site, Site: site}
	}
	if line, ok := strings.CutPrefix(id, "line:"); ok {
		return linewatch.Equipment{ID: id, Alias: line, Line: line}
	}
	return linewatch.Equipment{ID: id}
}

// evaluate judges every instance, one that reads others after these.
func (j *refJudge) evaluate(t linewatch.Time) (changes []linewatch.StateChange) {
	if j.order == nil {
		j.order = slices.SortedFunc(maps.Keys(j.instances), func(a, b refKey) int {
			return cmp.Or(j.depth(j.instances[a].version)-j.depth(j.instances[b].version), cmp.Compare(a.rule, b.rule), cmp.Compare(a.equipment, b.equipment))
		})
	}
	for _, key := range j.order {
		inst := j.instances[key]
		if inst.version == nil {
			continue
		}
		groups, state, by := j.opinions(inst, t)
		if state == inst.state {
			continue
		}
		c := inst.change(refEquipment(&j.assets, key.equipment), state, t)
		if by >= 0 {
			c.Group = groups[by].Group
			groups[by].Wins = true
		}
		c.Why.Groups = groups
		j.alert(&c, &inst.version.Rule)
		changes = append(changes, c)
	}
	return changes
}

// change is the next change of an instance.
func (inst *refInstance) change(eq linewatch.Equipment, to linewatch.State, t linewatch.Time) linewatch.StateChange {
	inst.n++
	if inst.last != t {
		inst.n = 0
	}
	inst.seq++
	rule := &inst.version.Rule
	kind := linewatch.ChangeKind("live")
	if inst.key.shadow {
		kind = "shadow"
	}
	c := linewatch.StateChange{
		Kind: kind, Rule: rule.ID, Version: inst.version.Version, Site: eq.Site, Line: eq.Line, Equipment: eq.ID,
		From: inst.state, To: to, EventTime: t, Seq: inst.seq, Priority: rule.Priority,
	}
	c.ID = linewatch.ChangeID(kind, rule.ID, inst.version.Version, eq.ID, t, inst.n)
	inst.state, inst.last = to, t
	return c
}
