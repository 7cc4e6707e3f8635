package archtest

import (
	"go/ast"
	"path"
	"slices"
	"strconv"
	"strings"
)

// coreImports lists the pure core with what of ours each part may import.
var coreImports = map[string][]string{
	".":            nil,
	"watermark":    {"."},
	"rules":        {"."},
	"rules/domain": {".", "rules", "watermark"},
}

// concerns are the five parts that never import one another.
var concerns = []string{"edge", "ingest", "rules", "notify", "ui"}

// wiring may import everything of ours but each other's upper end.
var wiring = []string{"internal/app", "cmd", "integration"}

// impure are the standard packages that the core may not use, with all below
// them.
var impure = []string{"net", "os", "log", "sync", "math/rand", "crypto/rand", "syscall", "unsafe", "plugin"}

// drivers are the protocol libraries with the folders that may know them.
var drivers = []struct {
	module string
	under  []string
}{
	{"github.com/robinson/gos7", []string{"edge/s7"}},
	{"github.com/gopcua/opcua", []string{"edge/opcua", "simulators/opcuasim"}},
}

func (c *checker) checkImports(f *file) {
	for _, spec := range f.ast.Imports {
		name, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			continue // the parser has refused it already
		}
		if ours, ok := c.relative(name); ok {
			c.checkOurs(f, spec, ours)
			continue
		}
		c.checkForeign(f, spec, name)
	}
}

// relative returns the folder of an import path within the module.
func (c *checker) relative(name string) (string, bool) {
	if name == c.module {
		return ".", true
	}
	return strings.CutPrefix(name, c.module+"/")
}

func (c *checker) checkForeign(f *file, spec *ast.ImportSpec, name string) {
	for _, d := range drivers {
		if within(name, d.module) && !slices.ContainsFunc(d.under, func(u string) bool { return within(f.dir, u) }) {
			c.report(Driver, spec.Pos(), "%s may be imported only under %s", name, strings.Join(d.under, " and "))
		}
	}
	if _, core := coreImports[f.dir]; !core || f.test {
		return
	}
	if first, _, _ := strings.Cut(name, "/"); strings.Contains(first, ".") {
		c.report(Purity, spec.Pos(), "the core imports %s; only the standard library is allowed here", name)
	}
	for _, bad := range impure {
		if within(name, bad) {
			c.report(Purity, spec.Pos(), "the core imports %s; time, randomness and I/O come in as data", name)
		}
	}
}

// checkOurs judges an import of one of our own packages. The order matters:
// the first rule that knows the importer decides.
func (c *checker) checkOurs(f *file, spec *ast.ImportSpec, target string) {
	if target == f.dir {
		return // an external test package imports what it tests
	}
	from := concern(f.dir)
	switch {
	case within(f.dir, "simulators"):
		if target != "simulators/plant" {
			c.report(Simulator, spec.Pos(), "a simulator imports %s; it may share nothing with us but simulators/plant", target)
		}
	case isWiring(target) && !mayWire(f.dir, target):
		c.report(Upward, spec.Pos(), "%s imports %s; only what stands above it may", f.dir, target)
	case isWiring(f.dir), within(f.dir, "internal/archtest"):
	case f.test && (within(target, "simulators") || within(target, "internal") || within(f.dir, "configs")):
	case from != "" && concern(target) != "" && concern(target) != from:
		c.report(Sideways, spec.Pos(), "%s imports %s; let it come in as an interface or function that internal/app wires", f.dir, target)
	case f.test && from != "" && (concern(target) == from || target == "."):
	default:
		c.checkDirection(f, spec, target)
	}
}

// checkDirection asks that an import points toward the root.
func (c *checker) checkDirection(f *file, spec *ast.ImportSpec, target string) {
	if allowed, core := coreImports[f.dir]; core {
		if !f.test && !slices.Contains(allowed, target) {
			c.report(CoreOnly, spec.Pos(), "%s imports %s; the core imports only what lies below it", f.dir, target)
		}
		return
	}
	if target == "." || within(f.dir, target) {
		return
	}
	switch {
	case within(f.dir, "internal"), concern(f.dir) != "":
		if within(target, "internal") || siblingAllowed(f.dir, target) {
			return
		}
	}
	c.report(Upward, spec.Pos(), "%s imports %s; it may import only its parents, the root and internal packages", f.dir, target)
}

// siblingAllowed lists the imports inside one concern that are not toward a
// parent: everything about rules runs through rules/domain, and what tests
// rules reads them as files.
func siblingAllowed(dir, target string) bool {
	switch target {
	case "rules/domain", "rules/rulefile", "watermark":
		return within(dir, "rules") && dir != "rules/rulefile"
	}
	return false
}

// concern returns which of the concerns a folder belongs to, or "".
func concern(dir string) string {
	first, _, _ := strings.Cut(dir, "/")
	if slices.Contains(concerns, first) {
		return first
	}
	return ""
}

// within reports whether name is parent or lies below it.
func within(name, parent string) bool {
	return name == parent || strings.HasPrefix(name, parent+"/")
}

func isWiring(dir string) bool {
	return slices.ContainsFunc(wiring, func(w string) bool { return within(dir, w) })
}

// mayWire says who may import the wiring: cmd and integration know
// internal/app and below; nobody imports cmd or integration but themselves.
func mayWire(dir, target string) bool {
	for _, w := range []string{"cmd", "integration"} {
		if within(dir, w) {
			return within(target, "internal/app") || within(target, w)
		}
	}
	return within(dir, "internal/app") && within(target, "internal/app")
}

// knownFolder reports whether packages may lie in dir at all, so that a new
// folder cannot slip past the rules.
func knownFolder(dir string) bool {
	if dir == "." || concern(dir) != "" || isWiring(dir) {
		return true
	}
	for _, top := range []string{"watermark", "internal", "simulators", "configs"} {
		if within(dir, top) {
			return path.Clean(dir) == dir
		}
	}
	return false
}
