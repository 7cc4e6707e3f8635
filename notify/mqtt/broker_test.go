package mqtt

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"log/slog"
	"math/big"
	"net"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	mochi "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/listeners"
	wirepackets "github.com/mochi-mqtt/server/v2/packets"

	"linewatch"
	"linewatch/notify"
	"linewatch/notify/bolthistory"
)

// recorder is a broker's hook that notes what the broker has taken.
type recorder struct {
	mochi.HookBase
	deny bool

	mu       sync.Mutex
	received []packet
	clients  []*mochi.Client
}

func (*recorder) ID() string { return "recorder" }

func (*recorder) Provides(hook byte) bool {
	return hook == mochi.OnConnectAuthenticate || hook == mochi.OnACLCheck || hook == mochi.OnPublished || hook == mochi.OnWillSent
}

func (r *recorder) OnConnectAuthenticate(c *mochi.Client, _ wirepackets.Packet) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.clients = append(r.clients, c)
	return !r.deny
}

func (*recorder) OnACLCheck(*mochi.Client, string, bool) bool { return true }

func (r *recorder) OnPublished(_ *mochi.Client, p wirepackets.Packet) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.received = append(r.received, packet{p.TopicName, p.FixedHeader.Retain, bytes.Clone(p.Payload)})
}

func (r *recorder) OnWillSent(c *mochi.Client, p wirepackets.Packet) { r.OnPublished(c, p) }

// on returns the payloads that arrived on topics with a suffix.
func (r *recorder) on(suffix string) (list [][]byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, p := range r.received {
		if strings.HasSuffix(p.topic, suffix) {
			list = append(list, p.payload)
		}
	}
	return list
}

// startBroker serves until the returned function is called.
func startBroker(t *testing.T, address string, r *recorder, config *tls.Config) (bound string, stop func()) {
	t.Helper()
	return startBrokerTLS(t, address, r, config)
}

// startBrokerWith does the same with any hook.
func startBrokerWith(t *testing.T, address string, hook mochi.Hook) (bound string, stop func()) {
	t.Helper()
	return startBrokerTLS(t, address, hook, nil)
}

func startBrokerTLS(t *testing.T, address string, hook mochi.Hook, config *tls.Config) (bound string, stop func()) {
	t.Helper()
	s := mochi.New(&mochi.Options{Logger: slog.New(slog.DiscardHandler)})
	if err := s.AddHook(hook, nil); err != nil {
		t.Fatal(err)
	}
	l := listeners.NewTCP(listeners.Config{ID: "t", Address: address, TLSConfig: config})
	if err := s.AddListener(&listener{TCP: l, server: s}); err != nil {
		t.Fatal(err)
	}
	if err := s.Serve(); err != nil {
		t.Fatal(err)
	}
	stop = sync.OnceFunc(func() { s.Close() })
	t.Cleanup(stop)
	return l.Address(), stop
}

// listener lets go of its clients by itself: the server's own way locks its
// list of clients twice, and hangs when one leaves in between, and does not
// wait for those who come while it ends.
type listener struct {
	*listeners.TCP
	server  *mochi.Server
	clients sync.WaitGroup

	mu    sync.Mutex
	ended bool
	conns []net.Conn
}

func (l *listener) Serve(establish listeners.EstablishFn) {
	l.TCP.Serve(func(id string, c net.Conn) error {
		l.mu.Lock()
		if l.ended {
			l.mu.Unlock()
			return c.Close()
		}
		l.clients.Add(1)
		l.conns = append(l.conns, c)
		l.mu.Unlock()
		defer l.clients.Done()
		return establish(id, c)
	})
}

func (l *listener) Close(listeners.CloseFn) {
	l.mu.Lock()
	l.ended = true
	l.mu.Unlock()
	l.TCP.Close(func(string) {
		for _, c := range l.server.Clients.GetAll() {
			_ = l.server.DisconnectClient(c, wirepackets.ErrServerShuttingDown)
		}
	})
	for _, c := range l.conns {
		c.Close()
	}
	l.clients.Wait()
}

// run starts something that ends with the test, or when it is stopped before.
func run(t *testing.T, do func(context.Context) error) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- do(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(stop)
	return stop
}

// publisher is a whole path: history, follower, notifier.
type publisher struct {
	history  *bolthistory.History
	follower *notify.Follower
	notifier *Notifier
	stop     func()
}

func newPublisher(t *testing.T, broker string) *publisher {
	t.Helper()
	h, err := bolthistory.Open(filepath.Join(t.TempDir(), "history.db"), bolthistory.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.Close() })
	n, err := New(Config{Broker: broker, ClientID: "linewatch-1", Site: "north", Timeout: 2 * time.Second}, assets, nil)
	if err != nil {
		t.Fatal(err)
	}
	p := &publisher{history: h, notifier: n}
	p.follower = notify.NewFollower(h, h, n, notify.FollowerOptions{Name: "mqtt", Retry: 20 * time.Millisecond, Longest: 200 * time.Millisecond})
	stopNotifier := run(t, n.Run)
	stopFollower := run(t, p.follower.Run)
	p.stop = func() { stopFollower(); stopNotifier() }
	return p
}

func (p *publisher) append(t *testing.T, changes ...linewatch.StateChange) {
	t.Helper()
	if err := p.history.Append(t.Context(), changes); err != nil {
		t.Fatal(err)
	}
}

// waitFor polls a condition on real sockets and processes.
func waitFor(t *testing.T, what string, limit time.Duration, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(limit); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not within %v: %s", limit, what)
		}
	}
}

func (p *publisher) drained(t *testing.T) func() bool {
	return func() bool {
		s, err := p.follower.Stats(t.Context())
		return err == nil && s.Pending == 0
	}
}

func TestPublishesEachChange(t *testing.T) {
	r := &recorder{}
	address, _ := startBroker(t, "127.0.0.1:0", r, nil)
	p := newPublisher(t, "tcp://"+address)
	for seq := uint64(1); seq <= 20; seq++ {
		p.append(t, change("a", "equipment-1", seq))
	}
	waitFor(t, "all delivered", 10*time.Second, p.drained(t))
	// The recorder hears of a message after the publisher.
	waitFor(t, "20 events, states and alerts", 10*time.Second, func() bool {
		return len(r.on("/events")) == 20 && len(r.on("/state")) == 20 && len(r.on("/alerts/a")) == 20
	})
	alerts := r.on("/alerts/a")
	if len(alerts[18]) == 0 || len(alerts[19]) != 0 {
		t.Errorf("the last two alerts have %d and %d bytes", len(alerts[18]), len(alerts[19]))
	}
	p.stop()
	waitFor(t, "two words on the status", 10*time.Second, func() bool { return len(r.on("north/edge/linewatch-1/status")) >= 2 })
	status := r.on("north/edge/linewatch-1/status")
	if len(status) != 2 || string(status[0]) != `{"online":true}` || string(status[1]) != `{"online":false}` {
		t.Errorf("status %q", status)
	}
}

func TestLastWill(t *testing.T) {
	r := &recorder{}
	address, _ := startBroker(t, "127.0.0.1:0", r, nil)
	n, err := New(Config{Broker: "tcp://" + address, ClientID: "linewatch-1", Site: "north"}, assets, nil)
	if err != nil {
		t.Fatal(err)
	}
	run(t, n.Run)
	waitFor(t, "connected", 5*time.Second, func() bool { return n.Stats().Connected })
	r.mu.Lock()
	c := r.clients[0]
	r.mu.Unlock()
	c.Net.Conn.Close() // as a cut cable would
	waitFor(t, "offline by the will, online again", 5*time.Second, func() bool {
		s := r.on("/status")
		return len(s) == 3 && string(s[1]) == `{"online":false}` && string(s[2]) == `{"online":true}`
	})
	// The broker may have the word before we know of the connection.
	waitFor(t, "two connections", time.Minute, func() bool { return n.Stats().Connects == 2 })
}

func TestBrokerComesAndGoes(t *testing.T) {
	r := &recorder{}
	address, stop := startBroker(t, "127.0.0.1:0", r, nil)
	p := newPublisher(t, "tcp://"+address)
	const alarms, perAlarm = 4, 60
	seen := map[string]int{}
	for seq := uint64(1); seq <= perAlarm; seq++ {
		for alarm := range alarms {
			p.append(t, change("rule-"+string(rune('a'+alarm)), "equipment-1", seq))
		}
		switch seq {
		case 15, 35:
			waitFor(t, "connected", 10*time.Second, func() bool { return p.notifier.Stats().Connected })
			stop()
		case 25, 45:
			_, stop = startBroker(t, address, r, nil)
		}
	}
	waitFor(t, "all delivered", 20*time.Second, p.drained(t))
	checkEvents(t, r.on("/events"), alarms, perAlarm)
	for _, body := range r.on("/events") {
		seen[string(body)]++
	}
	s, _ := p.follower.Stats(t.Context())
	t.Logf("%d events for %d changes; %+v; %+v", len(r.on("/events")), len(seen), s, p.notifier.Stats())
}

func TestDenied(t *testing.T) {
	r := &recorder{deny: true}
	address, _ := startBroker(t, "127.0.0.1:0", r, nil)
	if err := connectError(t, Config{Broker: "tcp://" + address}); !errors.Is(err, ErrDenied) {
		t.Errorf("got %v, want ErrDenied", err)
	}
}

// connectError dials once.
func connectError(t *testing.T, c Config) error {
	t.Helper()
	c.ClientID, c.Site, c.Timeout = "c", "s", time.Second
	n, err := New(c, assets, nil)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := n.dial(t.Context())
	if err == nil {
		conn.farewell(n.status)
	}
	return err
}

func TestTLS(t *testing.T) {
	web := httptest.NewTLSServer(nil) // for its certificate of 127.0.0.1
	defer web.Close()
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: web.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	certificate := web.TLS.Certificates
	address, _ := startBroker(t, "127.0.0.1:0", &recorder{}, &tls.Config{Certificates: certificate})
	old, _ := startBroker(t, "127.0.0.1:0", &recorder{}, &tls.Config{Certificates: certificate, MaxVersion: tls.VersionTLS11})
	expired, expiredCA := expiredBroker(t)
	plainText, _ := startBroker(t, "127.0.0.1:0", &recorder{}, nil)
	_, port, _ := net.SplitHostPort(address)
	tests := []struct {
		name   string
		config Config
		want   error
	}{
		{"trusted", Config{Broker: "ssl://" + address, CAFile: ca}, nil},
		{"unknown authority", Config{Broker: "ssl://" + address}, ErrTLS},
		{"another host's certificate", Config{Broker: "ssl://localhost:" + port, CAFile: ca}, ErrTLS},
		{"TLS 1.1", Config{Broker: "ssl://" + old, CAFile: ca}, ErrTLS},
		{"expired certificate", Config{Broker: "ssl://" + expired, CAFile: expiredCA}, ErrTLS},
		{"no TLS there", Config{Broker: "ssl://" + plainText, CAFile: ca}, ErrTLS},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if err := connectError(t, test.config); !errors.Is(err, test.want) {
				t.Errorf("got %v, want %v", err, test.want)
			}
		})
	}
}

// expiredBroker is a broker with a certificate of yesterday.
func expiredBroker(t *testing.T) (address, ca string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: now.Add(-48 * time.Hour), NotAfter: now.Add(-24 * time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	ca = filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	address, _ = startBroker(t, "127.0.0.1:0", &recorder{}, &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}})
	return address, ca
}

// A broker that accepts and then says nothing must hold nobody up for ever.
func TestSilentBroker(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	begun := time.Now()
	if err := connectError(t, Config{Broker: "tcp://" + l.Addr().String()}); err == nil || time.Since(begun) > 5*time.Second {
		t.Errorf("%v after %v", err, time.Since(begun))
	}
}

func BenchmarkNotify(b *testing.B) {
	s := mochi.New(&mochi.Options{Logger: slog.New(slog.DiscardHandler)})
	if err := s.AddHook(&recorder{}, nil); err != nil {
		b.Fatal(err)
	}
	l := listeners.NewTCP(listeners.Config{ID: "t", Address: "127.0.0.1:0"})
	if err := errors.Join(s.AddListener(&listener{TCP: l, server: s}), s.Serve()); err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	n, err := New(Config{Broker: "tcp://" + l.Address(), ClientID: "c", Site: "s"}, assets, nil)
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(b.Context())
	done := make(chan error, 1)
	go func() { done <- n.Run(ctx) }()
	var batch []linewatch.StateChange
	for seq := range uint64(64) {
		batch = append(batch, change("r", "equipment-1", seq))
	}
	for b.Loop() {
		if sent, err := n.Notify(b.Context(), batch); err != nil || sent != len(batch) {
			b.Fatal(sent, err)
		}
	}
	b.ReportMetric(float64(b.N*len(batch))/b.Elapsed().Seconds(), "changes/s")
	cancel()
	if err := <-done; err != nil {
		b.Error(err)
	}
}
