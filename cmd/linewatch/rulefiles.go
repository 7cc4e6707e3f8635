package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"linewatch/internal/app"
	"linewatch/rules/rulefile"
	"linewatch/rules/ruleset"
)

// newValidate makes `rules validate`.
func newValidate() *cobra.Command {
	var assets string
	cmd := &cobra.Command{
		Use:   "validate FILE|DIR...",
		Short: "Check rule files by themselves and beside one another",
		Long: "Check rule files by themselves and beside one another: ids, rules that read rules, circles. Files of\n" +
			"kind Assets and Table may be among them; with a registry equipment, classes and tags are checked, too.\n" +
			"Of a directory all files but tests are read. What is valid and yet hardly meant, such as a group that is\n" +
			"never heard, is called doubtful; a class that no equipment has yet is noted.",
		Args: atLeastOne("FILE"),
		RunE: func(cmd *cobra.Command, files []string) error {
			if assets != "" && !slices.ContainsFunc(files, func(f string) bool { return filepath.Clean(f) == filepath.Clean(assets) }) {
				files = append(files, assets)
			}
			set, err := readSet(files, cmd.OutOrStdout())
			if err != nil {
				return err
			}
			if err := set.Check(); err != nil {
				return &app.ConfigError{Err: err}
			}
			for _, doubt := range set.Doubts() {
				fmt.Fprintf(cmd.ErrOrStderr(), "doubtful: %v\n", doubt)
			}
			for _, note := range set.Notes() {
				fmt.Fprintf(cmd.ErrOrStderr(), "note: %v\n", note)
			}
			sayValid(cmd.OutOrStdout(), set)
			return nil
		},
	}
	cmd.Flags().StringVar(&assets, "assets", "", "registry `FILE` to check equipment, classes and tags against")
	return cmd
}

// sayValid says of each file of a set what it holds.
func sayValid(out io.Writer, set *ruleset.Set) {
	for _, src := range set.Rules {
		fmt.Fprintf(out, "%s: rule %s is valid\n", src.Name, src.Rule.ID)
	}
	for _, src := range set.Tables {
		fmt.Fprintf(out, "%s: table %s is valid\n", src.Name, src.Table.ID)
	}
	if src := set.Assets; src != nil {
		n := len(src.Assets.Equipment)
		fmt.Fprintf(out, "%s: registry of %d %s is valid\n", src.Name, n, plural(n, "machine", "machines"))
	}
}

// readSet reads rule files, and registry and tables among them. Tests are
// passed over.
func readSet(files []string, out io.Writer) (*ruleset.Set, error) {
	files, err := withoutTests(files, out)
	if err == nil {
		files, err = app.RuleFiles(files)
	}
	if err != nil {
		return nil, err
	}
	list := make([]ruleset.File, len(files))
	for i, name := range files {
		data, err := app.ReadFile(name)
		if err != nil {
			return nil, err
		}
		list[i] = ruleset.File{Name: name, Data: data}
	}
	set, err := ruleset.Read(list)
	if err != nil {
		return nil, &app.ConfigError{Err: err}
	}
	return set, nil
}

// newFmt makes `rules fmt`.
func newFmt() *cobra.Command {
	var write, check bool
	cmd := &cobra.Command{
		Use:   "fmt FILE...",
		Short: "Write rule files in their canonical form, comments included",
		Args:  atLeastOne("FILE"),
		RunE: func(cmd *cobra.Command, files []string) error {
			if write && check {
				return usageError{errors.New("--check changes nothing and -w does; give one of them")}
			}
			files, err := withoutTests(files, cmd.ErrOrStderr())
			if err != nil {
				return err
			}
			differ := 0
			for _, file := range files {
				changed, err := formatFile(cmd.OutOrStdout(), cmd.ErrOrStderr(), file, write, check)
				if err != nil {
					return err
				}
				if changed {
					differ++
				}
			}
			if check && differ > 0 {
				return fmt.Errorf("%d %s not in canonical form; run linewatch rules fmt -w", differ, plural(differ, "file is", "files are"))
			}
			return nil
		},
	}
	cmd.Flags().BoolVarP(&write, "write", "w", false, "write the files instead of showing their canonical form")
	cmd.Flags().BoolVar(&check, "check", false, "name the files that are not canonical, and end with 1 if there are any")
	return cmd
}

// formatFile formats one file and reports whether its form changes.
func formatFile(out, errs io.Writer, file string, write, check bool) (changed bool, err error) {
	data, err := app.ReadFile(file)
	if err != nil {
		return false, err
	}
	if doc, err := rulefile.Parse(file, data); err == nil && doc.Rule == nil {
		fmt.Fprintf(errs, "%s holds no rule: passed over\n", file)
		return false, nil
	}
	if strings.HasPrefix(strings.TrimSpace(string(data)), "{") {
		return false, usageError{fmt.Errorf("%s: is JSON; the canonical form is YAML: keep the rule in a .yaml file", file)}
	}
	text, err := rulefile.Reformat(file, data)
	if err != nil {
		return false, &app.ConfigError{Err: err}
	}
	changed = !bytes.Equal(text, data)
	switch {
	case !write && !check:
		_, err = out.Write(text)
	case changed:
		fmt.Fprintln(out, file)
		if write {
			err = replaceFile(file, text)
		}
	}
	return changed, err
}

// replaceFile writes a file beside the old one and puts it in its place, so
// that it is never there by half. What a link leads to is replaced, not the
// link.
func replaceFile(name string, text []byte) error {
	name, err := filepath.EvalSymlinks(name)
	if err != nil {
		return err
	}
	info, err := os.Stat(name)
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(name), filepath.Base(name)+".*")
	if err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	defer os.Remove(f.Name()) // nothing is left of it when all goes well
	_, err = f.Write(text)
	if err = errors.Join(err, f.Chmod(info.Mode().Perm()), f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	return os.Rename(f.Name(), name)
}

// newGraph makes `rules graph`.
func newGraph() *cobra.Command {
	var dot bool
	cmd := &cobra.Command{
		Use:   "graph FILE|DIR...",
		Short: "Show which rule reads which tags and rules",
		Args:  atLeastOne("FILE"),
		RunE: func(cmd *cobra.Command, files []string) error {
			set, err := readSet(files, cmd.ErrOrStderr())
			if err != nil {
				return err
			}
			text := set.Graph().Tree()
			if dot {
				text = set.Graph().DOT()
			}
			_, err = io.WriteString(cmd.OutOrStdout(), text)
			return err
		},
	}
	cmd.Flags().BoolVar(&dot, "dot", false, "write it for Graphviz: linewatch rules graph --dot FILE... | dot -Tsvg > rules.svg")
	return cmd
}
