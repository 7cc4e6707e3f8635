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
	var listen, served string
	var seed uint64
	cmd := &cobra.Command{
		Use:   "simulate",
		Short: "Run the simulated PLC alone",
		Long:  simulateHelp(),
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if _, _, err := net.SplitHostPort(listen); err != nil {
				return usageError{fmt.Errorf("--listen: %q; want HOST:PORT, such as 127.0.0.1:1102", listen)}
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
			s, err := app.NewSimulation(app.SimulationOptions{Listen: listen, Seed: seed, Served: out, Log: log})
			if err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "Simulated filler, S7 PLC at %s (rack 0, slot 1). Stop with Ctrl-C.\n", s.Address())
			return s.Run(cmd.Context())
		},
	}
	cmd.Flags().StringVar(&listen, "listen", "127.0.0.1:1102", "`ADDRESS` of the PLC")
	cmd.Flags().StringVar(&served, "log", "", "append what was served to this `FILE`, one JSON line per read")
	cmd.Flags().Uint64Var(&seed, "seed", 1, "`NUMBER` that decides what the line does")
	return cmd
}

// simulateHelp says what a configuration needs to read the simulated PLC.
func simulateHelp() string {
	var b strings.Builder
	b.WriteString("Run the simulated PLC alone. A source of linewatch run --config reads it with slot: 1 and these tags:\n\n")
	for _, t := range app.SimulatedEdge("").Sources[0].Tags {
		fmt.Fprintf(&b, "  - {name: %s, address: %s, type: %q}\n", t.Name, t.Address, t.Type)
	}
	return strings.TrimSuffix(b.String(), "\n")
}
