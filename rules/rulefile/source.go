package rulefile

import (
	"linewatch"
	"linewatch/internal/strictyaml"
)

// Source is a file that has been read and still knows where everything stands,
// so that mistakes which only show beside other files get their place as well.
type Source struct {
	Name string
	Document
	doc *strictyaml.Document // nil: it comes from no file
}

// Read reads a file of any kind as Parse does.
func Read(file string, data []byte) (*Source, error) {
	return read(file, data, KindRule, KindAssets, KindTable)
}

// ReadRule reads a document of kind Rule.
func ReadRule(file string, data []byte) (*Source, error) { return read(file, data, KindRule) }

// Known is a rule that was read before and comes from no file. Its name is used
// in messages.
func Known(name string, rule *linewatch.Rule) *Source {
	return &Source{Name: name, Document: Document{Rule: rule}}
}

func read(file string, data []byte, kinds ...string) (*Source, error) {
	doc, kind, err := open(file, data, kinds...)
	if err != nil {
		return nil, err
	}
	d, err := decode(doc, kind)
	if err != nil {
		return nil, err
	}
	return &Source{Name: file, Document: d, doc: doc}, nil
}

// Fault returns a mistake at what path names. What an override shares with all
// of its rule is reported where it stands in the file.
func (s *Source) Fault(path, message, remedy string) *Error {
	if s.doc == nil {
		return &Error{File: s.Name, Field: path, Message: message, Remedy: remedy}
	}
	if override, place, ok := shared(s.doc, path); ok {
		if path, ok = overridden(s.doc, override, place); !ok {
			path = place
		}
	}
	return s.doc.Fault(path, message, remedy)
}
