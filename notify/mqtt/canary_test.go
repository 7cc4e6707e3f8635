package mqtt

import (
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	mochi "github.com/mochi-mqtt/server/v2"
	wire "github.com/mochi-mqtt/server/v2/packets"

	wirepackets "github.com/eclipse/paho.mqtt.golang/packets"

	"linewatch"
)

// newNotifier returns one that runs until the test ends.
func newNotifier(t *testing.T, c Config, steady time.Duration) (n *Notifier, stop func()) {
	t.Helper()
	n, err := New(c, assets, nil)
	if err != nil {
		t.Fatal(err)
	}
	n.steady = steady
	return n, run(t, n.Run)
}

func (n *Notifier) warns(of error) func() bool {
	return func() bool { return n.Stats().Warning == of.Error() }
}

func (n *Notifier) isWell() bool {
	s := n.Stats()
	return s.Connected && s.Warning == ""
}

// swallower is a broker that acknowledges and throws away.
type swallower struct {
	recorder
	swallows atomic.Bool
	strict   atomic.Bool // a subscription ends the connection
}

func (s *swallower) Provides(hook byte) bool {
	return hook == mochi.OnPublish || s.recorder.Provides(hook)
}

func (s *swallower) OnPublish(_ *mochi.Client, p wire.Packet) (wire.Packet, error) {
	if s.swallows.Load() {
		return p, wire.CodeSuccessIgnore
	}
	return p, nil
}

func (s *swallower) OnACLCheck(c *mochi.Client, _ string, write bool) bool {
	if !write && s.strict.Load() {
		c.Net.Conn.Close()
	}
	return true
}

// What a broker takes and does not pass on is noticed, although it says that
// all is well; so is that it does again.
func TestUnheard(t *testing.T) {
	s := &swallower{}
	s.swallows.Store(true)
	address, _ := startBrokerWith(t, "127.0.0.1:0", s)
	n, _ := newNotifier(t, Config{Broker: "tcp://" + address, ClientID: "c", Site: "s", Timeout: 500 * time.Millisecond}, steady)
	waitFor(t, "a warning", 10*time.Second, n.warns(ErrUnheard))
	s.swallows.Store(false)
	s.drop()
	waitFor(t, "no warning", 10*time.Second, n.isWell)
}

// A broker that ends connections which listen gets one that does not.
func TestBrokerThatDoesNotLetUsListen(t *testing.T) {
	s := &swallower{}
	s.strict.Store(true)
	address, _ := startBrokerWith(t, "127.0.0.1:0", s)
	n, _ := newNotifier(t, Config{Broker: "tcp://" + address, ClientID: "c", Site: "s"}, steady)
	waitFor(t, "connected", 10*time.Second, n.isWell)
	if sent, err := n.Notify(t.Context(), []linewatch.StateChange{change("r", "m", 1)}); sent != 1 || err != nil {
		t.Errorf("sent %d, %v", sent, err)
	}
}

// drop cuts all connections.
func (r *recorder) drop() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, c := range r.clients {
		c.Net.Conn.Close()
	}
	r.clients = nil
}

// Two publishers with one client id throw each other out: both are told, with
// growing pauses, until one of them is gone.
func TestSameClientID(t *testing.T) {
	r := &recorder{}
	address, _ := startBroker(t, "127.0.0.1:0", r, nil)
	c := Config{Broker: "tcp://" + address, ClientID: "c", Site: "s", Timeout: 2 * time.Second} // this broker may stall where two meet
	one, _ := newNotifier(t, c, 20*time.Second)
	two, stop := newNotifier(t, c, 20*time.Second)
	var first, second bool // each in its time: while one pauses for long the other is well
	waitFor(t, "both warn", 3*time.Minute, func() bool {
		first, second = first || one.warns(ErrTakenOver)(), second || two.warns(ErrTakenOver)()
		return first && second
	})
	stop()
	waitFor(t, "the other one is well", 3*time.Minute, one.isWell)
}

// The same with Debian's broker, which denies without a word.
func TestMosquittoDenies(t *testing.T) {
	m := newMosquitto(t)
	m.stop(t, syscall.SIGTERM)
	rules := filepath.Join(t.TempDir(), "acl")
	for _, file := range []struct{ name, text string }{
		{rules, "topic read linewatch/#\n"},
		{m.config, read(t, m.config) + "acl_file " + rules + "\n"},
	} {
		if err := os.WriteFile(file.name, []byte(file.text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	m.start(t)
	n, _ := newNotifier(t, Config{Broker: "tcp://" + m.address, ClientID: "c", Site: "s", Timeout: time.Second}, steady)
	waitFor(t, "a warning", 20*time.Second, n.warns(ErrUnheard))
	if sent, err := n.Notify(t.Context(), []linewatch.StateChange{change("r", "m", 1)}); sent != 1 || err != nil {
		t.Errorf("sent %d, %v: mosquitto is known to acknowledge what it denies", sent, err)
	}
	m.stop(t, syscall.SIGTERM)
	if err := os.WriteFile(rules, []byte("topic readwrite linewatch/#\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	m.start(t)
	waitFor(t, "no warning", 20*time.Second, n.isWell)
}

func read(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// A broker that reads a byte now and then holds nobody up for longer than the
// timeout, and not more in memory than what it was given at once.
func TestSlowBroker(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan struct{})
	go func() {
		defer close(served)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go dawdle(c)
		}
	}()
	t.Cleanup(func() { l.Close(); <-served })
	const timeout = time.Second
	n, _ := newNotifier(t, Config{Broker: "tcp://" + l.Addr().String(), ClientID: "c", Site: "s", Timeout: timeout}, steady)
	waitFor(t, "connected", 10*time.Second, func() bool { return n.Stats().Connected })
	batch := make([]linewatch.StateChange, 64)
	for i := range batch {
		batch[i] = change("r", "m", uint64(i+1))
		batch[i].Text = strings.Repeat("long ", 10_000)
	}
	begun := time.Now()
	sent, err := n.Notify(t.Context(), batch)
	if took := time.Since(begun); sent != 0 || err == nil || took > 10*timeout {
		t.Errorf("sent %d, %v, after %v", sent, err, took)
	}
	waitFor(t, "the connection is given up", 10*time.Second, func() bool { return n.Stats().Connects > 1 || !n.Stats().Connected })
}

// dawdle greets a client, acknowledges its first message, and then reads as
// slowly as a line that is nearly dead.
func dawdle(c net.Conn) {
	defer c.Close()
	if tcp, ok := c.(*net.TCPConn); ok {
		tcp.SetReadBuffer(4 << 10)
	}
	for {
		p, err := wirepackets.ReadPacket(c)
		if err != nil {
			return
		}
		switch p := p.(type) {
		case *wirepackets.ConnectPacket:
			wirepackets.NewControlPacket(wirepackets.Connack).Write(c)
		case *wirepackets.SubscribePacket:
			ack := wirepackets.NewControlPacket(wirepackets.Suback).(*wirepackets.SubackPacket)
			ack.MessageID, ack.ReturnCodes = p.MessageID, []byte{1}
			ack.Write(c)
		case *wirepackets.PublishPacket:
			ack := wirepackets.NewControlPacket(wirepackets.Puback).(*wirepackets.PubackPacket)
			ack.MessageID = p.MessageID
			ack.Write(c)
			for b := make([]byte, 1); err == nil; time.Sleep(50 * time.Millisecond) {
				_, err = io.ReadFull(c, b)
			}
			return
		}
	}
}

// Whatever machines and rules are called, a topic fits its two bytes of length
// and holds no wildcard.
func TestTopicsFit(t *testing.T) {
	for _, name := range []string{strings.Repeat("\xff", linewatch.MaxName), "+/#", "\x00", strings.Repeat("+", linewatch.MaxName)} {
		of := topicsOf(name, name, name, name)
		for _, topic := range []string{of.events, of.state, of.alert, statusTopic(name, name)} {
			if len(topic) > 65_535 || strings.ContainsAny(topic, "+#\x00") || strings.Count(topic, "/") > 6 {
				t.Errorf("%s", fmt.Sprintf("%.80q of %d bytes", topic, len(topic)))
			}
		}
	}
}
