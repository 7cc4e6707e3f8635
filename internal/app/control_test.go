package app

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"linewatch/ingest"
	"linewatch/ingest/boltlog"
	"linewatch/ui"
)

// openControlLog opens the control log in dir and what was published on it.
func openControlLog(t *testing.T, dir string) (*control, func()) {
	t.Helper()
	return openControlLogTelling(t, dir, slog.New(slog.DiscardHandler))
}

// openControlLogTelling has a logger told of damage.
func openControlLogTelling(t *testing.T, dir string, logger *slog.Logger) (*control, func()) {
	t.Helper()
	log, err := boltlog.Open(dir, boltlog.Options{Partitions: 1, Logger: slog.New(slog.DiscardHandler), Silence: logSilence})
	if err != nil {
		t.Fatal(err)
	}
	closed := false
	stop := func() {
		if !closed {
			closed = true
			log.Close()
		}
	}
	t.Cleanup(stop)
	c, err := newControl(t.Context(), log, logger)
	if err != nil {
		t.Fatal(err)
	}
	return c, stop
}

func ruleOn(equipment string, limit int) []byte {
	return fmt.Appendf(nil, `apiVersion: linewatch/v1
kind: Rule
id: hot
name: Hot
scope: {equipment: %s}
priority: 2
groups:
  - id: g
    weight: 10
    cases:
      - state: WARNING
        tag: temperature
        above: %d
alert: {title: Hot}
`, equipment, limit)
}

const twoLines = `apiVersion: linewatch/v1
kind: Assets
equipment:
  - {id: e1, alias: F1, line: one, site: s}
  - {id: e2, alias: F2, line: two, site: s}
`

func TestVersionsRise(t *testing.T) {
	dir := t.TempDir()
	c, stop := openControlLog(t, dir)
	apply := func(limit int, want uint32) {
		t.Helper()
		if said, err := c.ApplyRule(t.Context(), "hot.yaml", ruleOn("F1", limit), ui.AtOnce()); said.ID != "hot" || said.Version != want || err != nil {
			t.Errorf("limit %d: %s version %d, %v; want version %d", limit, said.ID, said.Version, err, want)
		}
	}
	apply(70, 1)
	apply(70, 1) // as it is
	apply(80, 2)
	apply(70, 3) // back again is a new version
	if _, err := c.DeleteRule(t.Context(), "hot", ui.AtOnce()); err != nil {
		t.Error(err)
	}
	if said, err := c.DeleteRule(t.Context(), "hot", ui.AtOnce()); said.Version != 4 || err != nil {
		t.Errorf("the second delete gives version %d, %v; want the first one's", said.Version, err)
	}
	if _, err := c.DeleteRule(t.Context(), "other", ui.AtOnce()); !errors.Is(err, ui.ErrUnknownRule) {
		t.Errorf("deleting what never was gives %v", err)
	}
	stop()
	c, _ = openControlLog(t, dir) // a restart
	if said, err := c.DeleteRule(t.Context(), "hot", ui.AtOnce()); said.Version != 4 || err != nil {
		t.Errorf("after a restart the second delete gives version %d, %v", said.Version, err)
	}
	if _, err := c.seedRule(t.Context(), "hot.yaml", ruleOn("F1", 70)); err != nil || !c.rules["hot"].deleted {
		t.Errorf("a start brings a deleted rule back, %v", err)
	}
	apply(70, 5) // 4 was the delete
}

func TestRegistryAndRules(t *testing.T) {
	dir := t.TempDir()
	c, stop := openControlLog(t, dir)
	if _, err := c.ApplyAssets(t.Context(), "a.yaml", []byte(twoLines)); err != nil {
		t.Fatal(err)
	}
	stop()
	c, _ = openControlLog(t, dir)
	if eq, ok := c.equipment("F2"); !ok || eq.ID != "e2" {
		t.Errorf("after a restart F2 is %+v, %v", eq, ok)
	}
	latest := func() uint64 {
		_, next, err := c.log.(*boltlog.Log).Bounds(0)
		if err != nil {
			t.Fatal(err)
		}
		return next
	}
	before := latest()
	if _, err := c.ApplyAssets(t.Context(), "a.yaml", []byte(twoLines)); err != nil || latest() != before {
		t.Errorf("the same registry was written again, %v", err)
	}
	other := strings.Replace(string(ruleOn("F1", 70)), "tag: temperature", "tag: temperature\n        equipment: F2", 1)
	for _, test := range []struct{ rule, want string }{
		{string(ruleOn("F9", 70)), `r.yaml:5:20: scope.equipment: "F9" is not registered; did you mean F1? Else apply the assets first (linewatch assets apply FILE)`},
		{strings.Replace(other, "F2", "F9", 1), `r.yaml:13:20: groups[0].cases[0].equipment: "F9" is not registered; did you mean F1?`},
		{strings.Replace(other, "above: 70", "abvoe: 70", 1), `did you mean above?`},
	} {
		_, err := c.ApplyRule(t.Context(), "r.yaml", []byte(test.rule), ui.AtOnce())
		var refused ui.Refused
		if !errors.As(err, &refused) || !strings.Contains(err.Error(), test.want) {
			t.Errorf("got %v, want %q", err, test.want)
		}
	}
	if latest() != before {
		t.Error("a refused rule was written")
	}
	if _, err := c.ApplyRule(t.Context(), "r.yaml", ruleOn("e1", 70), ui.AtOnce()); err != nil {
		t.Error(err)
	}
}

// No new rule is published beside as many as are allowed; new versions are, and
// a rule for one that was deleted.
func TestRulesAreLimited(t *testing.T) {
	dir := t.TempDir()
	c, stop := openControlLog(t, dir)
	c.most = 2
	apply := func(id string, limit int) error {
		t.Helper()
		body := bytes.Replace(ruleOn("F1", limit), []byte("id: hot"), []byte("id: "+id), 1)
		_, err := c.ApplyRule(t.Context(), id+".yaml", body, ui.AtOnce())
		return err
	}
	refused := func(err error) {
		t.Helper()
		if !errors.As(err, &ui.Refused{}) || !strings.Contains(err.Error(), "a rule more than 2") || !strings.Contains(err.Error(), "rules delete") {
			t.Errorf("a rule too many gives %v", err)
		}
	}
	if err := errors.Join(apply("a", 1), apply("b", 1), apply("a", 2)); err != nil {
		t.Fatal(err)
	}
	refused(apply("c", 1))
	_, err := c.DeleteRule(t.Context(), "b", ui.AtOnce())
	if err := errors.Join(err, apply("c", 1), apply("c", 2)); err != nil {
		t.Error(err)
	}
	refused(apply("b", 2))
	stop()
	c, _ = openControlLog(t, dir)
	if c.alive != 2 || c.most != maxRules {
		t.Errorf("after a restart %d rules are counted of %d, want 2 of %d", c.alive, c.most, maxRules)
	}
}

// One damaged record of the control log costs what it said, and not the start.
// The engine may have taken it when it was sound: the next version of any rule
// is above what it may have been.
func TestDamagedControlLog(t *testing.T) {
	dir := t.TempDir()
	c, stop := openControlLog(t, dir)
	if _, err := c.ApplyAssets(t.Context(), "assets.yaml", []byte(twoLines)); err != nil {
		t.Fatal(err)
	}
	for limit := range 3 {
		if _, err := c.ApplyRule(t.Context(), "hot.yaml", ruleOn("F1", 70+limit), ui.AtOnce()); err != nil {
			t.Fatal(err)
		}
	}
	stop()
	damage(t, dir, `"above":72`)
	var said bytes.Buffer
	c, _ = openControlLogTelling(t, dir, slog.New(slog.NewTextHandler(&said, nil)))
	if life, ok := c.life("hot"); !ok || len(life.Versions) != 2 || life.Versions[0].Version != 2 {
		t.Errorf("left of three versions: %+v, want two", life.Versions)
	}
	if text := said.String(); !strings.Contains(text, "first=3 last=3") || !strings.Contains(text, "publish") {
		t.Errorf("told: %s", text)
	}
	for range 2 {
		if _, err := c.ApplyAssets(t.Context(), "assets.yaml", []byte(twoLines)); err != nil {
			t.Error(err)
		}
	}
	if n := c.written.Load(); n != 1 {
		t.Errorf("the registry, which may have been another one since, is written %d times, want once", n)
	}
	for _, want := range []uint32{4, 5} {
		if got, err := c.ApplyRule(t.Context(), "hot.yaml", ruleOn("F1", int(80+want)), ui.AtOnce()); got.Version != want || err != nil {
			t.Errorf("version %d, %v; want version %d", got.Version, err, want)
		}
	}
	if rule, err := c.content(t.Context(), "hot", 4); err != nil || rule.ID != "hot" {
		t.Errorf("version 4: %+v, %v", rule, err)
	}
}

// damage overwrites a text in the segments of a closed log, wherever it stands.
func damage(t *testing.T, dir, text string) {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "segment-*.db"))
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, name := range names {
		content, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		found += bytes.Count(content, []byte(text))
		content = bytes.ReplaceAll(content, []byte(text), bytes.Repeat([]byte{'#'}, len(text)))
		if err := os.WriteFile(name, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if found == 0 {
		t.Fatalf("%s stands in none of %v", text, names)
	}
}

// What its file does not show to be too large for the control log is a mistake
// with a place and a remedy all the same.
func TestTooLargeForTheControlLog(t *testing.T) {
	c, _ := openControlLog(t, t.TempDir())
	refused := func(err error, want ...string) {
		t.Helper()
		if !errors.As(err, new(ui.Refused)) {
			t.Errorf("got %v, want a mistake", err)
			return
		}
		for _, text := range want {
			if !strings.Contains(err.Error(), text) {
				t.Errorf("got %v, which does not say %q", err, text)
			}
		}
	}
	refused(replaced("assets.yaml", ingest.CheckRecords([][]byte{make([]byte, ingest.MaxRecord+1)}), "leave out"), "assets.yaml: ", "1 MiB", "leave out")
	b := []byte("apiVersion: linewatch/v1\nkind: Rule\nid: hot\nname: Hot\nscope: {class: filler}\npriority: 2\nparams: {max: 75}\ngroups:\n  - id: g\n    weight: 10\n    cases:\n")
	for k := range 100 {
		b = fmt.Appendf(b, "      - {state: WARNING, tag: t%d, above: $max, for: 5m}\n", k)
	}
	b = append(b, "overrides:\n"...)
	for m := range 200 {
		b = fmt.Appendf(b, "  - {equipment: m%d, params: {max: %d}}\n", m, m)
	}
	_, err := c.ApplyRule(t.Context(), "hot.yaml", b, ui.AtOnce())
	refused(err, "hot.yaml:8:1: groups: ", "1 MiB", "split the rule")
	if life, ok := c.life("hot"); ok {
		t.Errorf("it is published all the same: %+v", life)
	}
}
