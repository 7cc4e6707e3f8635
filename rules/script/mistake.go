package script

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"unicode/utf8"

	"linewatch/internal/strictyaml"
)

// mistake is one in a line of a script, at a word of it.
type mistake struct {
	left    int // bytes of the line from the word on
	message string
	remedy  string
}

// Error implements error.
func (m *mistake) Error() string {
	if m.remedy == "" {
		return m.message
	}
	return m.message + "; " + m.remedy
}

// wrong says what is wrong with a word, at which so many bytes of the line are
// left.
func wrong(left int, word, message, remedy string) error {
	return &mistake{left, fmt.Sprintf("%.128q %s", word, message), remedy}
}

// place is where a line of a script stands in the file.
type place struct {
	line, column int
	text         string
}

// lineError gives a mistake its place in the file.
func (f *testFile) lineError(at place, err error) error {
	out := &strictyaml.Error{File: f.name, Line: at.line, Column: at.column, Message: "this line " + err.Error()}
	if m := (*mistake)(nil); errors.As(err, &m) {
		before := at.text[:len(at.text)-min(m.left, len(at.text))]
		out.Column += utf8.RuneCountInString(before)
		out.Message, out.Remedy = m.message, m.remedy
	}
	return out
}

// lines calls do for each line of a text that is neither empty nor a comment.
func (f *testFile) lines(path, text string, do func(s string, at place) error) error {
	for k, raw := range strings.Split(text, "\n") {
		s := strings.TrimSpace(raw)
		if s == "" || s[0] == '#' {
			continue
		}
		before := utf8.RuneCountInString(raw[:strings.Index(raw, s)])
		at := place{text: s}
		at.line, at.column = f.doc.TextPlace(path, k, before)
		if err := do(s, at); err != nil {
			if key := path[strings.LastIndex(path, ".")+1:]; !f.doc.IsBlock(path) && len(timesPattern.FindAllString(s, 2)) > 1 {
				return f.doc.Fault(path, "holds several lines that YAML has made one", "write "+key+": | and each on a line of its own below")
			}
			return f.lineError(at, err)
		}
	}
	return nil
}

// didYouMean is a remedy that begins with the nearest of the names, if one is
// near.
func didYouMean(name string, names []string, otherwise string) string {
	if near := strictyaml.Nearest(name, names); near != "" {
		return "did you mean " + near + "? Else " + otherwise
	}
	return otherwise
}

// listed is a remedy that names what there is.
func listed(name, what string, names []string) string {
	if near := strictyaml.Nearest(name, names); near != "" {
		return "did you mean " + near + "?"
	}
	const most = 10
	slices.Sort(names)
	if len(names) > most {
		names = append(names[:most:most], "...")
	}
	return what + strings.Join(names, ", ")
}

// relative is what to do about a file that cannot be read.
const relative = "check the name, which is relative to the test file"

// bare returns why a file cannot be read, without its name.
func bare(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return errors.New("no such file")
	}
	if p := (*fs.PathError)(nil); errors.As(err, &p) {
		return p.Err
	}
	return err
}
