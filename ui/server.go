// Package ui is the HTTP API, the stream of server-sent events and the status
// page of one Linewatch process.
//
// It shows what its providers tell it and hands changes of rules, assets and
// tables on to them; it keeps nothing itself. It listens on loopback only, has
// no users yet, and asks for the token in the data directory before anything
// is changed.
package ui

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"syscall"
	"time"

	"linewatch"
)

// ErrAddressInUse says that another process listens on the address already.
var ErrAddressInUse = errors.New("address in use")

// History is where state changes are kept.
type History interface {
	// Newest returns up to n changes, the newest first.
	Newest(ctx context.Context, n int) ([]linewatch.StateChange, error)
	// Change returns the change with an id, and whether it is kept.
	Change(ctx context.Context, id string) (linewatch.StateChange, bool, error)
}

// Rules publishes and deletes rules. An error that is the sender's own
// mistake is a Refused one.
type Rules interface {
	// ApplyRule publishes the next version of the rule in body, which came from
	// the named file, and returns once it is durable; see ErrConflict.
	ApplyRule(ctx context.Context, file string, body []byte, how Publication) (Published, error)
	// DeleteRule deletes a rule, or says ErrUnknownRule or ErrConflict. Of one
	// that is deleted it tells as it did the first time.
	DeleteRule(ctx context.Context, id linewatch.RuleID, how Publication) (Published, error)
}

// Registry replaces the asset registry and reference tables. Errors are as
// those of Rules.
type Registry interface {
	ApplyAssets(ctx context.Context, file string, body []byte) (PublishedAssets, error)
	ApplyTable(ctx context.Context, file string, body []byte) (PublishedTable, error)
}

// PublishedAssets tells what another registry changes: what was registered and
// is not any more, and which rules in force that leaves without something.
type PublishedAssets struct {
	Unregistered Unregistered `json:"unregistered"`
	Notes        []string     `json:"notes,omitempty"`
}

// PublishedTable tells of a table, and which rules in force do not find in it
// what they look for.
type PublishedTable struct {
	ID    string   `json:"id"`
	Notes []string `json:"notes,omitempty"`
}

// Unregistered is what a registry has left out of the one before.
type Unregistered struct {
	Machines []string `json:"machines,omitempty"` // aliases, or ids of those without
	Senders  []string `json:"senders,omitempty"`  // gateway/source
}

// ErrUnknownRule says that there never was a rule of that name.
var ErrUnknownRule = errors.New("no such rule")

// Refused wraps an error that is the sender's own mistake, such as a rule file
// that does not parse. Its text is shown to the sender; that of any other
// error is only logged.
type Refused struct{ Err error }

// Error returns the text of the mistake.
func (r Refused) Error() string { return r.Err.Error() }

// Unwrap returns the mistake.
func (r Refused) Unwrap() error { return r.Err }

// Declined wraps an error that says why something cannot be done as things
// stand, though nothing that was sent is at fault. Its text is shown, too.
type Declined struct{ Err error }

// Error returns the reason.
func (d Declined) Error() string { return d.Err.Error() }

// Unwrap returns the reason.
func (d Declined) Unwrap() error { return d.Err }

// Options is what a Server is made of. All fields are needed.
type Options struct {
	Config   Config
	Status   func() Status // called twice a second at most by the stream; must not block for long
	History  History
	Shadows  History // changes of versions that are only tried
	Rules    Rules
	Lives    RuleLives
	Contents RuleContent
	// Explainer must not block for long.
	Explainer Explainer
	Registry  Registry
	Log       *slog.Logger
}

// Limits of one server.
const (
	maxConnections = 512
	maxStreams     = 256
	maxBody        = 1 << 20 // of a rule, asset or table file
	maxChanges     = 1000    // in one answer
	shutdownTime   = 5 * time.Second
)

// Server serves the API and the page.
type Server struct {
	opts    Options
	handler http.Handler
	hub     *hub
}

// New returns a server that serves nothing yet.
func New(o Options) (*Server, error) {
	if err := o.Config.Validate(); err != nil {
		return nil, err
	}
	s := &Server{opts: o}
	s.hub = newHub(s.snapshot, o.Log)
	mux := http.NewServeMux()
	s.routes(mux)
	s.handler = guard(mux)
	return s, nil
}

// Listen opens a loopback address such as 127.0.0.1:8080; port 0 takes a free
// one. The error of a busy one is ErrAddressInUse and says what to do.
func Listen(addr string) (net.Listener, error) {
	if err := checkAddr(addr); err != nil {
		return nil, err
	}
	l, err := net.Listen("tcp", addr)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, fmt.Errorf("listen on %s: %w; stop the program that uses it or choose another with --http 127.0.0.1:PORT", addr, ErrAddressInUse)
	}
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", addr, err)
	}
	return l, nil
}

// Run listens on the configured address and serves until ctx ends.
func (s *Server) Run(ctx context.Context) error {
	l, err := Listen(s.opts.Config.Addr)
	if err != nil {
		return err
	}
	return s.Serve(ctx, l)
}

// Serve serves on l until ctx ends, then closes l, ends the streams and waits
// a bounded time for answers under way.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	server := &http.Server{
		Handler:           s.handler,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       30 * time.Second,
		WriteTimeout:      30 * time.Second,
		IdleTimeout:       60 * time.Second,
		MaxHeaderBytes:    16 << 10,
		BaseContext:       func(net.Listener) context.Context { return ctx },
		ErrorLog:          slog.NewLogLogger(s.opts.Log.Handler(), slog.LevelDebug),
	}
	var wg sync.WaitGroup
	wg.Go(func() { s.hub.run(ctx) })
	wg.Go(func() {
		<-ctx.Done()
		stop, done := context.WithTimeout(context.WithoutCancel(ctx), shutdownTime)
		defer done()
		if server.Shutdown(stop) != nil {
			server.Close()
		}
	})
	err := server.Serve(limitConnections(l, maxConnections))
	cancel()
	wg.Wait()
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return fmt.Errorf("serve: %w", err)
}
