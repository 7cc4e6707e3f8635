package s7sim

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"net"
	"testing"
	"time"
)

// serve runs a server on a free port of the loopback until the test ends.
func serve(t *testing.T, s *Server) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Serve(ctx, l) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Serve: %v", err)
		}
		if open := s.Stats().Open; open != 0 {
			t.Errorf("%d connections are open after Serve", open)
		}
	})
	return l.Addr().String()
}

// client is a bare S7 client for tests: it builds telegrams byte by byte.
type client struct {
	t   *testing.T
	raw net.Conn
	in  *bufio.Reader
	pdu int
}

// dial makes a TCP connection.
func dial(t *testing.T, address string) *client {
	t.Helper()
	raw, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { raw.Close() })
	raw.SetDeadline(time.Now().Add(5 * time.Second))
	return &client{t: t, raw: raw, in: bufio.NewReader(raw)}
}

// open connects to rack 0, slot 1 and negotiates a PDU length.
func open(t *testing.T, address string, pdu uint16) *client {
	t.Helper()
	c := dial(t, address)
	reply, err := c.ask(frame(connectTo(0, 1)))
	if err != nil || reply[5] != connectConfirm {
		t.Fatalf("connection request: % x, %v", reply, err)
	}
	reply, err = c.ask(setupFrame(1, pdu))
	if err != nil || len(reply) != 27 {
		t.Fatalf("setup: % x, %v", reply, err)
	}
	c.pdu = int(binary.BigEndian.Uint16(reply[25:]))
	return c
}

func connectTo(rack, slot int) []byte {
	return []byte{17, connectRequest, 0, 0, 0, 7, 0, 0xC0, 1, 10, 0xC1, 2, 1, 0, 0xC2, 2, 1, byte(rack<<5 | slot)}
}

func setupFrame(reference, pdu uint16) []byte {
	return job(reference, []byte{FunctionSetup, 0, 0, 1, 0, 1, byte(pdu >> 8), byte(pdu)})
}

// job builds the frame of a request with parameters only.
func job(reference uint16, params []byte) []byte {
	b := []byte{protocolID, kindJob, 0, 0, byte(reference >> 8), byte(reference), 0, byte(len(params)), 0, 0}
	return frameData(append(b, params...))
}

// readFrame builds a read request.
func readFrame(reference uint16, items ...Item) []byte {
	params := []byte{FunctionRead, byte(len(items))}
	for _, it := range items {
		bits := it.Start<<3 | it.Bit
		params = append(params, 0x12, 0x0A, 0x10, byte(it.Size), byte(it.Count>>8), byte(it.Count),
			byte(it.DB>>8), byte(it.DB), byte(it.Area), byte(bits>>16), byte(bits>>8), byte(bits))
	}
	return job(reference, params)
}

// send writes bytes without waiting for an answer.
func (c *client) send(b []byte) {
	c.t.Helper()
	if _, err := c.raw.Write(b); err != nil {
		c.t.Fatal(err)
	}
}

// receive returns the next whole frame.
func (c *client) receive() ([]byte, error) {
	tpdu, err := readTPDU(c.in)
	if err != nil {
		return nil, err
	}
	return frame(tpdu), nil
}

func (c *client) ask(b []byte) ([]byte, error) {
	c.send(b)
	return c.receive()
}

// data returns the S7 telegram in the answer to a request.
func (c *client) data(request []byte) []byte {
	c.t.Helper()
	reply, err := c.ask(request)
	if err != nil {
		c.t.Fatal(err)
	}
	return reply[tpktSize+dataTPDU:]
}

// gone fails the test unless the server has closed the connection.
func (c *client) gone() {
	c.t.Helper()
	if b, err := c.receive(); err == nil {
		c.t.Fatalf("got % x, want the connection closed", b)
	} else if e := net.Error(nil); errors.As(err, &e) && e.Timeout() {
		c.t.Fatal("the connection stays open")
	}
}

// db returns an item of bytes in a data block.
func db(number, start, count int) Item {
	return Item{Area: DataBlock, DB: number, Start: start, Size: Byte, Count: count}
}

// counting returns a server whose DB 1 holds 0, 1, 2, ...
func counting(o Options) *Server {
	s := New(o)
	s.SetDB(1, 256)
	s.Update(func(m *Memory) {
		for i := range m.DB(1) {
			m.DB(1)[i] = byte(i)
		}
	})
	return s
}

// want compares the end of an answer, from the item count on.
func wantItems(t *testing.T, telegram []byte, want ...byte) {
	t.Helper()
	if got := telegram[ackHeaderSize+1:]; !bytes.Equal(got, want) {
		t.Errorf("items % x, want % x", got, want)
	}
}
