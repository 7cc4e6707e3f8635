package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// program is the path of the built command, made by TestMain.
var program string

func TestMain(m *testing.M) {
	os.Exit(build(m))
}

func build(m *testing.M) int {
	dir, err := os.MkdirTemp("", "linewatch-cmd")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	if err := os.Chmod(dir, 0o755); err != nil { // another user runs it, too
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	program = filepath.Join(dir, "linewatch")
	if out, err := exec.Command("go", "build", "-o", program, ".").CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "%s%v\n", out, err)
		return 1
	}
	return m.Run()
}

// process is a program that a test has started.
type process struct {
	t     *testing.T
	cmd   *exec.Cmd
	lines chan string // of its standard output
	errs  lockedBuffer
	ended chan struct{}
}

// lockedBuffer collects what a process says while the test reads it.
type lockedBuffer struct {
	mu  sync.Mutex
	all bytes.Buffer
}

// Write implements io.Writer.
func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.all.Write(p)
}

// String returns what was written so far.
func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.all.String()
}

// start starts a program, which is killed when the test ends.
func start(t *testing.T, name string, args ...string) *process {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // a shell's children end with it
	return startCommand(t, cmd)
}

// startCommand starts a command that leads a process group of its own.
func startCommand(t *testing.T, cmd *exec.Cmd) *process {
	t.Helper()
	p := &process{t: t, cmd: cmd, lines: make(chan string, 1000), ended: make(chan struct{})}
	p.cmd.Stderr = &p.errs
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(p.ended)
		defer close(p.lines)
		for s := bufio.NewScanner(out); s.Scan(); {
			p.lines <- s.Text()
		}
		io.Copy(io.Discard, out)
		p.cmd.Wait()
	}()
	t.Cleanup(func() {
		syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL)
		<-p.ended
		if t.Failed() {
			t.Logf("%s said:\n%s", cmd.Path, p.errs.String())
		}
	})
	return p
}

// line returns the next line of standard output that has a prefix, without it.
func (p *process) line(prefix string, within time.Duration) string {
	p.t.Helper()
	late := time.After(within)
	for {
		select {
		case line, ok := <-p.lines:
			if !ok {
				p.t.Fatalf("ended before it said %q; it said:\n%s", prefix, p.errs.String())
			}
			if rest, ok := strings.CutPrefix(line, prefix); ok {
				return strings.TrimSpace(rest)
			}
		case <-late:
			p.t.Fatalf("did not say %q within %v", prefix, within)
		}
	}
}

// end sends a signal and returns the exit code.
func (p *process) end(sig syscall.Signal, within time.Duration) int {
	p.t.Helper()
	if err := p.cmd.Process.Signal(sig); err != nil {
		p.t.Fatal(err)
	}
	select {
	case <-p.ended:
	case <-time.After(within):
		p.t.Fatalf("still runs %v after %v", within, sig)
	}
	return p.cmd.ProcessState.ExitCode()
}

// finish runs the program to its end.
func finish(t *testing.T, args ...string) (out string, code int) {
	t.Helper()
	all, err := exec.Command(program, args...).CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	if exit != nil {
		code = exit.ExitCode()
	}
	return string(all), code
}

// page is how the tests read the API.
type page string

func (p page) get(t *testing.T, path string, into any) {
	t.Helper()
	res, err := http.Get(string(p) + path)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if err := json.NewDecoder(res.Body).Decode(into); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
}

// status is what the tests read of GET /api/v1/status.
type status struct {
	Sources   []struct{ ID, State, Error string }
	Instances []instance
}

// instance is what a rule says of a machine.
type instance struct {
	Rule, State string
	Version     int `json:"ruleVersion"`
}

// of returns the instances of a rule.
func (s status) of(rule string) (found []instance) {
	for _, i := range s.Instances {
		if i.Rule == rule {
			found = append(found, i)
		}
	}
	return found
}

func (p page) status(t *testing.T) (s status) {
	t.Helper()
	p.get(t, "/api/v1/status", &s)
	return s
}

// eventually waits until done says so.
func eventually(t *testing.T, within time.Duration, what string, done func() bool) {
	t.Helper()
	for end := time.Now().Add(within); !done(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not within %v: %s", within, what)
		}
	}
}

// write makes a file in dir and returns its path.
func write(t *testing.T, dir, name, content string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// read returns the content of a file.
func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// peer skips, or with LINEWATCH_REQUIRE_PEERS=1 fails, a test without a foreign
// program.
func peer(t *testing.T, name string) {
	t.Helper()
	if _, err := exec.LookPath(name); err == nil {
		return
	}
	if os.Getenv("LINEWATCH_REQUIRE_PEERS") == "1" {
		t.Fatalf("%s is not installed", name)
	}
	t.Skipf("SKIPPED: %s is not installed; this test needs it", name)
}
