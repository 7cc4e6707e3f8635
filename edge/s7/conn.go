package s7

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/robinson/gos7"
)

// requestedPDU is the telegram size that gos7 asks for. A PLC that grants more
// gets no more, for gos7 cannot read larger answers.
const requestedPDU = 480

// connectSteps is the number of exchanges that a connect takes: TCP, ISO
// transport, negotiation. Each has an equal share of the time.
const connectSteps = 3

// conn is one connection to a PLC. One goroutine owns it. After any error it
// must be closed: what comes later cannot be told from late answers.
//
// gos7 is used to connect, to negotiate and to carry telegrams. Its own read
// functions take a late answer for the next one and invent zeros for a short
// one, so the telegrams are built and checked here.
type conn struct {
	handler   *gos7.TCPClientHandler
	pdu       int // size of telegrams both sides can take
	reference uint16
	telegram  []byte
}

// dial connects to address (host:port) within the timeout. The connection
// ends when close is called, not with ctx.
func dial(ctx context.Context, address string, rack, slot int, timeout time.Duration) (*conn, error) {
	handler := gos7.NewTCPClientHandler(address, rack, slot)
	handler.Timeout = timeout / connectSteps
	handler.IdleTimeout = 0 // it would close the connection behind our back
	c := &conn{handler: handler}
	begun := time.Now()
	if err := guard(func() error { return handler.ConnectContext(ctx) }); err != nil {
		c.close()
		return nil, fmt.Errorf("connect to %s, rack %d, slot %d: %w", address, rack, slot, explain(err, time.Since(begun), handler.Timeout))
	}
	if handler.PDULength < minPDU {
		c.close()
		return nil, fmt.Errorf("connect to %s: the PLC negotiated telegrams of %d bytes; at least %d are needed", address, handler.PDULength, minPDU)
	}
	c.pdu = min(handler.PDULength, requestedPDU)
	return c, nil
}

// explain says what to do about a connect that failed after a time, where each
// step had a share. Once there is a connection gos7 has the same words for a
// PLC that is silent and for one that refuses.
func explain(err error, took, share time.Duration) error {
	if _, ok := errors.AsType[net.Error](err); ok {
		return err // of the network, and says so
	}
	if took >= share {
		return fmt.Errorf("no answer within %v; check that this is an S7 PLC, or give it more timeout (%w)", share.Round(time.Millisecond), err)
	}
	return fmt.Errorf("the PLC refuses; check rack and slot, and whether all its connections are in use (%w)", err)
}

// read sends one request and stores its answer in the request's blocks. The
// answer must be complete by the deadline, however slowly it comes.
func (c *conn) read(r request, deadline time.Time) error {
	left := time.Until(deadline)
	if left <= 0 {
		return context.DeadlineExceeded
	}
	c.handler.Timeout = left // gos7 sets it once for writing and reading the whole telegram
	c.reference++
	c.telegram = appendRead(c.telegram[:0], c.reference, r)
	var answer []byte
	err := guard(func() (err error) {
		answer, err = c.handler.Send(c.telegram)
		return err
	})
	if err != nil {
		return err
	}
	return parseRead(answer, c.reference, r)
}

func (c *conn) close() {
	// The connection is discarded, so an error of closing it changes nothing.
	_ = guard(c.handler.Close)
}

// guard turns a panic of gos7 into an error.
func guard(call func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("gos7 panicked: %v", r)
		}
	}()
	return call()
}
