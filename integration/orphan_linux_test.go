package integration

import (
	"os/exec"
	"syscall"
)

// dieWithTest makes sure that a child does not outlive a test that is itself
// killed, as by the time limit of go test.
func dieWithTest(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }
