package opcuasim

import (
	"errors"
	"testing"

	"github.com/gopcua/opcua"
	"github.com/gopcua/opcua/ua"
)

func TestEndpointsSayWhatIsOffered(t *testing.T) {
	server, _ := identities()
	for _, allow := range []bool{false, true} {
		address := serve(t, newServer(t, Options{AllowNone: allow}))
		got, err := opcua.GetEndpoints(t.Context(), address)
		if err != nil {
			t.Fatal(err)
		}
		if want := 1 + map[bool]int{true: 1}[allow]; len(got) != want {
			t.Fatalf("%d endpoints, want %d", len(got), want)
		}
		e := got[0]
		if e.EndpointURL != address || e.SecurityMode != ua.MessageSecurityModeSignAndEncrypt ||
			e.SecurityPolicyURI != ua.SecurityPolicyURIBasic256Sha256 || e.Server.ApplicationURI != server.ApplicationURI() ||
			string(e.ServerCertificate) != string(server.Certificate()) || e.UserIdentityTokens[0].TokenType != ua.UserTokenTypeAnonymous {
			t.Errorf("%+v", e)
		}
	}
}

func TestOnlyTheSecurityThatIsOfferedIsTaken(t *testing.T) {
	_, client := identities()
	key := opcua.PrivateKey(client.key)
	for name, weaker := range map[string][]opcua.Option{
		"none": {
			opcua.SecurityPolicy(ua.SecurityPolicyURINone), opcua.SecurityMode(ua.MessageSecurityModeNone),
		},
		"signed only":   {opcua.SecurityMode(ua.MessageSecurityModeSign), key},
		"an old policy": {opcua.SecurityPolicy(ua.SecurityPolicyURIBasic256), key},
	} {
		s := newServer(t, Options{})
		address := serve(t, s)
		c, err := opcua.NewClient(address, anonymous(weaker...)...)
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Connect(t.Context()); err == nil {
			t.Errorf("%s: connected", name)
			c.Close(t.Context())
		} else if !errors.Is(err, ua.StatusBadSecurityPolicyRejected) {
			t.Logf("%s: %v", name, err) // what the client makes of the end of its connection is its own
		}
		if got := s.Stats().Insecure; got != 1 {
			t.Errorf("%s: %d insecure attempts, want 1", name, got)
		}
	}
}

func TestNoneIsTakenWhenAskedFor(t *testing.T) {
	address := serve(t, newServer(t, Options{AllowNone: true}))
	c := connect(t, address, opcua.SecurityPolicy(ua.SecurityPolicyURINone), opcua.SecurityMode(ua.MessageSecurityModeNone))
	if got := read(t, c, "F1", "temperature").Value.Value(); got != 68.5 {
		t.Errorf("read %v", got)
	}
}

func TestPasswordsAreChecked(t *testing.T) {
	s := newServer(t, Options{User: "linewatch", Password: "hops & malt"})
	address := serve(t, s)
	for _, row := range []struct {
		user, password string
		want           error
	}{
		{"linewatch", "hops & malt", nil},
		{"linewatch", "hops", ua.StatusBadUserAccessDenied},
		{"linewatch", "", ua.StatusBadUserAccessDenied},
		{"Linewatch", "hops & malt", ua.StatusBadUserAccessDenied},
		{"", "", ua.StatusBadIdentityTokenRejected},
	} {
		offered, err := opcua.GetEndpoints(t.Context(), address)
		if err != nil {
			t.Fatal(err)
		}
		who := append(secured(), opcua.SecurityFromEndpoint(offered[0], ua.UserTokenTypeUserName), opcua.AuthUsername(row.user, row.password))
		if row.user == "" {
			who = anonymous()
		}
		c, err := opcua.NewClient(address, who...)
		if err != nil {
			t.Fatal(err)
		}
		err = c.Connect(t.Context())
		if !errors.Is(err, row.want) {
			t.Errorf("%q with %q: %v, want %v", row.user, row.password, err, row.want)
		}
		if err == nil {
			read(t, c, "F1", "count")
			c.Close(t.Context())
		}
	}
}

func TestARequestNeedsItsSession(t *testing.T) {
	s := newServer(t, Options{})
	c := connect(t, serve(t, s))
	read(t, c, "F1", "count")
	s.DropSessions()
	if _, err := ask[*ua.ReadResponse](t, c, &ua.ReadRequest{}); err != ua.StatusBadSessionIDInvalid {
		t.Errorf("without a session: %v", err)
	}
}

func TestASessionIsNoUseOnAnotherConnection(t *testing.T) {
	s := newServer(t, Options{})
	address := serve(t, s)
	connect(t, address)
	stolen := &ua.RequestHeader{}
	for _, session := range s.sessions {
		stolen.AuthenticationToken = session.token
	}
	connect(t, address)
	s.mu.Lock()
	defer s.mu.Unlock()
	refused := 0
	for c := range s.conns {
		if _, code := s.session(c, stolen); code == ua.StatusBadSecureChannelIDInvalid {
			refused++
		}
	}
	if refused != 1 {
		t.Errorf("%d of two connections were refused the session of the other", refused)
	}
}
