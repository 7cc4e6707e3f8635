package opcuasim

import (
	"bufio"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const peerDir = "testdata/peer"

// requirePeer makes sure that node and node-opcua's client are there. Without
// them the test is skipped, or fails when LINEWATCH_REQUIRE_PEERS=1; then the
// client is installed if need be.
func requirePeer(t *testing.T) {
	t.Helper()
	required := os.Getenv("LINEWATCH_REQUIRE_PEERS") == "1"
	missing := t.Skipf
	if required {
		missing = t.Fatalf
	}
	if _, err := exec.LookPath("node"); err != nil {
		missing("SKIPPED, NOT PROVEN: %v; install Node.js to read from the simulated server with a foreign client", err)
	}
	if _, err := os.Stat(filepath.Join(peerDir, "node_modules/node-opcua-client")); err == nil {
		return
	}
	if !required {
		t.Skipf("SKIPPED, NOT PROVEN: node-opcua-client is not installed; run npm ci in simulators/opcuasim/%s", peerDir)
	}
	install := exec.CommandContext(t.Context(), "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund")
	install.Dir = peerDir
	if out, err := install.CombinedOutput(); err != nil {
		t.Fatalf("npm ci in %s: %v\n%s", peerDir, err, out)
	}
}

// startPeer runs the foreign client and returns its output.
func startPeer(t *testing.T, address string, last int) (*exec.Cmd, io.Reader) {
	t.Helper()
	node := exec.CommandContext(t.Context(), "node", "client.js", address, "ns=2;s=F1", NodeID("F1", "count"), strconv.Itoa(last), t.TempDir())
	node.Dir, node.Stderr = peerDir, os.Stderr
	out, err := node.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := node.Start(); err != nil {
		t.Fatal(err)
	}
	return node, out
}

// A client that shares nothing with the server finds its way by browsing, reads
// every type, and gets every change of a counter exactly once although its
// connection is cut five times.
func TestForeignClientMissesNothing(t *testing.T) {
	requirePeer(t)
	const last, cuts = 400, 5
	s := newServer(t, Options{})
	address := serve(t, s)
	set(t, s, "F1", "count", int64(0), morning)
	node, out := startPeer(t, address, last)
	lines := bufio.NewScanner(out)
	var found map[string]struct{ Type, Value, At string }
	var counted []int
	for lines.Scan() {
		if n, err := strconv.Atoi(lines.Text()); err == nil {
			if counted = append(counted, n); len(counted) == 1 {
				go count(t, s, last, cuts)
			}
			continue
		}
		if found == nil && json.Unmarshal(lines.Bytes(), &found) != nil {
			t.Logf("%s", lines.Text())
		}
	}
	if err := node.Wait(); err != nil {
		t.Fatalf("node client.js: %v", err)
	}
	at := "2026-11-25T06:00:00.123Z"
	want := map[string]struct{ Type, Value, At string }{
		"running": {"Boolean", "true", at}, "count": {"Int64", "0", at}, "temperature": {"Double", "68.5", at},
	}
	if diff := cmp.Diff(want, found); diff != "" {
		t.Errorf("found by browsing (-want +got):\n%s", diff)
	}
	for i, n := range counted {
		if n != i {
			t.Fatalf("value %d is %d: lost or twice in %v", i, n, counted)
		}
	}
	if len(counted) != last+1 {
		t.Errorf("%d values, want %d", len(counted), last+1)
	}
	t.Logf("%d values over %d cuts; %+v", len(counted), cuts, s.Stats())
}

// count counts up to last, and cuts the connection now and then.
func count(t *testing.T, s *Server, last, cuts int) {
	for i := 1; i <= last; i++ {
		set(t, s, "F1", "count", int64(i), morning.Add(time.Duration(i)*time.Second))
		time.Sleep(20 * time.Millisecond)
		if i%(last/(cuts+1)) == 0 && i < last {
			s.Cut()
		}
	}
}
