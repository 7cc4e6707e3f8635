package s7sim

import (
	"fmt"

	"linewatch/simulators/plant"
)

// Wiring says where the tags of one machine lie in the server's memory.
type Wiring struct {
	Machine   string // alias, such as F1
	Addresses []Address
}

// wire is one tag on its way into memory.
type wire struct {
	machine *plant.Machine
	address Address
}

// Attach creates the data blocks that the wirings need and keeps them up to
// date with the line, from the present values on. An error names a machine or
// tag that the plant lacks, or an address that does not suit its tag; nothing
// is attached then.
func (s *Server) Attach(line *plant.Line, wirings ...Wiring) error {
	var wires []wire
	var err error
	line.View(func(p *plant.Plant) {
		if wires, err = resolve(p, wirings); err == nil {
			err = s.first(wires)
		}
	})
	if err != nil {
		return err
	}
	line.Attach(func(*plant.Plant) {
		s.Update(func(m *Memory) {
			for _, w := range wires {
				// Each was written once, so that only a block removed or
				// replaced by a smaller one can be in the way. It is left out.
				_ = w.write(m)
			}
		})
	})
	return nil
}

// resolve finds the machines of the wirings.
func resolve(p *plant.Plant, wirings []Wiring) (wires []wire, err error) {
	for _, w := range wirings {
		machine := p.Machine(w.Machine)
		if machine == nil {
			return nil, fmt.Errorf("the plant has no machine %q", w.Machine)
		}
		for _, a := range w.Addresses {
			if _, ok := machine.Read(a.Tag); !ok {
				return nil, fmt.Errorf("machine %s has no tag %q", w.Machine, a.Tag)
			}
			wires = append(wires, wire{machine, a})
		}
	}
	return wires, nil
}

// first creates the data blocks and writes the first values.
func (s *Server) first(wires []wire) (err error) {
	sizes := map[int]int{}
	for _, w := range wires {
		if a := w.address; a.Area == DataBlock {
			sizes[a.DB] = max(sizes[a.DB], a.Start+a.Size())
		}
	}
	for number, size := range sizes {
		s.SetDB(number, size+size%2)
	}
	s.Update(func(m *Memory) {
		for _, w := range wires {
			if err == nil {
				err = w.write(m)
			}
		}
	})
	return err
}

func (w wire) write(m *Memory) error {
	value, _ := w.machine.Read(w.address.Tag)
	return m.put(w.address, value)
}
