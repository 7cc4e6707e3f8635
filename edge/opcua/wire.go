package opcua

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"syscall"
	"time"

	"github.com/gopcua/opcua/ua"
)

// Our own limits, which hold whatever the server offers (OPC 10000-6, 7.1).
const (
	maxMessage = 512 << 10 // bytes of a whole message, both ways
	maxChunk   = 64 << 10  // bytes of one chunk, both ways
	minChunk   = 8 << 10   // less than this no server may demand
	maxChunks  = 128       // chunks of one message, both ways
)

// dialTimeout bounds the connect alone, and leaves room for one repetition.
const dialTimeout = 2 * time.Second

// headerSize is the size of what every chunk begins with: three letters, the
// kind of chunk and the size of the whole.
const headerSize = 8

// The kinds of chunks that carry requests and answers.
const (
	chunkFinal        = 'F'
	chunkIntermediate = 'C'
	chunkAborted      = 'A'
)

// wire carries chunks over one TCP connection. One goroutine uses it.
type wire struct {
	conn net.Conn
	in   [maxChunk]byte // the chunk that was read last
	// What the server takes, never more than our limits.
	sendChunk, sendMessage, sendChunks int
}

// errProtocol is wrapped by every error about what the server sent.
var errProtocol = errors.New("the server broke the protocol")

// errLate says that the time for an exchange was over before the answer came.
var errLate = errors.New("the server does not answer in time")

func protocolError(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{errProtocol}, args...)...)
}

// dialWire connects to address (host:port) and agrees on sizes. ctx bounds it.
func dialWire(ctx context.Context, address, url string) (*wire, error) {
	conn, err := (&net.Dialer{Timeout: dialTimeout}).DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	w := &wire{conn: conn}
	if err := w.hello(ctx, url); err != nil {
		conn.Close()
		return nil, err
	}
	return w, nil
}

// hello sends the client's first message and takes the server's answer.
func (w *wire) hello(ctx context.Context, url string) error {
	const version = 0
	b := []byte("HELF\x00\x00\x00\x00")
	for _, n := range []uint32{version, maxChunk, maxChunk, maxMessage, maxChunks, uint32(len(url))} {
		b = binary.LittleEndian.AppendUint32(b, n)
	}
	b = append(b, url...)
	binary.LittleEndian.PutUint32(b[4:], uint32(len(b)))
	if err := w.write(ctx, b); err != nil {
		return err
	}
	chunk, err := w.read(ctx)
	if errors.Is(err, errClosed) || errors.Is(err, syscall.ECONNRESET) {
		return errMute
	}
	if err != nil {
		return err
	}
	if kind := string(chunk[:4]); kind != "ACKF" {
		return protocolError("%q instead of an acknowledge", kind)
	}
	r := reader{b: chunk[headerSize:]}
	theirs := [5]int{}
	for i := range theirs {
		theirs[i] = int(r.uint32())
	}
	if r.failed {
		return protocolError("a short acknowledge")
	}
	if theirs[1] < minChunk {
		return protocolError("it takes chunks of %d bytes only, and must take %d", theirs[1], minChunk)
	}
	w.sendChunk = min(maxChunk, theirs[1])
	w.sendMessage = limit(maxMessage, theirs[3])
	w.sendChunks = limit(maxChunks, theirs[4])
	return nil
}

// limit returns the lower of our limit and theirs, where 0 is none.
func limit(ours, theirs int) int {
	if theirs == 0 {
		return ours
	}
	return min(ours, theirs)
}

// write sends one chunk.
func (w *wire) write(ctx context.Context, chunk []byte) error {
	deadline, _ := ctx.Deadline()
	if err := w.conn.SetWriteDeadline(deadline); err != nil {
		return err
	}
	defer w.until(ctx)()
	if err := ctx.Err(); err != nil {
		return err
	}
	_, err := w.conn.Write(chunk)
	return w.explain(ctx, err)
}

// until interrupts what the connection does when ctx ends, until the function
// that it returns has been called.
func (w *wire) until(ctx context.Context) (release func()) {
	done := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(done)
		_ = w.conn.SetDeadline(time.Unix(1, 0)) // long ago; a closed connection needs none
	})
	return func() {
		if !stop() {
			<-done
		}
	}
}

// read returns the next chunk with its header, valid until the next call.
func (w *wire) read(ctx context.Context) ([]byte, error) {
	deadline, _ := ctx.Deadline()
	if err := w.conn.SetReadDeadline(deadline); err != nil {
		return nil, err
	}
	defer w.until(ctx)()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if _, err := io.ReadFull(w.conn, w.in[:headerSize]); err != nil {
		return nil, w.explain(ctx, err)
	}
	size := binary.LittleEndian.Uint32(w.in[4:])
	if size < headerSize || size > maxChunk {
		return nil, protocolError("a chunk of %d bytes; %d to %d are taken", size, headerSize, maxChunk)
	}
	if _, err := io.ReadFull(w.conn, w.in[headerSize:size]); err != nil {
		return nil, w.explain(ctx, err)
	}
	if string(w.in[:3]) == "ERR" {
		return nil, remoteError(w.in[headerSize:size])
	}
	return w.in[:size:size], nil
}

// errMute says that whoever listens ends the connection at the first message of
// OPC UA, as an S7 PLC does.
var errMute = errors.New("the server closed the connection without a word of OPC UA; check the address: a server of OPC UA mostly has port 4840, and 102 is S7")

var errClosed = errors.New("the server closed the connection")

func (w *wire) explain(ctx context.Context, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(ctx.Err(), context.Canceled):
		return ctx.Err()
	case errors.Is(err, os.ErrDeadlineExceeded), ctx.Err() != nil:
		return errLate // the connection's deadline is that of ctx, and may be noticed sooner
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return errClosed
	}
	return err
}

// remoteError reads the server's reason for giving up the connection.
func remoteError(body []byte) error {
	r := reader{b: body}
	code, reason := ua.StatusCode(r.uint32()), r.bytes()
	if len(reason) > 200 {
		reason = reason[:200]
	}
	return fmt.Errorf("the server gave up: %w: %q", statusError(code), reason)
}
