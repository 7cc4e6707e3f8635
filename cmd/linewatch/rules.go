package main

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"linewatch"
	"linewatch/internal/app"
	"linewatch/ui"
)

// newRules makes the commands of rule files and of the life of a rule.
func newRules() *cobra.Command {
	var data string
	cmd := newPublish("rules", "rules", &data)
	cmd.Short = "Check and compare rule files, publish them to a running process, and see what is in force"
	cmd.AddCommand(
		newRulesList(&data), newRulesRollback(&data),
		newRulesStage(&data, "promote", "Put the newest version of rules in force, such as one that was tried as a shadow", linewatch.StageActive),
		newRulesStage(&data, "retire", "Take rules out of force and keep them", linewatch.StageRetired),
		newRulesDelete(&data),
		newValidate(), newFmt(), newGraph(), newDiff(&data), newExport(&data), newImport(&data),
	)
	return cmd
}

// publishing is how a version is published, as flags say.
type publishing struct{ stage, from, after string }

// flags adds those that a command has.
func (p *publishing) flags(cmd *cobra.Command, staged bool) {
	if staged {
		cmd.Flags().StringVar(&p.stage, "stage", "active", "`STAGE` of the version: draft: stored only; shadow: judged beside what is in force, without telling anybody; active; retired")
	}
	cmd.Flags().StringVar(&p.from, "from", "", "event `TIME` of the effect, such as 2026-11-25T08:00:00Z; default: at once")
	cmd.Flags().StringVar(&p.after, "after", "", "publish only if `VERSION` is the newest, so that nobody's work is undone")
}

// read checks the flags.
func (p *publishing) read() (how ui.Publication, err error) {
	how = ui.AtOnce()
	how.Stage = linewatch.Stage(p.stage)
	switch how.Stage {
	case "", linewatch.StageDraft, linewatch.StageShadow, linewatch.StageActive, linewatch.StageRetired:
	default:
		return how, usageError{fmt.Errorf("--stage: %q is not known; use draft, shadow, active or retired", p.stage)}
	}
	if how.From, err = ui.ParseFrom(p.from); err != nil {
		return how, usageError{fmt.Errorf("--from: %w", err)}
	}
	if p.after != "" {
		n, err := strconv.ParseUint(p.after, 10, 32)
		if err != nil {
			return how, usageError{fmt.Errorf("--after: %q is not the number of a version; linewatch rules list shows them", p.after)}
		}
		how.After = int64(n)
	}
	return how, nil
}

func newRulesList(data *string) *cobra.Command {
	return &cobra.Command{
		Use:   "list [ID]",
		Short: "List the rules, or the versions of one: which is in force since when",
		Args:  cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				lives, err := app.Rules(cmd.Context(), *data)
				if err != nil {
					return err
				}
				return listRules(cmd.OutOrStdout(), lives)
			}
			life, err := app.Rule(cmd.Context(), *data, linewatch.RuleID(args[0]))
			if err != nil {
				return err
			}
			return listVersions(cmd.OutOrStdout(), &life)
		},
	}
}

// listRules prints a line per rule and line.
func listRules(out io.Writer, lives []ui.RuleLife) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "RULE\tNEWEST\tSTAGE\tLINE\tIN FORCE\tSINCE\tSHADOW\tNAME")
	for i := range lives {
		l := &lives[i]
		newest := l.Versions[0]
		row := func(line, live, since, shadow string) {
			fmt.Fprintf(w, "%s\t%d\t%s\t%s\t%s\t%s\t%s\t%s\n", l.ID, newest.Version, newest.Stage, line, live, since, shadow, l.Name)
		}
		for _, on := range l.Lines {
			live, since, shadow := "-", "-", "-"
			if on.Live.Version > 0 {
				live, since = strconv.Itoa(int(on.Live.Version)), on.Live.Since.String()
			}
			if on.Shadow != nil {
				shadow = strconv.Itoa(int(on.Shadow.Version))
			}
			row(on.Line, live, since, shadow)
		}
		if len(l.Lines) == 0 {
			row("-", "-", "-", "-")
		}
	}
	return w.Flush()
}

// listVersions prints a line per version of a rule, then what is in force.
func listVersions(out io.Writer, l *ui.RuleLife) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "rule %s: %s\n\nVERSION\tSTAGE\tEFFECTIVE FROM\n", l.ID, l.Name)
	for _, v := range l.Versions {
		stage, from := string(v.Stage), "at once"
		if v.Deleted {
			stage = "deleted"
		}
		if v.From > 0 {
			from = v.From.String()
		}
		fmt.Fprintf(w, "%d\t%s\t%s\n", v.Version, stage, from)
	}
	fmt.Fprintln(w, "\nLINE\tVERSION\tSTAGE\tSINCE")
	for _, on := range l.Lines {
		if on.Live.Version > 0 {
			fmt.Fprintf(w, "%s\t%d\tactive\t%s\n", on.Line, on.Live.Version, on.Live.Since)
		}
		if on.Shadow != nil {
			fmt.Fprintf(w, "%s\t%d\tshadow\t%s\n", on.Line, on.Shadow.Version, on.Shadow.Since)
		}
		for _, n := range on.Next {
			at := "the first point"
			if n.At > 0 {
				at = n.At.String()
			}
			fmt.Fprintf(w, "%s\t%d\twaiting\tfrom %s on\n", on.Line, n.Version, at)
		}
	}
	return w.Flush()
}

func newRulesRollback(data *string) *cobra.Command {
	var flags publishing
	cmd := &cobra.Command{
		Use:   "rollback ID VERSION",
		Short: "Publish the content of an older version as the next one",
		Args:  idAndVersion,
		RunE: func(cmd *cobra.Command, args []string) error {
			version, err := strconv.ParseUint(args[1], 10, 32)
			if err != nil || version == 0 {
				return usageError{fmt.Errorf("%q is not the number of a version; linewatch rules list %s shows them", args[1], args[0])}
			}
			how, err := flags.read()
			if err != nil {
				return err
			}
			return republish(cmd.Context(), cmd.OutOrStdout(), *data, args[0], uint32(version), how)
		},
	}
	flags.flags(cmd, true)
	return cmd
}

// idAndVersion asks for the two arguments of a rollback.
func idAndVersion(cmd *cobra.Command, args []string) error {
	switch len(args) {
	case 0:
		return usageError{fmt.Errorf("%s: name the ID of a rule and the VERSION to bring back; linewatch rules list names the rules", cmd.CommandPath())}
	case 1:
		return usageError{fmt.Errorf("%s: name the VERSION to bring back as well; linewatch rules list %s shows them", cmd.CommandPath(), args[0])}
	case 2:
		return nil
	}
	return usageError{fmt.Errorf("%s takes one ID and one VERSION, not %d arguments; see %s --help", cmd.CommandPath(), len(args), cmd.CommandPath())}
}

// newRulesStage makes a command that publishes the newest version again for
// another stage.
func newRulesStage(data *string, use, short string, stage linewatch.Stage) *cobra.Command {
	var flags publishing
	cmd := &cobra.Command{
		Use:   use + " ID...",
		Short: short,
		Args:  atLeastOne("ID"),
		RunE: func(cmd *cobra.Command, ids []string) error {
			how, err := flags.read()
			if err != nil {
				return err
			}
			how.Stage = stage
			return each(cmd, ids, func(ctx context.Context, id string, out io.Writer) error {
				return republish(ctx, out, *data, id, 0, how)
			})
		},
	}
	flags.flags(cmd, false)
	return cmd
}

func republish(ctx context.Context, out io.Writer, data, id string, version uint32, how ui.Publication) error {
	if err := checkID(id); err != nil {
		return err
	}
	said, err := app.Republish(ctx, data, linewatch.RuleID(id), version, how)
	if err == nil {
		fmt.Fprintln(out, said)
	}
	return err
}

func checkID(id string) error {
	if !linewatch.ValidRuleID(linewatch.RuleID(id)) {
		return usageError{fmt.Errorf("%.80q is not the id of a rule; the rule's file gives it as id: NAME", id)}
	}
	return nil
}

func newRulesDelete(data *string) *cobra.Command {
	var flags publishing
	cmd := &cobra.Command{
		Use:   "delete ID...",
		Short: "Delete rules; their open alarms end",
		Long: "Delete rules; their open alarms end. A deleted rule is in no list any more. Its versions are kept: rules list ID\n" +
			"shows them, and rules rollback brings one back.",
		Args: atLeastOne("ID"),
		RunE: func(cmd *cobra.Command, ids []string) error {
			how, err := flags.read()
			if err != nil {
				return err
			}
			return each(cmd, ids, func(ctx context.Context, id string, out io.Writer) error {
				if err := checkID(id); err != nil {
					return err
				}
				said, err := app.DeleteRule(ctx, *data, linewatch.RuleID(id), how)
				if err == nil {
					fmt.Fprintln(out, said)
				}
				return err
			})
		},
	}
	flags.flags(cmd, false)
	return cmd
}
