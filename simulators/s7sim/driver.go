package s7sim

import (
	"context"
	"fmt"
	"time"

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

// Driver moves a plant along a clock and keeps the server's memory up to date
// with it. It owns the plant.
type Driver struct {
	server *Server
	plant  *plant.Plant
	now    func() time.Time
	wires  []wire
}

// NewDriver creates the data blocks that the wirings need and writes the first
// values. now is the clock that the plant follows. An error names a machine or
// tag that the plant lacks, or an address that does not suit its tag.
func NewDriver(s *Server, p *plant.Plant, now func() time.Time, wirings ...Wiring) (*Driver, error) {
	d := &Driver{server: s, plant: p, now: now}
	sizes := map[int]int{}
	for _, w := range wirings {
		machine := p.Machine(w.Machine)
		if machine == nil {
			return nil, fmt.Errorf("the plant has no machine %q", w.Machine)
		}
		for _, a := range w.Addresses {
			if _, ok := machine.Read(a.Tag); !ok {
				return nil, fmt.Errorf("machine %s has no tag %q", w.Machine, a.Tag)
			}
			if a.Area == DataBlock {
				sizes[a.DB] = max(sizes[a.DB], a.Start+a.Size())
			}
			d.wires = append(d.wires, wire{machine, a})
		}
	}
	for number, size := range sizes {
		s.SetDB(number, size+size%2)
	}
	var err error
	s.Update(func(m *Memory) {
		for _, w := range d.wires {
			if err == nil {
				err = w.write(m)
			}
		}
	})
	if err != nil {
		return nil, err
	}
	return d, nil
}

func (w wire) write(m *Memory) error {
	value, _ := w.machine.Read(w.address.Tag)
	return m.put(w.address, value)
}

// Step brings the plant up to the clock and writes all values, in one update.
// A data block that was removed meanwhile is left out.
func (d *Driver) Step() {
	if d.plant.AdvanceTo(d.now()) == 0 {
		return
	}
	d.server.Update(func(m *Memory) {
		for _, w := range d.wires {
			// NewDriver has written each of them once, so that only a block
			// removed or replaced by a smaller one can be in the way.
			_ = w.write(m)
		}
	})
}

// Run steps every so often until ctx ends, and returns nil. A clock that runs
// N times as fast wants steps N times as often: every = plant.Tick / N.
func (d *Driver) Run(ctx context.Context, every time.Duration) error {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
			d.Step()
		}
	}
}
