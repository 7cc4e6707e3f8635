package opcua

import (
	"bytes"
	"context"
	"crypto/rsa"
	"crypto/x509"
	"encoding/binary"
	"fmt"
	"time"

	"github.com/gopcua/opcua/ua"
	"github.com/gopcua/opcua/uapolicy"
)

// security is how messages are protected, and by whose certificates.
type security struct {
	policy   string // URI
	mode     ua.MessageSecurityMode
	identity *identity         // ours; nil without security
	server   *x509.Certificate // the server's, checked; nil without security
	lifetime time.Duration     // of keys; 0: channelLifetime
}

func (s *security) none() bool { return s.policy == ua.SecurityPolicyURINone }

func (s *security) asymmetric() (*uapolicy.EncryptionAlgorithm, error) {
	if s.none() {
		return uapolicy.Asymmetric(s.policy, nil, nil)
	}
	key, ok := s.server.PublicKey.(*rsa.PublicKey)
	if !ok {
		return nil, fmt.Errorf("the server's certificate holds a %T; an RSA key is needed", s.server.PublicKey)
	}
	return uapolicy.Asymmetric(s.policy, s.identity.key, key)
}

// token is one set of keys of a channel.
type token struct {
	id   uint32
	algo *uapolicy.EncryptionAlgorithm
}

// channel is a secure channel (OPC 10000-6, 6.7). One goroutine owns it and
// does everything in turn: it sends requests, and takes answers with next.
// After any error but a refusal (statusError) it must be closed.
//
// The library's own channel lets the server choose the sizes, the policy of
// the answer and thereby the keys, and reads on for ever after a reset; so
// framing and checks are ours, and the library gives codec and cryptography.
type channel struct {
	wire *wire
	security
	id       uint32
	tokens   [2]token // the current one, and the one before it
	renewAt  time.Time
	sent     uint32 // sequence number of the last chunk sent
	received uint32 // and of the last one received; 0 before the first
	requests uint32 // id of the last request
	auth     *ua.NodeID
	awaited  map[uint32]bool // requests without an answer
	early    []answer        // what came while another answer was waited for
	body     []byte          // the message that is put together
}

// answer is one message from the server. An aborted one has err set.
type answer struct {
	request uint32
	body    []byte
	err     error
}

// channelLifetime is how long the keys may be used that we ask for.
const channelLifetime = time.Hour

// leastRenewal bounds how often new keys are asked for, whatever lifetime the
// server grants.
const leastRenewal = 100 * time.Millisecond

// openChannel connects and agrees on keys. ctx bounds it.
func openChannel(ctx context.Context, address, url string, s security) (*channel, error) {
	w, err := dialWire(ctx, address, url)
	if err != nil {
		return nil, err
	}
	c := &channel{wire: w, security: s, awaited: map[uint32]bool{}}
	if c.lifetime == 0 {
		c.lifetime = channelLifetime
	}
	if err := c.open(ctx, ua.SecurityTokenRequestTypeIssue); err != nil {
		w.conn.Close()
		return nil, fmt.Errorf("open a secure channel: %w", err)
	}
	return c, nil
}

// open asks for keys, the first time or again before they expire.
func (c *channel) open(ctx context.Context, kind ua.SecurityTokenRequestType) error {
	algo, err := c.asymmetric()
	if err != nil {
		return err
	}
	nonce, err := algo.MakeNonce()
	if err != nil {
		return err
	}
	req := &ua.OpenSecureChannelRequest{
		RequestType: kind, SecurityMode: c.mode, ClientNonce: nonce,
		RequestedLifetime: uint32(c.lifetime.Milliseconds()),
	}
	id, body, err := c.encode(req, requestHint)
	if err != nil {
		return err
	}
	if err := c.sendOpen(ctx, algo, id, body); err != nil {
		return err
	}
	a, err := c.await(ctx, id, algo)
	if err != nil {
		return err
	}
	res, err := decodeAs[*ua.OpenSecureChannelResponse](a.body)
	if err != nil {
		return err
	}
	return c.install(res, nonce, algo.NonceLength())
}

func (c *channel) install(res *ua.OpenSecureChannelResponse, nonce []byte, length int) error {
	t := res.SecurityToken
	if len(res.ServerNonce) < length {
		return protocolError("a nonce of %d bytes; %d are needed", len(res.ServerNonce), length)
	}
	if c.id != 0 && t.ChannelID != c.id || t.ChannelID == 0 {
		return protocolError("it renewed channel %d as %d", c.id, t.ChannelID)
	}
	algo, err := uapolicy.Symmetric(c.policy, nonce, res.ServerNonce)
	if err != nil {
		return err
	}
	c.id = t.ChannelID
	c.tokens = [2]token{{id: t.TokenID, algo: algo}, c.tokens[0]}
	lifetime := min(time.Duration(t.RevisedLifetime)*time.Millisecond, c.lifetime)
	c.renewAt = time.Now().Add(max(lifetime*3/4, leastRenewal))
	return nil
}

// renew agrees on new keys when three quarters of the life of the old ones
// are over.
func (c *channel) renew(ctx context.Context) error {
	if time.Now().Before(c.renewAt) {
		return nil
	}
	if err := c.open(ctx, ua.SecurityTokenRequestTypeRenew); err != nil {
		return fmt.Errorf("renew the keys of the secure channel: %w", err)
	}
	return nil
}

// sendOpen sends the request for keys, which is always signed and encrypted
// unless there is no security at all.
func (c *channel) sendOpen(ctx context.Context, algo *uapolicy.EncryptionAlgorithm, id uint32, body []byte) error {
	var certificate, thumbprint []byte
	if !c.none() {
		certificate, thumbprint = c.identity.certificate.Raw, uapolicy.Thumbprint(c.server.Raw)
	}
	b := append([]byte("OPNF\x00\x00\x00\x00"), binary.LittleEndian.AppendUint32(nil, c.id)...)
	b = appendBytes(b, []byte(c.policy))
	b = appendBytes(b, certificate)
	b = appendBytes(b, thumbprint)
	chunk, err := c.seal(b, id, body, algo, !c.none())
	if err != nil {
		return err
	}
	return c.wire.write(ctx, chunk)
}

func appendBytes(dst, b []byte) []byte {
	if b == nil {
		return binary.LittleEndian.AppendUint32(dst, ^uint32(0))
	}
	dst = binary.LittleEndian.AppendUint32(dst, uint32(len(b)))
	return append(dst, b...)
}

// send sends a request with a hint of how long the server may take and returns
// its id.
func (c *channel) send(ctx context.Context, req ua.Request, hint time.Duration) (uint32, error) {
	id, body, err := c.encode(req, hint)
	if err != nil {
		return 0, err
	}
	kind := "MSG"
	if _, closing := req.(*ua.CloseSecureChannelRequest); closing {
		kind = "CLO"
	}
	current := &c.tokens[0]
	most := c.bodySize(current.algo)
	if len(body) > c.wire.sendMessage || (len(body)+most-1)/most > c.wire.sendChunks {
		return 0, fmt.Errorf("a %T of %d bytes is more than the server takes", req, len(body))
	}
	for first := true; first || len(body) > 0; first = false {
		n := min(most, len(body))
		final := byte(chunkFinal)
		if n < len(body) {
			final = chunkIntermediate
		}
		b := append([]byte(kind), final, 0, 0, 0, 0)
		b = binary.LittleEndian.AppendUint32(b, c.id)
		b = binary.LittleEndian.AppendUint32(b, current.id)
		chunk, err := c.seal(b, id, body[:n], current.algo, c.mode == ua.MessageSecurityModeSignAndEncrypt)
		if err != nil {
			return 0, err
		}
		if err := c.wire.write(ctx, chunk); err != nil {
			return 0, err
		}
		body = body[n:]
	}
	c.awaited[id] = true
	return id, nil
}

// bodySize is how much of a message fits a chunk.
func (c *channel) bodySize(algo *uapolicy.EncryptionAlgorithm) int {
	const head, sequence, padding = headerSize + 8, 8, 1
	room := c.wire.sendChunk - head
	if c.mode == ua.MessageSecurityModeSignAndEncrypt {
		room = room/algo.BlockSize()*algo.PlaintextBlockSize() - padding
	}
	return room - sequence - algo.SignatureLength()
}

// encode gives a request its header and id and returns its bytes. Only
// requests that read and that keep a session are permitted: a tag can never be
// written, nor a method called.
func (c *channel) encode(req ua.Request, hint time.Duration) (id uint32, body []byte, err error) {
	switch req.(type) {
	case *ua.OpenSecureChannelRequest, *ua.CloseSecureChannelRequest, *ua.GetEndpointsRequest,
		*ua.CreateSessionRequest, *ua.ActivateSessionRequest, *ua.CloseSessionRequest, *ua.ReadRequest,
		*ua.CreateSubscriptionRequest, *ua.DeleteSubscriptionsRequest, *ua.CreateMonitoredItemsRequest,
		*ua.PublishRequest, *ua.RepublishRequest:
	default:
		return 0, nil, fmt.Errorf("a %T is never sent", req)
	}
	c.requests++
	auth := c.auth
	if auth == nil {
		auth = ua.NewTwoByteNodeID(0)
	}
	req.SetHeader(&ua.RequestHeader{
		AuthenticationToken: auth, Timestamp: time.Now(), RequestHandle: c.requests,
		TimeoutHint: uint32(hint.Milliseconds()),
	})
	body = []byte{1, 0} // a numeric id of namespace 0 in four bytes
	body = binary.LittleEndian.AppendUint16(body, ua.ServiceTypeID(req))
	encoded, err := ua.Encode(req)
	if err != nil {
		return 0, nil, fmt.Errorf("encode a %T: %w", req, err)
	}
	return c.requests, append(body, encoded...), nil
}

// await returns the answer to a request. Other answers that come before it
// are kept for next. opening is the algorithm of an answer with keys.
func (c *channel) await(ctx context.Context, id uint32, opening *uapolicy.EncryptionAlgorithm) (answer, error) {
	for {
		a, err := c.receive(ctx, opening)
		if err != nil || a.request == id {
			delete(c.awaited, id)
			return a, err
		}
		if !c.awaited[a.request] {
			return a, protocolError("an answer to request %d, which was not sent", a.request)
		}
		delete(c.awaited, a.request)
		a.body = bytes.Clone(a.body)
		c.early = append(c.early, a)
	}
}

// next returns the next answer to any request. Its body is valid until the
// next call of any method.
func (c *channel) next(ctx context.Context) (answer, error) {
	if len(c.early) > 0 {
		a := c.early[0]
		c.early = c.early[1:]
		return a, nil
	}
	a, err := c.receive(ctx, nil)
	if err == nil && !c.awaited[a.request] {
		return a, protocolError("an answer to request %d, which was not sent", a.request)
	}
	delete(c.awaited, a.request)
	return a, err
}

// requestHint is how long the server may take for anything but publishing. Our
// own time-out is what counts.
const requestHint = 10 * time.Second

// call sends a request and returns the answer, or the server's refusal as a
// statusError.
func call[R ua.Response](ctx context.Context, c *channel, req ua.Request) (R, error) {
	var none R
	id, err := c.send(ctx, req, requestHint)
	if err != nil {
		return none, err
	}
	a, err := c.await(ctx, id, nil)
	if err == nil {
		err = a.err
	}
	if err != nil {
		return none, err
	}
	return decodeAs[R](a.body)
}

// close says good-bye, if ctx leaves time for it, and ends the connection.
func (c *channel) close(ctx context.Context) {
	// Whether it arrives does not matter: the connection ends anyway.
	_, _ = c.send(ctx, &ua.CloseSecureChannelRequest{}, requestHint)
	c.wire.conn.Close()
}
