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
	os.Exit(execute(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// stopSignals are the signals that end the process in good order. A terminal
// that is closed is one of them, unless nohup says that it is not.
func stopSignals() []os.Signal {
	list := []os.Signal{os.Interrupt, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) {
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
