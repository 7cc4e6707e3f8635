package main

import (
	"fmt"
	"net"
	"strings"
	"syscall"
	"testing"
	"time"

	"linewatch/internal/porttest"
)

// plcConfig is a configuration with one PLC, registered by the demo's assets.
func plcConfig(address string) string {
	return `apiVersion: linewatch/v1
kind: Config
mqtt: {embedded: "127.0.0.1:0"}
edge:
  gateway: demo
  sources:
    - id: filler
      protocol: s7
      address: ` + address + `
      slot: 1
      equipment: 84068f2f-3f39-4b9c-a995-d2a84d878689
      tags: [{name: water_temperature, address: DB1.DBD8, type: real}]
`
}

// silentPLC accepts connections and never says a word; the channel is closed
// when the first came.
func silentPLC(t *testing.T) (address string, reached <-chan struct{}) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	first, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for n := 0; ; n++ {
			c, err := l.Accept()
			if err != nil {
				return
			}
			defer c.Close()
			if n == 0 {
				close(first)
			}
		}
	}()
	t.Cleanup(func() { l.Close(); <-done })
	return l.Addr().String(), first
}

// A PLC that cannot be reached is reported once and tried again; the rest goes
// on, and so does the source once the PLC is there.
func TestUnreachablePLC(t *testing.T) {
	t.Parallel()
	dir, plc := t.TempDir(), fmt.Sprint("127.0.0.1:", porttest.Free(t, 4)) // each controller has its own
	run := start(t, program, "run", "--config", write(t, dir, "linewatch.yaml", plcConfig(plc)), "--data", dir+"/data", "--http", "127.0.0.1:0")
	address := page(run.line("Linewatch is running. Page: ", 10*time.Second))
	eventually(t, 5*time.Second, "the source is down", func() bool {
		s := address.status(t).Sources
		return len(s) == 1 && s[0].State == "down" && strings.Contains(s[0].Error, plc) && strings.Contains(s[0].Error, "connection refused")
	})
	time.Sleep(1500 * time.Millisecond) // some attempts
	if said := strings.Count(run.errs.String(), "source cannot be read"); said != 1 {
		t.Errorf("said %d times that the PLC cannot be read, want once:\n%s", said, run.errs.String())
	}
	start(t, program, "simulate", "--listen", plc)
	eventually(t, 15*time.Second, "the source is connected", func() bool { return address.status(t).Sources[0].State == "connected" })
	if code := run.end(syscall.SIGTERM, 10*time.Second); code != exitOK {
		t.Errorf("exit code %d", code)
	}
}
