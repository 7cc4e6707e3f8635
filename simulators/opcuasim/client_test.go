package opcuasim

import (
	"context"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/gopcua/opcua"
	"github.com/gopcua/opcua/ua"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// identities makes the server's and the client's key once: they are slow.
var identities = sync.OnceValues(func() (*Identity, *Identity) {
	server, err := NewIdentity(DefaultApplicationURI, time.Now())
	if err != nil {
		panic(err)
	}
	client, err := NewIdentity("urn:linewatch:test-client", time.Now())
	if err != nil {
		panic(err)
	}
	return server, client
})

// newServer returns a server with three tags of F1 and an empty one of R1.
func newServer(t *testing.T, o Options) *Server {
	t.Helper()
	o.Identity, _ = identities()
	s, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	for _, tag := range []struct {
		machine, name string
		value         any
	}{{"F1", "running", true}, {"F1", "count", int64(1) << 60}, {"F1", "temperature", 68.5}, {"R1", "product", "PET-1L ü"}} {
		if err := s.AddTag(tag.machine, "Machine "+tag.machine, tag.name, "", tag.value, morning); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

// serve runs the server until the test ends and returns its address.
func serve(t *testing.T, s *Server) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- s.Serve(ctx, l) }()
	t.Cleanup(func() {
		cancel()
		if err := <-served; err != nil {
			t.Errorf("Serve: %v", err)
		}
	})
	return "opc.tcp://" + l.Addr().String()
}

// secured are the options of a client that signs and encrypts.
func secured() []opcua.Option {
	server, client := identities()
	return []opcua.Option{
		opcua.AutoReconnect(false), opcua.RequestTimeout(5 * time.Second), opcua.SessionTimeout(30 * time.Second),
		opcua.SecurityPolicy(ua.SecurityPolicyURIBasic256Sha256), opcua.SecurityMode(ua.MessageSecurityModeSignAndEncrypt),
		opcua.Certificate(client.Certificate()), opcua.PrivateKey(client.key), opcua.RemoteCertificate(server.Certificate()),
		opcua.ApplicationURI(client.ApplicationURI()),
	}
}

// anonymous are the options of one that does not say who uses it.
func anonymous(more ...opcua.Option) []opcua.Option {
	return append(append(secured(), opcua.AuthAnonymous(), opcua.AuthPolicyID("anonymous")), more...)
}

// connect returns a connected client, which is closed with the test.
func connect(t *testing.T, address string, more ...opcua.Option) *opcua.Client {
	t.Helper()
	c, err := opcua.NewClient(address, anonymous(more...)...)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Connect(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
		defer cancel()
		c.Close(ctx) // the server may have cut it
	})
	return c
}

// ask sends a request and returns the answer, or the status that it failed
// with.
func ask[R ua.Response](t *testing.T, c *opcua.Client, request ua.Request) (R, error) {
	t.Helper()
	var got R
	err := c.Send(t.Context(), request, func(r ua.Response) error {
		var ok bool
		if got, ok = r.(R); !ok && r.Header().ServiceResult == ua.StatusOK {
			t.Errorf("%T answered with %T", request, r)
		}
		return nil
	})
	return got, err
}

// must is ask for an answer that is expected.
func must[R ua.Response](t *testing.T, c *opcua.Client, request ua.Request) R {
	t.Helper()
	got, err := ask[R](t, c, request)
	if err != nil {
		t.Fatalf("%T: %v", request, err)
	}
	return got
}

func nodeID(t *testing.T, machine, tag string) *ua.NodeID {
	t.Helper()
	id, err := ua.ParseNodeID(NodeID(machine, tag))
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// read returns the value of a tag.
func read(t *testing.T, c *opcua.Client, machine, tag string) *ua.DataValue {
	t.Helper()
	r := must[*ua.ReadResponse](t, c, &ua.ReadRequest{
		TimestampsToReturn: ua.TimestampsToReturnBoth,
		NodesToRead:        []*ua.ReadValueID{{NodeID: nodeID(t, machine, tag), AttributeID: ua.AttributeIDValue, DataEncoding: &ua.QualifiedName{}}},
	})
	return r.Results[0]
}

// set changes a tag.
func set(t *testing.T, s *Server, machine, tag string, value any, at time.Time) {
	t.Helper()
	s.Update(func(w *Writer) {
		if err := w.Set(machine, tag, value, at); err != nil {
			t.Error(err)
		}
	})
}

// eventually waits for a condition of the server, which other processes bring
// about.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(5 * time.Second); !ok(); {
		if time.Now().After(end) {
			t.Fatalf("not within 5 s: %s", what)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

var morning = time.Date(2026, 11, 25, 6, 0, 0, 123_000_000, time.UTC)
