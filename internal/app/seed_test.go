package app

import (
	"bytes"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"linewatch/notify/mqtt"
	"linewatch/ui"
)

// TestTagsOfTheRegistry publishes rules that read tags which the registry does
// not list: of the rule's machine, of another one, and in the alert's text.
func TestTagsOfTheRegistry(t *testing.T) {
	c, _ := openControlLog(t, t.TempDir())
	listed := strings.Replace(twoLines, "alias: F1", "alias: F1, tags: [{name: temperature}]", 1)
	if _, err := c.ApplyAssets(t.Context(), "a.yaml", []byte(listed)); err != nil {
		t.Fatal(err)
	}
	good := string(ruleOn("F1", 70))
	if _, err := c.ApplyRule(t.Context(), "r.yaml", []byte(good), ui.AtOnce()); err != nil {
		t.Fatal(err)
	}
	if _, err := c.ApplyRule(t.Context(), "r.yaml", ruleOn("F2", 70), ui.AtOnce()); err != nil {
		t.Errorf("F2, of which no tag is listed: %v", err)
	}
	for rule, want := range map[string]string{
		strings.Replace(good, "tag: temperature", "tag: temprature", 1):                   `names "temprature", which is no tag of F1; did you mean temperature? Else list it in the registry`,
		strings.Replace(good, "tag: temperature", "tag: speed\n        equipment: e1", 1): `names "speed", which is no tag of F1; list it in the registry`,
		strings.Replace(good, "title: Hot", `title: "${tag:speed} is hot"`, 1):            `alert.title: names "speed", which is no tag of F1; list it in the registry`,
	} {
		_, err := c.ApplyRule(t.Context(), "r.yaml", []byte(rule), ui.AtOnce())
		if _, refused := errors.AsType[ui.Refused](err); !refused || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v\nwant %s", err, want)
		}
	}
}

// TestFilesThatChanged starts with files that differ from what was published:
// that stays in force, and the log says so.
func TestFilesThatChanged(t *testing.T) {
	dir := t.TempDir()
	c, _ := openControlLog(t, dir)
	var log bytes.Buffer
	a := &App{control: c, o: Options{ConfigFile: "plant.yaml", Log: slog.New(slog.NewTextHandler(&log, nil))}}
	file := func(name, content string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	a.o.Config.Assets = file("assets.yaml", twoLines)
	a.o.Config.Rules = []string{file("hot.yaml", string(ruleOn("F1", 70)))}
	for range 2 {
		if err := a.seed(t.Context()); err != nil || log.Len() > 0 {
			t.Fatalf("the same files give %v and %s", err, &log)
		}
	}

	file("hot.yaml", string(ruleOn("F1", 80)))
	file("assets.yaml", strings.Replace(twoLines, "alias: F1", "alias: F3", 1))
	a.o.Config.Rules = append(a.o.Config.Rules, file("more.yaml", strings.Replace(string(ruleOn("F3", 80)), "id: hot", "id: more", 1)))
	if err := a.seed(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"assets file differs from the registry", "rule file differs", "hot.yaml", "does not fit the registry in force", "F3"} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("the log does not say %q:\n%s", want, &log)
		}
	}
	if c.rules["hot"].version != 1 || c.rules["more"].version != 0 {
		t.Errorf("published was %+v", c.rules)
	}

	file("assets.yaml", "kind: Assets\n")
	if err := a.seed(t.Context()); err == nil || !strings.HasPrefix(err.Error(), "plant.yaml: assets: ") {
		t.Errorf("a broken assets file gives %v", err)
	}
}

// A start that is refused leaves nothing in force: not the registry that was
// read before the mistake in a rule, nor anything when the mistake is found
// last of all. The corrected files count.
func TestRefusedStartPublishesNothing(t *testing.T) {
	dir := t.TempDir()
	file := func(name, content string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	c := DefaultConfig()
	c.Data, c.HTTP, c.MQTT.Embedded = filepath.Join(dir, "data"), "127.0.0.1:0", "127.0.0.1:0"
	c.Rules = []string{file("hot.yaml", string(ruleOn("F3", 70)))}
	start := func() (*App, string, error) {
		t.Helper()
		var log bytes.Buffer
		a, err := New(t.Context(), Options{Config: c, Log: slog.New(slog.NewTextHandler(&log, nil))})
		return a, log.String(), err
	}
	refused := func(want string) {
		t.Helper()
		a, _, err := start()
		if a != nil {
			a.Close()
		}
		if _, ok := errors.AsType[*ConfigError](err); !ok || !strings.Contains(err.Error(), want) {
			t.Fatalf("got %v, want a refusal with %q", err, want)
		}
	}
	c.Assets = file("assets.yaml", twoLines) // which has no F3
	refused(`"F3" is not registered`)

	file("assets.yaml", strings.Replace(twoLines, "alias: F2", "alias: F3", 1))
	embedded := c.MQTT
	c.MQTT = MQTTConfig{Config: mqtt.Config{Broker: "ssl://127.0.0.1:1", CAFile: filepath.Join(dir, "none.pem")}}
	refused("none.pem")
	c.MQTT = embedded

	file("assets.yaml", strings.Replace(twoLines, "alias: F1", "alias: F3", 1))
	a, log, err := start()
	if err != nil {
		t.Fatal(err)
	}
	if eq, ok := a.control.equipment("F3"); !ok || eq.ID != "e1" || strings.Contains(log, "stays in force") {
		t.Errorf("F3 is %+v, %v; the log says\n%s", eq, ok, log)
	}
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	known, stop := openControlLog(t, a.data.file(controlDir)) // what the start has put on disk
	defer stop()
	if eq, ok := known.equipment("F3"); !ok || eq.ID != "e1" || known.rules["hot"].version != 1 {
		t.Errorf("on the control log F3 is %+v, %v, and the rules are %+v", eq, ok, known.rules)
	}
}

// Rules of a start are checked against one another, in whatever order their
// files are read; those that were published before stay as they are.
func TestRulesOfAStartFitTogether(t *testing.T) {
	dir := t.TempDir()
	for name, content := range map[string][]byte{
		"assets.yaml": []byte(twoLines),
		"a.yaml":      ruleReading("a", "F1", "{tag: rule:b, is: ERROR}"),
		"b.yaml":      ruleReading("b", "F2", "{tag: t, above: 3}"),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, published := range []bool{false, true} {
		c, _ := openControlLog(t, t.TempDir())
		a := &App{control: c, o: Options{ConfigFile: "plant.yaml", Log: slog.New(slog.DiscardHandler)}}
		a.o.Config.Assets = filepath.Join(dir, "assets.yaml")
		a.o.Config.Rules = []string{filepath.Join(dir, "?.yaml")}
		if published {
			if _, err := c.ApplyAssets(t.Context(), "assets.yaml", []byte(twoLines)); err != nil {
				t.Fatal(err)
			}
			if _, err := c.ApplyRule(t.Context(), "a.yaml", ruleReading("a", "F1", "{tag: rule:b, is: ERROR}"), ui.AtOnce()); err != nil {
				t.Fatal(err)
			}
		}
		err := a.seed(t.Context())
		if published && err != nil {
			t.Errorf("beside a rule that was published: %v", err)
		}
		if want := "reads rule b of F1, but that is about F2"; !published && (!errors.As(err, new(*ConfigError)) || !strings.Contains(err.Error(), want)) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}
