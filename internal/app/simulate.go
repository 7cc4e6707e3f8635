package app

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"time"

	"golang.org/x/sync/errgroup"

	"linewatch/edge"
	"linewatch/simulators/plant"
	"linewatch/simulators/s7sim"
)

// SimulationOptions say what is simulated.
type SimulationOptions struct {
	Listen string // address of the PLC; port 0 takes a free one
	Seed   uint64 // of the plant
	// Now is the clock of plant and PLC. Default time.Now.
	Now func() time.Time
	// Every is how often the plant follows its clock. Default plant.Tick; a
	// clock that runs N times as fast wants a Nth of it.
	Every  time.Duration
	Served io.Writer // gets one JSON line per read that was answered; may be nil
	Log    *slog.Logger
}

// Simulation is the simulated line: a plant and its PLC.
type Simulation struct {
	listener net.Listener
	server   *s7sim.Server
	line     *plant.Line
	every    time.Duration
	served   *s7sim.ServedLog
	out      io.Writer
}

// NewSimulation opens the PLC's address.
func NewSimulation(o SimulationOptions) (*Simulation, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Every == 0 {
		o.Every = plant.Tick
	}
	l, err := net.Listen("tcp", o.Listen)
	if err != nil {
		return nil, explainListen("simulated PLC", o.Listen, err)
	}
	s := &Simulation{listener: l, out: o.Served, every: o.Every}
	options := s7sim.Options{Now: o.Now, Log: o.Log}
	if o.Served != nil {
		s.served = s7sim.NewServedLog()
		options.OnRead = s.served.Add
	}
	s.server = s7sim.New(options)
	s.line = plant.NewLine(plant.New(plant.Options{Seed: o.Seed, Start: o.Now()}), o.Now)
	err = s.server.Attach(s.line, s7sim.Wiring{Machine: s7sim.FillerAlias, Addresses: s7sim.FillerAddresses()})
	if err != nil {
		l.Close()
		return nil, fmt.Errorf("simulated PLC: %w", err)
	}
	return s, nil
}

// Address returns host:port of the PLC.
func (s *Simulation) Address() string { return s.listener.Addr().String() }

// Run serves until ctx ends.
func (s *Simulation) Run(ctx context.Context) error {
	var g, written errgroup.Group
	if s.served != nil {
		logging, stop := context.WithCancel(context.WithoutCancel(ctx))
		written.Go(func() error { return s.served.Run(logging, s.out) })
		defer written.Wait()
		defer stop()
	}
	g.Go(func() error { return s.line.Run(ctx, s.every) })
	g.Go(func() error { return s.server.Serve(ctx, s.listener) })
	return g.Wait()
}

// SimulatedGateway is the gateway id of the demonstration.
const SimulatedGateway = "demo"

// SimulatedEdge configures an agent that reads the simulated PLC.
func SimulatedEdge(address string) edge.Config {
	src := edge.SourceConfig{ID: "filler", Protocol: "s7", Address: address, Slot: 1, Equipment: plant.FillerID}
	named := map[string]bool{}
	for _, a := range s7sim.FillerAddresses() {
		if named[a.Tag] {
			continue // the outputs repeat two valves
		}
		named[a.Tag] = true
		src.Tags = append(src.Tags, edge.TagConfig{Name: a.Tag, Address: a.String(), Type: a.TypeName()})
	}
	return edge.Config{Gateway: SimulatedGateway, Sources: []edge.SourceConfig{src}}
}
