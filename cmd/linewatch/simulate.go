package main

import (
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"linewatch/internal/app"
)

func newSimulate(log *slog.Logger) *cobra.Command {
	var listen, served, config string
	var seed uint64
	var speed float64
	cmd := &cobra.Command{
		Use:   "simulate",
		Short: "Run the simulated line alone",
		Long:  simulateHelp(),
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if _, _, err := net.SplitHostPort(listen); err != nil {
				return usageError{fmt.Errorf("--listen: %q; want HOST:PORT, such as 127.0.0.1:1102", listen)}
			}
			if err := checkSpeed(speed); err != nil {
				return usageError{err}
			}
			if config != "" {
				if err := app.PrepareConfig(config); err != nil {
					return usageError{fmt.Errorf("--config-out: %w", err)}
				}
			}
			var out io.Writer
			if served != "" {
				f, err := os.OpenFile(served, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o644)
				if err != nil {
					return usageError{fmt.Errorf("--log: %w; name a file that can be written", err)}
				}
				defer f.Close()
				out = f
			}
			s, err := app.NewSimulation(app.SimulationOptions{Listen: listen, Seed: seed, Speed: speed, Config: config, Served: out, Log: log})
			if err != nil {
				return err
			}
			defer s.Close()
			if err := introduce(cmd.OutOrStdout(), s, config); err != nil {
				return err
			}
			return s.Run(cmd.Context())
		},
	}
	cmd.Flags().StringVar(&listen, "listen", "127.0.0.1:1102", "`ADDRESS` of the first PLC; the others and the OPC UA server take the next ports")
	cmd.Flags().StringVar(&config, "config-out", "", "write a configuration that reads the line into this `DIR`")
	cmd.Flags().StringVar(&served, "log", "", "append what the PLCs served to this `FILE`, one JSON line per read")
	cmd.Flags().Uint64Var(&seed, "seed", 1, "`NUMBER` that decides what the line does")
	speedFlag(cmd, &speed, "how many `TIMES` as fast as real time the line runs, 1 to 1000; whoever reads it keeps real time")
	return cmd
}

// introduce says where the line is, and how another process reads it.
func introduce(out io.Writer, s *app.Simulation, config string) error {
	if config != "" {
		name, err := s.WriteConfig(config)
		if err != nil {
			return usageError{fmt.Errorf("--config-out: %w", err)}
		}
		config = name
	}
	fmt.Fprintln(out, "Simulated bottling line of seven machines. Its controllers:")
	for _, src := range s.Edge().Sources {
		fmt.Fprintf(out, "  %-9s %s\n", src.ID, endpoint(src.Protocol, src.Address))
	}
	if config != "" {
		fmt.Fprintf(out, "Read them with: linewatch run --config %s\n", quote(config))
	}
	fmt.Fprintln(out, "Stop with Ctrl-C.")
	return nil
}

func endpoint(protocol, address string) string {
	if protocol == "s7" {
		return "S7 PLC at " + address + " (rack 0, slot 1)"
	}
	return "OPC UA server at " + address
}

// simulateHelp says what a configuration needs to read the simulated line.
func simulateHelp() string {
	var b strings.Builder
	b.WriteString(`Run the simulated line alone: seven machines and their controllers. With
--config-out DIR another process reads it with
  linewatch run --config DIR/linewatch.yaml

The sources and their tags, as a configuration has them (the certificate of the
OPC UA server is made at the first start and kept in DIR):
`)
	for _, src := range app.SimulatedEdge().Sources {
		fmt.Fprintf(&b, "\n%s (%s)\n", src.ID, src.Protocol)
		for _, t := range src.Tags {
			fmt.Fprintf(&b, "  - %s\n", app.FormatTag(t))
		}
	}
	return strings.TrimSuffix(b.String(), "\n")
}
