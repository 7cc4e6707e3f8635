//go:build failpoints

package failpoint

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
)

// armed reads the environment once, so that every failpoint of the process
// counts on the same number.
var armed = sync.OnceValue(func() *point { return parse(os.Getenv(Variable)) })

// point is the failpoint at which this process is to die.
type point struct {
	name string
	left atomic.Int64 // hits until then
}

// parse panics at text that names no failpoint: a test that arms nothing would
// prove nothing.
func parse(text string) *point {
	name, count, counted := strings.Cut(text, ":")
	p := &point{name: name}
	p.left.Store(1)
	if counted {
		n, err := strconv.ParseInt(count, 10, 64)
		if err != nil || n < 1 || name == "" {
			panic(fmt.Sprintf("%s=%s: write name or name:N, N from 1 on", Variable, text))
		}
		p.left.Store(n)
	}
	return p
}

// Hit passes a failpoint; it does not return from the one that is armed.
func Hit(name string) {
	if p := armed(); p.name == name && p.left.Add(-1) == 0 {
		die()
	}
}

// die ends the process without running anything of it, deferred calls and
// buffers included.
func die() {
	self, err := os.FindProcess(os.Getpid())
	if err == nil {
		err = self.Kill()
	}
	if err != nil {
		panic("failpoint: " + err.Error())
	}
	select {} // the signal is on its way
}
