package app

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"testing"

	"linewatch"
	"linewatch/ui"
)

// A table goes on the control log when it is another one, and is still there
// after a restart.
func TestTablesArePublishedWhenTheyChange(t *testing.T) {
	dir := t.TempDir()
	c, stop := openControlLog(t, dir)
	table := func(limit int64) linewatch.Table {
		return linewatch.Table{ID: "limits", Rows: map[string]map[string]linewatch.Value{"PET-1L": {"max": linewatch.IntValue(limit)}}}
	}
	publish := func(limit int64, want bool) {
		t.Helper()
		if changed, err := c.publishTable(t.Context(), table(limit)); changed != want || err != nil {
			t.Errorf("limit %d: changed %v, %v; want %v", limit, changed, err, want)
		}
	}
	publish(75, true)
	publish(75, false)
	publish(80, true)
	stop()
	if changed, err := c.publishTable(t.Context(), table(85)); changed || err == nil {
		t.Errorf("on a closed log: changed %v, %v", changed, err)
	}
	c, _ = openControlLog(t, dir)
	publish(80, false)
}

// What a table that is read again and again takes from the rules in force is
// told once, as a warning with its source.
func TestTablesThatTakeSomethingAway(t *testing.T) {
	c, _ := openControlLog(t, t.TempDir())
	var log bytes.Buffer
	c.logger = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelWarn}))
	c.kept["limits"] = "limits.csv"
	if _, err := c.ApplyRule(t.Context(), "l.yaml", ruleReading("l", "F1", "{tag: t, above: {table: limits, key: {tag: u}, column: max}}"), ui.AtOnce()); err != nil {
		t.Fatal(err)
	}
	const at = "; for that groups[0].cases[0].all[0] is UNKNOWN"
	number, text := map[string]linewatch.Value{"max": linewatch.IntValue(5)}, map[string]linewatch.Value{"max": linewatch.StringValue("5,5")}
	type rows = map[string]map[string]linewatch.Value
	for _, tt := range []struct {
		rows rows
		want string
	}{
		{rows{"A": number, "B": number}, ""},
		{rows{"A": number, "B": text}, `rule l: row \"B\" of table limits has no number as max` + at},
		{rows{"A": number, "B": text, "C": number}, ""},
		{rows{"A": number, "C": number}, `rule l: row \"B\" of table limits is gone` + at},
		{rows{"A": number, "C": {}}, `rule l: row \"C\" of table limits has no max` + at},
		{rows{"A": {"most": linewatch.IntValue(5)}}, "rule l: no row of table limits has a column max; until one has, groups[0].cases[0].all[0] is UNKNOWN"},
	} {
		log.Reset()
		if changed, err := c.publishTable(t.Context(), linewatch.Table{ID: "limits", Rows: tt.rows}); !changed || err != nil {
			t.Fatal(changed, err)
		}
		got := log.String()
		if tt.want == "" && got != "" || !strings.Contains(got, tt.want) || tt.want != "" && !strings.Contains(got, "source=limits.csv") {
			t.Errorf("%v: logged %q, want %q", tt.rows, got, tt.want)
		}
	}
}

// A table that is read again and again cannot be replaced by hand: the next
// reading would undo it.
func TestTablesOfASourceAreNotAppliedByHand(t *testing.T) {
	c, _ := openControlLog(t, t.TempDir())
	c.kept["limits"] = "mes/limits.csv"
	apply := func(id string) error {
		_, err := c.ApplyTable(t.Context(), "t.yaml", []byte("apiVersion: linewatch/v1\nkind: Table\nid: "+id+"\nrows: {A: {max: 5}}\n"))
		return err
	}
	const want = "t.yaml: table limits is read from mes/limits.csv again and again, which would undo this; change it there, or take it out of tables: in the configuration and start anew"
	if err := apply("limits"); !errors.As(err, new(ui.Declined)) || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
	if err := apply("others"); err != nil {
		t.Error(err)
	}
}
