package app

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"reflect"
	"sync"
	"sync/atomic"

	"linewatch"
	"linewatch/ingest"
	"linewatch/rules"
	"linewatch/rules/rulefile"
	"linewatch/rules/ruleset"
	"linewatch/ui"
)

// control publishes rules, assets and tables on the control log. It is the
// only writer, and so the one who numbers versions.
type control struct {
	log    ingest.Log
	logger *slog.Logger  // told of what is published
	mu     chan struct{} // held while a record is written; a channel, since writing blocks
	known  sync.Mutex
	rules  map[linewatch.RuleID]publishedRule
	alive  int // rules that are not deleted
	most   int // no new one is published above so many
	assets *linewatch.Assets
	have   ruleset.InForce // changed and read by who may write, and changed with known held
	graph  linewatch.RuleGraph
	told   map[string]bool            // homes of sites that rules are about: whether they were told what is known
	guests *rules.Guests              // lines that lines hear beside their own
	ears   map[string]map[string]bool // by line and guest: whether it was told what that knows
	noted  chan struct{}              // holds a token when something was noted
	kept   map[string]string          // by table that is read again and again: from where
	// lost counts records that could not be read. The engine may have taken them
	// when they could, so that what was published before one may not be what is
	// in force, and any may have been a version of a rule.
	lost       uint32
	assetsLost uint32            // lost when the registry was published
	tablesLost map[string]uint32 // the same of tables
	// replaced, if set, is told of a registry that took the place of another,
	// or of none. It must not block.
	replaced func(before, after *linewatch.Assets)
	seeded   []*rulefile.Source // published by the start that is under way
	reading  *reading           // what the sources of this process read; nil without any
	// written counts records, and taken those that the engine is known to have.
	written, taken atomic.Uint64
}

// publishedRule is the newest version of a rule. Deleted rules keep their
// number and their name.
type publishedRule struct {
	version  uint32
	rule     *linewatch.Rule
	stage    linewatch.Stage
	from     linewatch.Time
	deleted  bool
	lost     uint32           // control.lost when it was published
	versions []ui.RuleVersion // the newest maxVersions, the oldest first
}

// newControl reads what was published before. What is damaged is passed over, as
// the engine passes over it, and told to the logger.
func newControl(ctx context.Context, log ingest.Log, logger *slog.Logger) (*control, error) {
	c := &control{
		log: log, logger: slog.New(slog.DiscardHandler), mu: make(chan struct{}, 1),
		rules: map[linewatch.RuleID]publishedRule{}, most: maxRules, have: ruleset.NewInForce(), tablesLost: map[string]uint32{},
		told: map[string]bool{}, guests: rules.NewGuests(compileExpression), ears: map[string]map[string]bool{}, noted: make(chan struct{}, 1),
		kept: map[string]string{},
	}
	err := c.read(ctx, c.note, func(gap *ingest.CorruptError) {
		c.lost += uint32(gap.Last - gap.First + 1)
		logger.Error("records of the control log are lost; publish again the rules, tables and assets that are not as they should be",
			"first", gap.First, "last", gap.Last, "error", gap)
	})
	return c, err
}

// read shows what the control log holds now.
func (c *control) read(ctx context.Context, show func(*linewatch.Control), lost func(*ingest.CorruptError)) error {
	for from := uint64(0); ; {
		b, err := c.log.Read(ctx, 0, from, 1000)
		if gap, ok := errors.AsType[*ingest.CorruptError](err); ok {
			lost(gap)
			from = gap.Last + 1
			continue
		}
		if err != nil {
			return fmt.Errorf("read control log: %w", err)
		}
		for _, r := range b.Records {
			var rec linewatch.Control
			if err := json.Unmarshal(r.Data, &rec); err == nil { // the engine reports damage
				show(&rec)
			}
			from = r.Offset + 1
		}
		if b.ClosedAt.Known() {
			return nil
		}
	}
}

func (c *control) note(rec *linewatch.Control) {
	c.known.Lock()
	defer c.known.Unlock()
	c.noteSite(rec)
	switch {
	case rec.Rule != nil:
		c.noteRule(rec.Rule)
	case rec.DeleteRule != nil:
		c.noteDelete(rec.DeleteRule)
	case rec.Assets != nil:
		c.assets, c.have.Registry, c.assetsLost = rec.Assets, rec.Assets, c.lost
	case rec.Table != nil:
		c.have.Tables[rec.Table.ID], c.tablesLost[rec.Table.ID] = *rec.Table, c.lost
	}
}

// next returns the number of a rule's next version, above whatever records that
// were lost behind the newest one may have been.
func (c *control) next(old *publishedRule) uint32 { return old.version + 1 + c.lost - old.lost }

// write makes the next record with make, which sees what is published and may
// return nil for "nothing to do", and stores it.
func (c *control) write(ctx context.Context, make func() (*linewatch.Control, error)) error {
	if err := c.hold(ctx); err != nil {
		return err
	}
	defer c.release()
	rec, err := make()
	if err != nil || rec == nil {
		return err
	}
	rec.Version = 1
	data, err := json.Marshal(rec)
	if err == nil {
		err = ingest.CheckRecords([][]byte{data})
	}
	if err != nil {
		return err
	}
	if err := c.log.Append(ctx, 0, data); err != nil {
		return fmt.Errorf("write control log: %w", err)
	}
	c.logPublished(rec)
	before := c.assets
	c.note(rec)
	c.written.Add(1)
	if rec.Assets != nil && c.replaced != nil {
		c.replaced(before, rec.Assets)
	}
	return nil
}

// hold keeps what is published as it is, until release.
func (c *control) hold(ctx context.Context) error {
	select {
	case c.mu <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (c *control) release() { <-c.mu }

// ApplyRule publishes the rule in a file. One that is in force as it is gets no
// new version.
func (c *control) ApplyRule(ctx context.Context, file string, body []byte, how ui.Publication) (ui.Published, error) {
	src, err := rulefile.ReadRule(file, body)
	if err != nil {
		return ui.Published{}, ui.Refused{Err: err}
	}
	other := ""
	said, err := c.publish(ctx, src, how, func(have *ruleset.InForce, src *rulefile.Source) error {
		other = c.replaces(src.Rule, how)
		return have.Check(src)
	})
	if err == nil {
		if other != "" {
			said.Notes = append(said.Notes, other)
		}
		said.Notes = append(said.Notes, c.notes(ctx, src.Rule, how)...)
	}
	return said, err
}

// publish publishes the next version of a rule, if it passes a check against
// what is in force.
func (c *control) publish(ctx context.Context, src *rulefile.Source, how ui.Publication, check func(*ruleset.InForce, *rulefile.Source) error) (said ui.Published, err error) {
	rule := src.Rule
	said.ID = rule.ID
	err = c.write(ctx, func() (*linewatch.Control, error) {
		if how.Stage != linewatch.StageRetired { // that must always be possible
			if err := check(&c.have, src); err != nil {
				return nil, ui.Refused{Err: err}
			}
		}
		old := c.rules[rule.ID]
		if err := old.follows(how); err != nil {
			return nil, fmt.Errorf("rule %s: %w", rule.ID, err)
		}
		if (old.version == 0 || old.deleted) && c.alive >= c.most {
			return nil, ui.Refused{Err: src.Fault("id", fmt.Sprintf("would be a rule more than %d, which is as many as may be published", c.most),
				"delete some (linewatch rules delete ID), or let one rule stand for a class of machines")}
		}
		said.Version = old.version
		rv := &linewatch.RuleVersion{Rule: *rule, Version: c.next(&old), Stage: how.Stage, From: how.From}
		if old.lost == c.lost && old.is(rv) {
			return nil, nil
		}
		said.Version = rv.Version
		if err := c.graph.Check(rv); err != nil {
			return nil, ui.Refused{Err: ruleset.Circle(src, err)}
		}
		if how.Stage == linewatch.StageRetired {
			said.Notes = c.leaves(rule.ID, how.From)
		}
		return &linewatch.Control{Rule: rv}, nil
	})
	if errors.Is(err, ingest.ErrTooLarge) {
		err = ui.Refused{Err: src.Fault("groups", "are, with those of every override, "+tooLarge, "split the rule, or override fewer machines in it")}
	}
	return said, err
}

// tooLarge is said of what its author could not see to be: a file of a few KiB
// may stand for a record of many.
const tooLarge = "more than the 1 MiB that a record of the control log may hold"

// replaced turns the error of a file that is replaced as a whole into its
// author's mistake, if it is one.
func replaced(file string, err error, remedy string) error {
	if errors.Is(err, ingest.ErrTooLarge) {
		return ui.Refused{Err: fmt.Errorf("%s: is %s; %s", file, tooLarge, remedy)}
	}
	return err
}

// equipment finds a registered equipment by id or alias, or what stands for a
// line or site that has some.
func (c *control) equipment(name string) (linewatch.Equipment, bool) {
	c.known.Lock()
	defer c.known.Unlock()
	if c.assets != nil {
		for _, eq := range c.assets.Equipment {
			if eq.ID == name || eq.Alias == name {
				return eq, true
			}
			if linewatch.LineSubject(eq.Line) == name {
				return linewatch.Equipment{ID: name, Alias: eq.Line, Line: eq.Line, Site: eq.Site}, true
			}
			if linewatch.SiteSubject(eq.Site) == name {
				return linewatch.Equipment{ID: name, Alias: eq.Site, Site: eq.Site}, true
			}
		}
	}
	return linewatch.Equipment{}, false
}

// registry returns the registry; empty before there is one.
func (c *control) registry() linewatch.Assets {
	c.known.Lock()
	defer c.known.Unlock()
	if c.assets == nil {
		return linewatch.Assets{}
	}
	return *c.assets
}

// DeleteRule deletes a rule. One that is deleted gets no new version.
func (c *control) DeleteRule(ctx context.Context, id linewatch.RuleID, how ui.Publication) (said ui.Published, err error) {
	said.ID = id
	err = c.write(ctx, func() (*linewatch.Control, error) {
		old, ok := c.rules[id]
		if !ok {
			return nil, ui.ErrUnknownRule
		}
		if err := old.follows(how); err != nil {
			return nil, fmt.Errorf("rule %s: %w", id, err)
		}
		if said.Version = old.version; old.deleted && old.lost == c.lost && (old.from <= 0 || old.from == how.From) {
			return nil, nil // one with a time may be brought forward
		}
		said.Version, said.Notes = c.next(&old), c.leaves(id, how.From)
		return &linewatch.Control{DeleteRule: &linewatch.RuleDelete{ID: id, Version: said.Version, From: how.From}}, nil
	})
	return said, err
}

// ApplyAssets publishes a registry.
func (c *control) ApplyAssets(ctx context.Context, file string, body []byte) (said ui.PublishedAssets, err error) {
	assets, err := rulefile.ParseAssets(file, body)
	if err != nil {
		return said, ui.Refused{Err: err}
	}
	var doubts []doubt
	err = c.write(ctx, func() (*linewatch.Control, error) {
		after := c.have
		after.Registry = &assets
		doubts = c.reading.doubts(&after)
		switch {
		case c.assets == nil:
		case c.assetsLost == c.lost && reflect.DeepEqual(*c.assets, assets):
			return nil, nil
		default:
			said.Unregistered = unregistered(c.assets, &assets)
		}
		said.Notes = c.have.Concerns(&after)
		return &linewatch.Control{Assets: &assets}, nil
	})
	if err == nil {
		said.Notes = someNotes(append(said.Notes, tellDoubts(c.logger, doubts)...))
	}
	return said, replaced(file, err, "leave out titles and units that nobody needs")
}

// unregistered lists what a registry leaves out of the one before.
func unregistered(before, after *linewatch.Assets) (gone ui.Unregistered) {
	machines, senders := map[string]bool{}, map[string]bool{}
	for _, eq := range after.Equipment {
		machines[eq.ID] = true
	}
	for _, s := range after.Senders {
		senders[s.Gateway+"/"+s.Source] = true
	}
	for _, eq := range before.Equipment {
		if !machines[eq.ID] {
			gone.Machines = append(gone.Machines, cmp.Or(eq.Alias, eq.ID))
		}
	}
	for _, s := range before.Senders {
		if name := s.Gateway + "/" + s.Source; !senders[name] {
			gone.Senders = append(gone.Senders, name)
		}
	}
	return gone
}

// ApplyTable publishes a table.
func (c *control) ApplyTable(ctx context.Context, file string, body []byte) (ui.PublishedTable, error) {
	table, err := rulefile.ParseTable(file, body)
	if err != nil {
		return ui.PublishedTable{}, ui.Refused{Err: err}
	}
	said := ui.PublishedTable{ID: table.ID}
	if from, ok := c.kept[table.ID]; ok {
		return said, ui.Declined{Err: fmt.Errorf("%s: table %s is read from %s again and again, which would undo this; change it there, or take it out of tables: in the configuration and start anew", file, table.ID, from)}
	}
	_, said.Notes, err = c.newTable(ctx, &table)
	return said, replaced(file, err, "leave out rows and columns that no rule looks up")
}

// publishTable publishes a table that is read again and again, unless it is as
// it was, and logs what rules do not find in it any more.
func (c *control) publishTable(ctx context.Context, table linewatch.Table) (changed bool, err error) {
	changed, notes, err := c.newTable(ctx, &table)
	for _, note := range notes {
		c.logger.Warn("a table leaves a rule without something", "table", table.ID, "source", c.kept[table.ID], "note", note)
	}
	return changed, err
}

// newTable publishes a table unless it is as it was. The notes tell what rules
// in force do not find in it, and found before.
func (c *control) newTable(ctx context.Context, table *linewatch.Table) (changed bool, notes []string, err error) {
	err = c.write(ctx, func() (*linewatch.Control, error) {
		if old, ok := c.have.Tables[table.ID]; ok && c.tablesLost[table.ID] == c.lost && reflect.DeepEqual(old, *table) {
			return nil, nil
		}
		after := c.have
		after.Tables = maps.Clone(after.Tables)
		after.Tables[table.ID] = *table
		changed, notes = true, someNotes(c.have.Concerns(&after))
		return &linewatch.Control{Table: table}, nil
	})
	if err != nil {
		return false, nil, err
	}
	return changed, notes, nil
}
