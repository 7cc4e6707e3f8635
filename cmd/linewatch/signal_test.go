package main

import (
	"os/signal"
	"syscall"
	"testing"
	"time"
)

// Closing the terminal stops the program in good order, like Ctrl-C.
func TestClosedTerminal(t *testing.T) {
	t.Parallel()
	if signal.Ignored(syscall.SIGHUP) {
		t.Skip("SIGHUP is ignored here, as under nohup, and stays so")
	}
	run := start(t, program, "run", "--data", t.TempDir(), "--http", "127.0.0.1:0")
	run.line("Stop with Ctrl-C.", 10*time.Second)
	if code := run.end(syscall.SIGHUP, 10*time.Second); code != exitOK {
		t.Errorf("exit code %d after SIGHUP", code)
	}
}
