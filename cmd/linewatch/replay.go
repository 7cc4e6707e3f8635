package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"

	"github.com/spf13/cobra"

	"linewatch/internal/app"
)

// replayFlags are the flags of `replay`.
type replayFlags struct{ config, data, out string }

func newReplay(log *slog.Logger) *cobra.Command {
	var f replayFlags
	cmd := &cobra.Command{
		Use:   "replay",
		Short: "Judge a stored log again and compare with the stored history",
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return replay(cmd.Context(), &f, cmd.OutOrStdout(), log)
		},
	}
	cmd.Flags().StringVar(&f.config, "config", "", "configuration `FILE` that the log was judged with")
	cmd.Flags().StringVar(&f.data, "data", "", "data directory `DIR` (default \""+app.DefaultData+"\")")
	cmd.Flags().StringVar(&f.out, "out", "", "write the replayed state changes to this `FILE`, one JSON line each")
	return cmd
}

func replay(ctx context.Context, f *replayFlags, out io.Writer, log *slog.Logger) (err error) {
	c := app.DefaultConfig()
	if f.config != "" {
		if c, err = app.LoadConfig(f.config); err != nil {
			return err
		}
	}
	if f.data != "" {
		c.Data = f.data
	}
	var changes io.Writer
	if f.out != "" {
		file, err := os.Create(f.out)
		if err != nil {
			return usageError{fmt.Errorf("--out: %w; name a file that can be written", err)}
		}
		defer file.Close()
		changes = file
	}
	r, err := app.Replay(ctx, c, changes, log)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "records %d, state changes replayed %d, stored %d\n", r.Records, r.Replayed, r.Stored)
	if !r.Identical {
		return errors.New("the replay differs from the history; the first difference:\n" + r.FirstDiff)
	}
	fmt.Fprintln(out, "identical byte for byte")
	return nil
}
