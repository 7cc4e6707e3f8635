package mqtt

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"linewatch/internal/porttest"
)

// checkEvents says whether every change arrived, each alarm's in order, and
// repetitions with the same body.
func checkEvents(t *testing.T, events [][]byte, alarms, perAlarm int) {
	t.Helper()
	bodies := map[string][]byte{}
	next := map[string]uint64{}
	for _, body := range events {
		var m message
		if err := json.Unmarshal(body, &m); err != nil {
			t.Fatalf("%v in %s", err, body)
		}
		if first, repeated := bodies[m.ID]; repeated {
			if !bytes.Equal(first, body) {
				t.Errorf("id %s came with another body:\n%s\n%s", m.ID, first, body)
			}
			continue
		}
		bodies[m.ID] = body
		if next[string(m.Rule)]++; m.Seq != next[string(m.Rule)] {
			t.Fatalf("%s: change %d came where %d was due", m.Rule, m.Seq, next[string(m.Rule)])
		}
	}
	if len(bodies) != alarms*perAlarm || len(next) != alarms {
		t.Errorf("%d changes of %d alarms arrived, want %d of %d", len(bodies), len(next), alarms*perAlarm, alarms)
	}
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

// mosquitto is Debian's broker, which keeps its sessions on disk.
type mosquitto struct {
	program, config, address string
	process                  *exec.Cmd
}

func newMosquitto(t *testing.T) *mosquitto {
	t.Helper()
	program := peer(t, "mosquitto")
	port := porttest.Free(t, 1)
	dir := t.TempDir()
	m := &mosquitto{program: program, config: filepath.Join(dir, "mosquitto.conf"), address: fmt.Sprintf("127.0.0.1:%d", port)}
	config := fmt.Sprintf("listener %d 127.0.0.1\nallow_anonymous true\npersistence true\npersistence_location %s/\nautosave_on_changes true\nautosave_interval 1\nmax_queued_messages 100000\n", port, dir)
	if os.Getuid() == 0 {
		config += "user root\n"
	}
	if err := os.WriteFile(m.config, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	m.start(t)
	t.Cleanup(func() { m.stop(t, syscall.SIGTERM) })
	return m
}

func (m *mosquitto) start(t *testing.T) {
	t.Helper()
	m.process = exec.Command(m.program, "-c", m.config)
	if err := m.process.Start(); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "mosquitto listens", 5*time.Second, func() bool {
		c, err := net.Dial("tcp", m.address)
		if err == nil {
			c.Close()
		}
		return err == nil
	})
}

// stop ends the process by a signal. SIGTERM lets it save its sessions; after
// SIGKILL it knows only what it saved before, and what it has acknowledged but
// not passed on is lost by the broker itself. A signal that comes between its
// first listening and its main loop is forgotten, so it is given again.
func (m *mosquitto) stop(t *testing.T, signal syscall.Signal) {
	t.Helper()
	if m.process == nil {
		return
	}
	ended := make(chan struct{})
	go func() { defer close(ended); m.process.Wait() }()
	again := time.NewTicker(500 * time.Millisecond)
	defer again.Stop()
	for waits := true; waits; {
		if err := m.process.Process.Signal(signal); err != nil && !errors.Is(err, os.ErrProcessDone) {
			t.Error(err)
		}
		select {
		case <-ended:
			waits = false
		case <-again.C:
		}
	}
	m.process = nil
}

// subscriber is mosquitto_sub with a persistent session of QoS 1.
type subscriber struct {
	mu    sync.Mutex
	lines [][]byte
}

func (s *subscriber) received() [][]byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([][]byte(nil), s.lines...)
}

func subscribe(t *testing.T, address, topic string) *subscriber {
	t.Helper()
	host, port, _ := net.SplitHostPort(address)
	cmd := exec.Command(peer(t, "mosquitto_sub"), "-h", host, "-p", port, "-i", "night-shift", "-c", "-q", "1", "-t", topic)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	s := &subscriber{}
	read := make(chan struct{})
	go func() {
		defer close(read)
		for lines := bufio.NewScanner(out); lines.Scan(); {
			s.mu.Lock()
			s.lines = append(s.lines, bytes.Clone(lines.Bytes()))
			s.mu.Unlock()
		}
	}()
	t.Cleanup(func() {
		cmd.Process.Kill()
		<-read
		cmd.Wait()
	})
	return s
}

func distinct(lines [][]byte) int {
	seen := map[string]bool{}
	for _, l := range lines {
		seen[string(l)] = true
	}
	return len(seen)
}

func TestMosquittoRestarts(t *testing.T) {
	m := newMosquitto(t)
	s := subscribe(t, m.address, EventsFilter)
	p := newPublisher(t, "tcp://"+m.address)
	// A first change shows that the subscription stands.
	waitFor(t, "subscribed", 5*time.Second, func() bool {
		out, err := exec.Command(peer(t, "mosquitto_pub"), "-h", "127.0.0.1", "-p", m.address[strings.LastIndex(m.address, ":")+1:],
			"-t", "linewatch/v1/s/l/m/events", "-q", "1", "-m", "probe").CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		return len(s.received()) > 0
	})
	const alarms, perAlarm = 4, 150
	for seq := uint64(1); seq <= perAlarm; seq++ {
		for alarm := range alarms {
			p.append(t, change("rule-"+string(rune('a'+alarm)), "equipment-1", seq))
		}
		switch seq {
		case 30, 110: // in the middle of things
			m.stop(t, syscall.SIGTERM)
		case 70: // nothing is on its way through the broker
			waitFor(t, "received so far", 20*time.Second, func() bool { return p.drained(t)() && distinct(s.received()) > alarms*70 })
			m.stop(t, syscall.SIGKILL)
		case 45, 71, 130:
			m.start(t)
		}
	}
	waitFor(t, "all published", 20*time.Second, p.drained(t))
	var events [][]byte
	waitFor(t, "all received", 20*time.Second, func() bool {
		events = nil
		for _, l := range s.received() {
			if string(l) != "probe" {
				events = append(events, l)
			}
		}
		return distinct(events) >= alarms*perAlarm
	})
	checkEvents(t, events, alarms, perAlarm)
	stats, _ := p.follower.Stats(t.Context())
	t.Logf("%d events received for %d changes; %+v; %+v", len(events), alarms*perAlarm, stats, p.notifier.Stats())
}

func TestMosquittoRetains(t *testing.T) {
	m := newMosquitto(t)
	p := newPublisher(t, "tcp://"+m.address)
	p.append(t, change("open", "equipment-1", 1), change("over", "equipment-1", 1), change("over", "equipment-1", 2))
	waitFor(t, "all published", 10*time.Second, p.drained(t))
	s := subscribe(t, m.address, "linewatch/v1/+/+/+/alerts/#")
	waitFor(t, "the open alert", 5*time.Second, func() bool { return len(s.received()) > 0 })
	time.Sleep(50 * time.Millisecond) // for what must not come
	var got message
	if lines := s.received(); len(lines) != 1 || json.Unmarshal(lines[0], &got) != nil || got.Rule != "open" || got.Alarm != "UNACK" {
		t.Errorf("retained alerts %q", lines)
	}
	p.stop()
	status := subscribe(t, m.address, "linewatch/v1/+/edge/+/status")
	waitFor(t, "status", 5*time.Second, func() bool { return len(status.received()) > 0 })
	if got := string(status.received()[0]); got != `{"online":false}` {
		t.Errorf("status after an orderly stop: %s", got)
	}
}
