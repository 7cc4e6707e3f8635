package rules

import (
	"slices"

	"linewatch"
)

// rule returns the rule and stage of a record that waits; empty for records of
// another kind. A withdrawal is of the same effect as a retired version.
func (p *pendingControl) rule() (linewatch.RuleID, linewatch.Stage) {
	switch {
	case p.what.Rule != nil:
		return p.what.Rule.Rule.ID, p.what.Rule.In()
	case p.what.DeleteRule != nil:
		return p.what.DeleteRule.ID, linewatch.StageRetired
	}
	return "", ""
}

// await notes that a record is to wait, and ends what can have no effect behind
// it: while event time stands still, all that is published of a rule would pile
// up. It reports whether the record itself is to have an effect.
func (e *Engine) await(p *pendingControl) bool {
	id, stage := p.rule()
	if id == "" {
		e.awaitAssets(p)
		return true
	}
	if stage == linewatch.StageDraft && (e.now.Known() || p.at == beginning) {
		return false
	}
	// What a version in between would make conditions forget must be forgotten.
	fresh := !e.serves(slot{id, false}) && !e.serves(slot{id, true})
	for _, w := range e.waits[id] {
		fresh = fresh && w.at >= p.at
	}
	e.waits[id] = append(slices.DeleteFunc(e.waits[id], func(w *pendingControl) bool {
		return p.outdoes(w, fresh) && e.end(w)
	}), p)
	if e.over > len(e.pending)/2 {
		e.pending = slices.DeleteFunc(e.pending, func(p *pendingControl) bool { return p.over })
		e.over = 0
	}
	return true
}

// awaitAssets ends a registry that no instance would ever see, because another
// one follows before the first instant of all, with nothing in between that is
// of its equipment. Equipment that is left out stays known here by the tags that
// rules read of it.
func (e *Engine) awaitAssets(p *pendingControl) {
	if p.what.Assets == nil || e.now.Known() {
		return
	}
	for i := e.pendingAfter(p.at) - 1; i >= 0 && e.pending[i].at == p.at; i-- {
		w := e.pending[i]
		if id, _ := w.rule(); w.over || id != "" || w.what.Table != nil {
			continue
		}
		if w.what.Assets != nil && e.hearsAll(w.what.Assets, p.what.Assets) {
			e.end(w)
		}
		return
	}
}

// hearsAll reports whether all equipment that is heard here by one registry is
// heard by the next one.
func (e *Engine) hearsAll(before, after *linewatch.Assets) bool {
	old, next := newRegistry(*before), newRegistry(*after)
	for i := range before.Equipment {
		if id := before.Equipment[i].ID; e.hears(&old, e.told, id) && !e.hears(&next, e.told, id) {
			return false
		}
	}
	return true
}

// outdoes reports whether an earlier record of the same rule has no effect
// behind p, which is of a higher version. Those of the same instant do have one
// unless the rule is fresh: no instance is there that remembers anything.
func (p *pendingControl) outdoes(w *pendingControl, fresh bool) bool {
	if w.at < p.at || w.at == p.at && !fresh {
		return false
	}
	_, stage := p.rule()
	_, earlier := w.rule()
	switch stage {
	case linewatch.StageDraft:
		return earlier == linewatch.StageDraft
	case linewatch.StageShadow:
		return earlier == linewatch.StageDraft || earlier == linewatch.StageShadow
	}
	return true
}

// outdone reports whether a record of a rule has no effect any more; see end.
func (e *Engine) outdone(p *pendingControl) bool {
	id, _ := p.rule()
	if id == "" {
		return false
	}
	return e.rules[id].live.version > p.version() || slices.ContainsFunc(e.waits[id], func(w *pendingControl) bool {
		return w.version() > p.version() && w.outdoes(p, false)
	})
}

func (p *pendingControl) version() uint32 {
	if p.what.Rule != nil {
		return p.what.Rule.Version
	}
	return p.what.DeleteRule.Version
}

// end lets a record have no effect, and reports whether it could. The first
// instant of all stays one: records from the beginning wait for it.
func (e *Engine) end(p *pendingControl) bool {
	if i := e.pendingAfter(beginning); !e.now.Known() && i < len(e.pending) && e.pending[i] == p {
		return false
	}
	*p = pendingControl{at: p.at, order: p.order, over: true}
	e.over++
	return true
}

// arrived notes that a record has its effect now.
func (e *Engine) arrived(p *pendingControl) {
	id, _ := p.rule()
	if id == "" {
		return
	}
	waits := slices.DeleteFunc(e.waits[id], func(w *pendingControl) bool { return w == p })
	if e.waits[id] = waits; len(waits) == 0 {
		delete(e.waits, id)
	}
}
