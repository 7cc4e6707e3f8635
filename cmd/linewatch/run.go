package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"linewatch/internal/app"
)

// runFlags are the flags of `run`.
type runFlags struct {
	config, data, http, report string
	runFor                     time.Duration
	seed                       uint64
	speed                      float64
}

func newRun(log *slog.Logger) *cobra.Command {
	var f runFlags
	cmd := &cobra.Command{
		Use:   "run",
		Short: "Run everything in one process; without --config on a simulated line",
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			outliveReader()
			return run(cmd.Context(), &f, cmd.Flags().Changed("seed"), cmd.OutOrStdout(), log)
		},
	}
	cmd.Flags().StringVar(&f.config, "config", "", "configuration `FILE`; without one the line is simulated")
	cmd.Flags().StringVar(&f.data, "data", "", "data directory `DIR` (default \""+app.DefaultData+"\")")
	cmd.Flags().StringVar(&f.http, "http", "", "`ADDRESS` of page and API, on loopback (default \"127.0.0.1:8080\")")
	cmd.Flags().DurationVar(&f.runFor, "for", 0, "stop after this `DURATION` of real time, such as 60s")
	cmd.Flags().Uint64Var(&f.seed, "seed", 1, "`NUMBER` that decides what the simulated line does")
	speedFlag(cmd, &f.speed, "how many `TIMES` as fast as real time the simulated line runs, 1 to 1000")
	cmd.Flags().StringVar(&f.report, "report", "", "write the accounts to this JSON `FILE` at the end")
	return cmd
}

func run(ctx context.Context, f *runFlags, seeded bool, out io.Writer, log *slog.Logger) error {
	if err := f.check(seeded); err != nil {
		return usageError{err}
	}
	o := app.Options{Config: app.DefaultConfig(), Simulate: f.config == "", Seed: f.seed, Speed: f.speed, Exact: f.report != "", Version: version(), Log: log}
	if f.config != "" {
		c, err := app.LoadConfig(f.config)
		if err != nil {
			return err
		}
		o.Config, o.ConfigFile = c, f.config
	}
	if f.data != "" {
		o.Config.Data = f.data
	}
	if f.http != "" {
		o.Config.HTTP = f.http
	}
	a, err := app.New(ctx, o)
	if errors.Is(err, context.Canceled) && ctx.Err() != nil {
		return nil // stopped before everything was ready
	}
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

// check refuses what flags alone can have wrong.
func (f *runFlags) check(seeded bool) error {
	if f.config != "" && seeded {
		return errors.New("--seed is for the simulated line and does nothing with --config; leave one of them out")
	}
	if f.config != "" && f.speed != app.MinSpeed {
		return errors.New("--speed is for the simulated line: real PLCs keep real time; leave it out with --config")
	}
	if err := checkSpeed(f.speed); err != nil {
		return err
	}
	if f.runFor < 0 {
		return fmt.Errorf("--for: %s is negative; use for example 60s", f.runFor)
	}
	if f.http != "" {
		if err := app.CheckAddress(f.http); err != nil {
			return fmt.Errorf("--http: %w", err)
		}
	}
	if f.report == "" {
		return nil
	}
	// Better now than after the run.
	file, err := os.OpenFile(f.report, os.O_WRONLY|os.O_CREATE, 0o644)
	if err != nil {
		return fmt.Errorf("--report: %w; name a file that can be written", err)
	}
	return file.Close()
}

// speedFlag adds --speed to a command.
func speedFlag(cmd *cobra.Command, speed *float64, usage string) {
	cmd.Flags().Float64Var(speed, "speed", app.MinSpeed, usage)
}

func checkSpeed(speed float64) error {
	if !(speed >= app.MinSpeed && speed <= app.MaxSpeed) {
		return fmt.Errorf("--speed: %g; use %d to %d, such as 60: a minute of the line in each second", speed, app.MinSpeed, app.MaxSpeed)
	}
	return nil
}

// greet says where to look and how to listen.
func greet(out io.Writer, a *app.App, o *app.Options) {
	fmt.Fprintf(out, "Linewatch is running. Page: http://%s\n", a.PageAddress())
	if o.Simulate {
		fmt.Fprintln(out, "The line is simulated; its first alert comes within a minute, unless its rule was changed.")
	}
	if o.Speed > app.MinSpeed {
		fmt.Fprintf(out, "It runs %g times as fast as the clock, whose times it therefore leaves behind.\n", o.Speed)
	}
	fmt.Fprintln(out, "Alerts:  "+subscribeCommand(a.BrokerAddress(), o.Config.MQTT))
	fmt.Fprintf(out, "Data:    %s\nStop with Ctrl-C.\n", o.Config.Data)
}

// subscribeCommand returns the line for a shell that receives the alerts, from
// the broker in this process (host:port) or else the configured one. It names
// the file of the password rather than the password.
func subscribeCommand(embedded string, c app.MQTTConfig) string {
	host, port, _ := net.SplitHostPort(embedded)
	more := ""
	if embedded == "" {
		u, err := url.Parse(c.Broker) // it was checked
		if err != nil {
			return c.Broker
		}
		host, port = u.Hostname(), u.Port()
		switch {
		case c.CAFile != "":
			more += " --cafile " + quote(c.CAFile)
		case u.Scheme == "ssl":
			more += " --capath /etc/ssl/certs"
		}
		if c.User != "" {
			more += " -u " + quote(c.User)
		}
		if c.PasswordFile != "" {
			more += ` -P "$(head -n 1 ` + quote(c.PasswordFile) + `)"`
		}
	}
	return fmt.Sprintf("mosquitto_sub -h %s -p %s%s -q 1 -t '%s' -v", host, port, more, app.AlertsFilter)
}

// quote makes s one word for a shell.
func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

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
