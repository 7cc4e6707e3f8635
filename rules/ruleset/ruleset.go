package ruleset

import (
	"fmt"
	"slices"

	"linewatch"
	"linewatch/internal/strictyaml"
	"linewatch/rules/rulefile"
)

// File is a file with its name, which is used in messages.
type File struct {
	Name string
	Data []byte
}

// Set is what a number of files hold together.
type Set struct {
	Rules  []*rulefile.Source // in the order of the files
	Assets *rulefile.Source   // nil: what the plant consists of is not known
	Tables []*rulefile.Source
	// Elsewhere says that the rules go to where others are published. What they
	// read of others, and states that others never say, are told there.
	Elsewhere bool
}

// Read reads files of any kind. The error joins every mistake that the files
// have by themselves; see Check for those that show beside one another only.
func Read(files []File) (*Set, error) {
	s := &Set{}
	var faults faults
	for _, f := range files {
		src, err := rulefile.Read(f.Name, f.Data)
		switch {
		case err != nil:
			faults.take(err)
		case src.Rule != nil:
			s.Rules = append(s.Rules, src)
		case src.Table != nil:
			s.Tables = append(s.Tables, src)
		case s.Assets != nil:
			faults.add(src, "kind", "is a second registry, beside that of "+s.Assets.Name, "give one file of kind Assets")
		default:
			s.Assets = src
		}
	}
	return s, faults.join()
}

// Check returns every mistake that shows when the files are seen together:
// rules of one name, circles, and whatever is referred to and does not exist.
// Equipment and tags are checked if there is a registry, and tables if there
// is one. A tag counts as unknown only where the registry lists any tags of
// the equipment.
func (s *Set) Check() error {
	c := checker{set: s, rules: map[linewatch.RuleID]*rulefile.Source{}}
	c.names()
	c.circles()
	for _, src := range s.Rules {
		c.rule(src)
	}
	return c.join()
}

// faults collects mistakes.
type faults struct{ list []*rulefile.Error }

// add notes a mistake. What stands once in the file for several machines is
// told of once.
func (f *faults) add(src *rulefile.Source, path, message, remedy string) {
	fault := src.Fault(path, message, remedy)
	known := func(e *rulefile.Error) bool { return e.File == fault.File && e.Field == fault.Field }
	if fault.Field != path && slices.ContainsFunc(f.list, known) {
		return
	}
	f.list = append(f.list, fault)
}

// take adds the mistakes that an error of rulefile joins.
func (f *faults) take(err error) {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		for _, e := range joined.Unwrap() {
			f.take(e)
		}
		return
	}
	fault, ok := err.(*rulefile.Error)
	if !ok {
		fault = &rulefile.Error{Message: err.Error()}
	}
	f.list = append(f.list, fault)
}

func (f *faults) join() error { return strictyaml.Join(f.list) }

// didYouMean is a remedy that begins with the nearest of the names.
func didYouMean(name string, names []string, otherwise string) string {
	if near := strictyaml.Nearest(name, names); near != "" {
		return fmt.Sprintf("did you mean %s? Else %s", near, otherwise)
	}
	return otherwise
}
