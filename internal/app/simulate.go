package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"path/filepath"
	"strconv"
	"time"

	"golang.org/x/sync/errgroup"

	"linewatch/edge"
	"linewatch/simulators/opcuasim"
	"linewatch/simulators/plant"
	"linewatch/simulators/s7sim"
)

// SimulationOptions say what is simulated.
type SimulationOptions struct {
	// Listen is the address of the first PLC; the others and the OPC UA server
	// follow on the next ports. Port 0 takes free ones.
	Listen string
	Seed   uint64 // of the plant
	// Speed is how fast the clock of plant and controllers runs, MinSpeed to
	// MaxSpeed. Default 1.
	Speed float64
	// Now is that clock. Default: one that begins with the machine's time.
	Now func() time.Time
	// Config is the directory that PrepareConfig has made for WriteConfig. The
	// identity of the OPC UA server, which the configuration pins, is kept there,
	// so that it is the same at the next start. Empty: one is made for this run.
	Config string
	Served io.Writer // gets one JSON line per read that a PLC answered; may be nil
	Log    *slog.Logger
}

// Simulation is the simulated line: a plant and its controllers.
type Simulation struct {
	line   *plant.Line
	every  time.Duration
	plcs   []runningPLC
	dryEnd runningOPCUA
	served *s7sim.ServedLog
	out    io.Writer
}

type runningPLC struct {
	simulatedPLC
	listener net.Listener
	server   *s7sim.Server
}

// simulatedPLC is one S7 PLC of the line and the source that reads it.
type simulatedPLC struct {
	source  string
	machine string // alias
	tags    []s7sim.Address
}

func simulatedPLCs() []simulatedPLC {
	return []simulatedPLC{
		{"filler", s7sim.FillerAlias, s7sim.FillerAddresses()},
		{"capper", s7sim.CapperAlias, s7sim.CapperAddresses()},
		{"packer", s7sim.PackerAlias, s7sim.PackerAddresses()},
	}
}

// runningOPCUA is the OPC UA server of the machines at the dry end.
type runningOPCUA struct {
	listener net.Listener
	server   *opcuasim.Server
}

// The source that reads the OPC UA server, and the machines behind it.
const dryEndSource = "dry-end"

func dryEndMachines() []string { return []string{"D1", "R1", "L1", "Z1"} }

// The shortest pauses in real time: between two steps of the plant, and two
// publishings of the OPC UA server, which at speed 60 keeps 300 ms of changes.
const (
	leastStep    = time.Millisecond
	publishEvery = 5 * time.Millisecond
)

// NewSimulation opens the addresses of the controllers. Close gives them free
// if Run is not called.
func NewSimulation(o SimulationOptions) (*Simulation, error) {
	if o.Speed == 0 {
		o.Speed = MinSpeed
	}
	if o.Now == nil {
		o.Now = newClock(o.Speed).time
	}
	s := &Simulation{
		line:  plant.NewLine(plant.New(plant.Options{Seed: o.Seed, Start: o.Now()}), o.Now),
		every: max(time.Duration(float64(plant.Tick)/o.Speed), leastStep), out: o.Served,
	}
	if o.Served != nil {
		s.served = s7sim.NewServedLog()
	}
	for i, plc := range simulatedPLCs() {
		if err := s.open(plc, i, &o); err != nil {
			s.Close()
			return nil, err
		}
	}
	if err := s.openDryEnd(len(s.plcs), &o); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// open starts the nth PLC, short of serving.
func (s *Simulation) open(plc simulatedPLC, n int, o *SimulationOptions) error {
	address, err := nextPort(o.Listen, n)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return explainListen("simulated PLC of the "+plc.source, address, err)
	}
	options := s7sim.Options{Now: o.Now, Log: o.Log.With("plc", plc.source)}
	if s.served != nil {
		options.OnRead = s.served.Of(plc.source)
	}
	running := runningPLC{plc, listener, s7sim.New(options)}
	s.plcs = append(s.plcs, running)
	if err := running.server.Attach(s.line, s7sim.Wiring{Machine: plc.machine, Addresses: plc.tags}); err != nil {
		return fmt.Errorf("simulated PLC of the %s: %w", plc.source, err)
	}
	return nil
}

// openDryEnd starts the OPC UA server, short of serving.
func (s *Simulation) openDryEnd(n int, o *SimulationOptions) (err error) {
	address, err := nextPort(o.Listen, n)
	if err != nil {
		return err
	}
	if s.dryEnd.listener, err = net.Listen("tcp", address); err != nil {
		return explainListen("simulated OPC UA server", address, err)
	}
	options := opcuasim.Options{Now: o.Now, Fastest: publishEvery, Log: o.Log.With("server", dryEndSource)}
	if o.Config != "" {
		if options.Identity, err = keptIdentity(filepath.Join(o.Config, simulatedIdentity), o.Now()); err != nil {
			return err
		}
	}
	if s.dryEnd.server, err = opcuasim.New(options); err == nil {
		err = s.dryEnd.server.Attach(s.line, dryEndMachines()...)
	}
	if err != nil {
		return fmt.Errorf("simulated OPC UA server: %w", err)
	}
	return nil
}

// nextPort returns an address n ports on, unless the port is 0.
func nextPort(address string, n int) (string, error) {
	host, text, err := net.SplitHostPort(address)
	if err != nil {
		return "", err
	}
	port, err := strconv.ParseUint(text, 10, 16)
	if err != nil || port == 0 || n == 0 {
		return address, nil // net.Listen says what is wrong with it
	}
	return net.JoinHostPort(host, strconv.FormatUint(port+uint64(n), 10)), nil
}

// Close gives the addresses free.
func (s *Simulation) Close() {
	for _, p := range s.plcs {
		p.listener.Close()
	}
	if s.dryEnd.listener != nil {
		s.dryEnd.listener.Close()
	}
}

// Run serves until ctx ends, or until what was served cannot be written.
func (s *Simulation) Run(ctx context.Context) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	var written errgroup.Group
	logging, stopLogging := context.WithCancel(context.WithoutCancel(ctx))
	defer stopLogging()
	if s.served != nil {
		written.Go(func() error {
			defer stop()
			return s.served.Run(logging, s.out)
		})
	}
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return s.line.Run(ctx, s.every) })
	for _, p := range s.plcs {
		g.Go(func() error { return p.server.Serve(ctx, p.listener) })
	}
	g.Go(func() error { return s.dryEnd.server.Serve(ctx, s.dryEnd.listener) })
	err := g.Wait()
	stopLogging()
	return errors.Join(err, written.Wait())
}

// SimulatedGateway is the gateway id of the demonstration.
const SimulatedGateway = "demo"

// Edge configures an agent that reads the simulated line.
func (s *Simulation) Edge() edge.Config {
	c := SimulatedEdge()
	for i := range s.plcs {
		c.Sources[i].Address = s.plcs[i].listener.Addr().String()
	}
	dryEnd := &c.Sources[len(s.plcs)]
	dryEnd.Address = s.dryEnd.listener.Addr().String()
	dryEnd.OPCUA.Thumbprint = s.dryEnd.server.Identity().Thumbprint()
	return c
}

// SimulatedEdge configures an agent that reads a simulated line whose addresses
// are not known yet.
func SimulatedEdge() edge.Config {
	c := edge.Config{Gateway: SimulatedGateway}
	machines := plant.New(plant.Options{})
	for _, plc := range simulatedPLCs() {
		src := edge.SourceConfig{ID: plc.source, Protocol: "s7", Slot: 1, Equipment: machines.Machine(plc.machine).ID}
		named := map[string]bool{}
		for _, a := range plc.tags {
			if named[a.Tag] {
				continue // the outputs repeat two valves
			}
			named[a.Tag] = true
			src.Tags = append(src.Tags, edge.TagConfig{Name: a.Tag, Address: a.String(), Type: a.TypeName()})
		}
		c.Sources = append(c.Sources, src)
	}
	src := edge.SourceConfig{ID: dryEndSource, Protocol: "opcua"}
	for _, alias := range dryEndMachines() {
		m := machines.Machine(alias)
		for _, tag := range m.Tags() {
			src.Tags = append(src.Tags, edge.TagConfig{Name: tag.Name, Equipment: m.ID, Address: opcuasim.NodeID(alias, tag.Name)})
		}
	}
	c.Sources = append(c.Sources, src)
	return c
}
