package main

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"linewatch/internal/app"
)

// newPublish makes the command of one kind of control record, with apply FILE.
func newPublish(kind, what string, data *string) *cobra.Command {
	if data == nil {
		data = new(string)
	}
	cmd := &cobra.Command{
		Use:   kind,
		Short: "Publish " + what + " to a running process",
		Args:  unknownCommand,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.PersistentFlags().StringVar(data, "data", app.DefaultData, "data directory `DIR` of the running process")
	var flags publishing
	apply := &cobra.Command{
		Use:   "apply FILE...",
		Short: "Check each file and publish it; it takes effect at once",
		Args:  atLeastOne("FILE"),
		RunE: func(cmd *cobra.Command, files []string) error {
			how, err := flags.read()
			if err != nil {
				return err
			}
			if kind == "rules" {
				if files, err = withoutTests(files, cmd.OutOrStdout()); err != nil {
					return err
				}
			}
			return each(cmd, files, func(ctx context.Context, file string, out io.Writer) error {
				said, err := app.ApplyFile(ctx, *data, kind, file, how)
				if err == nil {
					fmt.Fprintln(out, said)
				}
				return err
			})
		},
	}
	if kind == "rules" {
		flags.flags(apply, true)
	}
	cmd.AddCommand(apply)
	return cmd
}

// withoutTests passes over rule tests, which lie beside the rules, so that
// rules apply takes rules/*.yaml just as a configuration does, and says so in
// one line.
func withoutTests(files []string, out io.Writer) (rules []string, err error) {
	test := ""
	for _, f := range files {
		if strings.HasSuffix(f, ".test.yaml") {
			test = f
			continue
		}
		rules = append(rules, f)
	}
	if len(files) > 0 && len(rules) == 0 {
		return nil, usageError{fmt.Errorf("%s: holds tests, not a rule; run it with linewatch test %s", files[0], files[0])}
	}
	switch n := len(files) - len(rules); n {
	case 0:
	case 1:
		fmt.Fprintf(out, "%s holds tests: passed over\n", test)
	default:
		fmt.Fprintf(out, "%d files named *.test.yaml hold tests: passed over\n", n)
	}
	return rules, nil
}

// each does one thing for every argument and stops at the first error.
func each(cmd *cobra.Command, args []string, do func(context.Context, string, io.Writer) error) error {
	for _, a := range args {
		if err := do(cmd.Context(), a, cmd.OutOrStdout()); err != nil {
			return err
		}
	}
	return nil
}

func atLeastOne(what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			return usageError{fmt.Errorf("%s: name at least one %s; see %s --help", cmd.CommandPath(), what, cmd.CommandPath())}
		}
		return nil
	}
}
