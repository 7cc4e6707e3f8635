package app

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"linewatch"
	"linewatch/notify/bolthistory"
	"linewatch/ui"
)

// The life of a rule as the control log has it, read again after a restart.
func TestLifeOfARule(t *testing.T) {
	dir := t.TempDir()
	c, stop := openControlLog(t, dir)
	lives := ruleLives{control: c}
	apply := func(limit int, how ui.Publication, want uint32) {
		t.Helper()
		if said, err := c.ApplyRule(t.Context(), "hot.yaml", ruleOn("F1", limit), how); said.Version != want || err != nil {
			t.Errorf("limit %d %+v: version %d, %v; want version %d", limit, how, said.Version, err, want)
		}
	}
	staged := func(stage linewatch.Stage, from linewatch.Time, after int64) ui.Publication {
		return ui.Publication{Stage: stage, From: from, After: after}
	}
	const noon = linewatch.Time(1_795_608_000_000)
	apply(70, ui.AtOnce(), 1)
	apply(80, staged(linewatch.StageShadow, 0, 1), 2)
	apply(80, staged(linewatch.StageShadow, 0, -1), 2) // is that already
	apply(80, ui.AtOnce(), 3)                          // the same in force is another version
	apply(80, staged(linewatch.StageActive, noon, 3), 4)
	apply(90, staged(linewatch.StageDraft, 0, 4), 5)
	if _, err := c.ApplyRule(t.Context(), "hot.yaml", ruleOn("F1", 60), staged("", 0, 4)); !errors.Is(err, ui.ErrConflict) || !strings.Contains(err.Error(), "the newest is version 5, not 4") {
		t.Errorf("published after version 4, which is not the newest: %v", err)
	}
	republish := func(version uint32, how ui.Publication, want uint32) {
		t.Helper()
		if said, err := lives.Republish(t.Context(), "hot", version, how); said.Version != want || err != nil {
			t.Errorf("republish %d: version %d, %v; want %d", version, said.Version, err, want)
		}
	}
	republish(1, ui.AtOnce(), 6)
	republish(0, staged(linewatch.StageRetired, 0, -1), 7)
	if _, err := lives.Republish(t.Context(), "hot", 30, ui.AtOnce()); !errors.As(err, new(ui.Declined)) {
		t.Errorf("republish a version that never was: %v", err)
	}
	if _, err := lives.Republish(t.Context(), "other", 0, ui.AtOnce()); !errors.Is(err, ui.ErrUnknownRule) {
		t.Errorf("republish a rule that never was: %v", err)
	}
	if _, err := c.DeleteRule(t.Context(), "hot", staged("", noon, 6)); !errors.Is(err, ui.ErrConflict) {
		t.Errorf("delete after version 6: %v", err)
	}
	if _, err := c.DeleteRule(t.Context(), "hot", staged("", noon, 7)); err != nil {
		t.Error(err)
	}
	if got := c.published(); len(got) > 0 {
		t.Errorf("%v are published, want none", got)
	}
	republish(1, ui.AtOnce(), 9) // a deleted rule comes back above its tombstone

	want := []ui.RuleVersion{
		{Version: 9, Stage: "active"},
		{Version: 8, Deleted: true, From: noon},
		{Version: 7, Stage: "retired"},
		{Version: 6, Stage: "active"},
		{Version: 5, Stage: "draft"},
		{Version: 4, Stage: "active", From: noon},
		{Version: 3, Stage: "active"},
		{Version: 2, Stage: "shadow"},
		{Version: 1, Stage: "active"},
	}
	check := func(c *control) {
		t.Helper()
		life, ok := c.life("hot")
		if diff := cmp.Diff(want, life.Versions); !ok || diff != "" {
			t.Errorf("versions (-want +got):\n%s", diff)
		}
		limit := life.Document.Groups[0].Cases[0].When.Limit
		if !limit.Equal(linewatch.IntValue(70)) {
			t.Errorf("the limit is %v, want that of version 1, 70", limit)
		}
	}
	check(c)
	stop()
	c, _ = openControlLog(t, dir)
	check(c)
}

func TestVersionsListedAreBounded(t *testing.T) {
	c, _ := openControlLog(t, t.TempDir())
	for n := range maxVersions + 5 {
		c.note(&linewatch.Control{Rule: &linewatch.RuleVersion{Rule: linewatch.Rule{ID: "hot"}, Version: uint32(n + 1)}})
	}
	life, _ := c.life("hot")
	if n := len(life.Versions); n != maxVersions || life.Versions[0].Version != maxVersions+5 {
		t.Errorf("%d versions, the newest %d; want %d and %d", n, life.Versions[0].Version, maxVersions, maxVersions+5)
	}
}

// What a shadow says goes into a history of its own, from which nobody is told.
func TestShadowsStayByThemselves(t *testing.T) {
	open := func(name string) *bolthistory.History {
		h, err := bolthistory.Open(filepath.Join(t.TempDir(), name), bolthistory.Options{Logger: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { h.Close() })
		return h
	}
	history, shadows := open("history.db"), open("shadow.db")
	var changes []linewatch.StateChange
	for n, kind := range []linewatch.ChangeKind{"live", "shadow", "shadow", "live", "live"} {
		at := linewatch.Time(1000 * n)
		changes = append(changes, linewatch.StateChange{
			ID: linewatch.ChangeID(kind, "r", 1, "F1", at, 0), Kind: kind, Rule: "r", Version: 1, Equipment: "F1",
			From: "IDLE", To: "WARNING", EventTime: at, Seq: uint64(n + 1), Priority: 1,
		})
	}
	publish := byKind(history, shadows)
	for range 2 { // as after a crash
		if err := publish(context.Background(), changes); err != nil {
			t.Fatal(err)
		}
	}
	for _, h := range []struct {
		*bolthistory.History
		want []linewatch.Time
	}{{history, []linewatch.Time{4000, 3000, 0}}, {shadows, []linewatch.Time{2000, 1000}}} {
		entries, err := h.Newest(t.Context(), 10)
		if err != nil {
			t.Fatal(err)
		}
		var got []linewatch.Time
		for _, e := range entries {
			got = append(got, e.Change.EventTime)
		}
		if !slices.Equal(got, h.want) {
			t.Errorf("changes at %v, want %v", got, h.want)
		}
	}
}

// A rule can be taken out of force although its machine has gone meanwhile,
// and no older version of it can be brought back.
func TestRulesOfGoneMachinesRetire(t *testing.T) {
	c, _ := openControlLog(t, t.TempDir())
	lives := ruleLives{control: c}
	if _, err := c.ApplyAssets(t.Context(), "a.yaml", []byte(twoLines)); err != nil {
		t.Fatal(err)
	}
	if _, err := c.ApplyRule(t.Context(), "hot.yaml", ruleOn("F1", 70), ui.AtOnce()); err != nil {
		t.Fatal(err)
	}
	if _, err := c.ApplyAssets(t.Context(), "a.yaml", []byte(strings.Replace(twoLines, "F1", "F7", 1))); err != nil {
		t.Fatal(err)
	}
	if _, err := lives.Republish(t.Context(), "hot", 1, ui.Publication{Stage: linewatch.StageShadow, After: -1}); err == nil || !strings.Contains(err.Error(), `rule hot: scope.equipment: "F1" is not registered; did you mean F7?`) {
		t.Errorf("brought back: %v", err)
	}
	if _, err := lives.Republish(t.Context(), "hot", 0, ui.Publication{Stage: linewatch.StageRetired, After: -1}); err != nil {
		t.Errorf("retired: %v", err)
	}
}
