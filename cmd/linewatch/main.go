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
	// The first signal asks for an orderly stop, a second one ends at once:
	// whatever was acknowledged is on disk.
	ctx, cancel := context.WithCancel(context.Background())
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		<-signals
		fmt.Fprintln(os.Stderr, "linewatch: stopping; once more to stop at once")
		cancel()
		<-signals
		os.Exit(exitFailed)
	}()
	os.Exit(execute(ctx, os.Args[1:], os.Stdout, os.Stderr))
}
