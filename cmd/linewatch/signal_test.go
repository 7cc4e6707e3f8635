package main

import (
	"bufio"
	"os"
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

// What runs on goes on when the reader of its output is gone, and stops in
// order when it is asked to. A command that only tells something ends then.
func TestReaderGone(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{
		{"run", "--data", t.TempDir(), "--http", "127.0.0.1:0"},
		{"simulate", "--listen", "127.0.0.1:0"},
	} {
		reader, writer, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		cmd := withoutTerminal(args...)
		cmd.Stdout, cmd.Stderr = writer, writer
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		killed := time.AfterFunc(time.Minute, func() { cmd.Process.Kill() })
		writer.Close()
		lines := bufio.NewScanner(reader)
		for lines.Scan() && !strings.Contains(lines.Text(), "Stop with Ctrl-C.") {
		}
		reader.Close()
		if err := cmd.Process.Signal(syscall.SIGTERM); err != nil { // which is answered with a line
			t.Error(err)
		}
		if err := cmd.Wait(); err != nil {
			t.Errorf("%s without a reader: %v, want an orderly stop", args[0], err)
		}
		killed.Stop()
	}
}

func TestReaderOfHelpGone(t *testing.T) {
	t.Parallel()
	reader, writer, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	reader.Close()
	defer writer.Close()
	cmd := withoutTerminal("help")
	cmd.Stdout = writer
	cmd.Run()
	status, _ := cmd.ProcessState.Sys().(syscall.WaitStatus)
	if status.Signal() != syscall.SIGPIPE {
		t.Errorf("ended with %v, want the signal of a broken pipe", cmd.ProcessState)
	}
}
