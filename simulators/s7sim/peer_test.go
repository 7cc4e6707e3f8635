package s7sim

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"linewatch/simulators/plant"
)

const peerDir = "testdata/peer"

// requirePeer makes sure that node and nodes7 are there. Without them the test
// is skipped, or fails when LINEWATCH_REQUIRE_PEERS=1; then nodes7 is
// installed if need be.
func requirePeer(t *testing.T) {
	t.Helper()
	required := os.Getenv("LINEWATCH_REQUIRE_PEERS") == "1"
	missing := t.Skipf
	if required {
		missing = t.Fatalf
	}
	if _, err := exec.LookPath("node"); err != nil {
		missing("SKIPPED, NOT PROVEN: %v; install Node.js to read from the simulated PLC with a foreign client", err)
	}
	if _, err := os.Stat(filepath.Join(peerDir, "node_modules/@st-one-io/nodes7")); err == nil {
		return
	}
	if !required {
		t.Skipf("SKIPPED, NOT PROVEN: nodes7 is not installed; run npm ci in simulators/s7sim/%s", peerDir)
	}
	install := exec.CommandContext(t.Context(), "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund")
	install.Dir = peerDir
	if out, err := install.CombinedOutput(); err != nil {
		t.Fatalf("npm ci in %s: %v\n%s", peerDir, err, out)
	}
}

// peerAddress writes an address as nodes7 wants it. It has no 8-byte types:
// those are read as bytes.
func peerAddress(a Address) string {
	prefix := fmt.Sprintf("DB%d,", a.DB)
	if a.Area != DataBlock {
		prefix = a.Area.String()
	}
	switch a.Type {
	case TypeBool:
		if a.Area != DataBlock {
			return fmt.Sprintf("%s%d.%d", prefix, a.Start, a.Bit)
		}
		return fmt.Sprintf("%sX%d.%d", prefix, a.Start, a.Bit)
	case TypeString:
		return fmt.Sprintf("%sS%d.%d", prefix, a.Start, a.Chars)
	case TypeULInt, TypeLInt, TypeLReal:
		return fmt.Sprintf("%sBYTE%d.8", prefix, a.Start)
	}
	names := map[Type]string{
		TypeByte: "BYTE", TypeUSInt: "BYTE", TypeWord: "WORD", TypeUInt: "WORD", TypeInt: "INT",
		TypeDWord: "DWORD", TypeUDInt: "DWORD", TypeDInt: "DINT", TypeTime: "DINT", TypeReal: "REAL",
	}
	if a.Area != DataBlock && a.Type == TypeInt {
		return fmt.Sprintf("%sI%d", prefix, a.Start) // outside data blocks it has short names
	}
	return fmt.Sprintf("%s%s%d", prefix, names[a.Type], a.Start)
}

// number brings a value into the form that encoding/json gives it.
func number(v any) any {
	if i, ok := v.(int64); ok {
		return float64(i)
	}
	return v
}

func TestForeignClientReadsEveryPLC(t *testing.T) {
	requirePeer(t)
	p := plant.New(plant.Options{Seed: 1, Start: morning})
	line := plant.NewLine(p, func() time.Time { return morning.Add(30 * time.Second) })
	for _, w := range wirings() {
		s := New(Options{})
		if err := s.Attach(line, w); err != nil {
			t.Fatal(err)
		}
		line.Step()
		t.Run(w.Machine, func(t *testing.T) { foreignRead(t, s, p.Machine(w.Machine), w.Addresses) })
	}
}

// foreignRead asks a foreign client for every address and compares.
func foreignRead(t *testing.T, s *Server, m *plant.Machine, addresses []Address) {
	_, port, err := net.SplitHostPort(serve(t, s))
	if err != nil {
		t.Fatal(err)
	}
	args := []string{"read.js", port}
	want := map[string]any{}
	for _, a := range addresses {
		args = append(args, peerAddress(a))
		v, _ := m.Read(a.Tag)
		want[peerAddress(a)] = number(v)
	}
	cmd := exec.CommandContext(t.Context(), "node", args...)
	cmd.Dir = peerDir
	out, err := cmd.Output()
	if err != nil {
		exit := new(exec.ExitError)
		errors.As(err, &exit)
		t.Fatalf("node read.js: %v\n%s", err, exit.Stderr)
	}
	var got struct {
		PDU    int
		Values map[string]any
	}
	if err := json.Unmarshal(out, &got); err != nil {
		t.Fatalf("%v in %s", err, out)
	}
	for _, a := range addresses {
		key := peerAddress(a)
		if list, ok := got.Values[key].([]any); ok {
			b := make([]byte, len(list))
			for i, v := range list {
				b[i] = byte(v.(float64))
			}
			got.Values[key] = number(decode(b, a))
		}
	}
	if diff := cmp.Diff(want, got.Values); diff != "" {
		t.Errorf("values (-want +got):\n%s", diff)
	}
	st := s.Stats()
	t.Logf("%d values in %d reads of %d items at PDU %d", len(got.Values), st.Reads, st.Items, got.PDU)
	for function := range st.Functions {
		if function != FunctionRead && function != FunctionSetup {
			t.Errorf("function %02x was used", function)
		}
	}
}
