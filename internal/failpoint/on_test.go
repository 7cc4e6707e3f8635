//go:build failpoints

package failpoint

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

// TestHit lets copies of this test run into a failpoint.
func TestHit(t *testing.T) {
	if os.Getenv(Variable) != "" {
		defer os.Stdout.WriteString("deferred\n")
		for range 3 {
			os.Stdout.WriteString("before\n")
			Hit("other")
			Hit("here")
		}
		return
	}
	for armed, want := range map[string]string{"here": "before\n", "here:3": "before\nbefore\nbefore\n"} {
		cmd := exec.Command(os.Args[0], "-test.run=^TestHit$")
		cmd.Env = append(os.Environ(), Variable+"="+armed)
		out, err := cmd.Output()
		if err == nil || !strings.Contains(err.Error(), "killed") || string(out) != want {
			t.Errorf("%s: %v, printed %q, want a kill after %q", armed, err, out, want)
		}
	}
}
