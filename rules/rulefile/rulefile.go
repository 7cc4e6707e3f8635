package rulefile

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"linewatch"
	"linewatch/internal/strictyaml"
)

// Error is one mistake in a file, with its place. Errors of this package join
// one per mistake; errors.As finds the first.
type Error = strictyaml.Error

// APIVersion is what a document's apiVersion must say.
const APIVersion = "linewatch/v1"

// The kinds of documents.
const (
	KindRule   = "Rule"
	KindAssets = "Assets"
	KindTable  = "Table"
)

// Document is what a file holds: exactly one field is set.
type Document struct {
	Rule   *linewatch.Rule
	Assets *linewatch.Assets
	Table  *linewatch.Table
}

// header is what every document begins with.
type header struct {
	APIVersion string `yaml:"apiVersion"`
	Kind       string `yaml:"kind"`
}

// Parse reads a document of any kind. The name of the file is only used in
// messages. What it returns is valid.
func Parse(file string, data []byte) (Document, error) {
	doc, kind, err := open(file, data, KindRule, KindAssets, KindTable)
	if err != nil {
		return Document{}, err
	}
	return decode(doc, kind)
}

func decode(doc *strictyaml.Document, kind string) (Document, error) {
	switch kind {
	case KindAssets:
		a, err := assets(doc)
		return Document{Assets: &a}, err
	case KindTable:
		t, err := table(doc)
		return Document{Table: &t}, err
	}
	r, err := rule(doc)
	return Document{Rule: &r}, err
}

// ParseRule reads a document of kind Rule.
func ParseRule(file string, data []byte) (linewatch.Rule, error) {
	doc, _, err := open(file, data, KindRule)
	if err != nil {
		return linewatch.Rule{}, err
	}
	return rule(doc)
}

// ParseAssets reads a document of kind Assets.
func ParseAssets(file string, data []byte) (linewatch.Assets, error) {
	doc, _, err := open(file, data, KindAssets)
	if err != nil {
		return linewatch.Assets{}, err
	}
	return assets(doc)
}

// ParseTable reads a document of kind Table.
func ParseTable(file string, data []byte) (linewatch.Table, error) {
	doc, _, err := open(file, data, KindTable)
	if err != nil {
		return linewatch.Table{}, err
	}
	return table(doc)
}

// open parses the file as far as its kind, which must be one of those wanted.
func open(file string, data []byte, kinds ...string) (*strictyaml.Document, string, error) {
	doc, err := strictyaml.Parse(file, data)
	if err != nil {
		return nil, "", err
	}
	want := "want " + strings.Join(kinds, ", ")
	if v, ok := doc.Text("apiVersion"); !ok {
		return nil, "", doc.Fault("apiVersion", "is missing", "begin the file with apiVersion: "+APIVersion)
	} else if v != APIVersion {
		return nil, "", doc.Fault("apiVersion", "is a version that this program does not know", "want "+APIVersion)
	}
	kind, ok := doc.Text("kind")
	if !ok {
		return nil, "", doc.Fault("kind", "is missing", want)
	}
	if !slices.Contains(kinds, kind) {
		if near := strictyaml.Nearest(kind, kinds); near != "" && len(kinds) > 1 {
			want = "did you mean " + near + "?"
		}
		if len(kinds) == 1 && publishers[kind] != "" {
			want += "; this file is for " + publishers[kind]
		}
		return nil, "", doc.Fault("kind", fmt.Sprintf("is %.40q", kind), want)
	}
	return doc, kind, nil
}

// publishers says which command takes a file of a kind.
var publishers = map[string]string{
	KindRule:   "linewatch rules apply",
	KindAssets: "linewatch assets apply",
	KindTable:  "linewatch tables apply",
}

func assets(doc *strictyaml.Document) (linewatch.Assets, error) {
	var d struct {
		header
		linewatch.Assets
	}
	err := doc.Decode(&d)
	if err == nil {
		err = locate(doc, d.Assets.Validate())
	}
	return d.Assets, err
}

func table(doc *strictyaml.Document) (linewatch.Table, error) {
	var d struct {
		header
		linewatch.Table
	}
	err := doc.Decode(&d)
	if err == nil {
		err = locate(doc, d.Table.Validate())
	}
	return d.Table, err
}

// locate gives the mistakes found by a Validate their places in the file.
func locate(doc *strictyaml.Document, err error) error { return strictyaml.Join(located(doc, err)) }

func located(doc *strictyaml.Document, err error) (faults []*Error) {
	if err == nil {
		return nil
	}
	list := []error{err}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		list = joined.Unwrap()
	}
	for _, e := range list {
		f := &linewatch.FieldError{Message: e.Error()}
		errors.As(e, &f)
		faults = append(faults, doc.Fault(f.Path, f.Message, f.Remedy))
	}
	return faults
}
