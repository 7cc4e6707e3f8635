package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"linewatch/internal/app"
)

// newDiff makes `rules diff`.
func newDiff(data *string) *cobra.Command {
	var check bool
	cmd := &cobra.Command{
		Use:   "diff FILE [FILE] | diff DIR",
		Short: "Show what differs between what is in force and a file or directory, or between two files",
		Long: "Show what differs in meaning between the version of a rule that is in force and a file, or between two\n" +
			"files, and which conditions would keep what they remember: how long a value is too high already, whether\n" +
			"it has been since it was, and the like. Of a directory all rules are compared with what is in force.",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) < 1 || len(args) > 2 {
				return usageError{fmt.Errorf("%s: name one FILE or two, or one DIR; see %s --help", cmd.CommandPath(), cmd.CommandPath())}
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, files []string) error {
			same, err := app.DiffRules(cmd.Context(), *data, files, cmd.OutOrStdout())
			if err != nil {
				return err
			}
			if check && !same {
				return errors.New("they differ")
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&check, "check", false, "end with 1 if there is a difference")
	return cmd
}

// newExport makes `rules export`.
func newExport(data *string) *cobra.Command {
	var dir string
	var force bool
	cmd := &cobra.Command{
		Use:   "export",
		Short: "Write all rules in force to files of a directory",
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if dir == "" {
				return usageError{fmt.Errorf("%s: name the directory to write to with --dir DIR, best one of its own; see %s --help", cmd.CommandPath(), cmd.CommandPath())}
			}
			return app.ExportRules(cmd.Context(), *data, dir, force, cmd.OutOrStdout())
		},
	}
	cmd.Flags().StringVar(&dir, "dir", "", "directory `DIR` of the files, one for each rule, named by its id; it is made if need be")
	cmd.Flags().BoolVar(&force, "force", false, "overwrite files that hold something else")
	return cmd
}

// newImport makes `rules import`.
func newImport(data *string) *cobra.Command {
	var dry bool
	cmd := &cobra.Command{
		Use:   "import DIR",
		Short: "Publish those rule files of a directory that differ from what is in force",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usageError{fmt.Errorf("%s: name one DIR; see %s --help", cmd.CommandPath(), cmd.CommandPath())}
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			return app.ImportRules(cmd.Context(), *data, args[0], dry, cmd.OutOrStdout())
		},
	}
	cmd.Flags().BoolVar(&dry, "dry-run", false, "say what would be published, and publish nothing")
	return cmd
}
