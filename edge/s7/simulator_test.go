package s7

import (
	"context"
	"fmt"
	"net"
	"sync"
	"testing"
	"time"

	"linewatch/simulators/plant"
	"linewatch/simulators/s7sim"
)

// serve runs a simulated PLC for the length of the test and checks at its end
// that nothing but negotiation and reading was ever asked for.
func serve(t *testing.T, server *s7sim.Server) (address string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var group sync.WaitGroup
	group.Go(func() { server.Serve(ctx, listener) })
	t.Cleanup(func() {
		cancel()
		group.Wait()
		for function, n := range server.Stats().Functions {
			if function != 0x04 && function != 0xF0 {
				t.Errorf("function %#02x was asked for %d times", function, n)
			}
		}
	})
	return listener.Addr().String()
}

// TestSimulatedFiller reads every tag of the simulated filler and compares it
// with what the plant says.
func TestSimulatedFiller(t *testing.T) {
	morning := time.Date(2026, 11, 22, 6, 0, 0, 0, time.UTC)
	for _, pdu := range []int{64, 240, 480} {
		server, machines := s7sim.New(s7sim.Options{PDU: pdu}), plant.New(plant.Options{Seed: 1, Start: morning})
		line := plant.NewLine(machines, func() time.Time { return morning.Add(time.Minute) })
		if err := server.Attach(line, s7sim.Wiring{Machine: s7sim.FillerAlias, Addresses: s7sim.FillerAddresses()}); err != nil {
			t.Fatal(err)
		}
		line.Step()
		var tags [][2]string
		var want []string
		for _, a := range s7sim.FillerAddresses() {
			tags = append(tags, [2]string{a.String(), a.TypeName()})
			value, _ := machines.Machine(s7sim.FillerAlias).Read(a.Tag)
			if f, ok := value.(float64); ok && a.Type == s7sim.TypeReal {
				value = float64(float32(f))
			}
			want = append(want, fmt.Sprint(value))
		}
		readings, err := newSource(t, serve(t, server), 2*time.Second, tags...).Scan(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for i, r := range readings {
			var got string
			if f, ok := r.Value.Float(); ok && r.Value.Kind().String() == "number" {
				got = fmt.Sprint(f)
			} else {
				got = r.Value.String()
			}
			if got != want[i] || r.Cause != "" {
				t.Errorf("PDU %d: %s = %s %s, want %s", pdu, tags[i], got, r.Cause, want[i])
			}
		}
	}
}

// TestSimulatedFaults injects what real networks and PLCs do, and checks that
// each scan gives the right values, or Bad ones, or an error, and never wrong
// values; and that reading goes on when the fault is over.
func TestSimulatedFaults(t *testing.T) {
	for name, test := range map[string]struct {
		fault s7sim.Fault
		want  string // of both tags; empty: an error
	}{
		"refused":         {s7sim.Fault{Refuse: true}, ""},
		"silent":          {s7sim.Fault{Silence: true}, ""},
		"late":            {s7sim.Fault{Delay: 400 * time.Millisecond}, ""},
		"other reference": {s7sim.Fault{Reference: 1}, ""},
		"out of range":    {s7sim.Fault{Code: 0x05}, "Bad S7 address out of range"},
		"short":           {s7sim.Fault{Short: 1}, "Bad S7 short read"},
		"cut":             {s7sim.Fault{Cut: 9}, ""},
		"trickle":         {s7sim.Fault{Trickle: 50 * time.Millisecond}, ""},
		"oversize":        {s7sim.Fault{Edit: func(b []byte) []byte { b[2] = 0x40; return b }}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := s7sim.New(s7sim.Options{MaxConnections: 1})
			server.SetDB(1, 20)
			server.SetDB(2, 20)
			server.Update(func(m *s7sim.Memory) { m.DB(1)[1], m.DB(2)[1] = 11, 22 })
			s := newSource(t, serve(t, server), 200*time.Millisecond, [2]string{"DB1.DBW0"}, [2]string{"DB2.DBW0"})
			expect(t, s, "11", "22")
			server.SetFault(func(in s7sim.Incoming) s7sim.Fault {
				if in.Stage == s7sim.Reading {
					return test.fault
				}
				return s7sim.Fault{}
			})
			if test.want != "" {
				expect(t, s, test.want, test.want)
			} else if readings, err := s.Scan(t.Context()); err == nil {
				t.Errorf("the scan gave %q", texts(readings))
			}
			server.SetFault(nil)
			again(t, s, "11", "22")
		})
	}
}

// again scans until it succeeds, for a PLC may need a moment to let go of the
// old connection.
func again(t *testing.T, s *Source, want ...string) {
	t.Helper()
	for range 100 {
		if _, err := s.Scan(t.Context()); err == nil {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	expect(t, s, want...)
}
