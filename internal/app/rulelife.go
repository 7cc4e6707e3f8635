package app

import (
	"context"
	"fmt"
	"reflect"
	"slices"

	"linewatch"
	"linewatch/ingest"
	"linewatch/notify/bolthistory"
	"linewatch/rules"
	"linewatch/rules/host"
	"linewatch/rules/rulefile"
	"linewatch/rules/ruleset"
	"linewatch/ui"
)

const (
	// maxVersions is how many versions of a rule are listed. Older ones are on
	// the control log and can be republished.
	maxVersions = 100
	// maxRules is how many rules may be published and not deleted: a program
	// that makes one up for each of its runs must not fill the memory.
	maxRules = 100_000
	// maxShadows is how many changes of versions that are only tried are kept.
	maxShadows = 100_000
)

// noteRule takes note of a version. c.known is held.
func (c *control) noteRule(rv *linewatch.RuleVersion) {
	old := c.rules[rv.Rule.ID]
	if rv.Version <= old.version || c.graph.Check(rv) != nil {
		return // the engine refuses it too
	}
	c.graph.Publish(rv)
	if old.version == 0 || old.deleted {
		c.alive++
	}
	v := ui.RuleVersion{Version: rv.Version, Stage: rv.In(), From: rv.From}
	rule := rv.Rule
	c.noteInForce(rule.ID, &rule, rv.In())
	c.rules[rule.ID] = publishedRule{version: rv.Version, rule: &rule, stage: rv.In(), from: rv.From, lost: c.lost, versions: old.with(v)}
}

// noteDelete takes note of the end of a rule. c.known is held.
func (c *control) noteDelete(d *linewatch.RuleDelete) {
	old, ok := c.rules[d.ID]
	if !ok || d.Version <= old.version {
		return
	}
	c.graph.Withdraw(d.ID, d.From)
	if !old.deleted {
		c.alive--
	}
	v := ui.RuleVersion{Version: d.Version, Deleted: true, From: d.From}
	delete(c.have.Rules, d.ID)
	delete(c.have.Waiting, d.ID)
	c.rules[d.ID] = publishedRule{version: d.Version, rule: &linewatch.Rule{Name: old.rule.Name}, deleted: true, from: d.From, lost: c.lost, versions: old.with(v)}
}

// noteInForce takes note of what a version puts in force, and a draft or shadow
// leaves so.
func (c *control) noteInForce(id linewatch.RuleID, rule *linewatch.Rule, stage linewatch.Stage) {
	switch live := c.have.Rules[id] != nil; {
	case stage == linewatch.StageActive:
		delete(c.have.Waiting, id)
		c.have.Rules[id] = rule
	case stage == linewatch.StageRetired || !live:
		delete(c.have.Rules, id)
		c.have.Waiting[id] = rule
	}
}

// with returns the versions with a newer one.
func (p *publishedRule) with(v ui.RuleVersion) []ui.RuleVersion {
	all := append(slices.Clip(p.versions), v)
	return all[max(0, len(all)-maxVersions):]
}

// is reports whether a version would change nothing: its content was published
// last, for the same stage and time.
func (p *publishedRule) is(rv *linewatch.RuleVersion) bool {
	return p.version > 0 && !p.deleted && p.stage == rv.In() && p.from == rv.From && reflect.DeepEqual(*p.rule, rv.Rule)
}

// follows reports ui.ErrConflict if the author of a publication has not seen
// the newest version.
func (p *publishedRule) follows(how ui.Publication) error {
	if how.After >= 0 && how.After != int64(p.version) {
		return fmt.Errorf("%w: the newest is version %d, not %d; look at it, then publish after that", ui.ErrConflict, p.version, how.After)
	}
	return nil
}

// life describes a rule without its lines; ok is false if it was never
// published.
func (c *control) life(id linewatch.RuleID) (life ui.RuleLife, ok bool) {
	c.known.Lock()
	defer c.known.Unlock()
	p, ok := c.rules[id]
	life = ui.RuleLife{ID: id, Versions: slices.Clone(p.versions), Lines: []ui.RuleOnLine{}}
	if !ok {
		return life, false
	}
	life.Name = p.rule.Name
	slices.Reverse(life.Versions)
	if !p.deleted {
		life.Document = p.rule
	}
	return life, true
}

// published lists the rules that are not deleted, in order.
func (c *control) published() []linewatch.RuleID {
	c.known.Lock()
	defer c.known.Unlock()
	var ids []linewatch.RuleID
	for id, p := range c.rules {
		if !p.deleted {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}

// content reads a version from the control log; 0 is the newest one that is no
// deletion.
func (c *control) content(ctx context.Context, id linewatch.RuleID, version uint32) (found linewatch.Rule, err error) {
	at := uint32(0)
	err = c.read(ctx, func(rec *linewatch.Control) {
		if rv := rec.Rule; rv != nil && rv.Rule.ID == id && rv.Version > at && (version == 0 || rv.Version == version) {
			found, at = rv.Rule, rv.Version
		}
	}, func(*ingest.CorruptError) {})
	switch {
	case err != nil:
	case at == 0 && version == 0:
		err = ui.ErrUnknownRule
	case at == 0:
		err = ui.Declined{Err: fmt.Errorf("rule %s has no version %d to bring back; linewatch rules list %s names them", id, version, id)}
	}
	return found, err
}

// ruleLives tells the lives of rules: the control log knows what was
// published, the engine what is in force.
type ruleLives struct {
	control  *control
	host     *host.Host
	upToDate func(context.Context) // waits until the engine knows what the control log says
}

// RuleLives implements ui.RuleLives.
func (l ruleLives) RuleLives(ctx context.Context) ([]ui.RuleLife, error) {
	lines, err := l.lines(ctx)
	if err != nil {
		return nil, err
	}
	lives := []ui.RuleLife{}
	for _, id := range l.control.published() {
		life, _ := l.control.life(id)
		life.Document = nil
		life.Lines = append(life.Lines, lines[id]...)
		lives = append(lives, life)
	}
	return lives, nil
}

// RuleLife implements ui.RuleLives.
func (l ruleLives) RuleLife(ctx context.Context, id linewatch.RuleID) (ui.RuleLife, error) {
	life, ok := l.control.life(id)
	if !ok {
		return life, ui.ErrUnknownRule
	}
	lines, err := l.lines(ctx)
	life.Lines = append(life.Lines, lines[id]...)
	return life, err
}

// Republish implements ui.RuleLives.
func (l ruleLives) Republish(ctx context.Context, id linewatch.RuleID, version uint32, how ui.Publication) (ui.Published, error) {
	if _, ok := l.control.life(id); !ok {
		return ui.Published{}, ui.ErrUnknownRule
	}
	rule, err := l.control.content(ctx, id, version)
	if err != nil {
		return ui.Published{}, err
	}
	said, err := l.control.publish(ctx, rulefile.Known("rule "+string(id), &rule), how, (*ruleset.InForce).Recheck)
	if err == nil {
		said.Notes = append(said.Notes, l.control.notes(ctx, &rule, how)...)
		said.Over = l.over(ctx, l.control.homes(id), how.From)
	}
	return said, err
}

// lines returns what is in force of each rule, line by line.
func (l ruleLives) lines(ctx context.Context) (map[linewatch.RuleID][]ui.RuleOnLine, error) {
	l.upToDate(ctx)
	ctx, cancel := context.WithTimeout(ctx, statusTimeout)
	defer cancel()
	all, err := l.host.Rules(ctx)
	if err != nil {
		return nil, err
	}
	out := map[linewatch.RuleID][]ui.RuleOnLine{}
	for _, line := range all {
		if line.Line == host.Nowhere {
			continue
		}
		for i := range line.Rules {
			s := &line.Rules[i]
			out[s.Rule] = append(out[s.Rule], ruleOnLine(domainName(line.Line), s))
		}
	}
	return out, nil
}

func ruleOnLine(line string, s *rules.RuleStatus) ui.RuleOnLine {
	on := ui.RuleOnLine{Line: line, Live: ui.RuleInForce{Version: s.Version, Since: s.Since, From: s.From}}
	if s.Shadow > 0 {
		on.Shadow = &ui.RuleInForce{Version: s.Shadow, Since: s.ShadowSince, From: s.ShadowFrom}
	}
	for _, w := range s.Waiting {
		if w.At <= linewatch.NoTime+1 {
			w.At = linewatch.NoTime
		}
		on.Next = append(on.Next, ui.RuleNextThen{Version: w.Version, At: w.At})
	}
	return on
}

// byKind takes changes on their way out into the history, those of shadows
// into one of their own, from which nobody is told.
func byKind(history, shadows *bolthistory.History) func(context.Context, []linewatch.StateChange) error {
	return func(ctx context.Context, changes []linewatch.StateChange) error {
		var live, shadow []linewatch.StateChange
		for i := range changes {
			if changes[i].Kind == linewatch.Shadow {
				shadow = append(shadow, changes[i])
			} else {
				live = append(live, changes[i])
			}
		}
		if len(live) > 0 {
			if err := history.Append(ctx, live); err != nil {
				return err
			}
		}
		if len(shadow) > 0 {
			return shadows.Append(ctx, shadow)
		}
		return nil
	}
}
