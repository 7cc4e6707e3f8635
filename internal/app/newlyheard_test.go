package app

import (
	"context"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"linewatch"
	"linewatch/edge"
	"linewatch/simulators/s7sim"
	"linewatch/ui"
)

// Sources are heard anew whose sender or equipment the registry has not had,
// or had on another line.
func TestSourcesThatAreNewlyHeard(t *testing.T) {
	registry := func(line string, equipment string, senders ...string) *linewatch.Assets {
		a := &linewatch.Assets{Equipment: []linewatch.Equipment{{ID: equipment, Line: line}}}
		for _, s := range senders {
			a.Senders = append(a.Senders, linewatch.SenderDef{Gateway: "gw", Source: s, Line: line})
		}
		return a
	}
	c := edge.Config{Gateway: "gw", Sources: []edge.SourceConfig{
		{ID: "a", Tags: []edge.TagConfig{{Name: "t", Equipment: "e1"}}},
		{ID: "b", Tags: []edge.TagConfig{{Name: "t", Equipment: "e2"}, {Name: "t", Equipment: "e1"}}},
	}}
	for _, row := range []struct {
		name          string
		before, after *linewatch.Assets
		want          []string
	}{
		{"the first registry", nil, registry("one", "e1", "a", "b"), []string{"a", "b"}},
		{"the same", registry("one", "e1", "a", "b"), registry("one", "e1", "a", "b"), nil},
		{"a sender", registry("one", "e1", "a"), registry("one", "e1", "a", "b"), []string{"b"}},
		{"a sender of another gateway", registry("one", "e1", "a"), registry("one", "e1", "a", "c"), nil},
		{"an equipment", registry("one", "e1", "a", "b"), registry("one", "e2", "a", "b"), []string{"b"}},
		{"another line", registry("one", "e1", "a", "b"), registry("two", "e1", "a", "b"), []string{"a", "b"}},
		{"less", registry("one", "e1", "a", "b"), registry("one", "e1"), nil},
	} {
		if diff := cmp.Diff(row.want, newlyHeard(row.before, row.after, c)); diff != "" {
			t.Errorf("%s (-want +got)\n%s", row.name, diff)
		}
	}
}

// A tag that never changes is known once its sender is registered, though the
// points that said so were refused.
func TestRegisteredSendersAreHeard(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	plc := s7sim.New(s7sim.Options{})
	plc.SetDB(1, 2)
	plc.Update(func(m *s7sim.Memory) { m.DB(1)[1] = 80 })
	serving, shut := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- plc.Serve(serving, listener) }()

	c := DefaultConfig()
	c.Data, c.HTTP, c.MQTT.Embedded = t.TempDir(), "127.0.0.1:0", "127.0.0.1:0"
	c.Edge = edge.Config{Gateway: "gw", Sources: []edge.SourceConfig{{
		ID: "plc", Protocol: "s7", Address: listener.Addr().String(), Interval: edge.Span(20 * time.Millisecond),
		Tags: []edge.TagConfig{{Name: "temperature", Equipment: "e1", Address: "DB1.DBW0", Type: "int"}},
	}}}
	a, err := New(t.Context(), Options{Config: c, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	if _, err := a.control.ApplyAssets(t.Context(), "a.yaml", []byte(twoLines)); err != nil {
		t.Fatal(err)
	}
	if _, err := a.control.ApplyRule(t.Context(), "r.yaml", ruleOn("F1", 70), ui.AtOnce()); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- a.Run(ctx, nil) }()
	until := func(what string, ok func(*ui.Status) bool) {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if !waitUntil(ctx, func() bool { s := a.Status(); return ok(&s) }) {
			t.Fatalf("%s does not come: %+v", what, a.Status())
		}
	}
	until("the refusal", func(s *ui.Status) bool { return s.Engine.Quarantined > 0 })
	registered := strings.Replace(twoLines, "equipment:", "senders: [{gateway: gw, source: plc, line: one}]\nequipment:", 1)
	if _, err := a.control.ApplyAssets(t.Context(), "a.yaml", []byte(registered)); err != nil {
		t.Fatal(err)
	}
	until("the alarm", func(s *ui.Status) bool {
		return len(s.Instances) == 1 && s.Instances[0].State == linewatch.Warning
	})
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	shut()
	if err := <-served; err != nil {
		t.Error(err)
	}
}
