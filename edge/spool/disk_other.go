//go:build !linux

package spool

import "os"

// flushData makes a file durable.
func flushData(file *os.File) error { return file.Sync() }
