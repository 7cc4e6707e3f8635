package app

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"linewatch"
	"linewatch/edge"
	"linewatch/notify/mqtt"
	"linewatch/watermark"
)

// load writes a configuration and loads it.
func load(t *testing.T, dir, text string) (Config, error) {
	t.Helper()
	name := filepath.Join(dir, "linewatch.yaml")
	if err := os.WriteFile(name, []byte("apiVersion: linewatch/v1\nkind: Config\n"+text), 0o600); err != nil {
		t.Fatal(err)
	}
	return LoadConfig(name)
}

func TestEveryFieldIsRead(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"password", "ca.pem"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("x\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	got, err := load(t, dir, `
data: kept
dataOnNetwork: true
http: localhost:9000
assets: plant/assets.yaml
rules: [rules/*.yaml, /etc/linewatch/extra.yaml]
edge:
  gateway: gw
  sources:
    - {id: plc, protocol: s7, address: "192.0.2.1:1102", rack: 1, slot: 2, interval: 50ms, timeout: 3s, equipment: E1, tags: [{name: a, address: DB1.DBW0, type: int}, {name: b, address: M1.2, type: bool, equipment: E2}]}
engine: {scope: global, openSenders: 7, bound: 1s, idleTimeout: 20s, maxFutureSkew: 1m, joinGrace: 3s, maxHold: 2m, catchUp: skip, onAllIdle: hold, bufferCap: 5000, snapshotEvery: 1s}
mqtt: {broker: "ssl://broker:8883", clientId: me, site: here, user: u, passwordFile: password, caFile: ca.pem, insecure: true}
`)
	if err != nil {
		t.Fatal(err)
	}
	want := Config{
		APIVersion: "linewatch/v1", Kind: "Config", Data: filepath.Join(dir, "kept"), DataOnNetwork: true, HTTP: "localhost:9000",
		Assets: filepath.Join(dir, "plant/assets.yaml"), Rules: []string{filepath.Join(dir, "rules/*.yaml"), "/etc/linewatch/extra.yaml"},
		Edge: edge.Config{Gateway: "gw", Sources: []edge.SourceConfig{{
			ID: "plc", Protocol: "s7", Address: "192.0.2.1:1102", Rack: 1, Slot: 2, Interval: edge.Span(50e6), Timeout: edge.Span(3e9), Equipment: "E1",
			Tags: []edge.TagConfig{{Name: "a", Address: "DB1.DBW0", Type: "int"}, {Name: "b", Address: "M1.2", Type: "bool", Equipment: "E2"}},
		}}},
		Engine: EngineConfig{
			Scope: "global", OpenSenders: 7, Bound: linewatch.Second, IdleTimeout: 20 * linewatch.Second, MaxFutureSkew: linewatch.Minute,
			JoinGrace: 3 * linewatch.Second, MaxHold: 2 * linewatch.Minute, CatchUp: watermark.Skip, OnAllIdle: watermark.HoldAll,
			BufferCap: 5000, SnapshotEvery: linewatch.Second,
		},
		MQTT: MQTTConfig{Config: mqtt.Config{
			Broker: "ssl://broker:8883", ClientID: "me", Site: "here", User: "u",
			PasswordFile: filepath.Join(dir, "password"), CAFile: filepath.Join(dir, "ca.pem"), Insecure: true,
		}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestDefaults(t *testing.T) {
	got, err := load(t, t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	want := DefaultConfig()
	want.APIVersion, want.Kind = apiVersion, kindConfig
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if got.Data != "linewatch-data" || got.HTTP != "127.0.0.1:8080" || got.Engine.watermark() != watermark.Defaults() {
		t.Errorf("defaults are %+v", got)
	}
}

func TestWrongValues(t *testing.T) {
	for _, test := range []struct{ text, want string }{
		{"data: ''", "7: data: is empty"},
		{"engine: {openSenders: -1}", "23: engine.openSenders: use 0 to 1000000"},
		{"engine: {snapshotEvery: 1ms}", "25: engine.snapshotEvery: use 100ms or more"},
		{"engine: {idleTimeout: 0s}", "23: engine: idle-timeout"},
		{"edge: {sources: [{id: a}]}", "7: edge.gateway: missing"},
		{"edge: {gateway: g, sources: [{id: a, protocol: opc}]}", `48: edge.sources[a].protocol: "opc" is unknown`},
		{"mqtt: {broker: 'tcp://127.0.0.1:1', embedded: '127.0.0.1:2'}", "7: mqtt: both broker and embedded; name one"},
		{"mqtt: {broker: 'tcp://127.0.0.1:65536'}", `16: mqtt.broker: port "65536" is none; use 1 to 65535`},
		{"mqtt: {embedded: '127.0.0.1:65536'}", `18: mqtt.embedded: address "127.0.0.1:65536": port "65536": want 0 to 65535`},
		{"mqtt: {embedded: '0.0.0.0:1883'}", "18: mqtt.embedded: address 0.0.0.0:1883 is not on this machine only"},
		{"data: ${HOME}/data", "7: data: holds ${, and nothing is put in its place here; write the value itself"},
		{"mqtt: {broker: 'ssl://b:1', user: \"${A\\n${B}}\"}", "35: mqtt.user: holds ${"},
		{"edge: {gateway: g, sources: [{id: a, protocol: s7, interval: 0s}]}", `62: edge.sources[0].interval: "0s" is no time at all; leave the key out for the default`},
		{"edge: {gateway: g, sources: [{id: a, protocol: s7, tags: [{name: a, maxSilence: 0ms}]}]}", `81: edge.sources[0].tags[0].maxSilence: "0ms" is no time at all`},
		{"edge: {gateway: g, sources: [{id: a, protocol: opcua, opcua: {queue: 0}}]}", "70: edge.sources[0].opcua.queue: 0; use 1 to 1000"},
		{"tables: [{id: t, key: k, file: f, every: 0s}]", "42: tables[0].every: 0s is no time at all"},
		{"mqtt: {broker: 'ssl://b:1', user: u, passwordFile: none}", "52: mqtt.passwordFile: "},
	} {
		_, err := load(t, t.TempDir(), test.text)
		var config *ConfigError
		if !errors.As(err, &config) || !strings.Contains(err.Error(), "linewatch.yaml:3:"+test.want) {
			t.Errorf("%s: got %v, want %q", test.text, err, test.want)
		}
	}
}

// A registry that takes tags for stale before the edge repeats them is warned
// of, naming the first one.
// A gateway may read as many tags as its configuration says that it may.
func TestConfigurationOfManyTags(t *testing.T) {
	const tags = 20_000
	var b strings.Builder
	b.WriteString("apiVersion: linewatch/v1\nkind: Config\nedge:\n  gateway: gw\n  sources:\n")
	b.WriteString("    - id: plc\n      protocol: s7\n      address: 192.0.2.1\n      tags:\n")
	for n := range tags {
		fmt.Fprintf(&b, "        - {name: tag_%05d, equipment: 84068f2f-3f39-4b9c-a995-d2a84d878689, address: DB1.DBB%d, type: byte}\n", n, n)
	}
	name := filepath.Join(t.TempDir(), "many.yaml")
	if err := os.WriteFile(name, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := LoadConfig(name)
	if err != nil {
		t.Fatalf("%.300s", err)
	}
	if got := len(c.Edge.Sources[0].Tags); got != tags {
		t.Errorf("%d tags, want %d", got, tags)
	}
}

func TestAddressThatIsUsedTwiceIsWarnedOf(t *testing.T) {
	var said strings.Builder
	tags := []edge.TagConfig{{Name: "a", Address: "DB1.DBW0", Type: "int"}, {Name: "b", Address: "DB1.DBW2", Type: "int"}, {Name: "c", Address: "DB1.DBW0", Type: "int"}}
	warnDoubled(edge.Config{Sources: []edge.SourceConfig{{ID: "plc1", Tags: tags}, {ID: "plc2", Tags: tags[:2]}}}, slog.New(slog.NewTextHandler(&said, nil)))
	if got := said.String(); strings.Count(got, "\n") != 1 || !strings.Contains(got, `source=plc1 tags=1 first="a and c: DB1.DBW0"`) {
		t.Errorf("said %q", got)
	}
	said.Reset()
	warnDoubled(SimulatedEdge(), slog.New(slog.NewTextHandler(&said, nil)))
	if said.Len() > 0 {
		t.Errorf("of the simulated line it said %q", &said)
	}
}

// Two tags that share some of their bytes, and one tag with two sources, are
// warned of.
func TestTagsInTheWayOfOthersAreWarnedOf(t *testing.T) {
	var said strings.Builder
	log := slog.New(slog.NewTextHandler(&said, nil))
	tags := []edge.TagConfig{{Name: "a", Address: "DB1.DBD0", Type: "real"}, {Name: "b", Address: "DB1.DBD2", Type: "real"}}
	c := edge.Config{Sources: []edge.SourceConfig{
		{ID: "plc1", Protocol: "s7", Equipment: "E1", Tags: tags},
		{ID: "plc2", Protocol: "s7", Equipment: "E2", Tags: tags[:1]},
		{ID: "plc3", Protocol: edge.ProtocolOPCUA, Equipment: "E1", Tags: []edge.TagConfig{{Name: "b", Address: "ns=1;s=b"}, {Name: "a", Equipment: "E3", Address: "ns=1;s=a"}}},
	}}
	warnOverlap(c, log)
	warnShared(c, log)
	for _, want := range []string{
		`source=plc1 tags=1 first="a at DB1.DBD0, real, and b at DB1.DBD2, real"`, `tags=1 first="b of E1: plc1 and plc3"`,
	} {
		if !strings.Contains(said.String(), want) || strings.Count(said.String(), "\n") != 2 {
			t.Errorf("said %s, which lacks %q", &said, want)
		}
	}
	said.Reset()
	if warnOverlap(SimulatedEdge(), log); said.Len() > 0 {
		t.Errorf("of the simulated line it said %s", &said)
	}
	if warnShared(SimulatedEdge(), log); said.Len() > 0 {
		t.Errorf("of the simulated line it said %s", &said)
	}
}

func TestStaleTagsAreWarnedOf(t *testing.T) {
	var said strings.Builder
	c := DefaultConfig()
	c.Data, c.HTTP, c.MQTT.Embedded = t.TempDir(), "127.0.0.1:0", "127.0.0.1:0"
	c.Edge = edge.Config{Gateway: "gw", Sources: []edge.SourceConfig{{
		ID: "plc", Protocol: "s7", Address: "127.0.0.1:1", Slot: 1, Equipment: "f1", MaxSilence: edge.Span(30 * time.Second),
		Tags: []edge.TagConfig{
			{Name: "fine", Address: "DB1.DBW0", Type: "int"},
			{Name: "late", Address: "DB1.DBW2", Type: "int", MaxSilence: edge.Span(time.Minute)},
			{Name: "later", Address: "DB1.DBW4", Type: "int", MaxSilence: edge.Span(time.Hour)},
			{Name: "any", Address: "DB1.DBW6", Type: "int"},
		},
	}}}
	c.Assets = filepath.Join(t.TempDir(), "assets.yaml")
	assets := `apiVersion: linewatch/v1
kind: Assets
equipment:
  - {id: f1, line: L, site: S, tags: [{name: fine, staleAfter: 1m}, {name: late, staleAfter: 1m}, {name: later, staleAfter: 1m}, {name: any}]}
senders: [{gateway: gw, source: plc, line: L}]
`
	if err := os.WriteFile(c.Assets, []byte(assets), 0o600); err != nil {
		t.Fatal(err)
	}
	a, err := New(t.Context(), Options{Config: c, Log: slog.New(slog.NewTextHandler(&said, nil))})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	want := `source=plc tags=2 first="late: staleAfter 1m, repeated after 1m"`
	if !strings.Contains(said.String(), want) {
		t.Errorf("the log lacks %q:\n%s", want, said.String())
	}
}
