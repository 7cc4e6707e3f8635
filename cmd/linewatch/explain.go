package main

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"linewatch"
	"linewatch/internal/app"
)

// explainFlags are the flags of `explain`.
type explainFlags struct {
	data, equipment, change string
	json                    bool
}

func newExplain() *cobra.Command {
	var f explainFlags
	cmd := &cobra.Command{
		Use:   "explain RULE",
		Short: "Say why a rule is in its state, and why in no other",
		Long: "Say of a rule in a running process what each of its groups says, which conditions hold (+), do not (-)\n" +
			"or are not known (?), and what is missing for the states that it is not in. With --change, say instead\n" +
			"why a change of the past was made, as it was stored with the change.",
		RunE: func(cmd *cobra.Command, args []string) error {
			if f.change != "" {
				return f.explainChange(cmd, args)
			}
			return f.explainRule(cmd, args)
		},
	}
	cmd.Flags().StringVar(&f.data, "data", app.DefaultData, "data directory `DIR` of the running process")
	cmd.Flags().StringVar(&f.equipment, "equipment", "", "only this machine: the id or alias of an `EQUIPMENT`")
	cmd.Flags().StringVar(&f.change, "change", "", "`ID` of a past change")
	cmd.Flags().BoolVar(&f.json, "json", false, "write the answer as JSON")
	return cmd
}

func (f *explainFlags) explainRule(cmd *cobra.Command, args []string) error {
	if len(args) != 1 {
		return usageError{errors.New("linewatch explain: name one RULE; linewatch rules list names them")}
	}
	if err := checkID(args[0]); err != nil {
		return err
	}
	texts, answer, err := app.Explain(cmd.Context(), f.data, linewatch.RuleID(args[0]), f.equipment)
	if err != nil {
		return err
	}
	return f.print(cmd.OutOrStdout(), strings.Join(texts, "\n"), answer)
}

func (f *explainFlags) explainChange(cmd *cobra.Command, args []string) error {
	if len(args) > 0 || f.equipment != "" {
		return usageError{errors.New("linewatch explain: --change names the rule and the machine already; leave them out")}
	}
	text, answer, err := app.ExplainChange(cmd.Context(), f.data, f.change)
	if err != nil {
		return err
	}
	return f.print(cmd.OutOrStdout(), text, answer)
}

func (f *explainFlags) print(out io.Writer, text string, answer []byte) (err error) {
	if f.json {
		_, err = fmt.Fprintf(out, "%s\n", answer)
	} else {
		_, err = io.WriteString(out, text)
	}
	return err
}
