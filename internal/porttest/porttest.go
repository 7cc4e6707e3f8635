// Package porttest finds ports for programs which tests start and which cannot
// choose their own.
package porttest

import (
	"fmt"
	"math/rand/v2"
	"net"
	"testing"
)

// Ports from which no system takes those of outgoing connections (RFC 6335
// leaves it 49152 and up, Linux takes 32768 and up), so that a test beside this
// one cannot come by them between here and the program's start.
const (
	lowest  = 15_000
	highest = 32_000
)

// Free returns the first of n ports in a row on 127.0.0.1 on which nothing
// listens.
func Free(t testing.TB, n int) int {
	t.Helper()
	var why error
	for range 100 {
		first := lowest + rand.IntN(highest-lowest-n)
		if why = free(first, n); why == nil {
			return first
		}
	}
	t.Fatalf("no %d free ports in a row: %v", n, why)
	return 0
}

func free(first, n int) error {
	for port := first; port < first+n; port++ {
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			return err
		}
		if err := l.Close(); err != nil {
			return err
		}
	}
	return nil
}
