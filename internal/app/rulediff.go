package app

import (
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"linewatch"
	"linewatch/rules/rulefile"
	"linewatch/rules/ruleset"
	"linewatch/ui"
)

// DiffRules says on out what differs between the rule in a file and a version:
// the rule in another file, or without one what is in force under the same id.
// A directory is compared file by file with what is in force.
func DiffRules(ctx context.Context, data string, names []string, out io.Writer) (same bool, err error) {
	if info, err := os.Stat(names[0]); len(names) == 1 && err == nil && info.IsDir() {
		return diffFolder(ctx, data, names[0], out)
	}
	head, d, err := diffFiles(ctx, data, names)
	if err != nil {
		return false, err
	}
	_, err = io.WriteString(out, head+"\n"+d.Text())
	return d.Same(), err
}

func diffFiles(ctx context.Context, data string, files []string) (head string, d *ruleset.Difference, err error) {
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
	return inForceAgainst(&list[i], files[0]), ruleset.Diff(list[i].Document, &rules[0]), nil
}

func inForceAgainst(old *ui.PublishedRule, file string) string {
	return fmt.Sprintf("rule %s version %d in force -> %s", old.ID, old.Version, file)
}

// diffFolder compares the rules of a directory with what is in force. Rules
// that only the process has are named and no difference, as an import leaves
// them as they are.
func diffFolder(ctx context.Context, data, dir string, out io.Writer) (same bool, err error) {
	set, _, err := readRules(dir)
	if err != nil {
		return false, err
	}
	list, err := publishedRules(ctx, data)
	if err != nil {
		return false, err
	}
	old := byID(list)
	var text strings.Builder
	differ, added := 0, 0
	for _, src := range set.Rules {
		before := old[src.Rule.ID]
		if before.Document == nil {
			added++
			fmt.Fprintf(&text, "%s: rule %s is new: no version of it is in force\n", src.Name, src.Rule.ID)
			continue
		}
		if d := ruleset.Diff(before.Document, src.Rule); !d.Same() {
			differ++
			text.WriteString(inForceAgainst(&before, src.Name) + "\n" + d.Text())
		}
	}
	sayLeft(&text, set, list)
	differs := "differ"
	if differ == 1 {
		differs = "differs"
	}
	fmt.Fprintf(&text, "%s: %d %s, %d new, %d as in force\n", count(len(set.Rules), "rule", "rules"), differ, differs, added, len(set.Rules)-differ-added)
	_, err = io.WriteString(out, text.String())
	return differ+added == 0, err
}
