package opcuasim

import (
	"fmt"

	"linewatch/simulators/plant"
)

// wire is one tag on its way to the server.
type wire struct {
	machine *plant.Machine
	tag     string
}

// Attach adds every tag of the line's machines with these aliases and keeps
// them up to date, each change as one of the plant's instant. Error: a machine
// that the plant lacks, a tag that is there already, or more tags than a server
// holds. After an error the server is of no use.
func (s *Server) Attach(line *plant.Line, aliases ...string) error {
	var wires []wire
	var err error
	line.View(func(p *plant.Plant) { wires, err = s.add(p, aliases) })
	if err != nil {
		return err
	}
	line.Attach(func(p *plant.Plant) {
		at := p.Now()
		s.Update(func(w *Writer) {
			for _, wire := range wires {
				value, _ := wire.machine.Read(wire.tag)
				// Each was added above, and a tag keeps its type.
				_ = w.Set(wire.machine.Alias, wire.tag, value, at)
			}
		})
	})
	return nil
}

// add shows the machines' tags with their present values.
func (s *Server) add(p *plant.Plant, aliases []string) (wires []wire, err error) {
	for _, alias := range aliases {
		m := p.Machine(alias)
		if m == nil {
			return nil, fmt.Errorf("the plant has no machine %q", alias)
		}
		for _, tag := range m.Tags() {
			value, _ := m.Read(tag.Name)
			if err := s.AddTag(m.Alias, m.Name, tag.Name, tag.Unit, value, p.Now()); err != nil {
				return nil, err
			}
			wires = append(wires, wire{m, tag.Name})
		}
	}
	return wires, nil
}
