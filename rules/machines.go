package rules

import "linewatch"

// MachineStatus is how a machine runs, as its signals say; a value is null
// where the tag is unknown, or the machine has no such signal.
type MachineStatus struct {
	Equipment linewatch.Equipment
	State     linewatch.Value
	Reason    linewatch.Value
	Speed     linewatch.Value
	Nominal   linewatch.Value
	Good      linewatch.Value
	Total     linewatch.Value
	Product   linewatch.Value
}

// Machines returns the machines of this home that have signals, in the order
// of the registry.
func (e *Engine) Machines() (out []MachineStatus) {
	for _, eq := range e.registry.assets.Equipment {
		if eq.Signals == (linewatch.Signals{}) || !e.owns(&e.registry, eq.ID) {
			continue
		}
		s := &eq.Signals
		out = append(out, MachineStatus{
			Equipment: eq,
			State:     e.present(eq.ID, s.State), Reason: e.present(eq.ID, s.Reason),
			Speed: e.present(eq.ID, s.Speed), Nominal: e.present(eq.ID, s.Nominal),
			Good: e.present(eq.ID, s.Good), Total: e.present(eq.ID, s.Total), Product: e.present(eq.ID, s.Product),
		})
	}
	return out
}

// present returns the value of a tag that is known now, null otherwise.
func (e *Engine) present(equipment, tag string) linewatch.Value {
	if tag == "" {
		return linewatch.Value{}
	}
	id, ok := e.Lookup(equipment, tag)
	if !ok {
		return linewatch.Value{}
	}
	if sr := &e.series[id]; e.classNow(sr) != noClass {
		return sr.last.Value
	}
	return linewatch.Value{}
}
