package strictyaml

import (
	"errors"
	"strconv"
	"strings"
)

// Error is one mistake in a file.
type Error struct {
	File    string
	Line    int    // from 1; 0 when the mistake is the file itself
	Column  int    // from 1, in characters
	Field   string // path such as groups[1].cases[0].for; empty for the whole document
	Message string
	Remedy  string // what to do about it; may be empty
}

// Error returns "file:line:column: field: message; remedy".
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.File)
	if e.Line > 0 {
		b.WriteString(":" + strconv.Itoa(e.Line) + ":" + strconv.Itoa(e.Column))
	}
	if e.Field != "" {
		b.WriteString(": " + e.Field)
	}
	b.WriteString(": " + e.Message)
	if e.Remedy != "" {
		b.WriteString("; " + e.Remedy)
	}
	return b.String()
}

// maxErrors bounds how many mistakes one file reports.
const maxErrors = 20

// Join sorts nothing and joins the mistakes into one error, nil for none. What
// exceeds 20 is only counted.
func Join(faults []*Error) error {
	var errs []error
	for i, f := range faults {
		if i == maxErrors {
			rest := *f
			rest.Field, rest.Remedy = "", ""
			rest.Message = "and " + strconv.Itoa(len(faults)-i) + " more mistakes"
			errs = append(errs, &rest)
			break
		}
		errs = append(errs, f)
	}
	return errors.Join(errs...)
}
