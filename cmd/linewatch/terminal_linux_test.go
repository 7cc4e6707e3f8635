package main

import (
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// Closing the terminal stops the program in good order, like Ctrl-C.
func TestClosedTerminal(t *testing.T) {
	t.Parallel()
	if signal.Ignored(syscall.SIGHUP) {
		t.Skip("SIGHUP is ignored here, as under nohup, and stays so")
	}
	window, terminal := openTerminal(t)
	cmd := exec.Command(program, "run", "--data", t.TempDir(), "--http", "127.0.0.1:0")
	cmd.ExtraFiles = []*os.File{terminal}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true, Ctty: 3}
	run := startCommand(t, cmd)
	terminal.Close()
	run.line("Stop with Ctrl-C.", 30*time.Second)
	window.Close()
	select {
	case <-run.ended:
	case <-time.After(20 * time.Second):
		t.Fatal("it still runs")
	}
	if code := cmd.ProcessState.ExitCode(); code != exitOK {
		t.Errorf("exit code %d after its terminal was closed", code)
	}
}

// openTerminal makes a terminal: what its window has, and what a program has.
func openTerminal(t *testing.T) (window, terminal *os.File) {
	t.Helper()
	window, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Skip("SKIPPED: no terminals here: ", err)
	}
	t.Cleanup(func() { window.Close() })
	if err := unix.IoctlSetPointerInt(int(window.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	number, err := unix.IoctlGetInt(int(window.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	terminal, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Skip("SKIPPED: no terminals here: ", err)
	}
	t.Cleanup(func() { terminal.Close() })
	return window, terminal
}
