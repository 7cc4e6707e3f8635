package opcuasim

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"sync"
	"time"
)

// Bounds of what clients may ask for.
const (
	maxSessions      = 32
	maxSubscriptions = 64   // of all sessions
	maxItems         = 4000 // monitored items of all subscriptions
	maxWaiting       = 20   // publish requests of a session
	maxUnsent        = 64   // answers on their way to one client
	maxPerCall       = 100  // nodes or items in a request, as small controllers have it
)

// Options say how the server behaves. The zero value offers Basic256Sha256 with
// SignAndEncrypt to anybody.
type Options struct {
	// Identity is the server's key and certificate. Default: a new one for
	// DefaultApplicationURI.
	Identity *Identity
	// AllowNone offers unsecured sessions too. Without it an unsecured channel
	// serves discovery only.
	AllowNone bool
	// User and Password must be given by clients if User is not empty;
	// otherwise everybody is anonymous.
	User, Password string
	// MaxConnections is how many clients may be connected at once. Further
	// ones are closed at once and counted as refused. Default 16.
	MaxConnections int
	// Timeout bounds the time from accepting to the open channel, and each
	// write. Default 5 s.
	Timeout time.Duration
	// Now gives the server timestamps and the times of publishing. Default
	// time.Now. Publishing intervals and time-outs are in real time whatever it
	// says.
	Now func() time.Time
	// Fastest is the shortest publishing interval. Default 50 ms; whose Now runs
	// faster may want less.
	Fastest time.Duration
	// Log receives connections and what was refused. Default: nothing.
	Log *slog.Logger
}

// Stats counts since the start of the server.
type Stats struct {
	Open          int    // connections now
	Sessions      int    // sessions now, those without a connection included
	Subscriptions int    // subscriptions now
	Items         int    // monitored items now
	Accepted      uint64 // connections ever, without the refused ones
	Refused       uint64 // connections over the limit or by a fault
	Malformed     uint64 // connections closed because of what they sent
	Insecure      uint64 // attempts with a security or user that is not offered
	Renewed       uint64 // channels that got new keys
	Published     uint64 // values in notifications, each counted once
	Republished   uint64 // notification messages asked for again
	Overflowed    uint64 // values lost because a monitored item's queue was full
	Forgotten     uint64 // messages dropped before they were acknowledged
}

// Server is a simulated OPC UA server. Its methods are safe for concurrent use.
type Server struct {
	options Options
	wait    sync.WaitGroup // connections and subscriptions

	mu       sync.Mutex
	space    *space
	stats    Stats
	conns    map[*conn]bool
	sessions map[string]*session
	subs     map[uint32]*subscription
	lastSub  uint32
	lastItem uint32
	items    int
	started  time.Time
	endpoint string // of the listener, until a client names another
	refusing bool
	ctx      context.Context // of Serve; nil before and after
}

// acceptPause is how long nobody is let in after that was not possible.
const acceptPause = 100 * time.Millisecond

// New returns a server without machines. Error: no identity can be made.
func New(o Options) (*Server, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Identity == nil {
		identity, err := NewIdentity(DefaultApplicationURI, time.Now())
		if err != nil {
			return nil, err
		}
		o.Identity = identity
	}
	if o.Fastest == 0 {
		o.Fastest = fastest
	}
	if o.MaxConnections == 0 {
		o.MaxConnections = 16
	}
	if o.Timeout == 0 {
		o.Timeout = 5 * time.Second
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	s := &Server{
		options:  o,
		conns:    map[*conn]bool{},
		sessions: map[string]*session{},
		subs:     map[uint32]*subscription{},
		started:  o.Now(),
	}
	s.space = newSpace(s)
	return s, nil
}

// Identity returns the server's identity.
func (s *Server) Identity() *Identity { return s.options.Identity }

// Stats returns the counters.
func (s *Server) Stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	stats := s.stats
	stats.Open, stats.Sessions, stats.Subscriptions, stats.Items = len(s.conns), len(s.sessions), len(s.subs), s.items
	return stats
}

// Serve answers connections from l until ctx ends, when it closes them and
// returns nil after the last has ended. It closes l, which must be a TCP
// listener. Error: the server is serving already.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	defer l.Close()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if err := s.start(ctx, l); err != nil {
		return err
	}
	defer s.stop()
	defer s.wait.Wait()
	defer cancel()
	s.wait.Go(func() { s.sweep(ctx) })
	stop := context.AfterFunc(ctx, func() { l.Close() })
	defer stop()
	for {
		raw, err := l.Accept()
		if errors.Is(err, net.ErrClosed) {
			return nil
		}
		if err != nil { // too many open files, perhaps, which passes
			time.Sleep(acceptPause)
			continue
		}
		s.accept(ctx, raw)
	}
}

func (s *Server) start(ctx context.Context, l net.Listener) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ctx != nil {
		return errors.New("the server is serving already")
	}
	s.ctx, s.endpoint = ctx, "opc.tcp://"+l.Addr().String()
	return nil
}

// stop forgets what belonged to connections, so that the server can serve
// another listener with its values unchanged.
func (s *Server) stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ctx, s.items = nil, 0
	clear(s.sessions)
	clear(s.subs)
	s.space.unwatch()
}

// accept starts a connection's goroutine, or closes the connection when it is
// not wanted.
func (s *Server) accept(ctx context.Context, raw net.Conn) {
	tcp, ok := raw.(*net.TCPConn)
	s.mu.Lock()
	if !ok || s.refusing || len(s.conns) >= s.options.MaxConnections {
		s.stats.Refused++
		s.mu.Unlock()
		raw.Close()
		return
	}
	s.stats.Accepted++
	c := newConn(s, tcp, s.stats.Accepted)
	s.conns[c] = true
	s.wait.Go(func() { c.run(ctx) })
	s.mu.Unlock()
}

// sweep ends sessions that nobody has used for their time-out.
func (s *Server) sweep(ctx context.Context) {
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-ticker.C:
			s.expire(now)
		}
	}
}

func (s *Server) expire(now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, session := range s.sessions {
		if now.Sub(session.seen) > session.timeout {
			s.endSession(session, true)
		}
	}
}

// count changes the counters.
func (s *Server) count(f func(*Stats)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f(&s.stats)
}
