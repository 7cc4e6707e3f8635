package opcuasim

import (
	"strings"
	"testing"
	"time"

	"github.com/gopcua/opcua"
	"github.com/gopcua/opcua/id"
	"github.com/gopcua/opcua/ua"

	"linewatch/simulators/plant"
)

// dryEnd are the machines that the demonstration shows over OPC UA.
var dryEnd = []string{"D1", "R1", "L1", "Z1"}

// show returns a connected client of a server that shows machines, and the line
// that they are of, which moves to the instant it is told.
func show(t *testing.T, machines ...string) (c *opcua.Client, line *plant.Line, move func(time.Duration)) {
	t.Helper()
	server, _ := identities()
	s, err := New(Options{Identity: server})
	if err != nil {
		t.Fatal(err)
	}
	now := morning
	line = plant.NewLine(plant.New(plant.Options{Seed: 1, Start: morning}), func() time.Time { return now })
	if err := s.Attach(line, machines...); err != nil {
		t.Fatal(err)
	}
	return connect(t, serve(t, s)), line, func(after time.Duration) {
		now = morning.Add(after)
		line.Step()
	}
}

func TestEveryTagOfAMachineIsShown(t *testing.T) {
	c, line, move := show(t, dryEnd...)
	shown := 0
	for _, after := range []time.Duration{0, 30 * time.Second} {
		move(after)
		line.View(func(p *plant.Plant) {
			for _, tag := range tagsOf(p) {
				shown++
				want, _ := p.Machine(tag.machine).Read(tag.name)
				got := read(t, c, tag.machine, tag.name)
				if got.Value == nil || got.Value.Value() != want || got.Status != ua.StatusOK {
					t.Errorf("after %v: %v = %v, want %v", after, tag, got.Value, want)
				}
				if got.SourceTimestamp.Before(morning) || got.SourceTimestamp.After(p.Now()) {
					t.Errorf("%v is of %v, outside the plant's %v", tag, got.SourceTimestamp, p.Now())
				}
			}
		})
	}
	if shown < 2*60 || shown > 2*MaxNodes {
		t.Errorf("%d tags were read", shown)
	}
	if good := read(t, c, "R1", "good_count"); !good.SourceTimestamp.After(morning.Add(29 * time.Second)) {
		t.Errorf("the count after 30 s is of %v", good.SourceTimestamp)
	}
}

// tagName is a tag of a machine.
type tagName struct{ machine, name string }

// tagsOf lists the tags of the dry end.
func tagsOf(p *plant.Plant) (tags []tagName) {
	for _, alias := range dryEnd {
		for _, tag := range p.Machine(alias).Tags() {
			tags = append(tags, tagName{alias, tag.Name})
		}
	}
	return tags
}

func TestTypesAndUnitsAreTold(t *testing.T) {
	c, _, _ := show(t, "F1")
	for tag, want := range map[string]struct {
		data uint32
		unit string
	}{
		"door_closed": {id.Boolean, ""}, "good_count": {id.Int64, "bottles"}, "water_temperature": {id.Double, "°C"}, "machine_state": {id.String, ""},
	} {
		node := c.Node(nodeID(t, "F1", tag))
		values, err := node.Attributes(t.Context(), ua.AttributeIDDataType, ua.AttributeIDDescription, ua.AttributeIDBrowseName, ua.AttributeIDAccessLevel)
		if err != nil {
			t.Fatal(err)
		}
		data, description := values[0].Value.NodeID(), values[1].Value.Value().(*ua.LocalizedText)
		name, access := values[2].Value.Value().(*ua.QualifiedName), values[3].Value.Value()
		if data.IntID() != want.data || description.Text != want.unit || name.Name != tag || access != byte(1) {
			t.Errorf("%s: type %v, unit %q, name %q, access %v", tag, data, description.Text, name.Name, access)
		}
	}
}

func TestWrongMachinesAreRefused(t *testing.T) {
	s := newServer(t, Options{})
	line := plant.NewLine(plant.New(plant.Options{}), time.Now)
	if err := s.Attach(line, "X9"); err == nil || !strings.Contains(err.Error(), `no machine "X9"`) {
		t.Errorf("a machine that the plant lacks: %v", err)
	}
	if err := s.Attach(line, "F1", "F1"); err == nil || !strings.Contains(err.Error(), "is there already") {
		t.Errorf("a machine twice: %v", err)
	}
}
