package opcua

import (
	"encoding/binary"
	"io"
	"net"
	"sync"
	"testing"
)

// proxy stands between the source and its server, and breaks what passes.
type proxy struct {
	listener net.Listener
	target   string
	wait     sync.WaitGroup

	mu     sync.Mutex
	open   map[net.Conn]bool
	cut    bool // refuse everybody
	silent bool // pass nothing on
	// hold says what of the client's messages is kept from the server, by the
	// number of the request's type; without security they can be told.
	hold func(request uint16) bool
	// edit changes a request on its way to the server, in place.
	edit   func(request uint16, chunk []byte)
	passed int // connections
}

func newProxy(t *testing.T, target string) *proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{listener: l, target: target, open: map[net.Conn]bool{}}
	p.wait.Go(p.accept)
	t.Cleanup(func() {
		l.Close()
		p.set(func() { p.cut = true })
		p.wait.Wait()
	})
	return p
}

func (p *proxy) address() string { return p.listener.Addr().String() }

// set changes how the proxy behaves. A cut ends what is connected.
func (p *proxy) set(change func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change()
	if p.cut {
		for c := range p.open {
			c.(*net.TCPConn).SetLinger(0) // a reset, as a cable's end would get
			c.Close()
		}
	}
}

func (p *proxy) connections() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.passed
}

// add takes a connection into account, unless everybody is refused.
func (p *proxy) add(c net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cut {
		c.Close()
		return false
	}
	p.open[c] = true
	return true
}

func (p *proxy) accept() {
	for {
		near, err := p.listener.Accept()
		if err != nil {
			return
		}
		if !p.add(near) {
			continue
		}
		far, err := net.Dial("tcp", p.target)
		if err != nil {
			near.Close()
			continue
		}
		if !p.add(far) {
			near.Close()
			continue
		}
		p.mu.Lock()
		p.passed++
		p.mu.Unlock()
		p.wait.Go(func() { p.pass(near, far, p.held) })
		p.wait.Go(func() { p.pass(far, near, func([]byte) bool { return false }) })
	}
}

// held reports whether a chunk is kept from the server, and edits it if not.
func (p *proxy) held(chunk []byte) bool {
	const typeAt = headerSize + 4*4 + 2 // channel, keys, sequence, request, kind of node id
	p.mu.Lock()
	defer p.mu.Unlock()
	if string(chunk[:3]) != "MSG" || len(chunk) < typeAt+2 {
		return false
	}
	request := binary.LittleEndian.Uint16(chunk[typeAt:])
	if p.hold != nil && p.hold(request) {
		return true
	}
	if p.edit != nil {
		p.edit(request, chunk)
	}
	return false
}

func (p *proxy) pass(from, to net.Conn, held func(chunk []byte) bool) {
	defer to.Close()
	defer from.Close()
	for {
		chunk := make([]byte, headerSize)
		if _, err := io.ReadFull(from, chunk); err != nil {
			return
		}
		chunk = append(chunk, make([]byte, binary.LittleEndian.Uint32(chunk[4:])-headerSize)...)
		if _, err := io.ReadFull(from, chunk[headerSize:]); err != nil {
			return
		}
		p.mu.Lock()
		silent := p.silent
		p.mu.Unlock()
		if silent || held(chunk) {
			continue
		}
		if _, err := to.Write(chunk); err != nil {
			return
		}
	}
}
