// Command linewatch is the whole product: the gateway's agent, the rule engine
// and the tools around them.
package main

import (
	"context"
	"fmt"
	"io"
	"log"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	// Libraries write here; what matters they also return as errors.
	log.SetOutput(io.Discard)
	ctx, cancel := context.WithCancel(context.Background())
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, stopSignals()...)
	go obey(signals, cancel, os.Stderr, os.Exit)
	if !terminal() && !signal.Ignored(syscall.SIGHUP) {
		reloads := make(chan os.Signal, 1)
		signal.Notify(reloads, syscall.SIGHUP)
		go declineReloads(reloads, os.Stderr)
	}
	os.Exit(execute(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// stopSignals are the signals that end the process in good order. A terminal
// that is closed is one of them, unless nohup says that it is not.
func stopSignals() []os.Signal {
	list := []os.Signal{os.Interrupt, syscall.SIGTERM}
	if terminal() && !signal.Ignored(syscall.SIGHUP) {
		list = append(list, syscall.SIGHUP)
	}
	return list
}

// obey takes the first signal as the wish for an orderly stop; a second one
// ends the process at once: whatever was acknowledged is on disk.
func obey(signals <-chan os.Signal, stop func(), errs io.Writer, exit func(int)) {
	<-signals
	fmt.Fprintln(errs, "linewatch: stopping; once more to stop at once")
	stop()
	<-signals
	exit(exitFailed)
}

// outliveReader has the process go on when whoever reads what it says is gone,
// such as head: a service is not ended by the end of its log. A command that
// only tells something ends, as others do.
func outliveReader() { signal.Ignore(syscall.SIGPIPE) }

// terminal reports whether the process has one. Without, as under a service
// manager, SIGHUP does not say that it was closed but asks for a reload.
func terminal() bool {
	f, err := os.OpenFile("/dev/tty", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		return false
	}
	f.Close()
	return true
}

// declineReloads answers the wish that files be read again: nothing stops, and
// nothing changes behind anybody's back.
func declineReloads(reloads <-chan os.Signal, errs io.Writer) {
	for range reloads {
		fmt.Fprintln(errs, "linewatch: SIGHUP changes nothing: the configuration is read at the start, so restart to apply it; rules, assets and tables are published with rules apply, assets apply and tables apply")
	}
}
