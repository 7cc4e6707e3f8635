package app

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// benchDataEnv makes the test binary a process that runs on a data directory
// and says how much memory it needs.
const benchDataEnv = "LINEWATCH_APP_BENCH_DATA"

func TestMain(m *testing.M) {
	data := os.Getenv(benchDataEnv)
	if data == "" {
		os.Exit(m.Run())
	}
	if err := runForMemory(data); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// runForMemory judges what the logs hold, lets the state be stored once more,
// and prints what the kernel says of the process.
func runForMemory(data string) error {
	a, err := startBenchApp(context.Background(), data, func(c *Config) { c.Engine.SnapshotEvery = 500 })
	if err != nil {
		return err
	}
	time.Sleep(time.Second)
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return err
	}
	os.Stdout.Write(status)
	return a.stop()
}

// BenchmarkMemory runs processes of their own with 20,000 tags on four lines,
// without rules and with 10,000. A rule's share is the difference that the
// rules make.
func BenchmarkMemory(b *testing.B) {
	var bare, rules memory
	const size = 10_000
	for range b.N {
		bare = memoryOf(b, benchSize{lines: 4, tags: 20_000})
		rules = memoryOf(b, benchSize{lines: 4, tags: 20_000, rules: size})
	}
	b.ReportMetric(bare.resident, "bare-MB")
	b.ReportMetric(rules.resident, "MB")
	b.ReportMetric(rules.peak, "peak-MB")
	b.ReportMetric((rules.resident-bare.resident)*1e6/size, "B/rule")
}

// memory is what a process needs, in MB.
type memory struct{ resident, peak float64 }

func memoryOf(b *testing.B, size benchSize) (m memory) {
	b.Helper()
	data := b.TempDir()
	newBenchPlant(b, data, size).close(b)
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), benchDataEnv+"="+data)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		b.Fatal(err)
	}
	for lines := bufio.NewScanner(bytes.NewReader(out)); lines.Scan(); {
		name, value, _ := strings.Cut(lines.Text(), ":")
		var kB float64
		fmt.Sscan(value, &kB) // others are no numbers
		switch name {
		case "VmRSS":
			m.resident = kB * 1024 / 1e6
		case "VmHWM":
			m.peak = kB * 1024 / 1e6
		}
	}
	return m
}
