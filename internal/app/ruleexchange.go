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

// importing is one run of ImportRules.
type importing struct {
	data  string
	dry   bool
	out   io.Writer
	files map[string][]byte
	old   map[linewatch.RuleID]ui.PublishedRule // as it was at the start

	published, already int
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
	im := importing{data: data, dry: dry, out: out, files: files, old: byID(list)}
	waiting := readFirst(set.Rules)
	for len(waiting) > 0 {
		var refused []*rulefile.Source
		var errs []error
		for _, src := range waiting {
			if err := im.rule(ctx, src); errors.As(err, new(*ConfigError)) {
				// It may fit once the others are there.
				refused, errs = append(refused, src), append(errs, err)
			} else if err != nil {
				im.sum(0)
				return err
			}
		}
		if len(refused) == len(waiting) {
			im.sum(len(refused))
			return errors.Join(errs...)
		}
		waiting = refused
	}
	sayLeft(out, set, list)
	im.sum(0)
	return nil
}

// sum says in one line what became of the files.
func (im *importing) sum(refused int) {
	what, already := "published", "were in force already"
	if im.dry {
		what, already = "would be published", "are in force already"
	}
	if im.already == 1 {
		already = strings.Replace(strings.Replace(already, "were", "was", 1), "are", "is", 1)
	}
	text := fmt.Sprintf("%s %s, %d %s", count(im.published, "rule", "rules"), what, im.already, already)
	if refused > 0 {
		text += fmt.Sprintf(", %d refused", refused)
	}
	fmt.Fprintln(im.out, text)
}

// rule publishes a rule unless it is in force as it stands in the file.
func (im *importing) rule(ctx context.Context, src *rulefile.Source) error {
	id, said := src.Rule.ID, "is new"
	old := im.old[id]
	if old.Document != nil {
		if ruleset.Diff(old.Document, src.Rule).Same() {
			im.already++
			fmt.Fprintf(im.out, "%s: rule %s is in force already, as version %d\n", src.Name, id, old.Version)
			return nil
		}
		said = fmt.Sprintf("differs from version %d", old.Version)
	}
	if im.dry {
		im.published++
		fmt.Fprintf(im.out, "%s: rule %s %s, would be published\n", src.Name, id, said)
		return nil
	}
	how := ui.AtOnce()
	if old.Newest > 0 {
		how.After = int64(old.Newest)
	}
	answer, err := apply(ctx, im.data, "rules", src.Name, im.files[src.Name], how)
	if err != nil {
		return err
	}
	im.published++
	fmt.Fprintf(im.out, "%s: published: %s\n", src.Name, answer)
	return nil
}

func byID(list []ui.PublishedRule) map[linewatch.RuleID]ui.PublishedRule {
	all := make(map[linewatch.RuleID]ui.PublishedRule, len(list))
	for _, rule := range list {
		all[rule.ID] = rule
	}
	return all
}

// sayLeft names the rules in force that are in none of the files of a set.
func sayLeft(out io.Writer, set *ruleset.Set, list []ui.PublishedRule) {
	for _, rule := range list {
		in := slices.ContainsFunc(set.Rules, func(src *rulefile.Source) bool { return src.Rule.ID == rule.ID })
		if !in && rule.Document != nil {
			fmt.Fprintf(out, "rule %s, in force as version %d, is in none of the files: left as it is\n", rule.ID, rule.Version)
		}
	}
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
