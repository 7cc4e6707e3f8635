package boltfile

import (
	"fmt"
	"runtime/debug"
)

// Guard calls fn and turns a fault of the memory map, or one of bbolt's own
// panics about pages that make no sense, into an error with ErrCorrupt and
// the path. Every access to a store that may be damaged goes through it.
// What fn reads from the store must be copied before it returns.
func Guard(path string, fn func() error) (err error) {
	// Without this a page that cannot be read ends the process beyond recover.
	before := debug.SetPanicOnFault(true)
	defer debug.SetPanicOnFault(before)
	defer func() {
		if r := recover(); r != nil {
			err = Damaged(path, ErrCorrupt, fmt.Errorf("%v", r))
		}
	}()
	return fn()
}
