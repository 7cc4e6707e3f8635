package app

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"linewatch/edge"
	"linewatch/rules/rulefile"
)

// The sample configuration loads, and its registry knows what it names.
func TestSampleConfiguration(t *testing.T) {
	c, err := LoadConfig("../../configs/linewatch.yaml")
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(c.Assets)
	if err != nil {
		t.Fatal(err)
	}
	assets, err := rulefile.ParseAssets(c.Assets, data)
	if err != nil {
		t.Fatal(err)
	}
	equipment, senders := map[string]bool{}, map[string]bool{}
	for _, eq := range assets.Equipment {
		equipment[eq.ID] = true
	}
	for _, s := range assets.Senders {
		senders[s.Gateway+"/"+s.Source] = true
	}
	for _, s := range c.Edge.WithDefaults().Sources {
		if !senders[c.Edge.Gateway+"/"+s.ID] {
			t.Errorf("source %s is no registered sender", s.ID)
		}
		for _, tag := range s.Tags {
			if !equipment[tag.Equipment] {
				t.Errorf("tag %s is of %s, which is not registered", tag.Name, tag.Equipment)
			}
		}
	}
}

// What the sample shows commented out is valid too, and is the default where
// it says so.
func TestSampleConfigurationUncommented(t *testing.T) {
	data, err := os.ReadFile("../../configs/linewatch.yaml")
	if err != nil {
		t.Fatal(err)
	}
	server, err := os.ReadFile("testdata/server.pem")
	if err != nil {
		t.Fatal(err)
	}
	head, tail, _ := strings.Cut(string(data), "# engine:")
	before, source, _ := strings.Cut(head, "    # - id: capper")
	head = before + strings.ReplaceAll("\n    # - id: capper"+source, "\n    # ", "\n    ")
	text := strings.ReplaceAll(head, "# http:", "http:") + regexp.MustCompile(`(?m)^# (mqtt:|tables:|  )`).ReplaceAllString("engine:"+tail, "$1")
	text = regexp.MustCompile(`(?m)^  embedded: .*\n`).ReplaceAllString(text, "") // one broker only
	dir := t.TempDir()
	for name, content := range map[string]string{"linewatch.yaml": text, "mqtt-password": "secret\n", "ca.pem": "", "capper.pem": string(server)} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	c, err := LoadConfig(filepath.Join(dir, "linewatch.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	last := c.Edge.WithDefaults().Sources[2].OPCUA
	if diff := cmp.Diff(edge.Config{Sources: []edge.SourceConfig{{Protocol: edge.ProtocolOPCUA}}}.WithDefaults().Sources[0].OPCUA, last,
		cmpopts.IgnoreFields(last, "Trust")); diff != "" {
		t.Errorf("the sample's OPC UA server has not the defaults (-default +sample)\n%s", diff)
	}
	if got, want := last.Trust, []string{filepath.Join(dir, "capper.pem")}; !cmp.Equal(got, want) {
		t.Errorf("trust is %q, want %q", got, want)
	}
	want := DefaultConfig()
	if diff := cmp.Diff(want.Engine, c.Engine); diff != "" {
		t.Errorf("the sample's engine is not the default (-default +sample)\n%s", diff)
	}
	if c.HTTP != want.HTTP || c.MQTT.User != "linewatch" || c.MQTT.Broker == "" {
		t.Errorf("http %s, mqtt %+v: the sample was not read whole", c.HTTP, c.MQTT)
	}
}
