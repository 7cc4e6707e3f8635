package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"

	"github.com/spf13/cobra"

	"linewatch/internal/app"
)

func newReplay(log *slog.Logger) *cobra.Command {
	var config, data, name string
	cmd := &cobra.Command{
		Use:   "replay",
		Short: "Judge a stored log again and compare with the stored history",
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c := app.DefaultConfig()
			if config != "" {
				var err error
				if c, err = app.LoadConfig(config); err != nil {
					return err
				}
			}
			if data != "" {
				c.Data = data
			}
			var out io.Writer
			if name != "" {
				f, err := os.Create(name)
				if err != nil {
					return usageError{fmt.Errorf("--out: %w; name a file that can be written", err)}
				}
				defer f.Close()
				w := bufio.NewWriter(f)
				defer w.Flush()
				out = w
			}
			r, err := app.Replay(cmd.Context(), c, out, log)
			if err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "records %d, state changes replayed %d, stored %d\n", r.Records, r.Replayed, r.Stored)
			if !r.Identical {
				return errors.New("the replay differs from the history; the first difference:\n" + r.FirstDiff)
			}
			fmt.Fprintln(cmd.OutOrStdout(), "identical byte for byte")
			return nil
		},
	}
	cmd.Flags().StringVar(&config, "config", "", "configuration `FILE` that the log was judged with")
	cmd.Flags().StringVar(&data, "data", "", "data `DIR`ectory (default \""+app.DefaultData+"\")")
	cmd.Flags().StringVar(&name, "out", "", "write the replayed state changes to this `FILE`, one JSON line each")
	return cmd
}
