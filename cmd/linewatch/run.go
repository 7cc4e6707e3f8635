package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"time"

	"github.com/spf13/cobra"

	"linewatch/internal/app"
)

// runFlags are the flags of `run`.
type runFlags struct {
	config, data, http, report string
	runFor                     time.Duration
	seed                       uint64
}

func newRun(log *slog.Logger) *cobra.Command {
	var f runFlags
	cmd := &cobra.Command{
		Use:   "run",
		Short: "Run everything in one process; without --config on a simulated filler",
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return run(cmd.Context(), &f, cmd.Flags().Changed("seed"), cmd.OutOrStdout(), log)
		},
	}
	cmd.Flags().StringVar(&f.config, "config", "", "configuration `FILE`; without one the line is simulated")
	cmd.Flags().StringVar(&f.data, "data", "", "data `DIR`ectory (default \""+app.DefaultData+"\")")
	cmd.Flags().StringVar(&f.http, "http", "", "`ADDRESS` of page and API, on loopback (default \"127.0.0.1:8080\")")
	cmd.Flags().DurationVar(&f.runFor, "for", 0, "stop after this `DURATION`, such as 60s")
	cmd.Flags().Uint64Var(&f.seed, "seed", 1, "`NUMBER` that decides what the simulated line does")
	cmd.Flags().StringVar(&f.report, "report", "", "write the accounts to this JSON `FILE` at the end")
	return cmd
}

func run(ctx context.Context, f *runFlags, seeded bool, out io.Writer, log *slog.Logger) error {
	o := app.Options{Config: app.DefaultConfig(), Simulate: f.config == "", Seed: f.seed, Exact: f.report != "", Version: version(), Log: log}
	if f.config != "" {
		if seeded {
			return usageError{fmt.Errorf("--seed is for the simulated line and does nothing with --config; leave one of them out")}
		}
		c, err := app.LoadConfig(f.config)
		if err != nil {
			return err
		}
		o.Config = c
	}
	if f.data != "" {
		o.Config.Data = f.data
	}
	if f.http != "" {
		o.Config.HTTP = f.http
	}
	if f.runFor < 0 {
		return usageError{fmt.Errorf("--for: %s is negative; use for example 60s", f.runFor)}
	}
	if f.report != "" { // better now than after the run
		if err := os.WriteFile(f.report, nil, 0o644); err != nil {
			return usageError{fmt.Errorf("--report: %w; name a file that can be written", err)}
		}
	}
	a, err := app.New(ctx, o)
	if err != nil {
		return err
	}
	greet(out, a, &o)
	if f.runFor > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, f.runFor)
		defer cancel()
	}
	var written error
	err = a.Run(ctx, func(r app.Report) {
		if f.report != "" {
			written = writeReport(f.report, r)
		}
	})
	if closed := a.Close(); err == nil {
		err = closed
	}
	if err == nil {
		err = written
	}
	return err
}

// greet says where to look and how to listen.
func greet(out io.Writer, a *app.App, o *app.Options) {
	fmt.Fprintf(out, "Linewatch is running. Page: http://%s\n", a.PageAddress())
	if o.Simulate {
		fmt.Fprintln(out, "The line is simulated; its first alert comes within a minute.")
	}
	if broker := a.BrokerAddress(); broker != "" {
		host, port, _ := net.SplitHostPort(broker)
		fmt.Fprintf(out, "Alerts:  mosquitto_sub -h %s -p %s -q 1 -t '%s' -v\n", host, port, app.AlertsFilter)
	}
	fmt.Fprintf(out, "Data:    %s\nStop with Ctrl-C.\n", o.Config.Data)
}

func writeReport(name string, r app.Report) error {
	b, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	if err := os.WriteFile(name, append(b, '\n'), 0o644); err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	return nil
}
