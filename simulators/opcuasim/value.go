package opcuasim

import (
	"fmt"
	"time"

	"github.com/gopcua/opcua/id"
	"github.com/gopcua/opcua/ua"
)

// Status is an OPC UA status code, for use with SetStatus.
type Status uint32

// The status of a value that is fine, and one of a value that is not shown.
const (
	Good             Status = 0
	BadSensorFailure Status = 0x808C0000
)

// AddTag adds a variable to a machine's folder, with the value that it has
// since at, which also decides its type: bool, int64, float64 or string. Error:
// another type, a tag that is there already, or more than MaxNodes.
func (s *Server) AddTag(machine, title, tag, unit string, value any, at time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.space.addTag(machine, title, tag, unit, value, at)
}

// Writer changes values within Update.
type Writer struct{ server *Server }

// Update lets f change values. No client sees half of it. f must not block or
// keep the writer.
func (s *Server) Update(f func(*Writer)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f(&Writer{s})
}

// Set gives a tag a value that it has since at. An equal value changes nothing,
// its time included. Error: no such tag, or a value of another type.
func (w *Writer) Set(machine, tag string, value any, at time.Time) error {
	n := w.server.space.tag(machine, tag)
	if n == nil {
		return fmt.Errorf("there is no tag %s of %s", tag, machine)
	}
	if data, _ := dataType(value); data != n.data {
		return fmt.Errorf("tag %s of %s is a %T, not a %T", tag, machine, n.value, value)
	}
	if n.value == value {
		return nil
	}
	n.value, n.at = value, at
	w.server.notify(n)
	return nil
}

// dataType returns the OPC UA type of a tag's value.
func dataType(value any) (uint32, bool) {
	switch value.(type) {
	case bool:
		return id.Boolean, true
	case int64:
		return id.Int64, true
	case float64:
		return id.Double, true
	case string:
		return id.String, true
	}
	return 0, false
}

// SetStatus gives a tag a status since at, such as BadSensorFailure, until it
// is set to Good again. Error: no such tag.
func (s *Server) SetStatus(machine, tag string, status Status, at time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := s.space.tag(machine, tag)
	if n == nil {
		return fmt.Errorf("there is no tag %s of %s", tag, machine)
	}
	if n.code == ua.StatusCode(status) {
		return nil
	}
	n.code, n.at = ua.StatusCode(status), at
	s.notify(n)
	return nil
}

// notify shows a change to those who watch. The caller holds the lock.
func (s *Server) notify(n *node) {
	if len(n.items) == 0 {
		return
	}
	v := s.present(n)
	for _, i := range n.items {
		i.offer(v)
	}
}
