package plant

import "time"

// Machine is one machine of the line. Its tags change when the plant steps.
type Machine struct {
	ID    string // equipment id
	Alias string // short name, such as F1
	Name  string // for people, such as Filler
	Class string // equipment class, such as filler

	process process
	tags    []Tag
	read    map[string]func() any
}

// process is what a kind of machine does in a tick. elapsed is the span since
// the plant's start, the new tick included.
type process interface {
	step(elapsed time.Duration)
	base() *station
}

// Tag describes one tag of a machine.
type Tag struct {
	Name string
	Unit string // empty for a plain number, a text or a switch
}

// Tags lists the tags in a fixed order. The slice is the caller's.
func (m *Machine) Tags() []Tag { return append([]Tag(nil), m.tags...) }

// Read returns the present value of a tag, and whether the machine has it. The
// value is a bool, int64, float64 or string, always the same of these for one
// tag.
func (m *Machine) Read(tag string) (any, bool) {
	read, ok := m.read[tag]
	if !ok {
		return nil, false
	}
	return read(), true
}

// add declares a tag and how to read it.
func (m *Machine) add(name, unit string, read func() any) {
	m.tags = append(m.tags, Tag{Name: name, Unit: unit})
	m.read[name] = read
}
