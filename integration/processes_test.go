package integration

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"linewatch/internal/porttest"
)

// child is a process that the test has started.
type child struct {
	name  string
	cmd   *exec.Cmd
	out   *output
	ended chan struct{} // closed when it was waited for
	fate  error         // valid after that; nil for exit code 0
}

// start starts a program. It is killed when the test ends, and its output is
// shown if the test fails.
func start(t *testing.T, name string, environment []string, program string, args ...string) *child {
	t.Helper()
	c := &child{name: name, cmd: exec.Command(program, args...), out: &output{}, ended: make(chan struct{})}
	c.cmd.Env = append(os.Environ(), environment...)
	c.cmd.Stdout, c.cmd.Stderr = c.out, c.out
	dieWithTest(c.cmd)
	if err := c.cmd.Start(); err != nil {
		t.Fatalf("start %s: %v", name, err)
	}
	go func() {
		defer close(c.ended)
		c.fate = c.cmd.Wait()
	}()
	t.Cleanup(func() {
		c.stop(os.Kill)
		if t.Failed() {
			t.Logf("%s ended with %v and said at the end:\n%s", name, c.fate, c.out.tail(3000))
		}
	})
	return c
}

// stop sends a signal, unless the process has ended, and waits for the end.
func (c *child) stop(signal os.Signal) {
	select {
	case <-c.ended:
	default:
		_ = c.cmd.Process.Signal(signal) // it may end at this moment
		<-c.ended
	}
}

// wait reports whether the process ended in time.
func (c *child) wait(limit time.Duration) bool {
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-c.ended:
		return true
	case <-timer.C:
	}
	select {
	case <-c.ended:
		return true
	default:
		return false
	}
}

// killed reports whether the process was ended by SIGKILL.
func (c *child) killed() bool {
	status, ok := c.cmd.ProcessState.Sys().(syscall.WaitStatus)
	return ok && status.Signaled() && status.Signal() == syscall.SIGKILL
}

// says waits until the output matches and returns the first group; false if
// the process ended or time ran out before.
func (c *child) says(pattern *regexp.Regexp, limit time.Duration) (string, bool) {
	for deadline := time.Now().Add(limit); ; time.Sleep(2 * time.Millisecond) {
		if m := pattern.FindStringSubmatch(c.out.text()); m != nil {
			return m[1], true
		}
		select {
		case <-c.ended:
			return "", false
		default:
		}
		if time.Now().After(deadline) {
			return "", false
		}
	}
}

// output is what a process has written.
type output struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

// Write implements io.Writer.
func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.Write(b)
}

func (o *output) text() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.String()
}

func (o *output) tail(n int) string {
	s := o.text()
	return s[max(0, len(s)-n):]
}

// lines returns the complete lines so far.
func (o *output) lines() []string {
	s := o.text()
	s = s[:strings.LastIndexByte(s, '\n')+1]
	return strings.FieldsFunc(s, func(r rune) bool { return r == '\n' })
}

// build compiles linewatch with its failpoints.
func build(t *testing.T) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "linewatch")
	cmd := exec.Command("go", "build", "-tags", "failpoints", "-o", program, "./cmd/linewatch")
	cmd.Dir = ".."
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	return program
}

// peer returns the path of a foreign program, or skips the test.
func peer(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		path = "/usr/sbin/" + name
		_, err = os.Stat(path)
	}
	switch {
	case err == nil:
	case os.Getenv("LINEWATCH_REQUIRE_PEERS") == "1":
		t.Fatalf("%s is not installed; apt-get install mosquitto mosquitto-clients", name)
	default:
		t.Skipf("SKIPPED, NOT TESTED: %s is not installed; apt-get install mosquitto mosquitto-clients", name)
	}
	return path
}

// startMosquitto starts Debian's broker and returns host and port.
func startMosquitto(t *testing.T) (host, port string) {
	t.Helper()
	program := peer(t, "mosquitto")
	host, port = "127.0.0.1", strconv.Itoa(porttest.Free(t, 1))
	dir := t.TempDir()
	config := fmt.Sprintf("listener %s %s\nallow_anonymous true\npersistence true\npersistence_location %s/\nmax_queued_messages 0\n", port, host, dir)
	if os.Getuid() == 0 {
		config += "user root\n" // or it gives up the right to its own directory
	}
	name := filepath.Join(dir, "mosquitto.conf")
	writeFile(t, name, config)
	broker := start(t, "mosquitto", nil, program, "-c", name)
	eventually(t, "mosquitto listens", 10*time.Second, func() bool {
		c, err := net.Dial("tcp", net.JoinHostPort(host, port))
		if err == nil {
			c.Close()
		}
		return err == nil || broker.wait(0)
	})
	return host, port
}

// subscribe starts a subscriber with a persistent session of QoS 1, which
// exists when subscribe returns.
func subscribe(t *testing.T, host, port, filter string) *child {
	t.Helper()
	program := peer(t, "mosquitto_sub")
	args := []string{"-h", host, "-p", port, "-i", "night-shift", "-c", "-q", "1", "-t", filter}
	if out, err := exec.Command(program, append(args, "-E")...).CombinedOutput(); err != nil {
		t.Fatalf("mosquitto_sub: %v\n%s", err, out)
	}
	return start(t, "mosquitto_sub", nil, program, args...)
}

func eventually(t *testing.T, what string, limit time.Duration, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(limit); !done(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within %v", what, limit)
		}
	}
}
