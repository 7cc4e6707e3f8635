package s7sim

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// Options say how the PLC behaves. The zero value is a usable one.
type Options struct {
	// PDU is the longest PDU that the server agrees to, in bytes. Default 480.
	PDU int
	// MaxConnections is how many clients may be connected at once. Further
	// ones are closed at once and counted as refused. Default 8.
	MaxConnections int
	// CheckSlot refuses connection requests for another Rack and Slot than
	// these; otherwise every rack and slot answers.
	CheckSlot  bool
	Rack, Slot int
	// Timeout bounds the rest of a telegram after its first byte, each write,
	// and the time from accepting to the communication setup. Default 5 s.
	Timeout time.Duration
	// Now stamps what was served. Default time.Now.
	Now func() time.Time
	// OnRead is told of every answered read before the answer is sent. It is
	// called from the goroutines of the connections and may block, which
	// delays that connection only.
	OnRead func(Served)
	// Log receives connections and malformed telegrams. Default: nothing.
	Log *slog.Logger
}

// Served is one answered read.
type Served struct {
	At         time.Time // when memory was copied
	Connection uint64    // as in Incoming
	Results    []Result  // in the order asked; all of one instant
}

// Stats counts since the start of the server.
type Stats struct {
	Open      int    // connections now
	Accepted  uint64 // connections ever, without the refused ones
	Refused   uint64 // connections over the limit, for another slot, or by a fault
	Reads     uint64 // answered read requests
	Items     uint64 // items in them
	Malformed uint64 // connections closed because of a malformed telegram
	// Functions counts S7 requests by function code, refused ones included. A
	// request that is no job (such as one for diagnostics) counts as 0.
	Functions map[byte]uint64
}

// Server is a simulated PLC. Its methods are safe for concurrent use.
type Server struct {
	options Options
	fault   atomic.Pointer[func(Incoming) Fault]
	reads   atomic.Uint64
	wait    sync.WaitGroup // connections

	mu        sync.Mutex
	memory    Memory
	stats     Stats
	closing   bool
	listeners map[net.Listener]bool
	conns     map[*conn]bool
}

// acceptPause is how long nobody is let in after that was not possible.
const acceptPause = 100 * time.Millisecond

// New returns a server without data blocks.
func New(o Options) *Server {
	if o.PDU == 0 {
		o.PDU = 480
	}
	if o.MaxConnections == 0 {
		o.MaxConnections = 8
	}
	if o.Timeout == 0 {
		o.Timeout = 5 * time.Second
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Server{
		options:   o,
		memory:    Memory{blocks: map[int][]byte{}},
		stats:     Stats{Functions: map[byte]uint64{}},
		listeners: map[net.Listener]bool{},
		conns:     map[*conn]bool{},
	}
}

// SetDB creates a data block of zeros, or replaces the one of that number.
func (s *Server) SetDB(number, size int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.memory.blocks[number] = make([]byte, size)
}

// RemoveDB deletes a data block; reads of it answer NoSuchObject from now on.
func (s *Server) RemoveDB(number int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.memory.blocks, number)
}

// Update lets f change the memory. No client sees half of it. f must not
// block or keep the memory.
func (s *Server) Update(f func(*Memory)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f(&s.memory)
}

// Stats returns the counters.
func (s *Server) Stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	stats := s.stats
	stats.Open = len(s.conns)
	stats.Functions = maps.Clone(s.stats.Functions)
	return stats
}

// Serve answers connections from l until ctx ends, when it closes them at
// once, or until Shutdown, which lets them finish. Both return nil, after the
// last connection has ended. Serve closes l. A server serves one listener.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	defer l.Close()
	if !s.listen(l) {
		return nil
	}
	ctx, cancel := context.WithCancel(ctx)
	defer s.wait.Wait()
	defer s.forget(l)
	stop := context.AfterFunc(ctx, func() { l.Close() })
	defer stop()
	for {
		raw, err := l.Accept()
		if errors.Is(err, net.ErrClosed) {
			if s.isClosing() {
				s.wait.Wait() // before cancel, so that answers are finished
			}
			cancel()
			return nil
		}
		if err != nil { // too many open files, perhaps, which passes
			time.Sleep(acceptPause)
			continue
		}
		s.accept(ctx, raw)
	}
}

// Shutdown stops accepting, lets every connection finish the answer it is at,
// and closes it. When ctx ends first, the rest is closed at once and ctx's
// error returned.
func (s *Server) Shutdown(ctx context.Context) error {
	s.mu.Lock()
	s.closing = true
	for l := range s.listeners {
		l.Close()
	}
	for c := range s.conns {
		c.raw.SetReadDeadline(time.Now())
	}
	s.mu.Unlock()

	done := make(chan struct{})
	go func() {
		s.wait.Wait()
		close(done)
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		s.closeAll()
		<-done
		return ctx.Err()
	}
}

func (s *Server) listen(l net.Listener) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing {
		return false
	}
	s.listeners[l] = true
	return true
}

func (s *Server) forget(l net.Listener) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.listeners, l)
}

func (s *Server) isClosing() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closing
}

func (s *Server) closeAll() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns {
		c.cancel()
	}
}

// accept starts a connection's goroutine, or closes the connection when there
// are too many.
func (s *Server) accept(ctx context.Context, raw net.Conn) {
	s.mu.Lock()
	if s.closing || len(s.conns) >= s.options.MaxConnections {
		s.stats.Refused++
		s.mu.Unlock()
		raw.Close()
		return
	}
	s.stats.Accepted++
	c := newConn(ctx, s, raw, s.stats.Accepted)
	s.conns[c] = true
	s.wait.Go(c.run)
	s.mu.Unlock()
}

// count changes the counters.
func (s *Server) count(f func(*Stats)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f(&s.stats)
}

// read copies what the items ask for, all at one instant.
func (s *Server) read(items []Item) []Result {
	results := make([]Result, len(items))
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, it := range items {
		results[i].Item = it
		results[i].Code, results[i].Data = s.memory.read(it)
	}
	return results
}
