package main

import (
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"syscall"
	"testing"
	"time"
)

// Everything in one process, with what a small gateway has: 64 MiB, of which
// the files that are mapped are not a part. The line runs fast, so that much
// goes through in a short time.
func TestSmallMemory(t *testing.T) {
	t.Parallel()
	const limit = 64 << 20
	dir := t.TempDir()
	cmd := exec.Command(program, "run", "--data", dir+"/data", "--http", "127.0.0.1:0", "--speed", "20", "--report", dir+"/report.json")
	cmd.Env = append(os.Environ(), fmt.Sprint("GOMEMLIMIT=", limit))
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	run := startCommand(t, cmd)
	address := page(run.line("Linewatch is running. Page: ", 30*time.Second))
	var s struct {
		Engine struct{ Accepted uint64 }
	}
	most := 0
	eventually(t, time.Minute, "5000 points are judged", func() bool {
		most = max(most, anonymous(t, cmd.Process.Pid))
		address.get(t, "/api/v1/status", &s)
		return s.Engine.Accepted > 5000
	})
	if most == 0 || most > limit {
		t.Errorf("it took %d bytes, want at most %d", most, limit)
	}
	if code := run.end(syscall.SIGTERM, 30*time.Second); code != exitOK {
		t.Errorf("exit code %d", code)
	}
}

var anonymousMemory = regexp.MustCompile(`(?m)^RssAnon:\s+(\d+) kB$`)

// anonymous returns how much memory a process has that is no file's.
func anonymous(t *testing.T, pid int) int {
	t.Helper()
	found := anonymousMemory.FindStringSubmatch(read(t, fmt.Sprintf("/proc/%d/status", pid)))
	if found == nil {
		t.Skip("SKIPPED: /proc does not tell here how much memory a process has")
	}
	kilobytes, _ := strconv.Atoi(found[1])
	return kilobytes << 10
}
