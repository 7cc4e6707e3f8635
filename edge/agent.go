package edge

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"linewatch"
)

// DefaultStopTimeout bounds what follows an orderly stop: storing the last
// values and draining the spool.
const DefaultStopTimeout = 5 * time.Second

// Options is what an agent works with. Config, Open, Spool, Backlog and
// Uplink are required.
type Options struct {
	Config Config // defaults are put in by New
	// Open returns the source for a PLC without connecting to it. Its error
	// names the fields that are wrong.
	Open    func(SourceConfig) (Source, error)
	Spool   Spool
	Backlog Backlog // usually the Spool
	Uplink  Uplink
	// Now is the clock of timestamps and heartbeats. It should not go back,
	// not even over a restart: what is older than a heartbeat is late.
	// Default: the system's clock.
	Now func() linewatch.Time
	// Unsynced reports whether Now is known to be wrong. The times that points
	// get from it are flagged then. Default: it is right.
	Unsynced func() bool
	// Speed is how fast that clock, and those of the sources, run against the
	// machine's: scans and heartbeats follow them, time-outs and pauses after
	// errors do not. Default 1.
	Speed float64
	Log   *slog.Logger // default: none
	// StopTimeout bounds Run after its context ended, in addition to the
	// longest timeout of a source. Default DefaultStopTimeout.
	StopTimeout time.Duration
}

// Agent reads PLCs and forwards what changed.
type Agent struct {
	gateway string
	senders []*sender
	forward *forwarder
	store   *store
	log     *slog.Logger
	grace   time.Duration // from the stop until everything is cut off
}

// New returns an agent that is not running yet. The error lists every mistake
// in the configuration.
func New(o Options) (*Agent, error) {
	o.Config = o.Config.WithDefaults()
	if o.Now == nil {
		o.Now = func() linewatch.Time { return linewatch.TimeOf(time.Now()) }
	}
	if o.Unsynced == nil {
		o.Unsynced = func() bool { return false }
	}
	if o.Speed == 0 {
		o.Speed = 1
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.StopTimeout == 0 {
		o.StopTimeout = DefaultStopTimeout
	}
	if err := o.Config.Validate(); err != nil {
		return nil, err
	}
	a := &Agent{
		gateway: o.Config.Gateway, log: o.Log, grace: o.StopTimeout,
		store: &store{spool: o.Spool, trouble: &trouble{what: "writing to the spool", log: o.Log}},
	}
	var errs []error
	for _, c := range o.Config.Sources {
		c = c.at(o.Speed)
		source, err := o.Open(c)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		a.senders = append(a.senders, newSender(c, source, a.store, o))
		a.grace = max(a.grace, o.StopTimeout+time.Duration(c.Timeout))
	}
	a.forward = newForwarder(o, a.senders, o.Now)
	return a, errors.Join(errs...)
}

// Run reads and forwards until ctx ends, then says the last value of each tag
// once more, flagged Lst, and drains the spool, which takes no longer than the
// stop timeout. What could not be sent stays in the spool for the next run. It
// also ends when a source cannot go on; the error says so, or that the spool
// did not take what was read last. Run may be called once.
func (a *Agent) Run(ctx context.Context) error {
	reading, stop := context.WithCancel(ctx)
	defer stop()
	work, cut := context.WithCancel(context.WithoutCancel(ctx))
	defer cut()
	ended, end := context.WithCancel(context.WithoutCancel(ctx)) // of the sources
	defer end()
	drained, drain := context.WithCancel(context.WithoutCancel(ctx)) // once the last values are in
	defer drain()

	errs := make([]error, len(a.senders)+1)
	var sources, forwarder, limit sync.WaitGroup
	limit.Go(func() {
		<-reading.Done()
		sleep(work, a.grace)
		cut()
	})
	for i, s := range a.senders {
		sources.Go(func() {
			if errs[i] = s.run(reading, work); errs[i] != nil {
				stop()
			}
		})
	}
	forwarder.Go(func() { a.forward.run(work, ended, drained) })
	sources.Wait()
	stop()
	end()
	errs[len(a.senders)] = a.sayLast(work)
	drain()
	forwarder.Wait()
	cut()
	limit.Wait()
	a.logEnd()
	return errors.Join(errs...)
}

// sayLast stores the last values of all sources.
func (a *Agent) sayLast(ctx context.Context) error {
	var errs []error
	for _, s := range a.senders {
		if err := s.sayLast(ctx); err != nil {
			errs = append(errs, fmt.Errorf("source %s: last values: %w", s.config.ID, err))
		}
	}
	return errors.Join(errs...)
}

func (a *Agent) logEnd() {
	accounts := a.Status().Accounts
	a.log.Info("edge agent stopped", "sampled", accounts.Sampled, "sent", accounts.Sent,
		"spooled", accounts.Spooled, "lost", accounts.Lost, "rejected", accounts.Rejected)
}

// SayAgain has the state of all tags of some sources sent once more in a moment,
// or once they can be read, flagged Syn: for an engine that has just begun to
// listen to them. It may be called at any time.
func (a *Agent) SayAgain(sources ...string) {
	for _, s := range a.senders {
		if slices.Contains(sources, s.config.ID) {
			s.again.Store(true)
		}
	}
}

// Status returns a snapshot for people. It may be called at any time.
func (a *Agent) Status() Status {
	s := Status{
		Gateway:        a.gateway,
		UplinkError:    a.forward.sending.current(),
		SpoolError:     a.store.trouble.current(),
		UplinkFailures: a.forward.sending.failures.Load(),
		SpoolFailures:  a.store.trouble.failures.Load() + a.forward.taking.failures.Load(),
	}
	if s.SpoolError == "" {
		s.SpoolError = a.forward.taking.current()
	}
	for _, sender := range a.senders {
		source := sender.snapshot()
		s.Sources = append(s.Sources, source)
		s.Accounts = s.Accounts.Plus(source.Accounts)
	}
	return s
}
