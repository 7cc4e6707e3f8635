package edge

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
)

func goodConfig() Config {
	return Config{Gateway: "gw1", Sources: []SourceConfig{{
		ID: "filler", Protocol: "s7", Address: "192.0.2.1", Equipment: "F1",
		Tags: []TagConfig{{Name: "speed", Address: "DB1.DBW0"}, {Name: "temperature", Equipment: "F2", Address: "DB1.DBD2", Type: "real"}},
	}}}.WithDefaults()
}

func TestGoodConfigIsAccepted(t *testing.T) {
	c := goodConfig()
	if err := c.Validate(); err != nil {
		t.Fatal(err)
	}
	if got, want := c.Sources[0].Interval, DefaultInterval; got != want {
		t.Errorf("interval = %v, want %v", got, want)
	}
	if got := c.Sources[0].Tags[0].Equipment + c.Sources[0].Tags[1].Equipment; got != "F1F2" {
		t.Errorf("equipment = %v, want the source's where the tag has none", got)
	}
}

func TestConfigMistakesNameTheField(t *testing.T) {
	for _, test := range []struct {
		want   string
		damage func(*Config)
	}{
		{"gateway: missing", func(c *Config) { c.Gateway = "" }},
		{"gateway: \"a b\" is not a name", func(c *Config) { c.Gateway = "a b" }},
		{"sources: none", func(c *Config) { c.Sources = nil }},
		{"sources[0].id: missing", func(c *Config) { c.Sources[0].ID = "" }},
		{"sources[filler].id: used twice", func(c *Config) { c.Sources = append(c.Sources, c.Sources[0]) }},
		{"sources[filler].protocol: \"modbus\" is unknown", func(c *Config) { c.Sources[0].Protocol = "modbus" }},
		{"sources[filler].address: missing", func(c *Config) { c.Sources[0].Address = "" }},
		{"sources[filler].rack: 8", func(c *Config) { c.Sources[0].Rack = 8 }},
		{"sources[filler].slot: -1", func(c *Config) { c.Sources[0].Slot = -1 }},
		{"sources[filler].interval: 1ms; use 10ms to 1h", func(c *Config) { c.Sources[0].Interval = Span(time.Millisecond) }},
		{"sources[filler].timeout: 11s", func(c *Config) { c.Sources[0].Timeout = Span(11 * time.Second) }},
		{"sources[filler].tags: 0", func(c *Config) { c.Sources[0].Tags = nil }},
		{"sources[filler].tags[0].name: \"\"", func(c *Config) { c.Sources[0].Tags[0].Name = "" }},
		{"sources[filler].tags[$gap].name: begins with $", func(c *Config) { c.Sources[0].Tags[0].Name = "$gap" }},
		{"sources[filler].tags[speed].equipment: missing", func(c *Config) { c.Sources[0].Tags[0].Equipment = "" }},
		{"sources[filler].tags[speed].name: equipment F1 has this tag twice", func(c *Config) { c.Sources[0].Tags[1] = c.Sources[0].Tags[0] }},
	} {
		c := goodConfig()
		test.damage(&c)
		err := c.Validate()
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("got %v, want %q in it", err, test.want)
		}
	}
}

func TestSpanReadsAndWritesText(t *testing.T) {
	var s struct{ Interval Span }
	if err := json.Unmarshal([]byte(`{"Interval":"1m30s"}`), &s); err != nil || s.Interval != Span(90*time.Second) {
		t.Fatalf("got %v, %v", s.Interval, err)
	}
	if got := s.Interval.String(); got != "90s" {
		t.Errorf("got %q, want 90s", got)
	}
	if err := json.Unmarshal([]byte(`{"Interval":"5"}`), &s); err == nil {
		t.Error("a duration without a unit was accepted")
	}
}
