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
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			outliveReader()
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
	help := cmd.HelpFunc()
	cmd.SetHelpFunc(func(cmd *cobra.Command, args []string) {
		cmd.Long = simulateHelp() // which lets a line run
		help(cmd, args)
	})
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

Its machines with the sources that read them, and their tags as a configuration
has them, each with what it says within ten minutes. (The OPC UA source needs
the certificate of its server as well, which is made at the first start and kept
in DIR; rules call a machine F1 or by its id, configurations by the id.)
`)
	for _, m := range app.SimulatedMachines() {
		fmt.Fprintf(&b, "\n%s %s: source %s (%s), equipment %s\n", m.Alias, m.Name, m.Source.ID, m.Source.Protocol, m.ID)
		tags, width := make([]string, len(m.Tags)), 0
		for i, t := range m.Tags {
			tags[i] = app.FormatTag(t)
			width = max(width, len(tags[i]))
		}
		for i, tag := range tags {
			fmt.Fprintf(&b, "  - %-*s # %s\n", width, tag, m.Meanings[i])
		}
	}
	return strings.TrimSuffix(b.String(), "\n")
}
