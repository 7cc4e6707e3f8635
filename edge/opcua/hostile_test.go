package opcua

import (
	"context"
	"crypto/rsa"
	"crypto/x509"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/gopcua/opcua/ua"

	"linewatch/edge"
)

// hostile is a server at the level of bytes, one connection at a time.
type hostile struct {
	t        *testing.T
	conn     net.Conn
	sequence uint32
}

// serveHostile answers each connection with script and returns the address.
func serveHostile(t *testing.T, script func(h *hostile)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			conn.SetDeadline(time.Now().Add(10 * time.Second))
			script(&hostile{t: t, conn: conn})
			conn.Close()
		}
	}()
	t.Cleanup(func() {
		l.Close()
		<-done
	})
	return l.Addr().String()
}

// read returns what a chunk holds after its size.
func (h *hostile) read() []byte {
	head := make([]byte, headerSize)
	if _, err := io.ReadFull(h.conn, head); err != nil {
		return nil
	}
	body := make([]byte, binary.LittleEndian.Uint32(head[4:])-headerSize)
	io.ReadFull(h.conn, body)
	return body
}

func words(list ...uint32) (b []byte) {
	for _, n := range list {
		b = binary.LittleEndian.AppendUint32(b, n)
	}
	return b
}

// send writes a chunk. Its size is right.
func (h *hostile) send(kind string, parts ...[]byte) error {
	b := append([]byte(kind), 0, 0, 0, 0)
	for _, p := range parts {
		b = append(b, p...)
	}
	binary.LittleEndian.PutUint32(b[4:], uint32(len(b)))
	_, err := h.conn.Write(b)
	return err
}

// message writes a chunk of an answer to a request, on channel 1 with token 1.
func (h *hostile) message(kind string, request uint32, body []byte) error {
	h.sequence++
	return h.send(kind, words(1, 1, h.sequence, request), body)
}

const noLimit = 0xffffffff

// greet acknowledges with the most generous limits.
func (h *hostile) greet() {
	h.read()
	h.send("ACKF", words(0, noLimit, noLimit, noLimit, noLimit))
}

// grant gives keys for a channel without security.
func (h *hostile) grant(policy string) {
	request := h.read()
	r := reader{b: request}
	r.uint32()
	r.bytes()
	r.bytes()
	r.bytes()
	r.uint32()
	id := r.uint32()
	h.sequence++
	body := h.encode(&ua.OpenSecureChannelResponse{
		ResponseHeader: okHeader(), ServerNonce: []byte{},
		SecurityToken: &ua.ChannelSecurityToken{ChannelID: 1, TokenID: 1, CreatedAt: time.Now(), RevisedLifetime: 3_600_000},
	})
	h.send("OPNF", words(1), appendBytes(nil, []byte(policy)), words(noLimit, noLimit, h.sequence, id), body)
}

func okHeader() *ua.ResponseHeader {
	return &ua.ResponseHeader{Timestamp: time.Now(), ServiceDiagnostics: &ua.DiagnosticInfo{}, AdditionalHeader: ua.NewExtensionObject(nil)}
}

func (h *hostile) encode(v any) []byte {
	h.t.Helper()
	b, err := ua.Encode(v)
	if err != nil {
		h.t.Error(err)
	}
	return append(binary.LittleEndian.AppendUint16([]byte{1, 0}, ua.ServiceTypeID(v)), b...)
}

// noSecurity opens a channel to a hostile server and asks it something.
func askHostile(t *testing.T, address string) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	c, err := openChannel(ctx, address, "opc.tcp://"+address, security{policy: ua.SecurityPolicyURINone, mode: ua.MessageSecurityModeNone})
	if err != nil {
		return err
	}
	defer c.wire.conn.Close()
	_, err = call[*ua.GetEndpointsResponse](ctx, c, &ua.GetEndpointsRequest{})
	return err
}

func TestHostileServersAreLeft(t *testing.T) {
	const asked = 2 // the id of the request after the one for keys
	flood := func(h *hostile, size int) {
		for range 100_000 {
			if h.message("MSGC", asked, make([]byte, size)) != nil {
				return
			}
		}
		h.t.Error("the client took everything")
	}
	rows := []struct {
		name, want string
		script     func(h *hostile)
	}{
		{"endless big chunks", "more than 524288 bytes", func(h *hostile) { flood(h, 60_000) }},
		{"endless small chunks", "more than 128 chunks", func(h *hostile) { flood(h, 1) }},
		{"a chunk of 2 GiB", "a chunk of 2147483647 bytes", func(h *hostile) { h.conn.Write([]byte("MSGF\xff\xff\xff\x7f")) }},
		{"a chunk of 3 bytes", "a chunk of 3 bytes", func(h *hostile) { h.conn.Write([]byte("MSGF\x03\x00\x00\x00")) }},
		{"a chunk without a header", "a message on channel 0", func(h *hostile) { h.send("MSGF") }},
		{"a chunk without a body", "encryption or signature is wrong", func(h *hostile) { h.send("MSGF", words(1, 1)) }},
		{"another channel", "on channel 7 instead of 1", func(h *hostile) { h.send("MSGF", words(7, 1, 2, asked)) }},
		{"unknown keys", "keys that were never agreed on", func(h *hostile) { h.send("MSGF", words(1, 9, 2, asked)) }},
		{"a lost chunk", "chunk 7 after 1", func(h *hostile) { h.send("MSGF", words(1, 1, 7, asked)) }},
		{"an answer to nothing", "which was not sent", func(h *hostile) { h.message("MSGF", 99, nil) }},
		{"mixed answers", "chunks of two messages are mixed", func(h *hostile) { h.message("MSGC", asked, nil); h.message("MSGF", 99, nil) }},
		{"an unknown kind", "a message of kind \"XYZ\"", func(h *hostile) { h.send("XYZF", words(1, 1, 2, asked)) }},
		{"an unknown chunk", "a chunk of kind 'Q'", func(h *hostile) { h.message("MSGQ", asked, nil) }},
		{"keys again", "keys that were not asked for", func(h *hostile) { h.send("OPNF", words(1)) }},
		{"an abort", "BadOutOfMemory", func(h *hostile) { h.message("MSGA", asked, append(words(0x80030000), words(noLimit)...)) }},
		{"nonsense", "cannot be decoded", func(h *hostile) { h.message("MSGF", asked, []byte("\x01\x00\xff\xff")) }},
		{"another answer", "instead of a *ua.GetEndpointsResponse", func(h *hostile) {
			h.message("MSGF", asked, h.encode(&ua.CloseSessionResponse{ResponseHeader: okHeader()}))
		}},
		{"an array of 100 million", "cannot be decoded", func(h *hostile) {
			b := h.encode(&ua.GetEndpointsResponse{ResponseHeader: okHeader()})
			h.message("MSGF", asked, append(b[:len(b)-4], words(100_000_000)...))
		}},
		{"200 KB for the library", "131072 are taken", func(h *hostile) {
			for range 4 {
				h.message("MSGC", asked, make([]byte, 50_000))
			}
			h.message("MSGF", asked, nil)
		}},
		{"an end", "the server closed the connection", func(h *hostile) {}},
		{"a word of parting", "BadTcpServerTooBusy", func(h *hostile) { h.send("ERRF", words(0x807d0000), appendBytes(nil, []byte("later"))) }},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			address := serveHostile(t, func(h *hostile) {
				h.greet()
				h.grant(ua.SecurityPolicyURINone)
				h.read()
				row.script(h)
			})
			if err := askHostile(t, address); err == nil || !strings.Contains(err.Error(), row.want) {
				t.Errorf("got %v, want %q in it", err, row.want)
			}
		})
	}
}

func TestHostileGreetings(t *testing.T) {
	for _, row := range []struct {
		name, want string
		script     func(h *hostile)
	}{
		{"tiny chunks", "takes chunks of 100 bytes only", func(h *hostile) { h.send("ACKF", words(0, 100, 100, 0, 0)) }},
		{"short", "a short acknowledge", func(h *hostile) { h.send("ACKF", words(0, 100)) }},
		{"something else", "instead of an acknowledge", func(h *hostile) { h.send("MSGF", words(0, 100)) }},
		{"web server", "a chunk of", func(h *hostile) { io.WriteString(h.conn, "HTTP/1.1 400 Bad Request\r\n") }},
		{"an S7 PLC", "without a word of OPC UA; check the address: a server of OPC UA mostly has port 4840, and 102 is S7", func(h *hostile) {}},
	} {
		t.Run(row.name, func(t *testing.T) {
			address := serveHostile(t, func(h *hostile) {
				h.read()
				row.script(h)
			})
			if err := askHostile(t, address); err == nil || !strings.Contains(err.Error(), row.want) {
				t.Errorf("got %v, want %q in it", err, row.want)
			}
		})
	}
}

// The server's limits hold where they are lower than ours, and ours otherwise.
func TestLimitsAreTheLowerOnes(t *testing.T) {
	for _, row := range []struct{ chunk, message, chunks, wantChunk, wantMessage, wantChunks uint32 }{
		{noLimit, noLimit, noLimit, maxChunk, maxMessage, maxChunks},
		{maxChunk, 0, 0, maxChunk, maxMessage, maxChunks},
		{minChunk, 10_000, 2, minChunk, 10_000, 2},
	} {
		address := serveHostile(t, func(h *hostile) {
			h.read()
			h.send("ACKF", words(0, row.chunk, row.chunk, row.message, row.chunks))
		})
		w, err := dialWire(t.Context(), address, "opc.tcp://x")
		if err != nil {
			t.Fatal(err)
		}
		w.conn.Close()
		if got, want := [3]int{w.sendChunk, w.sendMessage, w.sendChunks}, [3]int{int(row.wantChunk), int(row.wantMessage), int(row.wantChunks)}; got != want {
			t.Errorf("limits %v, want %v", got, want)
		}
	}
}

// testIdentity returns an identity and its certificate, made once.
func testIdentity(t *testing.T) (*identity, *x509.Certificate) {
	t.Helper()
	made, err := shared()
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(made.Certificate())
	if err != nil {
		t.Fatal(err)
	}
	return &identity{certificate: cert, key: made.Key().(*rsa.PrivateKey), uri: made.ApplicationURI()}, cert
}

// A server, or whoever sits between, cannot answer with less security than was
// asked for.
func TestNoSilentDowngrade(t *testing.T) {
	own, server := testIdentity(t)
	const asked = ua.SecurityPolicyURIBasic256Sha256
	for policy, want := range map[string]string{
		ua.SecurityPolicyURINone: "instead of \"" + asked, ua.SecurityPolicyURIBasic128Rsa15: "instead of \"" + asked,
		"": "instead of \"" + asked, asked: "with another certificate",
	} {
		address := serveHostile(t, func(h *hostile) {
			h.greet()
			h.grant(policy)
			h.read()
		})
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		_, err := openChannel(ctx, address, "opc.tcp://"+address, security{
			policy: asked, mode: ua.MessageSecurityModeSignAndEncrypt, identity: own, server: server,
		})
		cancel()
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("answered with policy %q: got %v, want %q in it", policy, err, want)
		}
	}
}

func TestOnlyReadingCanBeEncoded(t *testing.T) {
	c := &channel{}
	for _, req := range []ua.Request{
		&ua.WriteRequest{}, &ua.CallRequest{}, &ua.HistoryUpdateRequest{}, &ua.AddNodesRequest{}, &ua.DeleteNodesRequest{},
		&ua.AddReferencesRequest{}, &ua.DeleteReferencesRequest{}, &ua.SetTriggeringRequest{}, &ua.RegisterServerRequest{},
	} {
		if _, body, err := c.encode(req, 0); err == nil || body != nil {
			t.Errorf("a %T was encoded", req)
		}
	}
	if _, _, err := c.encode(&ua.ReadRequest{}, 0); err != nil {
		t.Errorf("a ReadRequest was not encoded: %v", err)
	}
}

// A server that accepts and says nothing is given up in time, again and again,
// and a stop does not wait for it.
func TestDeafServer(t *testing.T) {
	address := serveHostile(t, func(h *hostile) { io.Copy(io.Discard, h.conn) })
	c := sourceConfig(address, simulated...)
	c.Timeout = edge.Span(100 * time.Millisecond)
	agent := run(t, open(t, c, ""))
	scans := agent.wait("two attempts", 10*time.Second, func(scans []edge.Scan) bool { return len(scans) >= 2 })
	for _, s := range scans {
		if s.Err == nil || s.First || len(s.Readings) > 0 {
			t.Errorf("got %+v, want an error alone", s)
		}
	}
	began := time.Now()
	if err := agent.end(); err != nil || time.Since(began) > 5*time.Second {
		t.Errorf("it stopped after %v with %v", time.Since(began), err)
	}
}

func TestStatusErrors(t *testing.T) {
	err := error(statusError(ua.StatusBadSessionIDInvalid))
	if got, want := err.Error(), "BadSessionIdInvalid (0x80250000)"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if !isStatus(errors.Join(io.EOF, err), ua.StatusBadTimeout, ua.StatusBadSessionIDInvalid) || isStatus(err, ua.StatusBadTimeout) || isStatus(io.EOF, ua.StatusBadTimeout) {
		t.Error("a status is not recognised")
	}
}
