package app

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"linewatch"
	"linewatch/edge"
	"linewatch/ui"
)

const doubtedAssets = `apiVersion: linewatch/v1
kind: Assets
senders:
  - {gateway: gw, source: filler, line: one}
  - {gateway: gw, source: packer, line: two}
  - {gateway: other, source: labeller, line: two}
equipment:
  - {id: filler-1, alias: F1, line: one, site: s, tags: [{name: temperature}, {name: speed}]}
  - {id: packer-1, alias: P1, line: two, site: s}
`

// doubted is what fits doubtedAssets.
func doubted() edge.Config {
	return edge.Config{Gateway: "gw", Sources: []edge.SourceConfig{
		{ID: "filler", Equipment: "filler-1", Tags: []edge.TagConfig{{Name: "temperature"}, {Name: "speed"}}},
		{ID: "packer", Equipment: "packer-1", Tags: []edge.TagConfig{{Name: "speed"}}},
	}}
}

// What fits together badly is told, with what was most likely meant.
func TestDoubts(t *testing.T) {
	const (
		stranger = "source is not registered as a sender, its points will be refused; list it under senders in the assets file and apply it "
		silent   = "sender is registered and no source has its name; correct one of the two, or take it off the registry "
		alias    = "equipment of a source is an alias, no rule will see its tags; use its id "
		nowhere  = "equipment of a source is not registered, no rule will see its tags; list it in the assets file and apply it "
		unlisted = "tags that are read are not those that the registry lists of their equipment; correct their names, or list them in the assets file and apply it "
		unread   = "a rule reads tags that no source reads, they stay unknown; add them to the configuration, or correct the rule "
	)
	for _, row := range []struct {
		name   string
		change func(c *edge.Config)
		assets string // a change of doubtedAssets, old=new
		rule   string // a condition of a rule on F1
		want   []string
	}{
		{name: "nothing", rule: "{tag: temperature, above: 3}"},
		{
			name: "a source misspelt", change: func(c *edge.Config) { c.Sources[0].ID = "fillr" },
			want: []string{
				stranger + "(gateway gw, source fillr); did you mean gw/filler?",
				silent + "(gateway gw, sender filler); did you mean fillr?",
			},
		},
		{
			name: "a gateway misspelt", change: func(c *edge.Config) { c.Gateway = "gv" },
			want: []string{
				stranger + "(gateway gv, source filler); did you mean gw/filler?",
				stranger + "(gateway gv, source packer); did you mean gw/packer?",
			},
		},
		{
			name: "a source left out", change: func(c *edge.Config) { c.Sources = c.Sources[:1] },
			want: []string{silent + "(gateway gw, sender packer)"},
		},
		{
			name: "an equipment misspelt", change: func(c *edge.Config) { c.Sources[0].Equipment = "filer-1" },
			want: []string{nowhere + "(source filler, equipment filer-1); did you mean filler-1?"},
		},
		{
			name: "an alias misspelt", change: func(c *edge.Config) { c.Sources[0].Equipment = "f1" },
			want: []string{nowhere + "(source filler, equipment f1); did you mean filler-1?"},
		},
		{
			name: "an alias", change: func(c *edge.Config) { c.Sources[0].Equipment = "F1" },
			want: []string{alias + "(source filler, alias F1, id filler-1)"},
		},
		{
			name: "a tag misspelt", change: func(c *edge.Config) { c.Sources[0].Tags[0].Name = "temprature" },
			want: []string{unlisted + "(equipment F1, tags 1, first temprature); did you mean temperature?"},
		},
		{name: "any tag of equipment without a list", change: func(c *edge.Config) { c.Sources[1].Tags[0].Name = "spede" }},
		{
			name: "a tag misspelt that a rule reads", change: func(c *edge.Config) { c.Sources[0].Tags[0].Name = "temprature" },
			rule: "{tag: temperature, above: 3}",
			want: []string{
				unlisted + "(equipment F1, tags 1, first temprature); did you mean temperature?",
				unread + "(rule r, tags 1, equipment F1, first temperature, nearest read temprature)",
			},
		},
		{name: "a tag of a line that others send for", rule: "{tag: cartons, equipment: P1, below: 3}"},
		{
			name: "the same, that is all ours", rule: "{tag: sped, equipment: P1, below: 3}",
			assets: "  - {gateway: other, source: labeller, line: two}\n=",
			want:   []string{unread + "(rule r, tags 1, equipment P1, first sped); did you mean speed?"},
		},
		{
			name: "a line for which nobody sends", rule: "{tag: sped, equipment: P1, below: 3}",
			change: func(c *edge.Config) { c.Sources = c.Sources[:1] },
			assets: "  - {gateway: gw, source: packer, line: two}\n  - {gateway: other, source: labeller, line: two}\n=",
		},
	} {
		t.Run(row.name, func(t *testing.T) {
			c, _ := openControlLog(t, t.TempDir())
			read := doubted()
			if row.change != nil {
				row.change(&read)
			}
			before, after, _ := strings.Cut(row.assets, "=")
			assets := strings.Replace(doubtedAssets, before, after, 1)
			if _, err := c.ApplyAssets(t.Context(), "a.yaml", []byte(assets)); err != nil {
				t.Fatal(err)
			}
			if row.rule != "" {
				if _, err := c.ApplyRule(t.Context(), "r.yaml", ruleReading("r", "F1", row.rule), ui.AtOnce()); err != nil {
					t.Fatal(err)
				}
			}
			got := []string(nil)
			doubts := newReading(read, false).doubts(&c.have)
			for i := range doubts {
				got = append(got, doubts[i].String())
			}
			if diff := cmp.Diff(row.want, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

// Doubts come with the answers to what is published, and in the log.
func TestDoubtsAboutWhatIsPublished(t *testing.T) {
	c, _ := openControlLog(t, t.TempDir())
	var log bytes.Buffer
	c.logger = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelWarn}))
	c.reading = newReading(doubted(), false)
	check := func(what string, notes []string, err error, notesWith, logWith string) {
		t.Helper()
		if err != nil || strings.Count(strings.Join(notes, "\n")+"\n", notesWith) != 1 || !strings.Contains(log.String(), logWith) {
			t.Errorf("%s: %v, notes %q, want one with %q; the log, which should say %q:\n%s", what, err, notes, notesWith, logWith, &log)
		}
		log.Reset()
	}
	assets := strings.Replace(doubtedAssets, "name: speed", "name: sped", 1)
	for range 2 { // the second time nothing is new
		said, err := c.ApplyAssets(t.Context(), "a.yaml", []byte(assets))
		check("assets", said.Notes, err, "(equipment F1, tags 1, first speed); did you mean sped?", "equipment=F1 tags=1 first=speed did_you_mean=sped")
	}
	rule := ruleReading("r", "F1", "{tag: sped, above: 3}")
	said, err := c.ApplyRule(t.Context(), "r.yaml", rule, ui.Publication{After: -1, Stage: linewatch.StageShadow})
	check("rule", said.Notes, err, "(rule r, tags 1, equipment F1, first sped, nearest read speed)", "rule=r tags=1 equipment=F1 first=sped nearest_read=speed")
	if said, err := c.ApplyAssets(t.Context(), "a.yaml", []byte(doubtedAssets)); err != nil || len(said.Notes) != 0 {
		t.Errorf("the corrected assets give %q, %v", said.Notes, err)
	}
}

// Many doubts are told in part.
func TestManyDoubts(t *testing.T) {
	var log bytes.Buffer
	many := make([]doubt, maxNotes+7)
	for i := range many {
		many[i] = doubt{message: "m", facts: []any{"n", i}}
	}
	notes := tellDoubts(slog.New(slog.NewTextHandler(&log, nil)), many)
	if lines := strings.Count(log.String(), "\n"); lines != maxNotes+1 || !strings.Contains(log.String(), "more=7") || len(notes) != len(many) {
		t.Errorf("%d notes and %d lines:\n%s", len(notes), lines, fmt.Sprint(&log))
	}
}

// A configuration without a source is told, and starts all the same.
func TestNoSourceIsTold(t *testing.T) {
	var log bytes.Buffer
	c := DefaultConfig()
	c.Data, c.HTTP, c.MQTT.Embedded = t.TempDir(), "127.0.0.1:0", "127.0.0.1:0"
	a, err := New(t.Context(), Options{Config: c, Log: slog.New(slog.NewTextHandler(&log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	stop() // it ends as soon as it has started
	if err := errors.Join(a.Run(ctx, nil), a.Close()); err != nil {
		t.Error(err)
	}
	if strings.Count(log.String(), "level=WARN") != 1 || !strings.Contains(log.String(), "name your PLCs under edge.sources") {
		t.Errorf("the log says\n%s", &log)
	}
}
