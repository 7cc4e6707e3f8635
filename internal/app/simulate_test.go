package app

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"linewatch"
	"linewatch/configs"
	"linewatch/rules/rulefile"
	"linewatch/simulators/plant"
)

func newSimulation(t *testing.T) *Simulation {
	t.Helper()
	s, err := NewSimulation(SimulationOptions{Listen: "127.0.0.1:0", Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// The registry of the demonstration lists the machines, every tag that the
// sources read, with its unit, and the sources; and nothing else.
func TestRegistryIsTheSimulatedLine(t *testing.T) {
	data, err := configs.FS.ReadFile(demoAssets)
	if err != nil {
		t.Fatal(err)
	}
	registry, err := rulefile.ParseAssets(demoAssets, data)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]bool{}
	for i, m := range plant.New(plant.Options{}).Machines() {
		want[strings.Join([]string{m.ID, m.Alias, m.Name, m.Class, string(rune('1' + i))}, " ")] = true
		for _, tag := range m.Tags() {
			want[strings.Join([]string{m.ID, tag.Name, tag.Unit}, " ")] = true
		}
	}
	got, registered := map[string]bool{}, map[string]bool{}
	for _, e := range registry.Equipment {
		got[strings.Join([]string{e.ID, e.Alias, e.Machine, e.Class, string(rune('0' + e.Order))}, " ")] = true
		for _, tag := range e.Tags {
			got[strings.Join([]string{e.ID, tag.Name, tag.Unit}, " ")] = true
			registered[e.ID+" "+tag.Name] = true
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("machines and tags of the plant (-) and of the registry (+):\n%s", diff)
	}
	read := map[string]bool{}
	var senders []linewatch.SenderDef
	for _, src := range SimulatedEdge().WithDefaults().Sources {
		for _, tag := range src.Tags {
			read[tag.Equipment+" "+tag.Name] = true
		}
		senders = append(senders, linewatch.SenderDef{Gateway: SimulatedGateway, Source: src.ID, Line: "line-1"})
	}
	if diff := cmp.Diff(registered, read); diff != "" {
		t.Errorf("tags of the registry (-) and those that are read (+):\n%s", diff)
	}
	if diff := cmp.Diff(senders, registry.Senders); diff != "" {
		t.Errorf("sources (-) and registered senders (+):\n%s", diff)
	}
}

// What is written for another process reads what this one would.
func TestWrittenConfigurationReadsTheLine(t *testing.T) {
	s, dir := newSimulation(t), filepath.Join(t.TempDir(), "line")
	for range 2 { // over its own
		if err := PrepareConfig(dir); err != nil {
			t.Fatal(err)
		}
		name, err := s.WriteConfig(dir)
		if err != nil {
			t.Fatal(err)
		}
		c, err := LoadConfig(name)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(s.Edge(), c.Edge); diff != "" {
			t.Errorf("the line (-) and the configuration (+):\n%s", diff)
		}
		for _, pattern := range append(c.Rules, c.Assets) {
			if found, err := filepath.Glob(pattern); len(found) == 0 || err != nil {
				t.Errorf("%s: %v %v", pattern, found, err)
			}
		}
	}
	other := t.TempDir()
	if err := os.WriteFile(filepath.Join(other, "linewatch.yaml"), []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := PrepareConfig(other); err == nil || !strings.Contains(err.Error(), "holds other files") {
		t.Errorf("another's configuration: %v", err)
	}
}

// The certificate that a configuration pins stays the same until it runs out.
func TestKeptIdentity(t *testing.T) {
	file, now := filepath.Join(t.TempDir(), simulatedIdentity), time.Now()
	prints := make(map[string]bool)
	for range 2 {
		id, err := keptIdentity(file, now)
		if err != nil {
			t.Fatal(err)
		}
		prints[id.Thumbprint()] = true
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 || len(prints) != 1 {
		t.Errorf("%d identities, file %v, %v", len(prints), info, err)
	}
	id, err := keptIdentity(file, now.AddDate(1, 0, 0))
	if err != nil || prints[id.Thumbprint()] {
		t.Errorf("a certificate that has run out was kept: %v", err)
	}
	if err := os.WriteFile(file, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := keptIdentity(file, now); err == nil || !strings.Contains(err.Error(), "remove it") {
		t.Errorf("a file of something else: %v", err)
	}
}

func TestControllersTakeThePortsInOrder(t *testing.T) {
	for _, c := range []struct {
		address string
		n       int
		want    string
	}{
		{"127.0.0.1:1102", 0, "127.0.0.1:1102"},
		{"127.0.0.1:1102", 3, "127.0.0.1:1105"},
		{"[::1]:1102", 1, "[::1]:1103"},
		{"127.0.0.1:0", 2, "127.0.0.1:0"},
		{"127.0.0.1:s7", 1, "127.0.0.1:s7"},
	} {
		if got, err := nextPort(c.address, c.n); got != c.want || err != nil {
			t.Errorf("nextPort(%q, %d) = %q, %v, want %q", c.address, c.n, got, err, c.want)
		}
	}
	if _, err := nextPort("1102", 0); err == nil {
		t.Error("an address without a port is taken")
	}
}
