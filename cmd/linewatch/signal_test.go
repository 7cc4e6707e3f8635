package main

import (
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"testing"
	"time"
)

// withoutTerminal is a command as a service manager starts it.
func withoutTerminal(args ...string) *exec.Cmd {
	cmd := exec.Command(program, args...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	return cmd
}

// A service that is asked for a reload goes on and says that there is none; it
// stops when it is asked to.
func TestReloadIsDeclined(t *testing.T) {
	t.Parallel()
	if signal.Ignored(syscall.SIGHUP) {
		t.Skip("SIGHUP is ignored here, as under nohup, and stays so")
	}
	run := startCommand(t, withoutTerminal("run", "--data", t.TempDir(), "--http", "127.0.0.1:0"))
	run.line("Stop with Ctrl-C.", 30*time.Second)
	for n := 1; n <= 2; n++ {
		if err := run.cmd.Process.Signal(syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
		eventually(t, 10*time.Second, "an answer", func() bool {
			return strings.Count(run.errs.String(), "SIGHUP changes nothing: the configuration is read at the start") == n
		})
	}
	if code := run.end(syscall.SIGTERM, 20*time.Second); code != exitOK || !strings.Contains(run.errs.String(), "stopping") {
		t.Errorf("exit code %d after SIGTERM", code)
	}
}
