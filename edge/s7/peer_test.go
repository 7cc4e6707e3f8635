package s7

import (
	"bufio"
	"io"
	"net"
	"os"
	"os/exec"
	"strconv"
	"testing"
	"time"
)

// foreignPLC starts Snap7's server in Node and returns its address. Without
// Node or the module the test is skipped, or fails if LINEWATCH_REQUIRE_PEERS
// is 1.
func foreignPLC(t *testing.T) string {
	t.Helper()
	missing := func(why string) {
		const remedy = "run edge/s7/testdata/peer/install.sh"
		if os.Getenv("LINEWATCH_REQUIRE_PEERS") == "1" {
			t.Fatalf("%s; %s", why, remedy)
		}
		t.Skipf("NOT PROVEN against a foreign PLC: %s; %s", why, remedy)
	}
	if _, err := exec.LookPath("node"); err != nil {
		missing("node is not installed")
	}
	check := exec.Command("node", "-e", `require("node-snap7")`)
	check.Dir = "testdata/peer"
	if out, err := check.CombinedOutput(); err != nil {
		t.Logf("%s", out)
		missing("node-snap7 cannot be loaded")
	}
	return startNode(t)
}

// startNode runs the server on a port that was free a moment ago, and ends it
// with the test.
func startNode(t *testing.T) string {
	t.Helper()
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := free.Addr().(*net.TCPAddr)
	free.Close()
	node := exec.Command("node", "server.js", strconv.Itoa(address.Port))
	node.Dir, node.Stderr = "testdata/peer", os.Stderr
	stdin, err := node.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := node.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := node.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { endNode(t, node, stdin) })
	if line, err := bufio.NewReader(stdout).ReadString('\n'); err != nil || line != "ready\n" {
		t.Fatalf("the foreign PLC said %q, %v", line, err)
	}
	return address.String()
}

func endNode(t *testing.T, node *exec.Cmd, stdin io.Closer) {
	stdin.Close()
	timer := time.AfterFunc(5*time.Second, func() { node.Process.Kill() })
	defer timer.Stop()
	if err := node.Wait(); err != nil {
		t.Logf("the foreign PLC ended with %v", err)
	}
}

func TestForeignPLC(t *testing.T) {
	address := foreignPLC(t)
	rows := [][3]string{
		{"DB1.DBX0.3", "", "true"},
		{"DB1.DBX0.4", "bool", "false"},
		{"DB1.DBB1", "byte", "200"},
		{"DB1.DBB2", "usint", "201"},
		{"DB1.DBB3", "sint", "-5"},
		{"DB1.DBW4", "word", "65000"},
		{"DB1.DBW6", "uint", "65001"},
		{"DB1.DBW8", "int", "-12345"},
		{"DB1.DBD10", "dword", "4000000000"},
		{"DB1.DBD14", "udint", "4000000001"},
		{"DB1.DBD18", "dint", "-2000000000"},
		{"DB1.DBD22", "real", "13.449999809265137"},
		{"DB1.DBB26", "lreal", "-1.5e+300"},
		{"DB1.DBB34", "lword", "18446744073709551615"},
		{"DB1.DBB42", "ulint", "9007199254740993"},
		{"DB1.DBB50", "lint", "-9007199254740993"},
		{"DB1.DBB58", "char", "Z"},
		{"DB1.DBB60", "string[20]", "PET-1L ü"},
		{"DB1.DBD82", "time", "90061001"},
		{"DB1.DBB86", "date_and_time", "2026-11-22T16:54:00.123"},
		{"M10.7", "", "true"},
		{"MW12", "", "4711"},
		{"DB1.DBD94", "real", "Bad not a number"},
		{"DB1.DBD116", "dword", "0"},
		{"DB1.DBD118", "dword", "Bad S7 address out of range"},
		{"DB1.DBW126", "", "Bad S7 address out of range"},
		{"DB2.DBW0", "", "Bad S7 object does not exist"},
		{"DB2.DBX4.1", "", "Bad S7 object does not exist"},
	}
	var tags [][2]string
	var want []string
	for _, row := range rows {
		tags = append(tags, [2]string{row[0], row[1]})
		want = append(want, row[2])
	}
	s := newSource(t, address, 2*time.Second, tags...)
	expect(t, s, want...)
	expect(t, s, want...)
}
