package opcua

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gopcua/opcua/ua"
	"github.com/gopcua/opcua/uapolicy"
)

// Whoever answers must hold the key of the certificate that was checked.
func TestServerProvesItself(t *testing.T) {
	own, server := testIdentity(t)
	other := issue(t, "other", serverURI, false, now, now.Add(time.Hour), nil)
	c := &channel{security: security{
		policy: ua.SecurityPolicyURIBasic256Sha256, mode: ua.MessageSecurityModeSignAndEncrypt, identity: own, server: server,
	}}
	algo, err := c.asymmetric()
	if err != nil {
		t.Fatal(err)
	}
	nonce := bytes.Repeat([]byte{3}, 32)
	sign := func(nonce []byte) *ua.SignatureData {
		signature, err := algo.Signature(slices.Concat(own.certificate.Raw, nonce))
		if err != nil {
			t.Fatal(err)
		}
		return &ua.SignatureData{Signature: signature}
	}
	for _, row := range []struct {
		name, want string
		res        ua.CreateSessionResponse
	}{
		{"right", "", ua.CreateSessionResponse{ServerCertificate: server.Raw, ServerSignature: sign(nonce)}},
		{"another certificate", "another certificate", ua.CreateSessionResponse{ServerCertificate: other.Raw, ServerSignature: sign(nonce)}},
		{"no certificate", "another certificate", ua.CreateSessionResponse{ServerSignature: sign(nonce)}},
		{"an old proof", "could not prove", ua.CreateSessionResponse{ServerCertificate: server.Raw, ServerSignature: sign(nonce[1:])}},
		{"an empty proof", "could not prove", ua.CreateSessionResponse{ServerCertificate: server.Raw, ServerSignature: &ua.SignatureData{}}},
		{"no proof", "could not prove", ua.CreateSessionResponse{ServerCertificate: server.Raw}},
	} {
		err := (&Source{}).checkServer(c, &row.res, nonce)
		if (err == nil) != (row.want == "") || err != nil && !strings.Contains(err.Error(), row.want) {
			t.Errorf("%s: got %v, want %q", row.name, err, row.want)
		}
	}
}

func TestPasswordIsNotSaidAloud(t *testing.T) {
	own, server := testIdentity(t)
	for _, row := range []struct {
		name          string
		channel       ua.MessageSecurityMode
		policy, token string
		insecure      bool
		plain, fails  bool
	}{
		{"encrypted twice", ua.MessageSecurityModeSignAndEncrypt, ua.SecurityPolicyURIBasic256Sha256, "", false, false, false},
		{"encrypted by the channel", ua.MessageSecurityModeSignAndEncrypt, ua.SecurityPolicyURIBasic256Sha256, ua.SecurityPolicyURINone, false, true, false},
		{"signed only", ua.MessageSecurityModeSign, ua.SecurityPolicyURIBasic256Sha256, ua.SecurityPolicyURINone, false, false, true},
		{"encrypted by itself", ua.MessageSecurityModeNone, ua.SecurityPolicyURINone, ua.SecurityPolicyURIBasic256Sha256, true, false, false},
		{"insecure", ua.MessageSecurityModeNone, ua.SecurityPolicyURINone, "", true, true, false},
		{"unknown policy", ua.MessageSecurityModeSign, ua.SecurityPolicyURIBasic256Sha256, "http://nobody", false, false, true},
	} {
		s := open(t, sourceConfig("127.0.0.1", "ns=2;s=x"), "")
		s.config.OPCUA.User, s.config.OPCUA.Insecure, s.password = "line", row.insecure, "secret"
		c := &channel{security: security{policy: row.policy, mode: row.channel, identity: own, server: server}}
		session := &session{nonce: []byte("nonce"), certificate: server, token: &ua.UserTokenPolicy{SecurityPolicyURI: row.token}}
		got, err := s.identityToken(c, session)
		if row.fails {
			if err == nil {
				t.Errorf("%s: got %+v, want an error", row.name, got)
			}
			continue
		}
		token, ok := got.(*ua.UserNameIdentityToken)
		if err != nil || !ok || token.UserName != "line" || bytes.Contains(token.Password, []byte("secret")) != row.plain {
			t.Errorf("%s: got %+v, %v", row.name, got, err)
			continue
		}
		if row.plain {
			continue
		}
		algo, err := uapolicy.Asymmetric(ua.SecurityPolicyURIBasic256Sha256, own.key, nil)
		if err != nil {
			t.Fatal(err)
		}
		secret, err := algo.Decrypt(token.Password)
		if want := "\x0b\x00\x00\x00secretnonce"; err != nil || string(secret) != want {
			t.Errorf("%s: the server decrypts %q, %v; want %q", row.name, secret, err, want)
		}
	}
}
