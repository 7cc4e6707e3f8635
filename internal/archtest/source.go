package archtest

import (
	"go/ast"
	"path"
	"slices"
	"strconv"
	"strings"
)

// bannedNames say nothing about what a package provides.
var bannedNames = []string{"util", "utils", "common", "helper", "helpers", "types", "models", "interfaces", "misc", "base"}

// clockFuncs are what the core may not call of package time.
var clockFuncs = []string{"Now", "Since", "Until", "Sleep", "After", "AfterFunc", "Tick", "NewTimer", "NewTicker"}

// checkSource judges the declarations and statements of one file.
func (c *checker) checkSource(f *file) {
	for _, d := range f.ast.Decls {
		if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil && fn.Name.Name == "init" {
			c.report(NoInit, fn.Pos(), "an init function hides what a constructor should say")
		}
	}
	if _, core := coreImports[f.dir]; core && !f.test {
		c.checkPure(f)
	}
}

// checkPure looks for goroutines and the clock.
func (c *checker) checkPure(f *file) {
	clock := importName(f.ast, "time")
	ast.Inspect(f.ast, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.GoStmt:
			c.report(Purity, n.Pos(), "the core starts a goroutine")
		case *ast.ImportSpec:
			if n.Name != nil && n.Name.Name == "." {
				c.report(Purity, n.Pos(), "a dot import would hide calls from this check")
			}
		case *ast.SelectorExpr:
			x, ok := n.X.(*ast.Ident)
			if ok && clock != "" && x.Name == clock && slices.Contains(clockFuncs, n.Sel.Name) {
				c.report(Purity, n.Pos(), "the core uses time.%s; time arrives as data", n.Sel.Name)
			}
		}
		return true
	})
}

// importName returns by which name a file knows a package, or "".
func importName(f *ast.File, pkg string) string {
	for _, spec := range f.Imports {
		if name, err := strconv.Unquote(spec.Path.Value); err != nil || name != pkg {
			continue
		}
		if spec.Name != nil {
			return spec.Name.Name
		}
		return path.Base(pkg)
	}
	return ""
}

// checkPackage judges the files of one folder together.
func (c *checker) checkPackage(dir string, files []*file) {
	if !knownFolder(dir) {
		c.report(Folder, files[0].ast.Package, "no rule knows the folder %s; put the package elsewhere or teach internal/archtest", dir)
	}
	if slices.Contains(bannedNames, path.Base(dir)) || slices.Contains(bannedNames, files[0].ast.Name.Name) {
		c.report(Name, files[0].ast.Package, "package %s: name it for what it provides", files[0].ast.Name.Name)
	}
	c.checkDoc(dir, files)
}

// checkDoc asks for exactly one package comment in the usual form. A folder
// that holds only tests needs none.
func (c *checker) checkDoc(dir string, files []*file) {
	files = slices.DeleteFunc(slices.Clone(files), func(f *file) bool { return f.test })
	if len(files) == 0 {
		return
	}
	documented := 0
	for _, f := range files {
		if f.ast.Doc == nil {
			continue
		}
		if documented++; documented > 1 {
			c.report(Doc, f.ast.Doc.Pos(), "package %s has a second package comment", f.ast.Name.Name)
		}
		want := "Package " + f.ast.Name.Name + " "
		if f.ast.Name.Name == "main" {
			want = "Command " + path.Base(dir) + " "
		}
		if !strings.HasPrefix(f.ast.Doc.Text(), want) {
			c.report(Doc, f.ast.Doc.Pos(), "the package comment must begin with %q", want)
		}
	}
	if documented == 0 {
		c.report(Doc, files[0].ast.Package, "package %s has no package comment", files[0].ast.Name.Name)
	}
}
