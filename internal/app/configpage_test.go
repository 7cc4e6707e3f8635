package app

import (
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"linewatch/rules/rulefile"
)

// block is a part of a file that docs/configuration.md has a table of.
type block struct {
	kind string
	text string // of the whole file, in which %s is where a key of the block may stand
}

const (
	sampleTag    = `{name: t, address: M0.0%tag}`
	sampleSource = `{id: s, protocol: s7, address: plc, equipment: e%source, tags: [` + sampleTag + `]}`
	sampleServer = `{id: s, protocol: opcua, address: plc, equipment: e, opcua: {insecure: true%opcua}, tags: [{name: t, address: ns=2;s=a}]}`
)

// blocks are the blocks by their heading on the page.
func blocks() map[string]block {
	config := func(text, mark string) block {
		text = strings.ReplaceAll("{apiVersion: linewatch/v1, kind: Config%file, "+text+"}", mark, "%s")
		return block{"Config", regexp.MustCompile(`%[a-z]{2,}`).ReplaceAllString(text, "")}
	}
	assets := func(mark string) block {
		const text = `{apiVersion: linewatch/v1, kind: Assets%file, equipment: [{id: e, line: l, site: s%equipment, tags: [{name: t%tag}], signals: {state: t%signals}}], senders: [{gateway: g, source: s, line: l%sender}]}`
		return block{"Assets", regexp.MustCompile(`%[a-z]{2,}`).ReplaceAllString(strings.ReplaceAll(text, mark, "%s"), "")}
	}
	source := "edge: {gateway: g%edge, sources: [" + sampleSource + "]}"
	return map[string]block{
		"The file": config(source, "%file"), "edge": config(source, "%edge"), "edge.sources": config(source, "%source"), "edge.sources.tags": config(source, "%tag"),
		"edge.sources.tags.scale": config(strings.ReplaceAll(source, "%tag", ", scale: {factor: 2%scale}"), "%scale"),
		"edge.sources.opcua":      config("edge: {gateway: g, sources: ["+sampleServer+"]}", "%opcua"),
		"engine":                  config("engine: {joinGrace: 10s%engine}", "%engine"),
		"mqtt":                    config("mqtt: {site: plant%mqtt}", "%mqtt"),
		"tables":                  config("tables: [{id: t, key: k, file: f%table}]", "%table"),
		"The registry":            assets("%file"), "equipment": assets("%equipment"), "equipment.tags": assets("%tag"), "equipment.signals": assets("%signals"), "senders": assets("%sender"),
		"A table": {"Table", "{apiVersion: linewatch/v1, kind: Table, id: t, rows: {k: {c: 1}}%s}"},
	}
}

// read reads a file with something in its block, and returns what it means.
func (b block) read(t *testing.T, insert string) (any, error) {
	t.Helper()
	text := strings.ReplaceAll(b.text, "%s", insert)
	switch b.kind {
	case "Assets":
		return rulefile.ParseAssets("f", []byte(text))
	case "Table":
		return rulefile.ParseTable("f", []byte(text))
	}
	name := filepath.Join(t.TempDir(), "linewatch.yaml")
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := LoadConfig(name)
	c.relativeTo("/")
	c.Tables = slices.Clone(c.Tables)
	for i := range c.Tables {
		c.Tables[i].File = filepath.Base(c.Tables[i].File)
	}
	c.Edge, c.MQTT.Config = c.Edge.WithDefaults(), c.MQTT.withDefaults()
	return c, err
}

var inTicks = regexp.MustCompile("`([^`]+)`")

// The page has a table of each block, which lists every key that may stand
// there and no other, and each default that it names is the one in force.
func TestConfigurationPage(t *testing.T) {
	data, err := os.ReadFile("../../docs/configuration.md")
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, section := range strings.Split(string(data), "\n## ")[1:] {
		heading, body, _ := strings.Cut(section, "\n")
		b, ok := blocks()[heading]
		if !ok {
			t.Errorf("%q is no block", heading)
			continue
		}
		seen[heading] = true
		checkBlock(t, heading, b, body)
	}
	for heading := range blocks() {
		if !seen[heading] {
			t.Errorf("the page has no block %s", heading)
		}
	}
	checkAnchors(t, string(data))
}

func checkBlock(t *testing.T, heading string, b block, body string) {
	t.Helper()
	plain, err := b.read(t, "")
	if err != nil {
		t.Fatalf("%s: %v", heading, err)
	}
	var listed []string
	rows, _, _ := strings.Cut(body, "\n\n| protocol")
	for line := range strings.Lines(rows) {
		cells := strings.Split(line, " | ")
		if len(cells) != 4 || !strings.HasPrefix(line, "| `") {
			continue
		}
		keys := inTicks.FindAllStringSubmatch(cells[0], -1)
		for _, key := range keys {
			listed = append(listed, key[1])
		}
		standard := strings.HasPrefix(cells[3], "`") // it begins with the default itself
		if value := inTicks.FindStringSubmatch(cells[3]); standard && len(keys) == 1 {
			set, err := b.read(t, ", "+keys[0][1]+": "+value[1])
			if strings.Contains(b.text, keys[0][1]+": ") && err != nil {
				continue // the block holds it already
			}
			if diff := cmp.Diff(plain, set); err != nil || diff != "" {
				t.Errorf("%s.%s: %s is not the default: %v\n%s", heading, keys[0][1], value[1], err, diff)
			}
		}
	}
	_, err = b.read(t, ", zzzzzzzzzz: 1")
	if err == nil {
		t.Fatalf("%s takes any key", heading)
	}
	_, list, _ := strings.Cut(err.Error(), "valid here: ")
	list, _, _ = strings.Cut(list, "\n")
	known := strings.Split(list, ", ")
	slices.Sort(known)
	slices.Sort(listed)
	if diff := cmp.Diff(known, listed); diff != "" {
		t.Errorf("%s (-known +listed)\n%s", heading, diff)
	}
}

// checkAnchors asks that each link within the page leads to a heading.
func checkAnchors(t *testing.T, page string) {
	t.Helper()
	headings := map[string]bool{}
	for line := range strings.Lines(page) {
		if name, ok := strings.CutPrefix(line, "## "); ok {
			headings[strings.ToLower(strings.NewReplacer(".", "", " ", "-", "\n", "").Replace(name))] = true
		}
	}
	for _, link := range regexp.MustCompile(`\]\(#([^)]+)\)`).FindAllStringSubmatch(page, -1) {
		if !headings[link[1]] {
			t.Error(errors.New("no heading is #" + link[1]))
		}
	}
}
