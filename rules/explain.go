package rules

import (
	"strconv"
	"strings"

	"linewatch"
)

// Causes of a change, or of an unknown condition, that no value explains.
const (
	causeOffline   = "source offline"
	causeNoValue   = "no value yet"
	causeType      = "type does not fit"
	causeElsewhere = "equipment of another line"
	causeAbsent    = "equipment is not registered"
	causeWithdrawn = "rule withdrawn"
	causeNoRule    = "no such rule in force"
	causeUndecided = "rule says UNKNOWN"
)

// emit records that an instance goes to another state.
func (e *Engine) emit(inst *instance, to linewatch.State, group int, t linewatch.Time) {
	c := e.change(inst, to, t)
	rule := inst.prog.rule
	c.Severity = rule.SeverityOf(to)
	if group >= 0 {
		c.Group = inst.prog.groups[group].id
	}
	c.Why = linewatch.Explanation{Groups: e.why(inst, group, !inst.anew)}
	alarms := c.Severity > 0 || to == linewatch.Unknown && rule.OnUnknown == linewatch.UnknownAlarm
	if a := rule.Alert; a != nil && alarms {
		c.Title, c.Text, c.Channels = e.fill(a.Title, &c), e.fill(a.Text, &c), a.Channels
	}
	if alarms && c.Title == "" {
		c.Title = rule.Name
	}
	e.changes = append(e.changes, c)
	e.tellReaders(inst)
}

// change numbers and identifies the next change of an instance.
func (e *Engine) change(inst *instance, to linewatch.State, t linewatch.Time) linewatch.StateChange {
	if inst.last == t {
		inst.same++
	} else {
		inst.last, inst.same = t, 0
	}
	inst.seq++
	eq := e.registry.find(inst.key.equipment)
	c := linewatch.StateChange{
		Kind:      inst.key.kind(),
		Rule:      inst.key.rule,
		Version:   inst.prog.version,
		Site:      eq.Site,
		Line:      eq.Line,
		Equipment: inst.key.equipment,
		From:      inst.state,
		To:        to,
		EventTime: t,
		Seq:       inst.seq,
		Priority:  inst.prog.rule.Priority,
	}
	c.ID = linewatch.ChangeID(c.Kind, c.Rule, c.Version, c.Equipment, t, inst.same)
	inst.state = to
	return c
}

// why explains the state of an instance: every group's opinion and what the
// deciding case rests on; past says that it is the evaluation which is going on
// that counts, and what held before it.
func (e *Engine) why(inst *instance, winner int, past bool) []linewatch.GroupWhy {
	opinions := inst.prog.opinions(nil, inst.nodes)
	out := make([]linewatch.GroupWhy, len(opinions))
	for i, o := range opinions {
		g := &inst.prog.groups[i]
		w := linewatch.GroupWhy{Group: g.id, Weight: g.weight, State: o.state, Wins: i == winner, Case: o.which}
		shown := max(o.which, 1) // where no case holds, the first one tells best why not
		if past && (o.which == 0 || o.open) {
			if k := g.held(inst.nodes); k >= 0 {
				w.Was = g.cases[k].state
				if o.which == 0 {
					shown = k + 1
				}
			}
		}
		if len(g.cases) > 0 {
			w.Conditions = e.evidence(nil, inst, g.cases[shown-1].root)
		}
		out[i] = w
	}
	return out
}

// evidence describes a condition; the conditions of an `all` without delays of
// its own stand for themselves.
func (e *Engine) evidence(dst []linewatch.ConditionWhy, inst *instance, at int32) []linewatch.ConditionWhy {
	n, s := &inst.prog.nodes[at], &inst.nodes[at]
	if n.op == linewatch.All && n.hold == 0 && n.keep == 0 {
		for _, k := range n.kids {
			dst = e.evidence(dst, inst, k)
		}
		return dst
	}
	w := linewatch.ConditionWhy{Op: n.op.String(), Truth: s.out, For: n.hold, N: n.cond.N}
	if n.hold != 0 && s.since.Known() {
		w.Since = s.since
	}
	if n.keep != 0 && s.until.Known() {
		w.Keep, w.Until = n.keep, s.until
	}
	for _, k := range n.kids {
		w.Of = e.evidence(w.Of, inst, k)
	}
	switch {
	case n.rule != "":
		e.describeRule(&w, inst, n)
	case s.probe != nil:
		e.describeProbe(&w, inst, n, s.probe)
	case !n.op.Combines():
		e.describeInput(&w, inst, n)
	}
	return append(dst, w)
}

// describeInput adds the tag, its newest value and the limits of a leaf.
func (e *Engine) describeInput(w *linewatch.ConditionWhy, inst *instance, n *node) {
	w.Tag, w.Limits = n.tag, n.limits
	equipment := e.registry.resolve(n.equipment)
	if equipment == "" {
		equipment = inst.key.equipment
	} else if equipment != inst.key.equipment {
		w.Equipment = equipment
	}
	if !n.clear.IsNull() {
		w.Clear = &n.clear
	}
	if !e.here(equipment) {
		w.Cause = e.absence(equipment)
		return
	}
	id, ok := e.Lookup(equipment, n.tag)
	if !ok || !e.series[id].last.At.Known() {
		w.Cause = causeNoValue
		return
	}
	sr := &e.series[id]
	last := sr.last
	w.Value, w.At, w.Sequence = &last.Value, last.At, last.Sequence
	w.Sender = e.senders[last.Sender].String()
	switch {
	case e.senders[last.Sender].offline():
		w.Cause = causeOffline
	case last.Quality != linewatch.Ok:
		w.Quality, w.Cause = last.Quality.String(), e.causes.text(sr.cause)
	case !n.fits(last.Value):
		w.Cause = causeType
	}
}

// fill replaces each ${field} of an alert text.
func (e *Engine) fill(text string, c *linewatch.StateChange) string {
	var b strings.Builder
	for {
		before, rest, found := strings.Cut(text, "${")
		b.WriteString(before)
		if !found {
			return b.String()
		}
		name, after, closed := strings.Cut(rest, "}")
		if !closed {
			b.WriteString("${" + rest)
			return b.String()
		}
		b.WriteString(e.field(name, c))
		text = after
	}
}

// field returns what stands for a ${name} in an alert text.
func (e *Engine) field(name string, c *linewatch.StateChange) string {
	eq := e.registry.find(c.Equipment)
	switch name {
	case "equipment":
		if eq.Alias != "" {
			return eq.Alias
		}
		return c.Equipment
	case "machine":
		return eq.Machine
	case "line":
		return c.Line
	case "site":
		return c.Site
	case "state":
		return string(c.To)
	case "rule":
		return string(c.Rule)
	}
	tag, ok := strings.CutPrefix(name, "tag:")
	if !ok {
		return "${" + name + "}"
	}
	if id, ok := e.Lookup(c.Equipment, tag); ok && e.series[id].last.At.Known() {
		if v := e.series[id].last.Value; !v.IsNull() {
			return display(v, &eq, tag)
		}
	}
	return "?"
}

// display writes a value with as many decimals as the registry wants for its
// tag.
func display(v linewatch.Value, eq *linewatch.Equipment, tag string) string {
	if f, _ := v.Float(); v.Kind() == linewatch.Float {
		for _, t := range eq.Tags {
			if t.Name == tag {
				return strconv.FormatFloat(f, 'f', t.Decimals, 64)
			}
		}
	}
	return strings.Map(visible, v.String())
}

// visible replaces what has no place in a title: a value from a machine must not
// begin a new line, hide others or turn their direction. Which characters these
// are is fixed, so that no new version of Unicode changes what a replay gives.
func visible(r rune) rune {
	switch {
	case r < ' ', '\x7f' <= r && r < '\u00a0',
		'\u200e' <= r && r <= '\u200f', '\u2028' <= r && r <= '\u202e', '\u2066' <= r && r <= '\u2069':
		return '\ufffd'
	}
	return r
}
