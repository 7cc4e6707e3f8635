package main

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"linewatch"
	"linewatch/internal/app"
)

// newPublish makes the command of one kind of control record: apply FILE, and
// delete ID for rules.
func newPublish(kind, what string, deletes bool) *cobra.Command {
	var data string
	cmd := &cobra.Command{
		Use:   kind,
		Short: "Publish " + what + " to a running process",
		Args:  unknownCommand,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.PersistentFlags().StringVar(&data, "data", app.DefaultData, "data directory `DIR` of the running process")
	cmd.AddCommand(&cobra.Command{
		Use:   "apply FILE...",
		Short: "Check each file and publish it; it takes effect at once",
		Args:  atLeastOne("FILE"),
		RunE: func(cmd *cobra.Command, files []string) error {
			if kind == "rules" {
				var err error
				if files, err = withoutTests(files, cmd.OutOrStdout()); err != nil {
					return err
				}
			}
			return each(cmd, files, func(ctx context.Context, file string, out io.Writer) error {
				said, err := app.ApplyFile(ctx, data, kind, file)
				if err == nil {
					fmt.Fprintln(out, said)
				}
				return err
			})
		},
	})
	if deletes {
		cmd.AddCommand(&cobra.Command{
			Use:   "delete ID...",
			Short: "Withdraw rules; their open alarms end",
			Args:  atLeastOne("ID"),
			RunE: func(cmd *cobra.Command, ids []string) error {
				return each(cmd, ids, func(ctx context.Context, id string, out io.Writer) error {
					if !linewatch.ValidRuleID(linewatch.RuleID(id)) {
						return usageError{fmt.Errorf("%.80q is not the id of a rule; the rule's file gives it as id: NAME", id)}
					}
					err := app.DeleteRule(ctx, data, linewatch.RuleID(id))
					if err == nil {
						fmt.Fprintf(out, "rule %s is withdrawn\n", id)
					}
					return err
				})
			},
		})
	}
	return cmd
}

// withoutTests passes over rule tests, which lie beside the rules, so that
// rules apply takes rules/*.yaml just as a configuration does.
func withoutTests(files []string, out io.Writer) (rules []string, err error) {
	for _, f := range files {
		if !strings.HasSuffix(f, ".test.yaml") {
			rules = append(rules, f)
		}
	}
	if len(files) > 0 && len(rules) == 0 {
		return nil, usageError{fmt.Errorf("%s: holds tests, not a rule; run it with linewatch test %s", files[0], files[0])}
	}
	for _, f := range files {
		if strings.HasSuffix(f, ".test.yaml") {
			fmt.Fprintf(out, "%s holds tests: passed over\n", f)
		}
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
