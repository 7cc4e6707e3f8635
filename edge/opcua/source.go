package opcua

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/gopcua/opcua/ua"

	"linewatch"
	"linewatch/edge"
)

var _ edge.Source = (*Source)(nil)

// The pauses between attempts to reach a server, before jitter. They stay short
// until the connection counts as lost, for values wait there.
const (
	firstPause   = 200 * time.Millisecond
	mostPause    = 15 * time.Second
	waitingPause = time.Second
)

// stable is how long a connection has to last before the pauses become short
// again, so that a server that refuses us after each connect has its peace.
const stable = 10 * time.Second

// times are how long is waited for a server that says nothing.
type times struct {
	// alive is how often it shall at least say that it lives, and thereby how
	// far everything has been given: a quiet server must not hold the line.
	alive time.Duration
	// deaf is the silence after which the connection is given up; more if the
	// server promises to speak less often than it was asked to.
	deaf time.Duration
	// lost is how long an interruption may last before tags turn Bad.
	lost time.Duration
	// retry is after what time a tag is asked for again that it did not know.
	retry time.Duration
}

func usualTimes() times {
	return times{alive: time.Second, deaf: 5 * time.Second, lost: 12500 * time.Millisecond, retry: time.Minute}
}

// patience is how many times as long as the server promised nothing may be
// heard.
const patience = 2.5

// Options are what a source works with beside its configuration.
type Options struct {
	// IdentityDir is where our own certificate is kept, and made if there is
	// none. Empty: it is not made, which is enough to check a configuration.
	IdentityDir string
	Log         *slog.Logger // default: none
}

// Source reads the tags of one server. Its methods must be called from one
// goroutine at a time.
type Source struct {
	config   edge.SourceConfig
	endpoint endpoint
	nodes    []node
	types    []Type
	policy   string
	mode     ua.MessageSecurityMode
	trust    trust
	identity *identity // nil without security
	password string
	log      *slog.Logger
	pause    backoff.ExponentialBackOff
	emit     func(edge.Scan) error
	times    times         // usualTimes, shorter in tests
	lifetime time.Duration // of keys; 0: channelLifetime
	// perPublish is how many values a notification may hold.
	perPublish uint32

	session *session      // nil while the server has none of ours
	sub     *subscription // nil while session has none
	heard   time.Time     // when the subscription delivered last, if only that it lives
	noted   bool          // that the connection is interrupted
	told    bool          // that it is lost
	began   bool          // some subscription has delivered
	scan    edge.Scan     // what the next one says beside readings
	// replaced is when a subscription was removed last, because it was of no use.
	replaced time.Time
}

// New returns a source for the server that c describes, with the defaults in
// place. It does not connect. The error names each field that is wrong, and the
// remedy.
func New(c edge.SourceConfig, o Options) (*Source, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	s := &Source{
		config: c, log: o.Log, times: usualTimes(), perPublish: mostPerPublish,
		nodes: make([]node, len(c.Tags)), types: make([]Type, len(c.Tags)),
		pause: backoff.ExponentialBackOff{
			InitialInterval: firstPause, RandomizationFactor: 0.5, Multiplier: 2, MaxInterval: mostPause,
		},
	}
	var errs []error
	fail := func(path string, err error) {
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", path, err))
		}
	}
	var err error
	s.endpoint, err = parseEndpoint(c.Address)
	fail(edge.SourcePath(c.ID)+".address", err)
	for i, tag := range c.Tags {
		s.nodes[i], err = parseNode(tag.Address)
		fail(edge.TagPath(c.ID, tag.Name)+".address", err)
		s.types[i], err = ParseType(tag.Type)
		fail(edge.TagPath(c.ID, tag.Name)+".type", err)
	}
	for _, err := range s.prepareSecurity(o) {
		errs = append(errs, fmt.Errorf("%s.opcua.%w", edge.SourcePath(c.ID), err))
	}
	return s, errors.Join(errs...)
}

// prepareSecurity reads the files that the configuration names. Each error
// begins with the field's name.
func (s *Source) prepareSecurity(o Options) (errs []error) {
	c := &s.config.OPCUA
	s.policy = ua.FormatSecurityPolicyURI(c.Policy)
	s.mode = ua.MessageSecurityModeFromString(c.Mode)
	var err error
	s.trust, errs = newTrust(*c)
	if c.PasswordFile != "" {
		b, err := readSmall(c.PasswordFile)
		if err != nil {
			errs = append(errs, fmt.Errorf("passwordFile: %w", err))
		}
		s.password, _, _ = strings.Cut(strings.TrimSuffix(string(b), "\n"), "\n")
		s.password = strings.TrimSuffix(s.password, "\r")
	}
	switch {
	case s.policy == ua.SecurityPolicyURINone:
	case c.CertificateFile != "":
		if s.identity, err = loadIdentity(c.CertificateFile, c.KeyFile); err != nil {
			errs = append(errs, fmt.Errorf("certificateFile: %w", err))
		}
	case o.IdentityDir != "":
		if s.identity, err = ensureIdentity(o.IdentityDir, time.Now()); err != nil {
			errs = append(errs, fmt.Errorf("certificateFile: missing, and %w", err))
		}
	}
	return errs
}

func (s *Source) applicationURI() string {
	if s.identity == nil {
		return productURI
	}
	return s.identity.uri
}

// emitError is what emit failed with, which ends Run.
type emitError struct{ error }

func (e emitError) Unwrap() error { return e.error }

// Run implements edge.Source. While the server cannot be reached, attempts
// follow one another at growing intervals with jitter, up to about 15 s. When
// ctx ends, the session is closed, which is bounded by the timeout.
func (s *Source) Run(ctx context.Context, emit func(edge.Scan) error) error {
	s.emit = emit
	s.pause.Reset()
	for ctx.Err() == nil {
		begun := time.Now()
		err := s.connected(ctx)
		if time.Since(begun) >= stable {
			s.pause.Reset()
		}
		var ended emitError
		if errors.As(err, &ended) {
			return fmt.Errorf("source %s: %w", s.config.ID, ended.error)
		}
		if ctx.Err() != nil {
			break
		}
		s.forget(err)
		if err := s.tellLost(err); err != nil {
			return fmt.Errorf("source %s: %w", s.config.ID, err)
		}
		pause := s.pause.NextBackOff()
		if s.waiting() {
			pause = min(pause, waitingPause/2+pause%waitingPause) // still with jitter
		}
		sleep(ctx, pause)
	}
	return nil
}

func sleep(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}

// forget lets go of what the server says it has let go of.
func (s *Source) forget(err error) {
	switch {
	case isStatus(err, ua.StatusBadSessionIDInvalid, ua.StatusBadSessionClosed, ua.StatusBadSessionNotActivated):
		s.session, s.sub = nil, nil
	case isStatus(err, ua.StatusBadSubscriptionIDInvalid, ua.StatusBadNoSubscription), errors.Is(err, errEnded):
		s.sub = nil
	}
}

// silence is how long nothing may be heard.
func (s *Source) silence() time.Duration {
	if s.sub == nil {
		return s.times.deaf
	}
	return max(s.times.deaf, time.Duration(float64(s.sub.keepAlive)*patience))
}

// waiting reports whether it is too early to call the connection lost.
func (s *Source) waiting() bool {
	return s.began && !s.told && time.Since(s.heard) < max(s.times.lost, s.silence())
}

// tellLost tells the agent that the server cannot be read, unless that may still
// pass as a short interruption.
func (s *Source) tellLost(err error) error {
	if s.waiting() {
		if !s.noted {
			s.log.Info("opcua connection interrupted", "source", s.config.ID, "error", err)
		}
		s.noted = true
		return s.emit(edge.Scan{Waiting: fmt.Errorf("read from %s: %w", s.endpoint.url, err), Through: linewatch.NoTime})
	}
	s.told = true
	err = fmt.Errorf("read from %s: %w", s.endpoint.url, err)
	return s.emit(edge.Scan{Err: err, Through: linewatch.NoTime})
}

// connected makes one connection and reads over it until it fails or ctx ends.
func (s *Source) connected(ctx context.Context) error {
	c, err := s.connect(ctx)
	if err != nil {
		return err
	}
	defer s.leave(ctx, c)
	if err := s.resume(ctx, c); err != nil {
		return err
	}
	return s.publish(ctx, c)
}

// leave closes the session if the stop was asked for, and the connection. A
// session on a connection that failed stays, to be taken up again.
func (s *Source) leave(ctx context.Context, c *channel) {
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Duration(s.config.Timeout))
	defer cancel()
	if ctx.Err() == nil {
		c.wire.conn.Close()
		return
	}
	if c.auth != nil {
		closeSession(stop, c)
	}
	c.close(stop)
}

// within returns a context for one exchange.
func (s *Source) within(ctx context.Context) (context.Context, context.CancelFunc) {
	return s.steps(ctx, 1)
}

// steps returns a context for n exchanges, with small controllers in mind that
// take a second for a signature.
func (s *Source) steps(ctx context.Context, n int) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, time.Duration(n)*time.Duration(s.config.Timeout))
}

// connect opens a secure channel to the server, whose certificate it checks
// each time.
func (s *Source) connect(ctx context.Context) (*channel, error) {
	protected := security{policy: s.policy, mode: s.mode, identity: s.identity, lifetime: s.lifetime}
	if !protected.none() {
		if s.identity == nil {
			return nil, errors.New("no certificate of our own")
		}
		within, cancel := s.steps(ctx, 3) // greeting, keys, endpoints
		defer cancel()
		var err error
		if protected.server, err = s.discover(within); err != nil {
			return nil, err
		}
	}
	within, cancel := s.steps(ctx, 2) // greeting, keys
	defer cancel()
	return openChannel(within, s.endpoint.address, s.endpoint.url, protected)
}
