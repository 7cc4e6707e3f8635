package failpoint

import "testing"

// TestFree asks that a failpoint costs nothing where it does nothing.
func TestFree(t *testing.T) {
	if n := testing.AllocsPerRun(100, func() { Hit("spool-append") }); n != 0 {
		t.Errorf("%v allocations per hit", n)
	}
}
