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

// Published implements ui.RuleContent.
func (l ruleLives) Published(ctx context.Context) ([]ui.PublishedRule, error) {
	list := []ui.PublishedRule{}
	for _, id := range l.control.published() {
		life, _ := l.control.life(id)
		rule := ui.PublishedRule{ID: id}
		if len(life.Versions) > 0 {
			rule.Newest = life.Versions[0].Version
		}
		if v, ok := life.InForce(); ok && v.Version == rule.Newest {
			rule.Version, rule.Document = v.Version, life.Document
		} else if ok { // a draft or shadow came behind it
			content, err := l.control.content(ctx, id, v.Version)
			if err != nil {
				return nil, err
			}
			rule.Version, rule.Document = v.Version, &content
		}
		list = append(list, rule)
	}
	return list, nil
}

// publishedRules asks the process that uses a data directory for all rules with
// what is in force of each.
func publishedRules(ctx context.Context, data string) ([]ui.PublishedRule, error) {
	var out struct {
		Rules []ui.PublishedRule `json:"rules"`
	}
	err := get(ctx, data, "/api/v1/rules?content=inForce", &out)
	return out.Rules, err
}

// ExportRules writes every rule in force to dir, one file for each, named by
// its id, and says so on out. A file that holds the rule already is left alone
// with its comments; another one is overwritten only with force.
func ExportRules(ctx context.Context, data, dir string, force bool, out io.Writer) error {
	list, err := publishedRules(ctx, data)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("export: %w", err)
	}
	var errs []error
	for _, rule := range list {
		if rule.Document == nil {
			fmt.Fprintf(out, "rule %s: no version is in force: passed over\n", rule.ID)
			continue
		}
		name := filepath.Join(dir, string(rule.ID)+".yaml")
		said, err := exportRule(name, rule.Document, force)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		fmt.Fprintf(out, "%s: rule %s version %d%s\n", name, rule.ID, rule.Version, said)
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
	list, err := publishedRules(ctx, data)
	if err != nil {
		return err
	}
	old := make(map[linewatch.RuleID]ui.PublishedRule, len(list))
	for _, rule := range list {
		old[rule.ID] = rule
	}
	waiting := readFirst(set.Rules)
	for len(waiting) > 0 {
		var refused []*rulefile.Source
		var errs []error
		for _, src := range waiting {
			if err := importRule(ctx, data, src, old[src.Rule.ID], files[src.Name], dry, out); errors.As(err, new(*ConfigError)) {
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
	for _, src := range set.Rules {
		delete(old, src.Rule.ID)
	}
	for _, rule := range list {
		if _, other := old[rule.ID]; other && rule.Document != nil {
			fmt.Fprintf(out, "rule %s, in force as version %d, is in none of the files: left as it is\n", rule.ID, rule.Version)
		}
	}
	return nil
}

// readFirst puts rules behind those whose states they read, and leaves them in
// order otherwise. They read one another in no circle.
func readFirst(rules []*rulefile.Source) (out []*rulefile.Source) {
	by := make(map[linewatch.RuleID]*rulefile.Source, len(rules))
	for _, src := range rules {
		by[src.Rule.ID] = src
	}
	var put func(src *rulefile.Source)
	put = func(src *rulefile.Source) {
		delete(by, src.Rule.ID)
		for _, id := range src.Rule.RuleReads() {
			if other := by[id]; other != nil {
				put(other)
			}
		}
		out = append(out, src)
	}
	for _, src := range rules {
		if by[src.Rule.ID] != nil {
			put(src)
		}
	}
	return out
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
		set.Elsewhere = true
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

// importRule publishes a rule unless it is in force as it stands in the file.
func importRule(ctx context.Context, data string, src *rulefile.Source, old ui.PublishedRule, text []byte, dry bool, out io.Writer) error {
	id, said := src.Rule.ID, "is new"
	if old.Document != nil {
		if ruleset.Diff(old.Document, src.Rule).Same() {
			fmt.Fprintf(out, "%s: rule %s is in force as version %d\n", src.Name, id, old.Version)
			return nil
		}
		said = fmt.Sprintf("differs from version %d", old.Version)
	}
	if dry {
		fmt.Fprintf(out, "%s: rule %s %s, would be published\n", src.Name, id, said)
		return nil
	}
	how := ui.AtOnce()
	if old.Newest > 0 {
		how.After = int64(old.Newest)
	}
	answer, err := apply(ctx, data, "rules", src.Name, text, how)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "%s: %s\n", src.Name, answer)
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
	list, err := publishedRules(ctx, data)
	if err != nil {
		return "", nil, err
	}
	id := rules[0].ID
	i := slices.IndexFunc(list, func(r ui.PublishedRule) bool { return r.ID == id })
	switch {
	case i < 0:
		return "", nil, unknownRule(id, ui.ErrUnknownRule)
	case list[i].Document == nil:
		return "", nil, fmt.Errorf("rule %s: no version is in force; linewatch rules list %s shows what there is", id, id)
	}
	return fmt.Sprintf("rule %s version %d in force -> %s", id, list[i].Version, files[0]), ruleset.Diff(list[i].Document, &rules[0]), nil
}
