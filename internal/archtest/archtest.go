// Package archtest checks the module's own source against its architecture:
// which package may import which, what the pure core may not touch, and a few
// habits that are cheap to check and expensive to lose.
//
// It parses every file in process. Asking `go list` instead would be served
// from the test cache and miss a violation in a file it never opened.
package archtest

import (
	"cmp"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// Rule names one rule of the architecture.
type Rule string

// The rules.
const (
	Purity    Rule = "purity"    // the core touches no clock, machine or other goroutine
	CoreOnly  Rule = "core-only" // the core imports only what lies below it
	Sideways  Rule = "sideways"  // one concern never imports another
	Upward    Rule = "upward"    // imports point toward the root
	Simulator Rule = "simulator" // simulators import nothing of ours but the plant
	Driver    Rule = "driver"    // a protocol library stays behind its adapter
	NoInit    Rule = "no-init"   // no init functions
	Doc       Rule = "doc"       // exactly one package comment
	Name      Rule = "name"      // a package is named for what it provides
	Folder    Rule = "folder"    // every package lies in a folder that the rules know
)

// Rules lists every rule.
func Rules() []Rule {
	return []Rule{Purity, CoreOnly, Sideways, Upward, Simulator, Driver, NoInit, Doc, Name, Folder}
}

// Violation is one breach of a rule.
type Violation struct {
	Rule Rule
	File string // relative to the module
	Line int
	Text string
}

// String returns "file:line: rule: text".
func (v Violation) String() string {
	return fmt.Sprintf("%s:%d: %s: %s", v.File, v.Line, v.Rule, v.Text)
}

func (v Violation) compare(w Violation) int {
	return cmp.Or(cmp.Compare(v.File, w.File), cmp.Compare(v.Line, w.Line), cmp.Compare(v.Rule, w.Rule), cmp.Compare(v.Text, w.Text))
}

// file is one parsed source file.
type file struct {
	path string
	dir  string // "." for the module's root
	test bool
	ast  *ast.File
}

// checker collects violations over one module.
type checker struct {
	module string
	fset   *token.FileSet
	found  []Violation
}

// Check parses every Go file of the module below fsys and returns what breaks
// the rules, in order of file and line. Folders named testdata, hidden ones
// and those with a go.mod of their own are left out.
func Check(fsys fs.FS, module string) ([]Violation, error) {
	c := &checker{module: module, fset: token.NewFileSet()}
	files, err := c.load(fsys)
	if err != nil {
		return nil, err
	}
	packages := map[string][]*file{}
	for _, f := range files {
		packages[f.dir] = append(packages[f.dir], f)
		c.checkImports(f)
		c.checkSource(f)
	}
	for dir, fs := range packages {
		c.checkPackage(dir, fs)
	}
	slices.SortFunc(c.found, Violation.compare)
	return c.found, nil
}

func (c *checker) load(fsys fs.FS) (files []*file, err error) {
	err = fs.WalkDir(fsys, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			return skipDir(fsys, name)
		}
		if !strings.HasSuffix(name, ".go") {
			return nil
		}
		src, err := fs.ReadFile(fsys, name)
		if err != nil {
			return fmt.Errorf("read %s: %w", name, err)
		}
		tree, err := parser.ParseFile(c.fset, name, src, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return fmt.Errorf("parse: %w", err)
		}
		files = append(files, &file{path: name, dir: path.Dir(name), test: strings.HasSuffix(name, "_test.go"), ast: tree})
		return nil
	})
	return files, err
}

func skipDir(fsys fs.FS, name string) error {
	if name == "." {
		return nil
	}
	base := path.Base(name)
	if base == "testdata" || base == "node_modules" || base[0] == '.' || base[0] == '_' {
		return fs.SkipDir
	}
	if _, err := fs.Stat(fsys, name+"/go.mod"); err == nil {
		return fs.SkipDir
	}
	return nil
}

func (c *checker) report(rule Rule, pos token.Pos, format string, args ...any) {
	p := c.fset.Position(pos)
	c.found = append(c.found, Violation{Rule: rule, File: p.Filename, Line: p.Line, Text: fmt.Sprintf(format, args...)})
}
