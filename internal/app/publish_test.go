package app

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"linewatch"
	"linewatch/ui"
)

// What cannot be decided yet is published, and the answer says so.
func TestNotesOfWhatIsPublished(t *testing.T) {
	c, _ := openControlLog(t, t.TempDir())
	lives := ruleLives{control: c}
	check := func(what string, got []string, err error, want ...string) {
		t.Helper()
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("%s: %v (-want +got)\n%s", what, err, diff)
		}
	}
	assets := func(text string, want ...string) {
		t.Helper()
		said, err := c.ApplyAssets(t.Context(), "a.yaml", []byte(text))
		check("assets", said.Notes, err, want...)
	}
	table := func(rows string, want ...string) {
		t.Helper()
		said, err := c.ApplyTable(t.Context(), "t.yaml", []byte("apiVersion: linewatch/v1\nkind: Table\nid: limits\nrows: {"+rows+"}\n"))
		check("table "+rows, said.Notes, err, want...)
	}
	rule := func(id, input string, how ui.Publication, want ...string) {
		t.Helper()
		said, err := c.ApplyRule(t.Context(), id+".yaml", ruleReading(id, "F1", input), how)
		check("rule "+id, said.Notes, err, want...)
	}
	again := func(id linewatch.RuleID, version uint32, how ui.Publication, want ...string) {
		t.Helper()
		said, err := lives.Republish(t.Context(), id, version, how)
		check("republish "+string(id), said.Notes, err, want...)
	}
	staged := func(stage linewatch.Stage) ui.Publication { return ui.Publication{Stage: stage, After: -1} }
	assets(twoLines)
	const missing = "no rule a is published; until it is, groups[0].cases[0].all[0] is UNKNOWN"
	rule("b", "{tag: rule:a, is: ERROR}", ui.AtOnce(), missing)
	rule("b", "{tag: rule:a, is: ERROR}", ui.AtOnce(), missing) // it is that already
	rule("a", "{tag: t, above: 1}", staged(linewatch.StageDraft))
	again("b", 0, staged(linewatch.StageShadow), "rule a is not in force; until it is, groups[0].cases[0].all[0] is UNKNOWN")
	again("a", 0, staged(linewatch.StageActive))
	again("b", 1, ui.AtOnce())
	again("a", 0, staged(linewatch.StageRetired), "rule b: no rule a is in force any more; groups[0].cases[0].all[0] is UNKNOWN")
	again("a", 0, staged(linewatch.StageRetired))
	again("a", 1, staged(linewatch.StageActive))
	rule("a", "{tag: t, above: 2}", staged(linewatch.StageShadow)) // which leaves version 1 in force
	said, err := c.DeleteRule(t.Context(), "a", ui.Publication{From: 1_800_000_000_000, After: -1})
	check("delete", said.Notes, err, "from 2027-01-15T08:00:00.000Z on: rule b: no rule a is in force any more; groups[0].cases[0].all[0] is UNKNOWN")
	if said, err = c.DeleteRule(t.Context(), "a", ui.AtOnce()); err != nil {
		t.Errorf("a deletion with a time is not brought forward: %v", err)
	}

	rule("l", "{tag: t, above: {table: limits, key: {tag: u}, column: max}}", ui.AtOnce(), "no table limits is published; until it is, groups[0].cases[0].all[0] is UNKNOWN")
	table("A: {max: 5}, B: {max: 6}")
	table("A: {max: 5}, B: {max: six}", `rule l: row "B" of table limits has no number as max; for that groups[0].cases[0].all[0] is UNKNOWN`)
	table("A: {most: 5}", "rule l: no row of table limits has a column max; until one has, groups[0].cases[0].all[0] is UNKNOWN")
	rule("o", "{tag: t, equipment: F2, above: 1}", ui.AtOnce())
	const gone = `groups[0].cases[0].all[0].tag: names "t", which is no tag of F2`
	assets(strings.Replace(twoLines, "alias: F2", "alias: F2, tags: [{name: u}]", 1), "rule o: "+gone)
	again("o", 0, staged(linewatch.StageShadow), gone)
	assets(strings.Replace(twoLines, "alias: F2", "alias: F3", 1), `rule o: groups[0].cases[0].all[0].equipment: "F2" is not registered`)
}

// A rule that takes the place of quite another one says so, and how to have
// that back.
func TestRulesThatReplaceAnother(t *testing.T) {
	c, _ := openControlLog(t, t.TempDir())
	apply := func(what, text string, how ui.Publication, want ...string) {
		t.Helper()
		said, err := c.ApplyRule(t.Context(), "r.yaml", []byte(text), how)
		if diff := cmp.Diff(want, said.Notes); diff != "" || err != nil {
			t.Errorf("%s: %v (-want +got)\n%s", what, err, diff)
		}
	}
	hot := string(ruleOn("F1", 70))
	caps := strings.NewReplacer("name: Hot", "name: Caps", "id: g", "id: caps", "tag: temperature", "tag: level").Replace(hot)
	const note = `this takes the place of version 1, "Hot", which has another name and no group in common with it; if that was not meant, give this rule an id of its own and bring the other back: linewatch rules rollback hot 1`
	apply("new", hot, ui.AtOnce())
	apply("a draft of another rule", caps, ui.Publication{Stage: linewatch.StageDraft, After: -1})
	apply("another rule", caps, ui.AtOnce(), note)
	apply("that again", caps, ui.AtOnce())
	apply("another limit", strings.Replace(caps, "above: 70", "above: 80", 1), ui.AtOnce())
	apply("another name", strings.Replace(caps, "Caps", "Caps low", 1), ui.AtOnce())
	apply("other groups", strings.NewReplacer("Caps", "Caps low", "id: caps", "id: c").Replace(caps), ui.AtOnce())
	if _, err := c.DeleteRule(t.Context(), "hot", ui.AtOnce()); err != nil {
		t.Error(err)
	}
	apply("after a deletion", hot, ui.AtOnce())
}

// A time that is over is not repeated as if it had been kept.
func TestEffectiveFromsThatAreOver(t *testing.T) {
	c := DefaultConfig()
	c.Data, c.HTTP, c.MQTT.Embedded = t.TempDir(), "127.0.0.1:0", "127.0.0.1:0"
	c.Engine.OpenSenders, c.Engine.Bound = 4, 10
	a, err := New(t.Context(), Options{Config: c, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- a.Run(ctx, nil) }()
	if _, err := a.control.ApplyAssets(t.Context(), "a.yaml", []byte(twoLines)); err != nil {
		t.Fatal(err)
	}
	lives := ruleLives{a.control, a.host, a.upToDate}
	apply := func(what, equipment string, limit int, from linewatch.Time, want ui.Over) {
		t.Helper()
		said, err := lives.ApplyRule(t.Context(), "r.yaml", ruleOn(equipment, limit), ui.Publication{From: from, After: -1})
		if said.Over != want || err != nil {
			t.Errorf("%s: over %q, %v; want %q", what, said.Over, err, want)
		}
	}
	const past = 1_600_000_000_000
	apply("before the first point", "F1", 70, past, ui.OverNowhere)
	seq := uint64(0)
	if !waitUntil(t.Context(), func() bool {
		seq++
		p := linewatch.DataPoint{
			Timestamp: a.clock.now(), CreatedAt: a.clock.now(), Equipment: "e1", Tag: "t", Source: "plc", Sequence: seq,
			Value: linewatch.IntValue(1), Quality: linewatch.Ok,
		}
		if err := a.pointsLog.Append(t.Context(), 0, p.AppendJSON(nil)); err != nil {
			t.Fatal(err)
		}
		for _, w := range a.Status().Watermarks {
			if w.Name == "one" && w.Time.Known() {
				return true
			}
		}
		return false
	}) {
		t.Fatal("no watermark comes")
	}
	apply("in the past", "F1", 71, past, ui.OverEverywhere)
	apply("in the future", "F1", 72, a.clock.now().Add(linewatch.Duration(time.Hour/time.Millisecond)), ui.OverNowhere)
	apply("at once", "F1", 73, 0, ui.OverNowhere)
	apply("on a line without points", "F2", 74, past, ui.OverNowhere)
	said, err := lives.Republish(t.Context(), "hot", 2, ui.Publication{From: past, After: -1})
	if said.Over != ui.OverEverywhere || err != nil {
		t.Errorf("brought back: over %q, %v", said.Over, err)
	}
	stop()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
}

// The log tells what was published, without its content.
func TestWhatIsPublishedIsLogged(t *testing.T) {
	c, _ := openControlLog(t, t.TempDir())
	var log bytes.Buffer
	c.logger = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}}))
	lives := ruleLives{control: c}
	do := func(_ any, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	do(c.ApplyAssets(t.Context(), "a.yaml", []byte(twoLines)))
	do(c.ApplyAssets(t.Context(), "a.yaml", []byte(strings.Replace(twoLines, "e2", "e3", 1))))
	do(c.ApplyTable(t.Context(), "t.yaml", []byte("apiVersion: linewatch/v1\nkind: Table\nid: limits\nrows: {A: {max: 5}}\n")))
	do(c.ApplyRule(t.Context(), "hot.yaml", ruleOn("F1", 70), ui.Publication{Stage: linewatch.StageShadow, From: 1_800_000_000_000, After: -1}))
	do(c.ApplyRule(t.Context(), "hot.yaml", ruleOn("F1", 70), ui.AtOnce()))
	do(c.ApplyRule(t.Context(), "hot.yaml", ruleOn("F1", 70), ui.AtOnce())) // nothing is new
	do(lives.Republish(t.Context(), "hot", 0, ui.Publication{Stage: linewatch.StageRetired, After: -1}))
	do(c.DeleteRule(t.Context(), "hot", ui.AtOnce()))
	const want = `level=INFO msg=published assets=2 senders=0
level=INFO msg=published assets=2 senders=0 machines_gone=1 senders_gone=0
level=INFO msg=published table=limits rows=1
level=INFO msg=published rule=hot version=1 stage=shadow from=2027-01-15T08:00:00.000Z
level=INFO msg=published rule=hot version=2 stage=active
level=INFO msg=published rule=hot version=3 stage=retired
level=INFO msg=published rule=hot version=4 stage=deleted
`
	if diff := cmp.Diff(want, log.String()); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// What the command line makes of the answers.
func TestSentencesOfAnswers(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string][]byte{
		"rules": ruleOn("F1", 70), "assets": []byte(twoLines), "tables": []byte("apiVersion: linewatch/v1\nkind: Table\nid: limits\nrows: {A: {max: 5}}\n"),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	past := ui.Publication{From: 1_600_000_000_000, After: -1}
	apply := func(kind string, how ui.Publication) func(data string) (string, error) {
		return func(data string) (string, error) {
			return ApplyFile(t.Context(), data, kind, filepath.Join(dir, kind), how)
		}
	}
	remove := func(data string) (string, error) { return DeleteRule(t.Context(), data, "hot", past) }
	for _, tt := range []struct {
		answer string
		do     func(data string) (string, error)
		want   string
	}{
		{`{"id":"hot","version":2,"notes":["one","two"]}`, apply("rules", ui.AtOnce()), "rule hot is in force as version 2\nnote: one\nnote: two"},
		{`{"id":"hot","version":2}`, apply("rules", past), "rule hot is in force as version 2 from 2020-09-13T12:26:40.000Z on"},
		{`{"id":"hot","version":2,"over":"everywhere"}`, apply("rules", past), "rule hot is in force as version 2 at once, since 2020-09-13T12:26:40.000Z is over"},
		{`{"id":"hot","version":2,"over":"somewhere"}`, apply("rules", past), "rule hot is in force as version 2 from 2020-09-13T12:26:40.000Z on, and at once where that is over"},
		{`{"id":"limits","notes":["one"]}`, apply("tables", ui.AtOnce()), "table limits is in force\nnote: one"},
		{`{"unregistered":{"machines":["F2"]},"notes":["one"]}`, apply("assets", ui.AtOnce()), "assets are in force\n1 machine is not registered any more, so that rules about them end: F2\nnote: one"},
		{"", remove, "rule hot is deleted from 2020-09-13T12:26:40.000Z on"},
		{`{"id":"hot","version":3,"over":"everywhere","notes":["one"]}`, remove, "rule hot is deleted at once, since 2020-09-13T12:26:40.000Z is over\nnote: one"},
		{`{"id":"hot","version":3,"notes":["one"]}`, func(data string) (string, error) {
			return Republish(t.Context(), data, "hot", 0, ui.Publication{Stage: linewatch.StageRetired, After: -1})
		}, "rule hot is retired as version 3\nnote: one"},
	} {
		data, _ := answering(t, http.StatusOK, tt.answer)
		if said, err := tt.do(data); said != tt.want || err != nil {
			t.Errorf("%s: got %q, %v; want %q", tt.answer, said, err, tt.want)
		}
	}
}
