package s7sim

import (
	"bufio"
	"context"
	"errors"
	"net"
	"time"
)

// conn is one client's connection, owned by the goroutine in run.
type conn struct {
	server *Server
	raw    net.Conn
	in     *bufio.Reader
	number uint64
	pdu    int // agreed length; 0 before the setup
	cancel context.CancelFunc
	ended  <-chan struct{}
	stop   func() bool
}

func newConn(ctx context.Context, s *Server, raw net.Conn, number uint64) *conn {
	ctx, cancel := context.WithCancel(ctx)
	return &conn{
		server: s, raw: raw, in: bufio.NewReaderSize(raw, maxTelegram), number: number,
		cancel: cancel, ended: ctx.Done(),
		stop: context.AfterFunc(ctx, func() { raw.Close() }),
	}
}

// errHangUp ends a connection on purpose.
var errHangUp = errors.New("hang up")

// run serves the connection until it ends.
func (c *conn) run() {
	defer c.close()
	log := c.server.options.Log.With("connection", c.number, "peer", c.raw.RemoteAddr().String())
	log.Debug("client connected")
	err := c.open()
	for err == nil {
		err = c.next()
	}
	if errors.Is(err, errMalformed) {
		c.server.count(func(st *Stats) { st.Malformed++ })
		log.Warn("malformed telegram", "error", err)
		return
	}
	log.Debug("client gone", "reason", err)
}

func (c *conn) close() {
	c.stop()
	c.cancel()
	c.raw.Close()
	c.server.mu.Lock()
	defer c.server.mu.Unlock()
	delete(c.server.conns, c)
}

// open answers the connection request.
func (c *conn) open() error {
	if f := c.server.faultOf(Incoming{Stage: Accepting, Connection: c.number}); f.Refuse {
		return c.refused()
	} else if !c.pause(f.Delay) {
		return errHangUp
	}
	tpdu, err := c.receive()
	if err != nil {
		return err
	}
	request, err := parseConnect(tpdu)
	if err != nil {
		return err
	}
	f := c.server.faultOf(Incoming{Stage: Connecting, Connection: c.number})
	o := &c.server.options
	if o.CheckSlot && (request.rack != o.Rack || request.slot != o.Slot) {
		if err := c.send(request.refuse(), f); err != nil {
			return err
		}
		return c.refused()
	}
	return c.send(request.confirm(), f)
}

func (c *conn) refused() error {
	c.server.count(func(st *Stats) { st.Refused++ })
	return errHangUp
}

// receive waits for the next TPDU. Once it has begun, or while the connection
// is not set up, the time is limited.
func (c *conn) receive() ([]byte, error) {
	limit := time.Time{}
	if c.pdu == 0 {
		limit = time.Now().Add(c.server.options.Timeout)
	}
	if err := c.waitUntil(limit); err != nil {
		return nil, err
	}
	if _, err := c.in.Peek(1); err != nil {
		return nil, err
	}
	if err := c.waitUntil(time.Now().Add(c.server.options.Timeout)); err != nil {
		return nil, err
	}
	return readTPDU(c.in)
}

// waitUntil sets the limit of reads. The server's closing is looked at
// afterwards, since Shutdown sets a limit of its own after it has begun to
// close: either that limit or the look finds this goroutine.
func (c *conn) waitUntil(limit time.Time) error {
	if err := c.raw.SetReadDeadline(limit); err != nil {
		return err
	}
	if c.server.isClosing() {
		return errHangUp
	}
	return nil
}

// next answers one telegram.
func (c *conn) next() error {
	tpdu, err := c.receive()
	if err != nil {
		return err
	}
	if tpdu[1] == disconnectRequest {
		return errHangUp
	}
	b, err := payload(tpdu)
	if err != nil || len(b) == 0 { // an empty one keeps the connection alive
		return err
	}
	t, err := parseTelegram(b)
	if err != nil {
		return err
	}
	function := t.function
	if t.kind != kindJob {
		function = 0
	}
	c.server.count(func(st *Stats) { st.Functions[function]++ })
	switch {
	case function == FunctionSetup:
		return c.setUp(t)
	case function == FunctionRead && c.pdu > 0:
		return c.read(t, len(b))
	}
	return c.send(frameData(replyRefused(t.reference, errNotSupported)), Fault{})
}

// setUp agrees on the PDU length and the number of jobs in flight.
func (c *conn) setUp(t telegram) error {
	const jobs = 8 // more wait in the TCP connection
	asked, err := parseSetup(t.params)
	if err != nil {
		return err
	}
	f := c.server.faultOf(Incoming{Stage: SettingUp, Connection: c.number})
	if asked.pdu == 0 {
		return c.send(frameData(replyRefused(t.reference, errTooLong)), f)
	}
	c.pdu = min(int(asked.pdu), c.server.options.PDU)
	agreed := setup{calling: min(asked.calling, jobs), called: min(asked.called, jobs), pdu: uint16(c.pdu)}
	if f.PDU != 0 {
		agreed.pdu = uint16(f.PDU)
		c.pdu = max(c.pdu, f.PDU)
	}
	return c.send(frameData(replySetup(t.reference+f.Reference, agreed)), f)
}

// read answers a read request of size bytes.
func (c *conn) read(t telegram, size int) error {
	items, err := parseRead(t.params)
	if err != nil {
		return err
	}
	in := Incoming{Stage: Reading, Connection: c.number, Read: c.server.reads.Add(1), Items: items}
	f := c.server.faultOf(in)
	if size > c.pdu || len(items) == 0 || len(items) > maxItems || !c.fits(items) {
		return c.send(frameData(replyRefused(t.reference+f.Reference, errTooLong)), f)
	}
	served := Served{At: c.server.options.Now(), Connection: c.number, Results: f.spoil(c.server.read(items))}
	reply := replyRead(t.reference+f.Reference, served.Results)
	if c.server.options.OnRead != nil {
		c.server.options.OnRead(served)
	}
	c.server.count(func(st *Stats) {
		st.Reads++
		st.Items += uint64(len(items))
	})
	return c.send(frameData(reply), f)
}

// fits reports whether the answer stays within the agreed PDU length.
func (c *conn) fits(items []Item) bool {
	total := ackHeaderSize + 2
	for i, it := range items {
		width, _ := it.Size.width()
		length := it.Count * width
		if i < len(items)-1 {
			length += length % 2
		}
		total += 4 + length
	}
	return total <= c.pdu
}

// send writes a frame as the fault says.
func (c *conn) send(b []byte, f Fault) error {
	if f.Refuse {
		return c.refused()
	}
	if !c.pause(f.Delay) {
		return errHangUp
	}
	if f.Silence {
		return nil
	}
	if f.Edit != nil {
		b = f.Edit(b)
	}
	if f.Cut > 0 {
		b = b[:min(f.Cut, len(b))]
	}
	if err := c.write(b, f.Trickle); err != nil {
		return err
	}
	if f.Cut > 0 {
		return errHangUp
	}
	return nil
}

// write sends b at once, or byte after byte with a pause.
func (c *conn) write(b []byte, pause time.Duration) error {
	chunk := max(len(b), 1)
	if pause > 0 {
		chunk = 1
	}
	for len(b) > 0 {
		n := min(chunk, len(b))
		if err := c.raw.SetWriteDeadline(time.Now().Add(c.server.options.Timeout)); err != nil {
			return err
		}
		if _, err := c.raw.Write(b[:n]); err != nil {
			return err
		}
		b = b[n:]
		if len(b) > 0 && !c.pause(pause) {
			return errHangUp
		}
	}
	return nil
}

// pause waits, and reports whether the connection is still wanted.
func (c *conn) pause(d time.Duration) bool {
	if d <= 0 {
		return true
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-c.ended:
		return false
	}
}
