package opcuasim

import (
	"bytes"
	"crypto/rand"
	"crypto/subtle"
	"encoding/binary"
	"slices"
	"time"

	"github.com/gopcua/opcua/ua"
	"github.com/gopcua/opcua/uapolicy"
)

// What a session's time-out is revised to.
const (
	shortestSession = 5 * time.Second
	longestSession  = time.Hour
	nonceSize       = 32
)

// session is a client's session. It outlives its connection until its
// time-out, and can be activated again over another.
type session struct {
	id, token   *ua.NodeID
	conn        *conn // over which it was activated last; nil when that has ended
	secure      bool  // created over a channel that signs and encrypts
	certificate []byte
	nonce       []byte
	timeout     time.Duration
	seen        time.Time // last request
	activated   bool
	waiting     []waiting // publish requests, oldest first
}

// waiting is a publish request that waits for something to tell.
type waiting struct {
	conn    *conn
	request uint32
	handle  uint32
	results []ua.StatusCode // of its acknowledgements
}

// leave takes off what came over a connection that has ended.
func (s *session) leave(c *conn) {
	if s.conn == c {
		s.conn = nil
	}
	s.waiting = slices.DeleteFunc(s.waiting, func(w waiting) bool { return w.conn == c })
}

// session returns the session of a request, which must have been activated
// over this connection. The caller holds the lock.
func (s *Server) session(c *conn, h *ua.RequestHeader) (*session, ua.StatusCode) {
	found := s.sessions[h.AuthenticationToken.String()]
	switch {
	case found == nil:
		return nil, ua.StatusBadSessionIDInvalid
	case !found.activated:
		return nil, ua.StatusBadSessionNotActivated
	case found.conn != c:
		return nil, ua.StatusBadSecureChannelIDInvalid
	}
	found.seen = time.Now()
	return found, ua.StatusOK
}

// createSession answers a request for a session. The caller holds the lock.
func (s *Server) createSession(c *conn, r *ua.CreateSessionRequest) ua.Response {
	switch {
	case !c.secure() && !s.options.AllowNone:
		s.stats.Insecure++
		return fault(r, ua.StatusBadSecurityPolicyRejected)
	case len(s.sessions) >= maxSessions:
		return fault(r, ua.StatusBadTooManySessions)
	case c.secure() && !bytes.Equal(r.ClientCertificate, c.config.RemoteCertificate):
		s.stats.Insecure++
		return fault(r, ua.StatusBadCertificateInvalid)
	}
	signature, algorithm, err := c.ch.NewSessionSignature(slices.Clip(r.ClientCertificate), r.ClientNonce)
	if err != nil {
		s.stats.Insecure++
		return fault(r, ua.StatusBadSecurityChecksFailed)
	}
	timeout := time.Duration(min(max(r.RequestedSessionTimeout, 0), float64(longestSession.Milliseconds()))) * time.Millisecond
	created := &session{
		id: ua.NewByteStringNodeID(1, random(16)), token: ua.NewByteStringNodeID(0, random(nonceSize)),
		secure: c.secure(), certificate: slices.Clip(r.ClientCertificate), nonce: random(nonceSize),
		timeout: max(timeout, shortestSession), seen: time.Now(),
	}
	s.sessions[created.token.String()] = created
	return &ua.CreateSessionResponse{
		ResponseHeader: header(r, ua.StatusOK), SessionID: created.id, AuthenticationToken: created.token,
		RevisedSessionTimeout: float64(created.timeout.Milliseconds()),
		ServerNonce:           created.nonce, ServerCertificate: s.options.Identity.certificate,
		ServerEndpoints: s.endpoints(r.EndpointURL),
		ServerSignature: &ua.SignatureData{Algorithm: algorithm, Signature: signature}, MaxRequestMessageSize: maxMessage,
	}
}

// activateSession binds a session to the connection if the client proves who
// it is. The caller holds the lock.
func (s *Server) activateSession(c *conn, r *ua.ActivateSessionRequest) ua.Response {
	found := s.sessions[r.RequestHeader.AuthenticationToken.String()]
	if found == nil {
		return fault(r, ua.StatusBadSessionIDInvalid)
	}
	if c.secure() != found.secure || found.secure && !bytes.Equal(found.certificate, c.config.RemoteCertificate) {
		s.stats.Insecure++
		return fault(r, ua.StatusBadSecurityChecksFailed)
	}
	if c.ch.VerifySessionSignature(found.certificate, found.nonce, r.ClientSignature.Signature) != nil {
		s.stats.Insecure++
		return fault(r, ua.StatusBadApplicationSignatureInvalid)
	}
	if code := s.checkUser(r.UserIdentityToken, found.nonce); code != ua.StatusOK {
		s.stats.Insecure++
		return fault(r, code)
	}
	if found.conn != nil && found.conn != c {
		found.leave(found.conn)
	}
	found.conn, found.activated, found.seen, found.nonce = c, true, time.Now(), random(nonceSize)
	return &ua.ActivateSessionResponse{ResponseHeader: header(r, ua.StatusOK), ServerNonce: found.nonce}
}

// checkUser compares the user with the one that is configured.
func (s *Server) checkUser(token *ua.ExtensionObject, nonce []byte) ua.StatusCode {
	var given any
	if token != nil {
		given = token.Value
	}
	switch t := given.(type) {
	case nil, *ua.AnonymousIdentityToken:
		if s.options.User != "" {
			return ua.StatusBadIdentityTokenRejected
		}
		return ua.StatusOK
	case *ua.UserNameIdentityToken:
		if s.options.User == "" {
			return ua.StatusBadIdentityTokenRejected
		}
		password, ok := s.decrypt(t, nonce)
		right := subtle.ConstantTimeCompare([]byte(t.UserName), []byte(s.options.User)) &
			subtle.ConstantTimeCompare(password, []byte(s.options.Password))
		if !ok || right != 1 {
			return ua.StatusBadUserAccessDenied
		}
		return ua.StatusOK
	}
	return ua.StatusBadIdentityTokenInvalid
}

// decrypt opens a password, which is sent as its length with the nonce's, the
// password, and the nonce of the session.
func (s *Server) decrypt(t *ua.UserNameIdentityToken, nonce []byte) ([]byte, bool) {
	algorithm, err := uapolicy.Asymmetric(ua.SecurityPolicyURIBasic256Sha256, s.options.Identity.key, nil)
	if err != nil || t.EncryptionAlgorithm != algorithm.EncryptionURI() {
		return nil, false
	}
	secret, err := algorithm.Decrypt(t.Password)
	if err != nil || len(secret) < 4 {
		return nil, false
	}
	size := binary.LittleEndian.Uint32(secret)
	if secret = secret[4:]; int(size) > len(secret) {
		return nil, false
	}
	return bytes.CutSuffix(secret[:size], nonce)
}

// endSession forgets a session and, if asked, its subscriptions; others live
// on until their lifetime ends or they are transferred. The caller holds the
// lock.
func (s *Server) endSession(ended *session, withSubscriptions bool) {
	for _, w := range ended.waiting {
		w.conn.send(w.request, &ua.ServiceFault{ResponseHeader: answered(w.handle, ua.StatusBadSessionClosed)})
	}
	ended.waiting = nil
	delete(s.sessions, ended.token.String())
	for _, sub := range s.subs {
		switch {
		case sub.session != ended:
		case withSubscriptions:
			s.endSubscription(sub)
		default:
			sub.session = nil
		}
	}
}

func random(n int) []byte {
	b := make([]byte, n)
	rand.Read(b)
	return b
}
