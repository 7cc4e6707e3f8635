package mqttbroker

import (
	"errors"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/mochi-mqtt/server/v2/listeners"
)

// acceptPause is how long nobody is let in after that was not possible.
const acceptPause = 100 * time.Millisecond

// lastWords is how long a client that does not read may hold up the end.
const lastWords = time.Second

// listener accepts clients and knows their connections, so that closing it ends
// every one of them. The library's own listeners leave one waiting for ever
// that has connected and says nothing, and ask for their clients under a lock
// that they take twice, which stands still when a client leaves in between.
type listener struct {
	net.Listener
	disconnect func() // says good-bye to the clients that are logged on

	mu    sync.Mutex
	ended bool
	conns map[net.Conn]bool
}

var _ listeners.Listener = (*listener)(nil)

func newListener(l net.Listener, disconnect func()) *listener {
	return &listener{Listener: l, disconnect: disconnect, conns: map[net.Conn]bool{}}
}

// ID implements listeners.Listener.
func (l *listener) ID() string { return "loopback" }

// Protocol implements listeners.Listener.
func (l *listener) Protocol() string { return "tcp" }

// Address implements listeners.Listener.
func (l *listener) Address() string { return l.Addr().String() }

// Init implements listeners.Listener.
func (l *listener) Init(*slog.Logger) error { return nil }

// Serve implements listeners.Listener. It returns when the listener is closed.
func (l *listener) Serve(establish listeners.EstablishFn) {
	var clients sync.WaitGroup
	defer clients.Wait()
	for {
		conn, err := l.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil { // too many open files, perhaps, which passes
			time.Sleep(acceptPause)
			continue
		}
		if !l.enter(conn) {
			conn.Close()
			return
		}
		clients.Go(func() {
			defer l.leave(conn)
			// What it returns is why the client is gone, which concerns nobody.
			_ = establish(l.ID(), conn)
		})
	}
}

// Close implements listeners.Listener.
func (l *listener) Close(listeners.CloseFn) {
	l.Listener.Close()
	l.each(func(c net.Conn) { _ = c.SetWriteDeadline(time.Now().Add(lastWords)) })
	l.disconnect()
	l.each(func(c net.Conn) { c.Close() })
}

// enter notes a connection, unless the listener is closed.
func (l *listener) enter(c net.Conn) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.ended {
		l.conns[c] = true
	}
	return !l.ended
}

func (l *listener) leave(c net.Conn) {
	c.Close()
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.conns, c)
}

// each ends the taking in of connections and does something to those there are.
func (l *listener) each(do func(net.Conn)) {
	l.mu.Lock()
	l.ended = true
	conns := make([]net.Conn, 0, len(l.conns))
	for c := range l.conns {
		conns = append(conns, c)
	}
	l.mu.Unlock()
	for _, c := range conns {
		do(c)
	}
}
