package edge_test

import (
	"bufio"
	"context"
	"encoding/binary"
	"fmt"
	"log/slog"
	"math"
	"net"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"linewatch"
	"linewatch/edge"
	"linewatch/edge/s7"
	"linewatch/edge/spool"
	"linewatch/simulators/s7sim"
)

// The benchmarks read simulators in a process of their own, so that the CPU
// time is the edge's alone: the test binary, told by a variable what to be.
const simulatorEnv = "LINEWATCH_EDGE_SIMULATOR"

func TestMain(m *testing.M) {
	serve := map[string]func() error{"s7": servePLC, "opcua": serveOPCUA}[os.Getenv(simulatorEnv)]
	if serve == nil {
		os.Exit(m.Run())
	}
	if err := serve(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

const (
	benchBlocks = 10
	benchReals  = 1000 // in each
	benchTags   = benchBlocks * benchReals
)

// servePLC is a PLC of 10,000 REALs that all change every few milliseconds,
// until its standard input ends.
func servePLC() error {
	input := bufio.NewReader(os.Stdin)
	if _, err := input.ReadString('\n'); err != nil {
		return err
	}
	server := s7sim.New(s7sim.Options{})
	for n := range benchBlocks {
		server.SetDB(n+1, 4*benchReals)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println(listener.Addr())
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		input.ReadByte()
		cancel()
	}()
	go func() {
		for n := uint32(0); ctx.Err() == nil; n++ {
			server.Update(func(m *s7sim.Memory) {
				for k := range benchBlocks {
					for i, block := 0, m.DB(k+1); i < len(block); i += 4 {
						binary.BigEndian.PutUint32(block[i:], math.Float32bits(float32(n)+float32(i)/8))
					}
				}
			})
			time.Sleep(5 * time.Millisecond)
		}
	}()
	return server.Serve(ctx, listener)
}

// startSimulator runs a simulator until the benchmark ends, and returns what
// it says of itself: where it listens. The rate is told to it.
func startSimulator(b *testing.B, kind string, rate int) (says string) {
	b.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), simulatorEnv+"="+kind)
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		stdin.Close()
		cmd.Wait() // it ends when its input does
	})
	fmt.Fprintln(stdin, rate) // if it has died, it says nothing
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		b.Fatal("the simulator does not say where it listens: ", err)
	}
	return strings.TrimSpace(line)
}

func benchPLC(address string) edge.SourceConfig {
	c := edge.SourceConfig{
		ID: "plc1", Protocol: "s7", Address: address, Slot: 1, Equipment: "84068f2f-3f39-4b9c-a995-d2a84d878689",
		Interval: edge.Span(time.Second), Timeout: edge.DefaultTimeout,
	}
	for i := range benchTags {
		c.Tags = append(c.Tags, edge.TagConfig{
			Name: fmt.Sprint("temperature_", i), Address: fmt.Sprintf("DB%d.DBD%d", i/benchReals+1, 4*(i%benchReals)), Type: "real",
		})
	}
	return c
}

// BenchmarkS7 reads a PLC of 10,000 REALs as fast as it goes: read and
// decoded, and through the agent to the flushed spool and out of it again.
func BenchmarkS7(b *testing.B) {
	b.Run("read", func(b *testing.B) {
		source, err := s7.New(benchPLC(startSimulator(b, "s7", 0)), slog.New(slog.DiscardHandler))
		if err != nil {
			b.Fatal(err)
		}
		if _, err := source.Scan(b.Context()); err != nil { // connects
			b.Fatal(err)
		}
		meter := startMeter(b)
		for range b.N {
			if _, err := source.Scan(b.Context()); err != nil {
				b.Fatal(err)
			}
		}
		meter.report(b, uint64(b.N)*benchTags, "tags")
	})
	b.Run("spool", func(b *testing.B) {
		c := benchPLC(startSimulator(b, "s7", 0))
		meter := startMeter(b)
		st := toSpool(b, c, func(c edge.SourceConfig) (edge.Source, error) {
			source, err := s7.New(c, slog.New(slog.DiscardHandler))
			return rush{source, b.N}, err
		}, func(s edge.Spool, _ func()) edge.Spool { return s })
		meter.report(b, st.Appended, "tags")
		b.ReportMetric(float64(st.Appended)/float64(st.Flushes), "tags/flush")
	})
}

// toSpool runs an agent on a real spool, which wrap may watch, until its source
// ends or it is stopped, and checks the accounts.
func toSpool(b *testing.B, c edge.SourceConfig, open func(edge.SourceConfig) (edge.Source, error),
	wrap func(s edge.Spool, stop func()) edge.Spool,
) spool.Stats {
	b.Helper()
	store, err := spool.Open(b.TempDir(), spool.Options{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		b.Fatal(err)
	}
	defer store.Close()
	up := &sink{}
	ctx, stop := context.WithCancel(b.Context())
	defer stop()
	agent, err := edge.New(edge.Options{
		Config: edge.Config{Gateway: "gw", Sources: []edge.SourceConfig{c}},
		Open:   open, Spool: wrap(edge.NewSpool(store), stop), Backlog: store, Uplink: up, StopTimeout: 10 * time.Second,
	})
	if err != nil {
		b.Fatal(err)
	}
	if err := agent.Run(ctx); err != nil {
		b.Fatal(err)
	}
	st := store.Stats()
	if a := agent.Status().Accounts; !a.Balanced() || a.Sampled != st.Appended || up.points.Load() != st.Sent {
		b.Errorf("accounts %+v, spool %+v, %d points arrived", a, st, up.points.Load())
	}
	return st
}

// sink is an uplink that takes everything.
type sink struct{ points atomic.Uint64 }

func (s *sink) Send(_ context.Context, points []linewatch.DataPoint) error {
	for i := range points {
		if !points[i].IsHeartbeat() {
			s.points.Add(1)
		}
	}
	return nil
}

// rush scans a number of times without a pause.
type rush struct {
	source *s7.Source
	scans  int
}

func (r rush) Run(ctx context.Context, emit func(edge.Scan) error) error {
	for n := range r.scans {
		readings, err := r.source.Scan(ctx)
		if err != nil {
			return err
		}
		if err := emit(edge.Scan{Readings: readings, First: n == 0}); err != nil {
			return err
		}
	}
	return nil
}

// meter measures a benchmark's own CPU time beside the wall's.
type meter struct {
	start time.Time
	cpu   time.Duration
}

func startMeter(b *testing.B) meter {
	b.Helper()
	b.ResetTimer()
	return meter{time.Now(), cpuTime(b)}
}

func (m meter) report(b *testing.B, n uint64, what string) {
	b.Helper()
	b.StopTimer()
	b.ReportMetric(float64(n)/time.Since(m.start).Seconds(), what+"/s")
	b.ReportMetric(float64((cpuTime(b)-m.cpu).Microseconds())/float64(n), "us-CPU/"+strings.TrimSuffix(what, "s"))
	if status, err := os.ReadFile("/proc/self/status"); err == nil { // Linux
		var kB float64
		if _, after, ok := strings.Cut(string(status), "VmRSS:"); ok {
			fmt.Sscan(after, &kB)
		}
		b.ReportMetric(kB/1e3, "MB-RSS")
	}
}

func cpuTime(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
