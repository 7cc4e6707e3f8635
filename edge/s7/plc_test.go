package s7

import (
	"encoding/binary"
	"io"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"linewatch/edge"
)

// plc is a small PLC that can be told to misbehave. It knows data blocks only.
type plc struct {
	listener net.Listener
	pdu      uint16 // granted whatever is asked for
	full     bool   // all connections are used up: each new one is closed

	mu        sync.Mutex
	memory    map[int][]byte // by number of the data block
	functions map[byte]int   // how often each function was asked for
	accepted  int            // connections
	open      int
	mostOpen  int
	// answer may change an answer, or return nil to send nothing.
	answer func(n int, request, answer []byte) []byte
	// write replaces the plain sending of an answer.
	write func(conn net.Conn, answer []byte)
	asked int // read requests
}

func newPLC(t testing.TB) *plc {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &plc{listener: listener, pdu: 480, memory: map[int][]byte{}, functions: map[byte]int{}}
	var group sync.WaitGroup
	group.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			group.Go(func() { p.serve(conn) })
		}
	})
	t.Cleanup(func() {
		listener.Close()
		group.Wait()
		p.checkReadOnly(t)
	})
	return p
}

// checkReadOnly fails the test if anything but reading and negotiation was
// ever asked for.
func (p *plc) checkReadOnly(t testing.TB) {
	for function, n := range p.functions {
		if function != 0x04 && function != 0xF0 {
			t.Errorf("function %#02x was asked for %d times; a source must only read", function, n)
		}
	}
	if p.mostOpen > 1 {
		t.Errorf("%d connections were open at once, want 1", p.mostOpen)
	}
}

func (p *plc) serve(conn net.Conn) {
	defer conn.Close()
	p.waitForRoom()
	p.count(1)
	defer p.count(-1)
	if p.isFull() {
		return
	}
	for {
		head := make([]byte, 4)
		if _, err := io.ReadFull(conn, head); err != nil {
			return
		}
		request := make([]byte, binary.BigEndian.Uint16(head[2:]))
		copy(request, head)
		if _, err := io.ReadFull(conn, request[4:]); err != nil {
			return
		}
		p.reply(conn, request)
	}
}

// waitForRoom gives the connection before this one, which the client has
// closed, a moment to end here too.
func (p *plc) waitForRoom() {
	for range 1000 {
		p.mu.Lock()
		open := p.open
		p.mu.Unlock()
		if open == 0 {
			return
		}
		time.Sleep(time.Millisecond)
	}
}

func (p *plc) isFull() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.full
}

// counts returns the read requests and the connections so far.
func (p *plc) counts() (asked, accepted int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.asked, p.accepted
}

func (p *plc) count(n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.open += n
	p.accepted += max(n, 0)
	p.mostOpen = max(p.mostOpen, p.open)
}

func (p *plc) reply(conn net.Conn, request []byte) {
	if request[5] == 0xE0 { // connect
		request[5] = 0xD0
		conn.Write(request)
		return
	}
	p.mu.Lock()
	p.functions[request[17]]++
	var answer []byte
	write := p.write
	if request[17] == 0xF0 {
		answer = append([]byte{3, 0, 0, 27, 2, 0xF0, 0x80, 0x32, 3, 0, 0}, request[11], request[12], 0, 8, 0, 0, 0, 0, 0xF0, 0, 0, 1, 0, 1)
		answer = binary.BigEndian.AppendUint16(answer, p.pdu)
		write = nil
	} else {
		p.asked++
		answer = p.read(request)
		if p.answer != nil {
			answer = p.answer(p.asked, request, answer)
		}
	}
	p.mu.Unlock()
	if write != nil {
		write(conn, answer)
	} else {
		conn.Write(answer)
	}
}

// read answers a read request from memory.
func (p *plc) read(request []byte) []byte {
	items := int(request[18])
	var data []byte
	for i := range items {
		it := request[19+12*i:]
		size, db := int(binary.BigEndian.Uint16(it[4:])), int(binary.BigEndian.Uint16(it[6:]))
		at := (int(it[9])<<16 | int(it[10])<<8 | int(it[11])) / 8
		if len(data)%2 == 1 {
			data = append(data, 0)
		}
		memory, ok := p.memory[db]
		switch {
		case !ok:
			data = append(data, 0x0A, 0, 0, 0)
		case at+size > len(memory):
			data = append(data, 0x05, 0, 0, 0)
		default:
			data = append(data, 0xFF, 4, byte(size*8>>8), byte(size*8))
			data = append(data, memory[at:at+size]...)
		}
	}
	return frame(request[11], request[12], items, data)
}

func frame(refHigh, refLow byte, items int, data []byte) []byte {
	b := []byte{3, 0, 0, 0, 2, 0xF0, 0x80, 0x32, 3, 0, 0, refHigh, refLow, 0, 2, byte(len(data) >> 8), byte(len(data)), 0, 0, 4, byte(items)}
	b = append(b, data...)
	binary.BigEndian.PutUint16(b[2:], uint16(len(b)))
	return b
}

// set changes the PLC while it runs.
func (p *plc) set(change func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change()
}

// source returns a source for the PLC that reads the tags, each "address type".
func (p *plc) source(t testing.TB, timeout time.Duration, tags ...[2]string) *Source {
	t.Helper()
	return newSource(t, p.listener.Addr().String(), timeout, tags...)
}

func newSource(t testing.TB, address string, timeout time.Duration, tags ...[2]string) *Source {
	t.Helper()
	c := edge.SourceConfig{
		ID: "plc1", Protocol: "s7", Address: address, Slot: 1,
		Interval: edge.DefaultInterval, Timeout: edge.Span(timeout),
	}
	for _, tag := range tags {
		c.Tags = append(c.Tags, edge.TagConfig{Name: tag[0], Address: tag[0], Type: typed(tag[0], tag[1])})
	}
	s, err := New(c, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.disconnect)
	return s
}

// dripping sends an answer one byte every 50 ms until gone is closed.
func dripping(gone <-chan struct{}) func(net.Conn, []byte) {
	return func(conn net.Conn, answer []byte) {
		for _, c := range answer {
			if _, err := conn.Write([]byte{c}); err != nil {
				return
			}
			select {
			case <-gone:
				return
			case <-time.After(50 * time.Millisecond):
			}
		}
	}
}

// typed returns a type, or the unsigned one of an address's width.
func typed(address, typ string) string {
	if typ != "" {
		return typ
	}
	_, width, found := strings.Cut(address, ".DB")
	if !found {
		width = address[1:]
	}
	return map[byte]string{'B': "byte", 'W': "word", 'D': "dword"}[width[0]]
}
