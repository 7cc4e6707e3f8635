package domain_test

import (
	"cmp"
	"fmt"
	"math/big"
	"regexp"
	"slices"
	"strings"

	"linewatch"
)

// refCondition is the past of one condition: what it was at each moment at
// which any of it changed, and what it reads since when.
type refCondition struct {
	past   []refMoment
	inputs []refInput
	born   linewatch.Time
	values []refKnown // of a stuck condition
}

type refMoment struct {
	t    linewatch.Time
	pred linewatch.Truth // after hysteresis
	on   linewatch.Truth // after the on-delay
	out  linewatch.Truth // after the off-delay
}

// refVisit shows every condition of a rule, in the order of the document.
func refVisit(r *linewatch.Rule, show func(*linewatch.Condition)) {
	var visit func(c *linewatch.Condition)
	visit = func(c *linewatch.Condition) {
		show(c)
		for i := range c.Of {
			visit(&c.Of[i])
		}
	}
	for i := range r.Groups {
		for k := range r.Groups[i].Cases {
			visit(&r.Groups[i].Cases[k].When)
		}
	}
}

// refNames lists the identities of a group's conditions in the order of the
// document: group, form, and a number for those that repeat.
func refNames(g *linewatch.Group) (names []string) {
	times := map[string]int{}
	refVisit(&linewatch.Rule{Groups: []linewatch.Group{*g}}, func(c *linewatch.Condition) {
		form := c.Canonical()
		times[form]++
		names = append(names, fmt.Sprintf("%s %s %d", g.ID, form, times[form]))
	})
	return names
}

// opinions judges all conditions of an instance and returns what its groups
// say, the state that follows, and the group that decides (-1: none).
func (j *refJudge) opinions(inst *refInstance, t linewatch.Time) ([]linewatch.GroupWhy, linewatch.State, int) {
	rule := &inst.version.Rule
	var whys []linewatch.GroupWhy
	undecided := false
	var held []int
	for i := range rule.Groups {
		g := &rule.Groups[i]
		names := inst.names[i]
		w := linewatch.GroupWhy{Group: g.ID, Weight: g.Weight, State: g.Otherwise}
		holds, told := -1, [][]linewatch.ConditionWhy{nil}
		for k := range g.Cases {
			why := j.condition(inst, &g.Cases[k].When, &names, t)
			told = append(told, refEvidence(&g.Cases[k].When, why))
			if w.Case == 0 && why.Truth != linewatch.False {
				w.Case, w.State = k+1, g.Cases[k].State
				if why.Truth == linewatch.True {
					holds = k
				}
				if why.Truth == linewatch.Undecided {
					undecided = true
					w.State = linewatch.Unknown
					if g.Unknown == linewatch.UnknownIgnore {
						w.State = ""
					}
				}
			}
		}
		about := w.Case
		if about == 0 && len(g.Cases) > 0 {
			about = 1
		}
		// Of an alarm that ends people want to see the case that it came from.
		if inst.held != nil && inst.held[i] >= 0 && holds < 0 {
			w.Was = g.Cases[inst.held[i]].State
			if w.Case == 0 {
				about = inst.held[i] + 1
			}
		}
		w.Conditions = told[about]
		whys, held = append(whys, w), append(held, holds)
	}
	inst.held = held
	state, by := refRank(rule, whys)
	if by < 0 && undecided {
		state = linewatch.Unknown
	}
	return whys, state, by
}

// refRank finds who wins: the heaviest, then the more severe, then the group
// named first. Not knowing never hides an alarm.
func refRank(rule *linewatch.Rule, whys []linewatch.GroupWhy) (linewatch.State, int) {
	weight := func(i int) (total int) {
		if rule.Ranking != linewatch.RankSum {
			return whys[i].Weight
		}
		for _, w := range whys {
			if w.State == whys[i].State {
				total += w.Weight
			}
		}
		return total
	}
	// The group that stands for its state is the heaviest one, then the first.
	stands := func(i int) bool {
		for k, w := range whys {
			if w.State == whys[i].State && (w.Weight > whys[i].Weight || w.Weight == whys[i].Weight && k < i) {
				return false
			}
		}
		return true
	}
	// Where weights are added it is states that are equal, not groups.
	named := func(i int) int {
		if rule.Ranking != linewatch.RankSum {
			return i
		}
		return slices.IndexFunc(whys, func(w linewatch.GroupWhy) bool { return w.State == whys[i].State })
	}
	best := func(allowed func(linewatch.State) bool) int {
		found := -1
		for i, w := range whys {
			if w.State == "" || !stands(i) || !allowed(w.State) {
				continue
			}
			if found < 0 || cmp.Or(cmp.Compare(weight(i), weight(found)),
				cmp.Compare(rule.SeverityOf(w.State), rule.SeverityOf(whys[found].State)), named(found)-named(i)) > 0 {
				found = i
			}
		}
		return found
	}
	winner := best(func(linewatch.State) bool { return true })
	if winner < 0 {
		return linewatch.Idle, -1
	}
	if whys[winner].State == linewatch.Unknown {
		if alarm := best(func(s linewatch.State) bool { return rule.SeverityOf(s) > 0 }); alarm >= 0 {
			winner = alarm
		}
	}
	return whys[winner].State, winner
}

// condition judges a condition and the ones in it at the instant t, and says
// why. Every kind of condition has its place in predicate.
func (j *refJudge) condition(inst *refInstance, c *linewatch.Condition, names *[]string, t linewatch.Time) linewatch.ConditionWhy {
	own := inst.conditions[(*names)[0]]
	*names = (*names)[1:]
	why := linewatch.ConditionWhy{Op: c.Op.String(), For: c.For, N: c.N}
	var kids []linewatch.Truth
	for i := range c.Of {
		kid := j.condition(inst, &c.Of[i], names, t)
		why.Of = append(why.Of, refEvidence(&c.Of[i], kid)...)
		why.Truth = refJoin(c.Op, i, why.Truth, kid.Truth)
		kids = append(kids, kid.Truth)
	}
	if c.Op == linewatch.AtLeastN {
		why.Truth = refAtLeast(c.N, kids)
	}
	now := refMoment{t: t, pred: why.Truth}
	if len(c.Of) == 0 {
		now.pred = j.predicate(&why, inst, c, own, t)
	}
	since := now.since(own, func(m refMoment) bool { return m.pred == linewatch.True })
	now.on = now.pred
	if c.For > 0 && now.pred == linewatch.True {
		why.Since = since
		if due := since + linewatch.Time(c.For); t < due {
			now.on = linewatch.False
			j.wake[due] = true
		}
	}
	now.out = now.on
	if c.Keep > 0 && now.on == linewatch.False {
		stopped := now.since(own, func(m refMoment) bool { return m.on == linewatch.False })
		if due := stopped + linewatch.Time(c.Keep); own.heldBefore() && t < due {
			now.out = linewatch.True
			why.Keep, why.Until = c.Keep, due
			j.wake[due] = true
		}
	}
	own.add(now)
	why.Truth = now.out
	return why
}

// since returns when a property that holds now began to hold.
func (m refMoment) since(c *refCondition, holds func(refMoment) bool) linewatch.Time {
	since := m.t
	for i := len(c.past) - 1; i >= 0 && holds(c.past[i]); i-- {
		since = c.past[i].t
	}
	return since
}

// heldBefore reports whether the condition held (on-delay included) just
// before it became false, or holds in the newest moment.
func (c *refCondition) heldBefore() bool {
	for i := len(c.past) - 1; i >= 0; i-- {
		if c.past[i].on != linewatch.False {
			return c.past[i].on == linewatch.True
		}
	}
	return false
}

func (c *refCondition) add(m refMoment) {
	if n := len(c.past); n > 0 {
		last := c.past[n-1]
		last.t = m.t
		if last == m {
			return
		}
	}
	c.past = append(c.past, m)
}

// memory is what the predicate was when it was last decided.
func (c *refCondition) memory() bool {
	for i := len(c.past) - 1; i >= 0; i-- {
		if c.past[i].pred != linewatch.Undecided {
			return c.past[i].pred == linewatch.True
		}
	}
	return false
}

// refJoin adds the truth of condition i to that of those before it.
func refJoin(op linewatch.Op, i int, before, next linewatch.Truth) linewatch.Truth {
	// In this order of truth, all is the least and any the greatest.
	order := map[linewatch.Truth]int{linewatch.False: 0, linewatch.Undecided: 1, linewatch.True: 2}
	switch {
	case op == linewatch.Not && next == linewatch.True:
		return linewatch.False
	case op == linewatch.Not && next == linewatch.False:
		return linewatch.True
	case op == linewatch.Not:
		return linewatch.Undecided
	case i == 0, op == linewatch.All && order[next] < order[before], op == linewatch.Any && order[next] > order[before]:
		return next
	}
	return before
}

// refAtLeast: the worst case and the best case agree, or nobody knows.
func refAtLeast(n int, kids []linewatch.Truth) linewatch.Truth {
	least, most := 0, 0
	for _, k := range kids {
		if k == linewatch.True {
			least++
		}
		if k != linewatch.False {
			most++
		}
	}
	if (least >= n) != (most >= n) {
		return linewatch.Undecided
	}
	return linewatch.TruthOf(least >= n)
}

// refEvidence: an all without delays is explained by what it holds.
func refEvidence(c *linewatch.Condition, why linewatch.ConditionWhy) []linewatch.ConditionWhy {
	if c.Op == linewatch.All && c.For == 0 && c.Keep == 0 {
		return why.Of
	}
	return []linewatch.ConditionWhy{why}
}

// refCompare compares two values of one type, numbers with every digit.
func refCompare(v, w linewatch.Value) int {
	if !v.IsNumber() {
		return strings.Compare(v.String(), w.String())
	}
	a, _ := v.Float()
	b, _ := w.Float()
	if a < 1<<50 && a > -1<<50 && b < 1<<50 && b > -1<<50 {
		return cmp.Compare(a, b)
	}
	return refExact(v).Cmp(refExact(w))
}

func refExact(v linewatch.Value) *big.Rat {
	if v.Kind() == linewatch.Float {
		f, _ := v.Float()
		return new(big.Rat).SetFloat64(f)
	}
	r, _ := new(big.Rat).SetString(v.String())
	return r
}

var refField = regexp.MustCompile(`\$\{[^}]*\}`)

// alert adds what operators are told.
func (j *refJudge) alert(c *linewatch.StateChange, rule *linewatch.Rule) {
	c.Severity = rule.SeverityOf(c.To)
	if c.Severity == 0 && !(c.To == linewatch.Unknown && rule.OnUnknown == linewatch.UnknownAlarm) {
		return
	}
	if a := rule.Alert; a != nil {
		fill := func(s string) string {
			return refField.ReplaceAllStringFunc(s, func(f string) string { return j.field(f[2:len(f)-1], c) })
		}
		c.Title, c.Text, c.Channels = fill(a.Title), fill(a.Text), a.Channels
	}
	if c.Title == "" {
		c.Title = rule.Name
	}
}

func (j *refJudge) field(name string, c *linewatch.StateChange) string {
	eq := refEquipment(&j.assets, c.Equipment)
	if tag, ok := strings.CutPrefix(name, "tag:"); ok {
		samples := j.history[refTag{c.Equipment, tag}]
		if len(samples) == 0 {
			return "?"
		}
		v := samples[len(samples)-1].Value
		if v.IsNull() {
			return "?"
		}
		for _, listed := range eq.Tags {
			if f, _ := v.Float(); listed.Name == tag && v.Kind() == linewatch.Float {
				return fmt.Sprintf("%.*f", listed.Decimals, f)
			}
		}
		return v.String()
	}
	return map[string]string{
		"equipment": cmp.Or(eq.Alias, c.Equipment), "machine": eq.Machine, "line": c.Line, "site": c.Site,
		"state": string(c.To), "rule": string(c.Rule),
	}[name]
}
