package app

import (
	"context"
	"fmt"
	"maps"

	"linewatch"
	"linewatch/rules/ruleset"
	"linewatch/ui"
)

// maxNotes bounds how many notes one answer holds.
const maxNotes = 20

func someNotes(notes []string) []string {
	if len(notes) <= maxNotes {
		return notes
	}
	return append(notes[:maxNotes:maxNotes], fmt.Sprintf("and %d more of that kind", len(notes)-maxNotes))
}

// notes returns what of a rule that was published cannot be decided as things
// stand. Who has no time to wait for it goes without.
func (c *control) notes(ctx context.Context, rule *linewatch.Rule, how ui.Publication) []string {
	if how.Stage == linewatch.StageRetired || c.hold(ctx) != nil {
		return nil
	}
	defer c.release()
	return someNotes(append(c.have.Notes(rule), tellDoubts(c.logger, c.reading.rule(&c.have, rule))...))
}

// replaces tells of a rule that takes the place of quite another one, as a copy
// does whose id was forgotten; empty if it does not. The caller may write.
func (c *control) replaces(rule *linewatch.Rule, how ui.Publication) string {
	old := c.have.Rules[rule.ID]
	if old == nil || how.Stage != "" && how.Stage != linewatch.StageActive || ruleset.Akin(old, rule) {
		return ""
	}
	life, _ := c.life(rule.ID)
	was, ok := life.InForce()
	if !ok {
		return ""
	}
	name := "which has"
	if old.Name != "" {
		name = fmt.Sprintf("%q, which has another name and", old.Name)
	}
	return fmt.Sprintf("this takes the place of version %d, %s no group in common with it; if that was not meant, give this rule an id of its own and bring the other back: linewatch rules rollback %s %d",
		was.Version, name, rule.ID, was.Version)
}

// leaves returns what other rules cannot decide without a rule that ends.
func (c *control) leaves(id linewatch.RuleID, from linewatch.Time) []string {
	if c.have.Rules[id] == nil {
		return nil
	}
	after := c.have
	after.Rules = maps.Clone(after.Rules)
	delete(after.Rules, id)
	notes := someNotes(c.have.Concerns(&after))
	for i := range notes {
		if from > 0 {
			notes[i] = "from " + from.String() + " on: " + notes[i]
		}
	}
	return notes
}

// logPublished logs what is about to be noted, without its content.
func (c *control) logPublished(rec *linewatch.Control) {
	var what []any
	from := linewatch.Time(0)
	switch {
	case rec.Rule != nil:
		from = rec.Rule.From
		what = []any{"rule", rec.Rule.Rule.ID, "version", rec.Rule.Version, "stage", rec.Rule.In()}
	case rec.DeleteRule != nil:
		from = rec.DeleteRule.From
		what = []any{"rule", rec.DeleteRule.ID, "version", rec.DeleteRule.Version, "stage", "deleted"}
	case rec.Assets != nil:
		what = []any{"assets", len(rec.Assets.Equipment), "senders", len(rec.Assets.Senders)}
		if c.assets != nil {
			gone := unregistered(c.assets, rec.Assets)
			what = append(what, "machines_gone", len(gone.Machines), "senders_gone", len(gone.Senders))
		}
	case rec.Table != nil:
		what = []any{"table", rec.Table.ID, "rows", len(rec.Table.Rows)}
	default:
		return // not said by a person
	}
	if from > 0 {
		what = append(what, "from", from.String())
	}
	c.logger.Info("published", what...)
}

// ApplyRule implements ui.Rules.
func (l ruleLives) ApplyRule(ctx context.Context, file string, body []byte, how ui.Publication) (ui.Published, error) {
	said, err := l.control.ApplyRule(ctx, file, body, how)
	if err == nil {
		said.Over = l.over(ctx, l.control.homes(said.ID), how.From)
	}
	return said, err
}

// DeleteRule implements ui.Rules.
func (l ruleLives) DeleteRule(ctx context.Context, id linewatch.RuleID, how ui.Publication) (ui.Published, error) {
	homes := l.control.homes(id)
	said, err := l.control.DeleteRule(ctx, id, how)
	if err == nil {
		said.Over = l.over(ctx, homes, how.From)
	}
	return said, err
}

// homes returns the lines, or the site, on which a rule is judged.
func (c *control) homes(id linewatch.RuleID) map[string]bool {
	c.known.Lock()
	defer c.known.Unlock()
	homes := map[string]bool{}
	p, ok := c.rules[id]
	if !ok || c.assets == nil {
		return homes
	}
	scope := p.rule.Scope
	if scope.Site != "" {
		homes[scope.Subject()] = true
	}
	for _, eq := range c.assets.Equipment {
		if scope.Line != "" && scope.Line == eq.Line || scope.Class != "" && scope.Class == eq.Class || scope.Equipment != "" && (scope.Equipment == eq.ID || scope.Equipment == eq.Alias) {
			homes[eq.Line] = true
		}
	}
	return homes
}

// over tells on which of some homes an effective-from is over. Where that
// cannot be told, nothing is claimed.
func (l ruleLives) over(ctx context.Context, homes map[string]bool, from linewatch.Time) ui.Over {
	if from <= 0 {
		return ui.OverNowhere
	}
	ctx, cancel := context.WithTimeout(ctx, statusTimeout)
	defer cancel()
	all, err := l.host.Progress(ctx)
	if err != nil {
		return ui.OverNowhere
	}
	here, over := len(homes), 0
	for i := range all {
		d := &all[i]
		passed := d.Watermark.Known() && from <= d.Watermark
		switch {
		case d.Line == "" && passed: // the one domain of a global scope
			return ui.OverEverywhere
		case homes[d.Line] && passed:
			over++
		}
	}
	switch {
	case over == 0:
		return ui.OverNowhere
	case over < here:
		return ui.OverSomewhere
	}
	return ui.OverEverywhere
}
