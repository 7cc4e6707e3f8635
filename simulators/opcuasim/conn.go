package opcuasim

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"github.com/gopcua/opcua/ua"
	"github.com/gopcua/opcua/uacp"
	"github.com/gopcua/opcua/uasc"
)

// What a client may send at most. Requests to so small a server are short, and
// the library's decoder recurses on nested values.
const (
	maxChunk     = 0xffff
	maxMessage   = 128 << 10
	maxChunks    = 8
	minChunk     = 8192 // by the specification
	helloHeader  = 8    // bytes before the body of a HEL
	channelLimit = 1 << 30
)

// conn is one TCP connection with its secure channel. Its run goroutine reads
// and answers, its write goroutine sends.
type conn struct {
	server *Server
	number uint64
	tcp    *net.TCPConn
	raw    *uacp.Conn
	config *uasc.Config // the library writes the channel's security here
	ch     *uasc.SecureChannel
	opened bool

	// renewing is held while the channel's keys change, and while an answer is
	// sent: the library would sign one with half of each.
	renewing sync.Mutex

	out  chan answer
	done chan struct{} // closed when run ends
}

// answer is a response on its way out.
type answer struct {
	request  uint32
	response ua.Response
}

func newConn(s *Server, tcp *net.TCPConn, number uint64) *conn {
	return &conn{server: s, number: number, tcp: tcp, out: make(chan answer, maxUnsent), done: make(chan struct{})}
}

// run serves the connection until it ends.
func (c *conn) run(ctx context.Context) {
	log := c.server.options.Log.With("client", c.tcp.RemoteAddr().String())
	stop := context.AfterFunc(ctx, func() { c.tcp.Close() })
	defer stop()
	defer c.server.forget(c)
	var writer sync.WaitGroup
	defer writer.Wait()
	defer c.tcp.Close()
	defer close(c.done)

	err := c.open()
	if err == nil {
		writer.Go(c.write)
		err = c.serve(ctx)
	}
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, net.ErrClosed) && ctx.Err() == nil {
		log.Info("connection ended", "error", err)
		c.linger()
	}
}

// linger lets a client read why its connection ends: closing while its bytes
// are unread would reset the connection.
func (c *conn) linger() {
	c.tcp.CloseWrite()
	c.tcp.SetReadDeadline(time.Now().Add(200 * time.Millisecond))
	io.CopyN(io.Discard, c.tcp, maxMessage)
}

// open does the handshake of the connection protocol and prepares the channel.
func (c *conn) open() (err error) {
	defer recovered(&err)
	c.tcp.SetDeadline(time.Now().Add(c.server.options.Timeout))
	ack := &uacp.Acknowledge{ReceiveBufSize: maxChunk, SendBufSize: maxChunk, MaxMessageSize: maxMessage, MaxChunkCount: maxChunks}
	if c.raw, err = uacp.NewConn(c.tcp, ack); err != nil {
		return err
	}
	b, err := c.raw.Receive()
	if err != nil {
		return c.malformed(fmt.Errorf("hello: %w", err))
	}
	hello := new(uacp.Hello)
	if string(b[:4]) != "HELF" {
		c.raw.SendError(ua.StatusBadTCPMessageTypeInvalid)
		return c.malformed(fmt.Errorf("%q instead of a hello", b[:4]))
	}
	if _, err := hello.Decode(b[helloHeader:]); err != nil || hello.ReceiveBufSize < minChunk || hello.SendBufSize < minChunk {
		c.raw.SendError(ua.StatusBadTCPInternalError)
		return c.malformed(errors.New("a hello with buffers that are too small"))
	}
	ack.SendBufSize, ack.ReceiveBufSize = min(maxChunk, hello.ReceiveBufSize), min(maxChunk, hello.SendBufSize)
	if err := c.raw.Send("ACKF", ack); err != nil {
		return err
	}
	var seed [12]byte
	rand.Read(seed[:])
	number := func(at int) uint32 { return binary.LittleEndian.Uint32(seed[at:])%channelLimit + 1 }
	identity := c.server.options.Identity
	c.config = &uasc.Config{
		SecurityPolicyURI: ua.SecurityPolicyURINone, SecurityMode: ua.MessageSecurityModeNone,
		Certificate: identity.certificate, LocalKey: identity.key,
	}
	c.ch, err = uasc.NewServerSecureChannel("", c.raw, c.config, make(chan error, 1), number(0), number(4)%1024, number(8))
	return err
}

// serve answers requests until the connection ends.
func (c *conn) serve(ctx context.Context) (err error) {
	defer recovered(&err)
	for {
		m := c.receive(ctx)
		switch {
		case m.Err != nil && (errors.Is(m.Err, io.EOF) || errors.Is(m.Err, net.ErrClosed)):
			return nil
		case m.Err != nil:
			c.raw.SendError(ua.StatusBadTCPInternalError)
			return c.malformed(m.Err)
		case m.Request() == nil && m.Response() == nil:
			if err := c.checkSecurity(); err != nil {
				return err
			}
		case m.Request() == nil || !c.opened:
			return c.malformed(errors.New("something else than a request on an open channel"))
		default:
			if response := c.server.handle(c, m.Request(), m.RequestID); response != nil {
				c.send(m.RequestID, response)
			}
		}
	}
}

// receive returns the next message. What opens or renews the channel begins
// with an O.
func (c *conn) receive(ctx context.Context) *uasc.MessageBody {
	first, err := peek(c.tcp)
	if err != nil {
		return &uasc.MessageBody{Err: err}
	}
	if first == 'O' {
		c.renewing.Lock()
		defer c.renewing.Unlock()
	}
	return c.ch.Receive(ctx)
}

// checkSecurity turns a channel down whose security is not offered. A channel
// without security is needed for discovery; handle sees to the rest.
func (c *conn) checkSecurity() error {
	policy, mode := c.config.SecurityPolicyURI, c.config.SecurityMode
	secure := policy == ua.SecurityPolicyURIBasic256Sha256 && mode == ua.MessageSecurityModeSignAndEncrypt
	none := policy == ua.SecurityPolicyURINone && mode == ua.MessageSecurityModeNone
	if !secure && !none {
		c.server.count(func(s *Stats) { s.Insecure++ })
		c.raw.SendError(ua.StatusBadSecurityPolicyRejected)
		return fmt.Errorf("security %s with %s is not offered", policy, mode)
	}
	if c.opened {
		c.server.count(func(s *Stats) { s.Renewed++ })
		return nil
	}
	c.tcp.SetDeadline(time.Time{})
	c.opened = true
	return nil
}

// secure reports whether the channel signs and encrypts.
func (c *conn) secure() bool { return c.config.SecurityMode == ua.MessageSecurityModeSignAndEncrypt }

// send queues an answer. A client that takes none any more is cut off.
func (c *conn) send(request uint32, response ua.Response) {
	select {
	case c.out <- answer{request, response}:
	case <-c.done:
	default:
		c.tcp.Close()
	}
}

// write sends answers until run ends.
func (c *conn) write() {
	for {
		select {
		case <-c.done:
			return
		case a := <-c.out:
			if err := c.transmit(a); err != nil {
				c.tcp.Close() // ends run
				return
			}
		}
	}
}

func (c *conn) transmit(a answer) (err error) {
	defer recovered(&err)
	c.renewing.Lock()
	defer c.renewing.Unlock()
	c.tcp.SetWriteDeadline(time.Now().Add(c.server.options.Timeout))
	defer c.tcp.SetWriteDeadline(time.Time{})
	return c.ch.SendResponseWithContext(context.Background(), a.request, a.response)
}

// malformed counts a connection that ends because of what it sent.
func (c *conn) malformed(err error) error {
	var network net.Error
	if !errors.As(err, &network) && !errors.Is(err, io.ErrUnexpectedEOF) {
		c.server.count(func(s *Stats) { s.Malformed++ })
	}
	return err
}

// recovered turns a panic of the library's decoder into an error, which ends
// one connection instead of the process.
func recovered(err *error) {
	if r := recover(); r != nil {
		*err = fmt.Errorf("panic: %v", r)
	}
}

// forget takes a connection off, with the publish requests that came over it.
func (s *Server) forget(c *conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.conns, c)
	for _, session := range s.sessions {
		session.leave(c)
	}
}
