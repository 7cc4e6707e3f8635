package rulefile

import "linewatch/internal/strictyaml"

// Source is a file that has been read and still knows where everything stands,
// so that mistakes which only show beside other files get their place as well.
type Source struct {
	Name string
	Document
	doc *strictyaml.Document
}

// Read reads a file of any kind as Parse does.
func Read(file string, data []byte) (*Source, error) {
	doc, kind, err := open(file, data, KindRule, KindAssets, KindTable)
	if err != nil {
		return nil, err
	}
	d, err := decode(doc, kind)
	if err != nil {
		return nil, err
	}
	return &Source{Name: file, Document: d, doc: doc}, nil
}

// Fault returns a mistake at what path names.
func (s *Source) Fault(path, message, remedy string) *Error {
	return s.doc.Fault(path, message, remedy)
}
