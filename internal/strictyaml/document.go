package strictyaml

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"linewatch"
)

// Document is a parsed file, not yet decoded into anything.
type Document struct {
	file string
	root *node
}

// Parse reads the single document in data. The name of the file is only used
// in messages. The error holds one *Error: syntax is judged up to the first
// mistake.
func Parse(file string, data []byte) (*Document, error) { return parse(file, data, MaxBytes) }

// ParseLong is Parse for a document of up to MaxLongBytes.
func ParseLong(file string, data []byte) (*Document, error) { return parse(file, data, MaxLongBytes) }

func parse(file string, data []byte, most int) (*Document, error) {
	tokens, fault := lex(data, most)
	var root *node
	if fault == nil {
		p := parser{tokens: tokens}
		root, fault = p.document(), p.fault
	}
	if fault == nil && root == nil {
		fault = &Error{Message: "is empty"}
	}
	if fault != nil {
		fault.File = file
		return nil, fault
	}
	return &Document{file: file, root: root}, nil
}

// Decode reads the single document in data into a struct; see
// Document.Decode.
func Decode(file string, data []byte, into any) error {
	d, err := Parse(file, data)
	if err != nil {
		return err
	}
	return d.Decode(into)
}

// Fault makes an error that points at what path names, or at the nearest thing
// around it that the document holds.
func (d *Document) Fault(path, message, remedy string) *Error {
	line, col, _ := d.root.find(path)
	return &Error{File: d.file, Line: max(line, 1), Column: max(col, 1), Field: path, Message: message, Remedy: remedy}
}

// FaultWithin makes an error that points at a character of the scalar that path
// names, 0 being its first, where that can be told.
func (d *Document) FaultWithin(path string, character int, message, remedy string) *Error {
	e := d.Fault(path, message, remedy)
	if _, _, n := d.root.find(path); n != nil && n.block == 0 && !n.folded {
		e.Line, e.Column = d.TextPlace(path, 0, character)
	}
	return e
}

// Text returns the scalar that path names as it stands in the file.
func (d *Document) Text(path string) (string, bool) {
	_, _, n := d.root.find(path)
	if n == nil || n.kind != scalarNode {
		return "", false
	}
	return n.text, true
}

// Has reports whether the document holds path.
func (d *Document) Has(path string) bool {
	_, _, n := d.root.find(path)
	return n != nil
}

// TextPlace returns line and column of a character of the i-th line (both from
// 0) of the text that path names, as far as they are known: of text that is
// neither a literal block (|) nor one line, they are those of its beginning.
func (d *Document) TextPlace(path string, i, character int) (line, column int) {
	line, column, n := d.root.find(path)
	if n == nil || n.kind != scalarNode {
		return max(line, 1), max(column, 1)
	}
	line, column = max(n.line, 1), max(n.col, 1)
	switch {
	case n.block > 0:
		return n.block + i, n.indent + character + 1
	case n.quoted && !n.folded && i == 0:
		return line, column + character + 1
	case !n.quoted && i == 0:
		return line, column + character
	}
	return line, column
}

// IsBlock reports whether path names a literal block of text (|).
func (d *Document) IsBlock(path string) bool {
	_, _, n := d.root.find(path)
	return n != nil && n.block > 0
}

// KeyAt returns line and column of the last key of path; ok is false when the
// document does not hold it.
func (d *Document) KeyAt(parent, key string) (line, column int, ok bool) {
	_, _, n := d.root.find(parent)
	if n == nil || n.kind != mapNode {
		return 0, 0, false
	}
	e := n.entry(key)
	if e == nil {
		return 0, 0, false
	}
	return e.line, e.col, true
}

// Keys returns the keys of the map that path names, in the file's order.
func (d *Document) Keys(path string) []string {
	_, _, n := d.root.find(path)
	if n == nil {
		return nil
	}
	keys := make([]string, len(n.entries))
	for i := range n.entries {
		keys[i] = n.entries[i].key
	}
	return keys
}

// Value returns the scalar that path names; see the package's rules for
// numbers.
func (d *Document) Value(path string) (linewatch.Value, bool) {
	_, _, n := d.root.find(path)
	if n == nil || n.kind != scalarNode {
		return linewatch.Value{}, false
	}
	v, message, _ := n.value()
	return v, message == ""
}

// unreadable is an error of the file system in words for people.
type unreadable struct {
	text string
	err  error
}

func (e *unreadable) Error() string { return e.text }
func (e *unreadable) Unwrap() error { return e.err }

// Unreadable says of a file that could not be read why, and what to do. Errors
// that say so by themselves are returned as they are.
func Unreadable(name string, err error) error {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return &unreadable{name + ": no such file; check the name and the directory", err}
	case errors.Is(err, fs.ErrPermission):
		return &unreadable{name + ": permission denied; make it readable for the user that runs linewatch", err}
	}
	return err
}

// ReadFile reads a file that may be a document: a regular file of at most
// MaxBytes. A device, a pipe and a larger file are refused before anything is
// read from them.
func ReadFile(name string) ([]byte, error) { return readFile(name, MaxBytes) }

// ReadLongFile is ReadFile for a file of up to MaxLongBytes.
func ReadLongFile(name string) ([]byte, error) { return readFile(name, MaxLongBytes) }

func readFile(name string, most int) ([]byte, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, &Error{File: name, Message: "is not a regular file", Remedy: "name a YAML or JSON file"}
	}
	if info.Size() > int64(most) {
		return nil, tooLargeFile(name, most)
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, int64(most)+1))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	if len(data) > most {
		return nil, tooLargeFile(name, most)
	}
	return data, nil
}

func tooLargeFile(name string, most int) *Error {
	f := tooLarge(most)
	f.File = name
	return f
}
