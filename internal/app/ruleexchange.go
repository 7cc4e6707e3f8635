package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"linewatch"
	"linewatch/rules/rulefile"
	"linewatch/rules/ruleset"
	"linewatch/ui"
)

// RuleContent implements ui.RuleContent.
func (l ruleLives) RuleContent(ctx context.Context, id linewatch.RuleID, version uint32) (linewatch.Rule, error) {
	if _, ok := l.control.life(id); !ok {
		return linewatch.Rule{}, ui.ErrUnknownRule
	}
	return l.control.content(ctx, id, version)
}

// RuleInForce asks the process that uses a data directory for the version of a
// rule that is in force. Version 0 means that none is. newest is the number of
// the newest version, whatever it is for.
func RuleInForce(ctx context.Context, data string, id linewatch.RuleID) (rule linewatch.Rule, version, newest uint32, err error) {
	life, err := Rule(ctx, data, id)
	if err != nil {
		return rule, 0, 0, err
	}
	if len(life.Versions) > 0 {
		newest = life.Versions[0].Version
	}
	v, ok := life.InForce()
	switch {
	case !ok:
		return rule, 0, newest, nil
	case v.Version == newest && life.Document != nil:
		return *life.Document, v.Version, newest, nil
	}
	err = get(ctx, data, rulePath(id, fmt.Sprintf("/versions/%d", v.Version), nil), &rule)
	return rule, v.Version, newest, err
}

// ExportRules writes every rule in force to dir, one file for each, named by
// its id, and says so on out. A file that holds the rule already is left alone
// with its comments; another one is overwritten only with force.
func ExportRules(ctx context.Context, data, dir string, force bool, out io.Writer) error {
	lives, err := Rules(ctx, data)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("export: %w", err)
	}
	var errs []error
	for _, life := range lives {
		rule, version, _, err := RuleInForce(ctx, data, life.ID)
		switch {
		case err != nil:
			return err
		case version == 0:
			fmt.Fprintf(out, "rule %s: no version is in force: passed over\n", life.ID)
			continue
		}
		name := filepath.Join(dir, string(life.ID)+".yaml")
		said, err := exportRule(name, &rule, force)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		fmt.Fprintf(out, "%s: rule %s version %d%s\n", name, life.ID, version, said)
	}
	return errors.Join(errs...)
}

func exportRule(name string, rule *linewatch.Rule, force bool) (said string, err error) {
	old, err := os.ReadFile(name)
	switch {
	case err == nil:
		if was, err := rulefile.ParseRule(name, old); err == nil && ruleset.Diff(&was, rule).Same() {
			return ", already there", nil
		}
		if !force {
			return "", fmt.Errorf("%s: holds something else; name another directory with --dir, or overwrite it with --force", name)
		}
	case !errors.Is(err, os.ErrNotExist):
		return "", fmt.Errorf("export: %w", err)
	}
	if err := os.WriteFile(name, rulefile.Format(*rule), 0o644); err != nil {
		return "", fmt.Errorf("export: %w", err)
	}
	return "", nil
}

// ImportRules publishes those rule files of a directory that differ from what
// is in force, after they were checked beside one another, and says so on out.
// Rules that no file has are left as they are and named. With dry nothing is
// published.
func ImportRules(ctx context.Context, data, dir string, dry bool, out io.Writer) error {
	set, files, err := readRules(dir)
	if err != nil {
		return err
	}
	waiting := set.Rules
	for len(waiting) > 0 {
		var refused []*rulefile.Source
		var errs []error
		for _, src := range waiting {
			if err := importRule(ctx, data, src, files[src.Name], dry, out); errors.As(err, new(*ConfigError)) {
				// It may fit once the others are there.
				refused, errs = append(refused, src), append(errs, err)
			} else if err != nil {
				return err
			}
		}
		if len(refused) == len(waiting) {
			return errors.Join(errs...)
		}
		waiting = refused
	}
	return otherRules(ctx, data, set, out)
}

// readRules reads the rule files of a directory.
func readRules(dir string) (*ruleset.Set, map[string][]byte, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, nil, &ConfigError{fmt.Errorf("import: %w", err)}
	}
	var list []ruleset.File
	files := map[string][]byte{}
	for _, e := range entries {
		ext := filepath.Ext(e.Name())
		if e.IsDir() || strings.HasSuffix(e.Name(), ".test.yaml") || !slices.Contains([]string{".yaml", ".yml", ".json"}, ext) {
			continue
		}
		name := filepath.Join(dir, e.Name())
		text, err := ReadFile(name)
		if err != nil {
			return nil, nil, err
		}
		files[name] = text
		list = append(list, ruleset.File{Name: name, Data: text})
	}
	set, err := ruleset.Read(list)
	if err == nil {
		err = set.Check()
	}
	if err != nil {
		return nil, nil, &ConfigError{err}
	}
	if len(set.Rules) == 0 {
		return nil, nil, &ConfigError{fmt.Errorf("%s: holds no rules; name the directory of the rule files", dir)}
	}
	return set, files, nil
}

func importRule(ctx context.Context, data string, src *rulefile.Source, text []byte, dry bool, out io.Writer) error {
	id := src.Rule.ID
	old, version, newest, err := RuleInForce(ctx, data, id)
	if err != nil && !errors.Is(err, ui.ErrUnknownRule) {
		return err
	}
	said := "is new"
	if version > 0 {
		d := ruleset.Diff(&old, src.Rule)
		if d.Same() {
			fmt.Fprintf(out, "%s: rule %s is in force as version %d\n", src.Name, id, version)
			return nil
		}
		said = fmt.Sprintf("differs from version %d", version)
	}
	if dry {
		fmt.Fprintf(out, "%s: rule %s %s, would be published\n", src.Name, id, said)
		return nil
	}
	answer, err := apply(ctx, data, "rules", src.Name, text, ui.Publication{After: int64(newest)})
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "%s: %s\n", src.Name, answer)
	return nil
}

// otherRules names the rules in force that no file has.
func otherRules(ctx context.Context, data string, set *ruleset.Set, out io.Writer) error {
	lives, err := Rules(ctx, data)
	if err != nil {
		return err
	}
	for i := range lives {
		known := slices.ContainsFunc(set.Rules, func(src *rulefile.Source) bool { return src.Rule.ID == lives[i].ID })
		if v, ok := lives[i].InForce(); ok && !known {
			fmt.Fprintf(out, "rule %s, in force as version %d, is in none of the files: left as it is\n", lives[i].ID, v.Version)
		}
	}
	return nil
}

// DiffRule tells what differs between the rule in a file and a version: the
// rule in another file, or without one what is in force under the same id.
func DiffRule(ctx context.Context, data string, files []string) (head string, d *ruleset.Difference, err error) {
	var rules []linewatch.Rule
	for _, file := range files {
		body, err := ReadFile(file)
		if err != nil {
			return "", nil, err
		}
		rule, err := rulefile.ParseRule(file, body)
		if err != nil {
			return "", nil, &ConfigError{err}
		}
		rules = append(rules, rule)
	}
	if len(files) == 2 {
		return files[0] + " -> " + files[1], ruleset.Diff(&rules[0], &rules[1]), nil
	}
	old, version, _, err := RuleInForce(ctx, data, rules[0].ID)
	switch {
	case err != nil:
		return "", nil, err
	case version == 0:
		return "", nil, fmt.Errorf("rule %s: no version is in force; linewatch rules list %s shows what there is", rules[0].ID, rules[0].ID)
	}
	return fmt.Sprintf("rule %s version %d in force -> %s", rules[0].ID, version, files[0]), ruleset.Diff(&old, &rules[0]), nil
}
