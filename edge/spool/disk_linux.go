package spool

import (
	"os"
	"syscall"
)

// flushData makes content and length of a file durable, without its times.
func flushData(file *os.File) error {
	for {
		if err := syscall.Fdatasync(int(file.Fd())); err != syscall.EINTR {
			return err
		}
	}
}
