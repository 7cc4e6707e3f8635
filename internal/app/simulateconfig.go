package app

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"linewatch/configs"
	"linewatch/edge"
)

// simulatedHeader begins a configuration that WriteConfig has written, which
// it may therefore write again.
const simulatedHeader = "# Reads a simulated line. Written by linewatch simulate; it may be written again."

// WriteConfig writes into a directory what another process needs to read the
// line: a configuration, the registry and the rules. It returns the name of the
// configuration. It makes the directory, and refuses one that holds anything
// but what it has written before.
func (s *Simulation) WriteConfig(dir string) (string, error) {
	name := filepath.Join(dir, simulatedConfig)
	if err := copyConfig(demoAssets, filepath.Join(dir, "assets.yaml")); err != nil {
		return "", err
	}
	entries, err := configs.FS.ReadDir(demoRules)
	if err != nil {
		return "", err
	}
	for _, e := range entries {
		if isRuleTest(e.Name()) {
			continue
		}
		if err := copyConfig(demoRules+"/"+e.Name(), filepath.Join(dir, "rules", e.Name())); err != nil {
			return "", err
		}
	}
	if err := os.WriteFile(name, []byte(formatSimulated(s.Edge())), 0o644); err != nil {
		return "", fmt.Errorf("configuration: %w", err)
	}
	return name, nil
}

// What a simulation writes into the directory of a configuration, beside the
// registry and the rules.
const (
	simulatedConfig   = "linewatch.yaml"
	simulatedIdentity = "server.pem" // of the OPC UA server, which the configuration has pinned
)

// PrepareConfig makes the directory of a configuration. It refuses one with
// files that no simulation has written.
func PrepareConfig(dir string) error {
	if err := checkOurs(dir); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Join(dir, "rules"), 0o755); err != nil {
		return fmt.Errorf("configuration: %w", err)
	}
	return nil
}

func checkOurs(dir string) error {
	found, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("configuration: %w", err)
	}
	begun := func(e fs.DirEntry) bool { return e.Name() == "rules" || e.Name() == simulatedIdentity }
	if len(slices.DeleteFunc(found, begun)) == 0 {
		return nil
	}
	text, err := os.ReadFile(filepath.Join(dir, simulatedConfig))
	if err != nil || !strings.HasPrefix(string(text), simulatedHeader+"\n") {
		return fmt.Errorf("configuration: %s holds other files; name a new directory", dir)
	}
	return nil
}

func copyConfig(from, to string) error {
	data, err := configs.FS.ReadFile(from)
	if err != nil {
		return err
	}
	if err := os.WriteFile(to, data, 0o644); err != nil {
		return fmt.Errorf("configuration: %w", err)
	}
	return nil
}

// formatSimulated returns the configuration as YAML.
func formatSimulated(c edge.Config) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\napiVersion: %s\nkind: %s\nassets: assets.yaml\nrules: [rules/*.yaml]\n", simulatedHeader, apiVersion, kindConfig)
	fmt.Fprintf(&b, "edge:\n  gateway: %s\n  sources:\n", quoted(c.Gateway))
	for _, s := range c.Sources {
		fmt.Fprintf(&b, "    - id: %s\n      protocol: %s\n      address: %s\n", quoted(s.ID), s.Protocol, quoted(s.Address))
		if s.Protocol == "s7" {
			fmt.Fprintf(&b, "      rack: %d\n      slot: %d\n", s.Rack, s.Slot)
		}
		if s.OPCUA.Thumbprint != "" {
			fmt.Fprintf(&b, "      opcua: {thumbprint: %s}\n", quoted(s.OPCUA.Thumbprint))
		}
		if s.Equipment != "" {
			fmt.Fprintf(&b, "      equipment: %s\n", quoted(s.Equipment))
		}
		fmt.Fprintf(&b, "      tags:\n")
		for _, t := range s.Tags {
			fmt.Fprintf(&b, "        - %s\n", FormatTag(t))
		}
	}
	return b.String()
}

// FormatTag returns a tag as a line of a configuration.
func FormatTag(t edge.TagConfig) string {
	line := fmt.Sprintf("{name: %s, address: %s", t.Name, quoted(t.Address))
	if t.Type != "" {
		line += ", type: " + quoted(t.Type)
	}
	if t.Equipment != "" {
		line += ", equipment: " + quoted(t.Equipment)
	}
	return line + "}"
}

// quoted makes one text of s: what JSON takes for one, YAML does, too.
func quoted(s string) string {
	b, err := json.Marshal(s)
	if err != nil { // a string always has a JSON form
		return s
	}
	return string(b)
}
