package opcua

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"linewatch"
	"linewatch/edge"
)

// foreignServer is node-opcua's server in a process of its own.
type foreignServer struct {
	t           *testing.T
	address     string
	certificate string // its file
	stdin       io.WriteCloser
	stdout      *bufio.Reader
}

// tally is what the server says about itself.
type tally struct {
	Written  [][]int64
	Requests map[string]int
}

// startForeign starts the server. Without Node or the module the test is
// skipped, or fails if LINEWATCH_REQUIRE_PEERS is 1.
func startForeign(t *testing.T, counters int) *foreignServer {
	t.Helper()
	missing := func(why string) {
		const remedy = "run edge/opcua/testdata/peer/install.sh"
		if os.Getenv("LINEWATCH_REQUIRE_PEERS") == "1" {
			t.Fatalf("%s; %s", why, remedy)
		}
		t.Skipf("NOT PROVEN against a foreign server: %s; %s", why, remedy)
	}
	if testing.Short() {
		t.Skip("starts another program")
	}
	if _, err := exec.LookPath("node"); err != nil {
		missing("node is not installed")
	}
	if _, err := os.Stat("testdata/peer/node_modules/node-opcua/package.json"); err != nil {
		missing("node-opcua is not installed")
	}
	node := exec.Command("node", "server.js", t.TempDir(), strconv.Itoa(counters))
	node.Dir, node.Stderr = "testdata/peer", t.Output()
	f := &foreignServer{t: t}
	var err error
	if f.stdin, err = node.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	stdout, err := node.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	f.stdout = bufio.NewReader(stdout)
	if err := node.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { endNode(t, node, f.stdin) })
	port := f.answer("ready ")
	port, f.certificate, _ = strings.Cut(strings.TrimSpace(port), " ")
	f.address = "opc.tcp://127.0.0.1:" + port + "/UA/Line"
	return f
}

// answer returns the rest of the next line that begins with prefix. The
// server's library writes lines of its own in between.
func (f *foreignServer) answer(prefix string) string {
	f.t.Helper()
	for {
		line, err := f.stdout.ReadString('\n')
		if err != nil {
			f.t.Fatalf("the foreign server: %v", err)
		}
		if rest, ok := strings.CutPrefix(line, prefix); ok {
			return rest
		}
	}
}

func (f *foreignServer) say(command string) {
	f.t.Helper()
	if _, err := io.WriteString(f.stdin, command+"\n"); err != nil {
		f.t.Fatal(err)
	}
}

// stopCounting returns what the server wrote.
func (f *foreignServer) stopCounting() (got tally) {
	f.t.Helper()
	f.say("stop")
	if err := json.Unmarshal([]byte(`{"written"`+f.answer(`{"written"`)), &got); err != nil {
		f.t.Fatal(err)
	}
	return got
}

func endNode(t *testing.T, node *exec.Cmd, stdin io.Closer) {
	stdin.Close()
	timer := time.AfterFunc(5*time.Second, func() { node.Process.Kill() })
	defer timer.Stop()
	if err := node.Wait(); err != nil {
		t.Logf("the foreign server ended with %v", err)
	}
}

// secured describes the foreign server with everything on, through address.
func (f *foreignServer) secured(address string, nodes ...string) edge.SourceConfig {
	c := sourceConfig(address, nodes...)
	c.OPCUA = edge.OPCUAConfig{Trust: []string{f.certificate}}
	return c
}

func (f *foreignServer) counters(n int) (nodes []string) {
	for i := range n {
		nodes = append(nodes, fmt.Sprintf("nsu=urn:line;s=C%d", i))
	}
	return nodes
}

// through returns the address with another host and port.
func (f *foreignServer) through(p *proxy) string { return "opc.tcp://" + p.address() + "/UA/Line" }

func (f *foreignServer) hostPort() string {
	address := strings.TrimPrefix(f.address, "opc.tcp://")
	return address[:strings.Index(address, "/")]
}

func TestForeignServerGivesEveryType(t *testing.T) {
	t.Parallel()
	f := startForeign(t, 0)
	rows := []struct{ node, typ, want string }{
		{"Boolean", "", "true"},
		{"SByte", "", "-128"},
		{"Byte", "", "255"},
		{"Int16", "int16", "-32768"},
		{"UInt16", "", "65535"},
		{"Int32", "", "-2147483648"},
		{"UInt32", "", "4294967295"},
		{"Int64", "", "-9223372036854775807"},
		{"UInt64", "uint64", "18446744073709551615"},
		{"Float", "", "13.449999809265137"},
		{"Double", "", "-1.5e+300"},
		{"String", "string", "PET-1L ü"},
		{"DateTime", "", "2026-11-22T16:54:00.123Z"},
		{"Guid", "", "09087e75-8e5e-499b-954f-f2a9603db28a"},
		{"ByteString", "", "0001feff"},
		{"LocalizedText", "", "Füller"},
		{"QualifiedName", "", "Speed"},
		{"NotANumber", "", "Bad not a number"},
		{"Infinite", "", "Bad infinite number"},
		{"Uncertain", "", "Uncertain UncertainLastUsableValue 4.5"},
		{"Bad", "", "Bad BadDeviceFailure"},
		{"Array", "", "Bad OPC UA array of Double; name one of its elements"},
		{"Structure", "", "Bad OPC UA structure; name one of its elements"},
		{"Absent", "", "Bad BadNodeIdUnknown"},
		{"UInt16", "byte", "Bad OPC UA UInt16 does not fit byte"},
		{"Int32", "double", "-2147483648.0"},
		{"Boolean", "string", "true"},
	}
	for _, policy := range []string{"Basic256Sha256", "Aes128_Sha256_RsaOaep", "Aes256_Sha256_RsaPss"} {
		t.Run(policy, func(t *testing.T) {
			t.Parallel()
			c := f.secured(f.address)
			c.OPCUA.Policy = policy
			for i, row := range rows {
				c.Tags = append(c.Tags, edge.TagConfig{Name: fmt.Sprint(row.node, i), Address: "ns=2;s=" + row.node, Type: row.typ})
			}
			source := open(t, c, t.TempDir())
			agent := run(t, source)
			scans := agent.wait("every tag", 20*time.Second, func(scans []edge.Scan) bool { return len(newest(scans)) == len(rows) })
			got := newest(scans)
			for i, row := range rows {
				if got := describe(got[i]); got != row.want {
					t.Errorf("%s as %q = %s, want %s", row.node, row.typ, got, row.want)
				}
			}
			if !scans[0].First || scans[0].Interrupted || scans[0].Err != nil {
				t.Errorf("the first scan is %+v, want First alone", scans[0])
			}
			if err := agent.end(); err != nil {
				t.Error(err)
			}
		})
	}
}

func describe(r edge.Reading) string {
	var parts []string
	if r.Quality != linewatch.Ok {
		parts = append(parts, r.Quality.String(), r.Cause)
	}
	if !r.Value.IsNull() {
		parts = append(parts, r.Value.String())
	}
	return strings.Join(parts, " ")
}

// slow skips what takes long unless it is asked for.
func slow(t *testing.T) {
	t.Helper()
	if os.Getenv("LINEWATCH_REQUIRE_PEERS") != "1" && !long() {
		t.Skip("NOT PROVEN against a foreign server: takes 20 s; set LINEWATCH_REQUIRE_PEERS=1")
	}
}

// long reports whether the long form of a test is asked for.
func long() bool { return os.Getenv("LINEWATCH_SOAK") == "1" }

func TestCutsLoseAndDoubleNothing(t *testing.T) {
	slow(t)
	t.Parallel()
	const tags = 10
	f := startForeign(t, tags)
	p := newProxy(t, f.hostPort())
	c := f.secured(f.through(p), f.counters(tags)...)
	c.OPCUA.Sampling, c.OPCUA.Queue = edge.Span(time.Millisecond), 500
	agent := run(t, open(t, c, t.TempDir()))
	agent.wait("a first value of each", 20*time.Second, func(s []edge.Scan) bool { return len(newest(s)) == tags })
	f.say("start 50")
	cuts := []time.Duration{1000, 1000, 1500, 2000, 3000} // ms
	if long() {
		cuts = []time.Duration{1000, 3000, 5000, 8000, 10_000}
	}
	for _, cut := range cuts {
		p.set(func() { p.cut = true })
		time.Sleep(cut * time.Millisecond)
		before := len(agent.all()) // what came until here came before the cut
		p.set(func() { p.cut = false })
		agent.wait("values after the cut", 20*time.Second, func(s []edge.Scan) bool { return len(newest(s[before:])) == tags })
		time.Sleep(300 * time.Millisecond)
	}
	checkAll(t, agent, f.stopCounting(), tags)
	for _, s := range agent.all() {
		if s.Interrupted || s.Overflows > 0 || s.Err != nil {
			t.Errorf("a scan tells of a loss: %+v", s)
		}
	}
	if got, least := p.connections(), 2*(1+len(cuts)); got < least {
		t.Errorf("%d connections, want at least %d: the cuts did not cut", got, least)
	}
}

// checkAll waits for the last values that the server wrote and compares all.
func checkAll(t *testing.T, agent *collector, wrote tally, tags int) {
	t.Helper()
	scans := agent.wait("the last values", 20*time.Second, func(s []edge.Scan) bool {
		got := newest(s)
		for tag := range tags {
			list := wrote.Written[tag]
			if n, _ := got[tag].Value.Int(); n != list[len(list)-1] {
				return false
			}
		}
		return true
	})
	total, lost, doubled := 0, 0, 0
	for tag := range tags {
		seen := map[int64]int{}
		last := int64(-1)
		for _, v := range values(scans, tag) {
			n, _ := v.Int()
			if seen[n]++; seen[n] > 1 {
				doubled++
			}
			if n < last {
				t.Errorf("tag %d went back from %d to %d", tag, last, n)
			}
			last = n
		}
		for _, n := range wrote.Written[tag] {
			if total++; seen[n] == 0 {
				lost++
			}
		}
	}
	t.Logf("%d values, %d lost, %d doubled", total, lost, doubled)
	if lost > 0 || doubled > 0 {
		t.Errorf("of %d values %d are lost and %d doubled, want 0 and 0", total, lost, doubled)
	}
	for kind, n := range wrote.Requests {
		switch kind {
		case "WriteRequest", "CallRequest", "HistoryUpdateRequest", "AddNodesRequest":
			t.Errorf("%d %ss were sent, want none", n, kind)
		}
	}
	if wrote.Requests["PublishRequest"] == 0 {
		t.Errorf("the server counted no requests: %v", wrote.Requests)
	}
}

func TestEveryChangeOfAHundredItemsArrives(t *testing.T) {
	slow(t)
	t.Parallel()
	everyChange(t, 100, 5*time.Second)
}

// Not parallel, so that the measured times are its own.
func TestEveryChangeOfAThousandItemsArrives(t *testing.T) {
	if !long() {
		t.Skip("takes minutes; set LINEWATCH_SOAK=1")
	}
	everyChange(t, 1000, 30*time.Second)
}

// everyChange lets tags change ten times a second for a while.
func everyChange(t *testing.T, tags int, wait time.Duration) {
	t.Helper()
	f := startForeign(t, tags)
	c := f.secured(f.address, f.counters(tags)...)
	c.Interval = edge.Span(100 * time.Millisecond)
	c.OPCUA.Sampling = edge.Span(time.Millisecond)
	source := open(t, c, t.TempDir())
	source.lifetime = time.Second // new keys several times
	agent := run(t, source)
	agent.wait("a first value of each", 60*time.Second, func(s []edge.Scan) bool { return len(newest(s)) == tags })
	if long() {
		wait *= 2
	}
	before, begun := len(agent.all()), cpuTime()
	f.say("start 100")
	time.Sleep(wait)
	wrote := f.stopCounting()
	spent := cpuTime() - begun
	checkAll(t, agent, wrote, tags)
	p50, p99, n := agent.delays(before)
	t.Logf("%d values, %v after their own time at the median, %v at the 99th percentile, %v of CPU each, this test's own part included",
		n, p50, p99, spent/time.Duration(n))
}

// cpuTime is what this process has used.
func cpuTime() time.Duration {
	var used unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &used); err != nil {
		return 0
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

// delays returns how long after their own time values were emitted, from a scan
// on.
func (c *collector) delays(from int) (p50, p99 time.Duration, n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var all []time.Duration
	for i, s := range c.scans[from:] {
		for _, r := range s.Readings {
			all = append(all, c.at[from+i].Sub(time.UnixMilli(int64(r.At))))
		}
	}
	if len(all) == 0 {
		return 0, 0, 1
	}
	slices.Sort(all)
	return all[len(all)/2], all[len(all)*99/100], len(all)
}
