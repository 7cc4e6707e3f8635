package main

import (
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
	cmd := &cobra.Command{
		Use:   "test FILE...",
		Short: "Run rule tests",
		Args:  atLeastOne("FILE"),
		RunE: func(cmd *cobra.Command, files []string) error {
			failed := 0
			for _, file := range files {
				n, err := testFile(cmd.OutOrStdout(), file, update)
				if err != nil {
					return err
				}
				failed += n
			}
			if failed > 0 {
				return fmt.Errorf("%d tests failed", failed)
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&update, "update", false, "rewrite what is expected to what comes out, and look at the difference yourself")
	return cmd
}

// testFile runs the tests of one file and returns how many failed.
func testFile(out io.Writer, file string, update bool) (failed int, err error) {
	data, err := strictyaml.ReadFile(file)
	if err != nil {
		return 0, &app.ConfigError{Err: err}
	}
	if update {
		updated, err := script.Update(file, data, strictyaml.ReadFile)
		if err != nil {
			return 0, &app.ConfigError{Err: err}
		}
		fmt.Fprintf(out, "%s: updated\n", file)
		return 0, os.WriteFile(file, updated, 0o644)
	}
	result, err := script.Run(file, data, strictyaml.ReadFile)
	if err != nil {
		return 0, &app.ConfigError{Err: err}
	}
	for _, t := range result.Tests {
		if t.OK() {
			fmt.Fprintf(out, "ok    %s: %s\n", file, t.Name)
			continue
		}
		failed++
		fmt.Fprintf(out, "FAIL  %s:%d: %s\n%s", file, t.Line, t.Name, t.Diff)
	}
	return failed, nil
}
