package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"linewatch/internal/app"
	"linewatch/internal/strictyaml"
	"linewatch/rules/script"
)

func newTest() *cobra.Command {
	var update bool
	var at string
	cmd := &cobra.Command{
		Use:   "test FILE...",
		Short: "Run rule tests",
		Args:  atLeastOne("FILE"),
		RunE: func(cmd *cobra.Command, files []string) error {
			if at != "" {
				if update {
					return usageError{errors.New("--at compares nothing that --update could rewrite; give one of them")}
				}
				return each(cmd, files, func(_ context.Context, file string, out io.Writer) error { return explainTest(out, file, at) })
			}
			failed := 0
			for _, file := range files {
				n, err := testFile(cmd.OutOrStdout(), file, update)
				if err != nil {
					return err
				}
				failed += n
			}
			if failed > 0 {
				return fmt.Errorf("%d %s failed", failed, plural(failed, "test", "tests"))
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&at, "at", "", "say instead how the rule stands at this `TIME` of the script, such as 08:03:00, and why")
	cmd.Flags().BoolVar(&update, "update", false, "rewrite what is expected to what comes out, and look at the difference yourself")
	return cmd
}

// testFile runs the tests of one file and returns how many failed.
func testFile(out io.Writer, file string, update bool) (failed int, err error) {
	data, err := app.ReadFile(file)
	if err != nil {
		return 0, err
	}
	if doc, err := strictyaml.Parse(file, data); err == nil {
		if kind, ok := doc.Text("kind"); ok {
			return 0, &app.ConfigError{Err: doc.Fault("kind", "is "+kind+", not a rule test", "name the file that holds its tests, usually NAME.test.yaml")}
		}
	}
	if update {
		return 0, updateFile(out, file, data)
	}
	result, err := script.Run(file, data, strictyaml.ReadFile)
	if err != nil {
		return 0, &app.ConfigError{Err: err}
	}
	for _, t := range result.Tests {
		if t.OK() {
			fmt.Fprintf(out, "ok    %s: %s\n", file, t.Name)
			sayUnread(out, &t)
			continue
		}
		failed++
		fmt.Fprintf(out, "FAIL  %s:%d: %s\n%s", file, t.Line, t.Name, t.Diff)
		sayUnread(out, &t)
		if t.First != nil {
			io.WriteString(out, app.Finding(t.First))
		}
	}
	return failed, nil
}

// sayUnread tells of points of a test that no rule reads.
func sayUnread(out io.Writer, t *script.Test) {
	for _, text := range t.Unread {
		fmt.Fprintf(out, "  note: %s\n", text)
	}
}

// explainTest says how the rule of a file stands at a time of its tests.
func explainTest(out io.Writer, file, at string) error {
	data, err := app.ReadFile(file)
	if err != nil {
		return err
	}
	text, err := app.ExplainTest(file, data, strictyaml.ReadFile, at)
	if errors.Is(err, script.ErrTime) {
		return usageError{fmt.Errorf("--at: %w", err)}
	}
	if err != nil {
		return &app.ConfigError{Err: err}
	}
	_, err = io.WriteString(out, text)
	return err
}

// updateFile rewrites what the tests of a file expect.
func updateFile(out io.Writer, file string, data []byte) error {
	updated, err := script.Update(file, data, strictyaml.ReadFile)
	if err != nil {
		return &app.ConfigError{Err: err}
	}
	if bytes.Equal(updated, data) {
		fmt.Fprintf(out, "%s: nothing to update\n", file)
		return nil
	}
	if err := os.WriteFile(file, updated, 0o644); err != nil {
		return fmt.Errorf("update: %w", err)
	}
	fmt.Fprintf(out, "%s: updated\n", file)
	return nil
}

func plural(n int, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}
