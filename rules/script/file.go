package script

import (
	"cmp"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"linewatch"
	"linewatch/internal/strictyaml"
	"linewatch/rules/rulefile"
)

// Open returns the content of a file that a test names. The name is relative
// to where the name of the test file is relative to.
type Open func(name string) ([]byte, error)

type fileDoc struct {
	Rule   string    `yaml:"rule" remedy:"name one file; further rules stand under with"`
	With   []string  `yaml:"with" remedy:"write with: [other.yaml]"`
	Assets string    `yaml:"assets"`
	Tables []string  `yaml:"tables" remedy:"write tables: [products.yaml]"`
	Tests  []testDoc `yaml:"tests" remedy:"begin each test with a dash: - name: ..."`
}

type testDoc struct {
	Name    string              `yaml:"name"`
	Senders map[string][]string `yaml:"senders" remedy:"write senders: {plc1: [F1], plc2: [C1]}"`
	Steps   string              `yaml:"steps" remedy:"write steps: | and each step on a line of its own below, without a dash"`
	Expect  *string             `yaml:"expect" remedy:"write expect: | and each change on a line of its own below, without a dash"`
	Late    string              `yaml:"late" remedy:"write late: | and each point on a line of its own below, without a dash"`
}

// testFile is a file that has been read, with what it names.
type testFile struct {
	name   string
	doc    *strictyaml.Document
	open   Open
	rule   linewatch.Rule
	with   []linewatch.Rule
	assets *linewatch.Assets // nil: any equipment exists
	tables []linewatch.Table

	registryName string // the file of assets
	tests        []testDoc
}

func readFile(name string, data []byte, open Open) (*testFile, error) {
	doc, err := strictyaml.Parse(name, data)
	if err != nil {
		return nil, err
	}
	var d fileDoc
	if err := doc.Decode(&d); err != nil {
		return nil, err
	}
	f := &testFile{name: name, doc: doc, open: open, tests: d.Tests}
	if err := f.check(&d); err != nil {
		return nil, err
	}
	if err := f.load(&d); err != nil {
		return nil, err
	}
	return f, nil
}

func (f *testFile) check(d *fileDoc) error {
	var faults []*strictyaml.Error
	fault := func(path, message, remedy string) { faults = append(faults, f.doc.Fault(path, message, remedy)) }
	if d.Rule == "" {
		fault("rule", "is missing", "name the file of the rule to be tested")
	}
	if len(d.Tests) == 0 {
		fault("tests", "are missing", "give at least one")
	}
	for i, t := range d.Tests {
		at := strictyaml.Index("tests", i)
		if strings.TrimSpace(t.Name) == "" {
			fault(at+".name", "is missing", "say what the test shows")
		}
		if t.Steps == "" {
			fault(at+".steps", "are missing", "give at least one line")
		}
		if t.Expect == nil {
			fault(at+".expect", "is missing", `list the expected changes; write expect: "" for none`)
		}
		owner := make(map[string]string)
		for _, sender := range f.doc.Keys(at + ".senders") {
			key := strictyaml.Key(at+".senders", sender)
			if !linewatch.ValidName(sender) {
				fault(key, "is not a sender's name", "use 1 to 128 of A-Z a-z 0-9 . _ : and -")
			}
			for j, equipment := range t.Senders[sender] {
				if other, taken := owner[equipment]; taken {
					fault(strictyaml.Index(key, j), fmt.Sprintf("is an equipment of sender %s too", other), "list it once")
				}
				owner[equipment] = sender
			}
		}
	}
	return strictyaml.Join(faults)
}

// load reads the rules, the registry and the tables.
func (f *testFile) load(d *fileDoc) error {
	rule, err := f.loadRule("rule", d.Rule)
	if err != nil {
		return err
	}
	f.rule = rule
	for i, name := range d.With {
		path := strictyaml.Index("with", i)
		if rule, err = f.loadRule(path, name); err != nil {
			return err
		}
		if rule.ID == f.rule.ID || slices.ContainsFunc(f.with, func(r linewatch.Rule) bool { return r.ID == rule.ID }) {
			return f.doc.Fault(path, fmt.Sprintf("names rule %s again", rule.ID), "name each rule once; the step TIME apply FILE brings another version")
		}
		f.with = append(f.with, rule)
	}
	for i, name := range d.Tables {
		path := strictyaml.Index("tables", i)
		found, err := f.parse(path, name)
		if err != nil {
			return err
		}
		if found.Table == nil {
			return f.doc.Fault(path, "names a file that holds no table", "name a file of kind Table")
		}
		f.tables = append(f.tables, *found.Table)
	}
	return f.loadAssets(d)
}

func (f *testFile) loadRule(path, name string) (linewatch.Rule, error) {
	found, err := f.parse(path, name)
	if err != nil {
		return linewatch.Rule{}, err
	}
	if found.Rule == nil {
		return linewatch.Rule{}, f.doc.Fault(path, "names a file that holds no rule", "name a file of kind Rule")
	}
	return *found.Rule, nil
}

func (f *testFile) loadAssets(d *fileDoc) error {
	if d.Assets == "" {
		for _, r := range f.rules() {
			if r.Scope.Class != "" {
				return f.doc.Fault("assets", "is missing", "the rule is about a class of equipment: name the file that says what is of that class")
			}
		}
		return nil
	}
	found, err := f.parse("assets", d.Assets)
	if err != nil {
		return err
	}
	if found.Assets == nil {
		return f.doc.Fault("assets", "names a file that holds no registry", "name a file of kind Assets")
	}
	f.assets = found.Assets
	f.registryName = path.Join(path.Dir(f.name), d.Assets)
	return nil
}

// rules returns the rules of the file, that which is tested first.
func (f *testFile) rules() []*linewatch.Rule {
	list := []*linewatch.Rule{&f.rule}
	for i := range f.with {
		list = append(list, &f.with[i])
	}
	return list
}

// parse reads a file that the field names.
func (f *testFile) parse(field, name string) (rulefile.Document, error) {
	full, data, err := f.read(name)
	if err != nil {
		return rulefile.Document{}, f.doc.Fault(field, fmt.Sprintf("%.80q: %v", name, bare(err)), relative)
	}
	return rulefile.Parse(full, data)
}

func (f *testFile) read(name string) (full string, data []byte, err error) {
	if path.IsAbs(name) || name == "" {
		return "", nil, fmt.Errorf("is not a relative name")
	}
	full = path.Join(path.Dir(f.name), name)
	data, err = f.open(full)
	return full, data, err
}

// registry returns the equipment of test i and its senders. Without a file of
// assets the equipment is what the test and the rule's scope name.
func (f *testFile) registry(t *testDoc, steps []step, assets *linewatch.Assets) linewatch.Assets {
	a := linewatch.Assets{}
	if assets != nil {
		a.Equipment = assets.Equipment
	} else {
		var names []string
		for _, r := range f.rules() {
			names = append(names, r.Scope.Equipment)
		}
		for _, s := range steps {
			names = append(names, s.equipment)
		}
		for _, list := range t.Senders {
			names = append(names, list...)
		}
		slices.Sort(names)
		line, site := cmp.Or(f.rule.Scope.Line, "line"), cmp.Or(f.rule.Scope.Site, "site")
		for _, name := range slices.Compact(names) {
			if name != "" {
				a.Equipment = append(a.Equipment, linewatch.Equipment{ID: name, Line: line, Site: site})
			}
		}
	}
	for _, e := range a.Equipment {
		def := linewatch.SenderDef{Gateway: gateway, Source: senderOf(t, e.ID, e.Alias), Line: e.Line}
		if def.Source != "" && !slices.Contains(a.Senders, def) {
			a.Senders = append(a.Senders, def)
		}
	}
	return a
}

// senderOf returns the sender of an equipment in a test, "" for none.
func senderOf(t *testDoc, names ...string) string {
	if len(t.Senders) == 0 {
		return defaultSender
	}
	for _, sender := range slices.Sorted(maps.Keys(t.Senders)) {
		for _, name := range names {
			if name != "" && slices.Contains(t.Senders[sender], name) {
				return sender
			}
		}
	}
	return ""
}
