package opcua

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/gopcua/opcua/ua"
	"github.com/gopcua/opcua/uapolicy"
)

// keepSession is how long a server shall keep session and subscription while
// it does not hear from us.
const keepSession = 5 * time.Minute

// session is what outlives a connection at the server.
type session struct {
	auth        *ua.NodeID
	nonce       []byte // the server's newest
	certificate *x509.Certificate
	token       *ua.UserTokenPolicy
}

// discover asks the server, without security, how it can be reached, and
// returns its certificate for the wanted security if it is to be believed.
// Nothing that it says is relied on but the certificate, which is checked.
func (s *Source) discover(ctx context.Context) (*x509.Certificate, error) {
	plain := security{policy: ua.SecurityPolicyURINone, mode: ua.MessageSecurityModeNone}
	c, err := openChannel(ctx, s.endpoint.address, s.endpoint.url, plain)
	if err != nil {
		return nil, err
	}
	defer c.close(ctx)
	res, err := call[*ua.GetEndpointsResponse](ctx, c, &ua.GetEndpointsRequest{EndpointURL: s.endpoint.url})
	if err != nil {
		return nil, fmt.Errorf("ask for endpoints: %w", err)
	}
	var offers []string
	for _, e := range res.Endpoints {
		if e.SecurityPolicyURI == s.policy && e.SecurityMode == s.mode && e.Server != nil {
			return s.trust.check(e.ServerCertificate, e.Server.ApplicationURI, time.Now())
		}
		offers = append(offers, securityName(e.SecurityPolicyURI, e.SecurityMode))
	}
	slices.Sort(offers)
	return nil, fmt.Errorf("the server does not offer %s but only %s", securityName(s.policy, s.mode), strings.Join(slices.Compact(offers), ", "))
}

func securityName(policy string, mode ua.MessageSecurityMode) string {
	_, name, _ := strings.Cut(policy, "#")
	if policy == ua.SecurityPolicyURINone {
		return name
	}
	return strings.TrimPrefix(mode.String(), "MessageSecurityMode") + " with " + fmt.Sprintf("%.60s", name)
}

// createSession begins a session. It must be activated before it is used.
func (s *Source) createSession(ctx context.Context, c *channel) (*session, error) {
	nonce := make([]byte, 32)
	if _, err := rand.Read(nonce); err != nil {
		return nil, err
	}
	req := &ua.CreateSessionRequest{
		ClientDescription: &ua.ApplicationDescription{
			ApplicationURI: s.applicationURI(), ProductURI: productURI,
			ApplicationName: ua.NewLocalizedText(organisation), ApplicationType: ua.ApplicationTypeClient,
		},
		EndpointURL: s.endpoint.url, SessionName: organisation + " " + s.config.ID, ClientNonce: nonce,
		RequestedSessionTimeout: float64(keepSession.Milliseconds()), MaxResponseMessageSize: maxMessage,
	}
	if !c.none() {
		req.ClientCertificate = c.identity.certificate.Raw
	}
	res, err := call[*ua.CreateSessionResponse](ctx, c, req)
	if err != nil {
		return nil, fmt.Errorf("create a session: %w", err)
	}
	own := &session{auth: res.AuthenticationToken, nonce: res.ServerNonce, certificate: c.server}
	if err := s.checkServer(c, res, nonce); err != nil {
		return nil, err
	}
	if c.none() && len(res.ServerCertificate) > 0 {
		// It only serves to hide a password, as the policy of its token may ask.
		if own.certificate, err = uapolicy.ParseCertificate(res.ServerCertificate); err != nil {
			return nil, protocolError("a certificate that cannot be read")
		}
	}
	own.token, err = s.userToken(res.ServerEndpoints)
	return own, err
}

// checkServer checks that who answers holds the key of the certificate that we
// believe.
func (s *Source) checkServer(c *channel, res *ua.CreateSessionResponse, nonce []byte) error {
	if c.none() {
		return nil
	}
	if !sameLeaf(res.ServerCertificate, c.server) {
		return errors.New("the server began the session with another certificate than the one that was checked")
	}
	algo, err := c.asymmetric()
	if err != nil {
		return err
	}
	proof := slices.Concat(c.identity.certificate.Raw, nonce)
	if res.ServerSignature == nil || algo.VerifySignature(proof, res.ServerSignature.Signature) != nil {
		return errors.New("the server could not prove that it holds the key of its certificate")
	}
	return nil
}

// userToken finds out how the server wants to be told who we are.
func (s *Source) userToken(endpoints []*ua.EndpointDescription) (*ua.UserTokenPolicy, error) {
	want := ua.UserTokenTypeAnonymous
	if s.config.OPCUA.User != "" {
		want = ua.UserTokenTypeUserName
	}
	for _, e := range endpoints {
		if e.SecurityPolicyURI != s.policy || e.SecurityMode != s.mode {
			continue
		}
		for _, t := range e.UserIdentityTokens {
			if t.TokenType == want {
				return t, nil
			}
		}
	}
	if want == ua.UserTokenTypeAnonymous {
		return nil, errors.New("the server wants a user; give opcua.user and opcua.passwordFile")
	}
	return nil, errors.New("the server takes no user names; remove opcua.user and opcua.passwordFile")
}

// activate makes the session that of this channel, be it new or taken up
// again.
func (s *Source) activate(ctx context.Context, c *channel, own *session) error {
	req := &ua.ActivateSessionRequest{ClientSignature: &ua.SignatureData{}, UserTokenSignature: &ua.SignatureData{}}
	if !c.none() {
		algo, err := c.asymmetric()
		if err != nil {
			return err
		}
		proof, err := algo.Signature(slices.Concat(c.server.Raw, own.nonce))
		if err != nil {
			return fmt.Errorf("sign: %w", err)
		}
		req.ClientSignature = &ua.SignatureData{Algorithm: algo.SignatureURI(), Signature: proof}
	}
	token, err := s.identityToken(c, own)
	if err != nil {
		return err
	}
	req.UserIdentityToken = ua.NewExtensionObject(token)
	c.auth = own.auth
	res, err := call[*ua.ActivateSessionResponse](ctx, c, req)
	if err != nil {
		return fmt.Errorf("activate the session: %w", err)
	}
	own.nonce = res.ServerNonce
	return nil
}

// identityToken says who we are. A password never travels in the clear unless
// the configuration says insecure.
func (s *Source) identityToken(c *channel, own *session) (any, error) {
	o := &s.config.OPCUA
	if o.User == "" {
		return &ua.AnonymousIdentityToken{PolicyID: own.token.PolicyID}, nil
	}
	token := &ua.UserNameIdentityToken{PolicyID: own.token.PolicyID, UserName: o.User}
	policy := own.token.SecurityPolicyURI
	if policy == "" {
		policy = c.policy
	}
	if policy == ua.SecurityPolicyURINone {
		if c.mode != ua.MessageSecurityModeSignAndEncrypt && !o.Insecure {
			return nil, errors.New("the server wants the password in the clear; use mode SignAndEncrypt")
		}
		token.Password = []byte(s.password)
		return token, nil
	}
	if own.certificate == nil {
		return nil, errors.New("the server wants the password encrypted and gives no certificate for it")
	}
	key, ok := own.certificate.PublicKey.(*rsa.PublicKey)
	if !ok {
		return nil, fmt.Errorf("the server's certificate holds a %T; an RSA key is needed", own.certificate.PublicKey)
	}
	algo, err := uapolicy.Asymmetric(policy, nil, key)
	if err != nil {
		return nil, err
	}
	secret := binary.LittleEndian.AppendUint32(nil, uint32(len(s.password)+len(own.nonce)))
	secret = append(append(secret, s.password...), own.nonce...)
	if token.Password, err = algo.Encrypt(secret); err != nil {
		return nil, fmt.Errorf("encrypt the password: %w", err)
	}
	token.EncryptionAlgorithm = algo.EncryptionURI()
	return token, nil
}

// closeSession lets the server forget us.
func closeSession(ctx context.Context, c *channel) {
	// If this fails, the server forgets us when the session expires.
	_, _ = call[*ua.CloseSessionResponse](ctx, c, &ua.CloseSessionRequest{DeleteSubscriptions: true})
}
