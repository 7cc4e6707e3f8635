// Package mqtt publishes state changes to an MQTT 3.1.1 broker, with QoS 1:
//
//	linewatch/v1/{site}/{line}/{machine}/events           every transition
//	linewatch/v1/{site}/{line}/{machine}/state            retained, the newest one
//	linewatch/v1/{site}/{line}/{machine}/alerts/{rule}    retained, empty when back to normal
//	linewatch/v1/{site}/edge/{clientId}/status            retained, with a last will
//
// It owns topics, payloads and the connection. What is published again after a
// failure is the caller's decision (package notify).
package mqtt

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v5"
	paho "github.com/eclipse/paho.mqtt.golang"

	"linewatch"
	"linewatch/notify"
)

// Assets looks an equipment up: the short name used in topics and the line and
// site for a change that names none. Empty results mean unknown.
type Assets func(equipmentID string) (alias, line, site string)

// steady is how long a connection must have lasted for the next one to be tried
// at once: two publishers with one client id throw each other out for ever, and
// must not do so in a tight loop. It is longer than the longest pause, during
// which the other one has the broker for itself and all would look well.
const steady = 20 * time.Second

// Notifier publishes over one connection, which Run keeps up.
type Notifier struct {
	config  Config
	assets  Assets
	log     *slog.Logger
	status  string // topic
	timeout time.Duration
	steady  time.Duration
	short   int  // connections in a row that did not last; used by Run only
	deaf    bool // the broker does not let us listen; used by Run only

	mu      sync.Mutex
	conn    *connection   // nil: none
	changed chan struct{} // closed when conn changes
	stats   Stats
}

var _ notify.Notifier = (*Notifier)(nil)

// Stats are the accounts of the connection since the start.
type Stats struct {
	Connected bool
	Connects  uint64 // connections made; many in a short time mean that something throws us out
	LastError string // why the last attempt or connection ended; empty while connected
	Warning   string // why alerts may not arrive although there is a connection; empty if nothing is known
}

// New returns a notifier for a valid configuration. log may be nil.
func New(config Config, assets Assets, log *slog.Logger) (*Notifier, error) {
	if err := config.Validate(); err != nil {
		return nil, err
	}
	n := &Notifier{
		config: config, assets: assets, log: log, timeout: config.Timeout, steady: steady,
		status: statusTopic(config.Site, config.ClientID), changed: make(chan struct{}),
	}
	if n.timeout <= 0 {
		n.timeout = 5 * time.Second
	}
	if n.log == nil {
		n.log = slog.New(slog.DiscardHandler)
	}
	return n, nil
}

// Stats returns the accounts.
func (n *Notifier) Stats() Stats {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.stats
}

// Run keeps a connection to the broker until ctx ends, which is no error. A
// broker that is not there is tried again and again with growing pauses.
func (n *Notifier) Run(ctx context.Context) error {
	retry := backoff.NewExponentialBackOff()
	retry.InitialInterval, retry.MaxInterval, retry.Multiplier = 100*time.Millisecond, 10*time.Second, 2 // and up to half more by chance
	retry.Reset()
	for ctx.Err() == nil {
		begun := time.Now()
		err := n.connectOnce(ctx)
		if ctx.Err() != nil {
			break
		}
		if time.Since(begun) >= n.steady+n.timeout {
			retry.Reset()
		}
		wait := retry.NextBackOff()
		n.log.Warn("no connection to the mqtt broker", "broker", n.config.Broker, "error", err, "retry_ms", wait.Milliseconds())
		pause(ctx, wait)
	}
	return nil
}

// connectOnce connects and returns when the connection is over, with the
// reason.
func (n *Notifier) connectOnce(ctx context.Context) error {
	conn, err := n.dial(ctx)
	if err != nil {
		n.set(nil, err)
		return err
	}
	n.log.Info("connected to the mqtt broker", "broker", n.config.Broker)
	n.set(conn, nil)
	begun := time.Now()
	n.listen(ctx, conn)
	if ctx.Err() != nil {
		n.set(nil, ctx.Err())
		conn.farewell(n.status)
		return ctx.Err()
	}
	err = n.ended(time.Since(begun), conn.why())
	n.set(nil, err)
	conn.client.Disconnect(0)
	return err
}

// listen returns when the connection is over, or ctx. On the way it notices
// whether what is published comes back, and whether the connection lasts.
func (n *Notifier) listen(ctx context.Context, conn *connection) {
	heard, late, lasts := conn.canary.heard, conn.canary.late(n.timeout), time.NewTimer(n.steady)
	defer lasts.Stop()
	for {
		select {
		case <-conn.lost:
			return
		case <-ctx.Done():
			return
		case <-heard:
			heard, late = nil, nil
			if n.short < shortLived {
				n.warn(nil)
			}
		case <-late:
			late = nil
			n.warn(ErrUnheard)
		case <-lasts.C:
			if n.short >= shortLived {
				n.warn(nil)
			}
			n.short = 0
		}
	}
}

// set makes a connection, or none, known to those who publish.
func (n *Notifier) set(conn *connection, reason error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.conn = conn
	n.stats.Connected, n.stats.LastError = conn != nil, ""
	if conn != nil {
		n.stats.Connects++
	}
	if reason != nil {
		n.stats.LastError = reason.Error()
	}
	close(n.changed)
	n.changed = make(chan struct{})
}

// connection waits for a connection, for as long as the timeout.
func (n *Notifier) connection(ctx context.Context) (*connection, error) {
	deadline := time.NewTimer(n.timeout)
	defer deadline.Stop()
	for {
		n.mu.Lock()
		conn, changed, last := n.conn, n.changed, n.stats.LastError
		n.mu.Unlock()
		if conn != nil {
			return conn, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-deadline.C:
			if last == "" {
				return nil, ErrNotConnected
			}
			return nil, fmt.Errorf("%w: %s", ErrNotConnected, last)
		}
	}
}

// sent is a change on its way: the tokens of its packets.
type sent struct {
	tokens []paho.Token
}

// Notify implements notify.Notifier. All changes are sent one behind the other
// before the first acknowledgement is waited for; after any failure the
// connection is given up, because what it still holds is of unknown fate.
func (n *Notifier) Notify(ctx context.Context, changes []linewatch.StateChange) (int, error) {
	return n.publish(ctx, changes, false)
}

// Restore publishes the retained state and alert of changes again, without
// their events, for a broker that has forgotten what it kept. The newest of a
// topic must come last. What it returns is as of Notify.
func (n *Notifier) Restore(ctx context.Context, changes []linewatch.StateChange) (int, error) {
	return n.publish(ctx, changes, true)
}

// publish publishes changes, or of them only what the broker is to keep.
func (n *Notifier) publish(ctx context.Context, changes []linewatch.StateChange, kept bool) (int, error) {
	conn, err := n.connection(ctx)
	if err != nil {
		return 0, err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, n.timeout, fmt.Errorf("no acknowledgement within %v", n.timeout))
	defer cancel()
	pending := make([]sent, 0, len(changes))
	var stop error // why not all were sent
	for i := range changes {
		list, err := packets(&changes[i], n.assets)
		if err != nil {
			stop = err
			break
		}
		if kept {
			list = slices.DeleteFunc(list, func(p packet) bool { return !p.retained || len(p.payload) == 0 })
		}
		pending = append(pending, conn.send(list))
		if ctx.Err() != nil {
			stop = context.Cause(ctx)
			break
		}
	}
	for i, s := range pending {
		if err := s.wait(ctx, conn); err != nil {
			conn.drop(err)
			return i, fmt.Errorf("publish: %w", err)
		}
	}
	return len(pending), stop
}

func (c *connection) send(list []packet) (s sent) {
	for _, p := range list {
		s.tokens = append(s.tokens, c.client.Publish(p.topic, 1, p.retained, p.payload))
	}
	return s
}

// wait returns when the broker has acknowledged all packets of a change.
func (s sent) wait(ctx context.Context, c *connection) error {
	for _, token := range s.tokens {
		select {
		case <-token.Done():
			if err := token.Error(); err != nil {
				return err
			}
		case <-c.lost:
			return errors.Join(ErrNotConnected, c.why())
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}

func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
