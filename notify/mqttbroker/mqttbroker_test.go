package mqttbroker

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	paho "github.com/eclipse/paho.mqtt.golang"
)

func start(t *testing.T) *Broker {
	t.Helper()
	b, err := Listen("127.0.0.1:0", nil)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- b.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return b
}

func TestCount(t *testing.T) {
	b := start(t)
	c, err := Count(t.Context(), b.Address())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	client := paho.NewClient(paho.NewClientOptions().AddBroker("tcp://" + b.Address()).SetClientID("p"))
	if token := client.Connect(); token.Wait() && token.Error() != nil {
		t.Fatal(token.Error())
	}
	defer client.Disconnect(100)
	publish := func(topic, payload string) {
		if token := client.Publish(topic, 1, false, payload); !token.WaitTimeout(5*time.Second) || token.Error() != nil {
			t.Fatal(token.Error())
		}
	}
	for i := range 10 {
		publish("linewatch/v1/s/l/m/events", fmt.Sprintf(`{"id":"%d"}`, i%7))
		publish("linewatch/v1/s/l/m/state", `{"id":"state"}`)
	}
	publish("linewatch/v1/s/l/m/events", `{}`)
	want := Deliveries{Distinct: 7, Repeated: 3, Unread: 1}
	var got Deliveries
	for deadline := time.Now().Add(5 * time.Second); got != want && time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		if got, err = c.Deliveries(); err != nil {
			t.Fatal(err)
		}
	}
	if got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if n := b.Dropped(); n != 0 {
		t.Errorf("%d dropped", n)
	}
}

func TestBusyPort(t *testing.T) {
	b := start(t)
	_, err := Listen(b.Address(), nil)
	if !errors.Is(err, ErrAddressInUse) || !strings.Contains(err.Error(), b.Address()) {
		t.Errorf("got %v", err)
	}
}

func TestOnlyThisMachine(t *testing.T) {
	for _, address := range []string{"0.0.0.0:0", ":1883", "192.0.2.1:1883", "example.org:1883", "127.0.0.1"} {
		if b, err := Listen(address, nil); err == nil {
			t.Errorf("%s: listens on %s", address, b.Address())
		}
	}
}

func TestLostBrokerIsReported(t *testing.T) {
	b, err := Listen("127.0.0.1:0", nil)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- b.Run(ctx) }()
	c, err := Count(t.Context(), b.Address())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	cancel()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(5 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		if _, err := c.Deliveries(); err != nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("a lost connection is not reported")
		}
	}
}

// Whoever connects and never says a word does not hold up the end.
func TestEndsWithASilentClient(t *testing.T) {
	b, err := Listen("127.0.0.1:0", nil)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- b.Run(ctx) }()
	silent, err := net.Dial("tcp", b.Address())
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	c, err := Count(t.Context(), b.Address()) // accepted after the silent one
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	cancel()
	ended(t, done)
}

// Clients that leave while the broker ends do not stop it half-way.
func TestEndsWhileClientsLeave(t *testing.T) {
	for range 20 {
		b, err := Listen("127.0.0.1:0", nil)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- b.Run(ctx) }()
		var clients []*Counter
		for range 8 {
			c, err := Count(t.Context(), b.Address())
			if err != nil {
				t.Fatal(err)
			}
			clients = append(clients, c)
		}
		var leaving sync.WaitGroup
		for _, c := range clients {
			leaving.Go(func() { c.Close() })
		}
		cancel()
		ended(t, done)
		leaving.Wait()
	}
}

func ended(t *testing.T, done <-chan error) {
	t.Helper()
	select {
	case err := <-done:
		if err != nil {
			t.Fatal(err)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("the broker does not end")
	}
}

// busyListener cannot let anybody in at first.
type busyListener struct {
	net.Listener
	refusals atomic.Int32
}

func (l *busyListener) Accept() (net.Conn, error) {
	if l.refusals.Add(-1) >= 0 {
		return nil, &net.OpError{Op: "accept", Err: syscall.EMFILE}
	}
	return l.Listener.Accept()
}

// A moment without a free file does not shut out everybody for ever.
func TestBusyMachine(t *testing.T) {
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	busy := &busyListener{Listener: inner}
	busy.refusals.Store(3)
	l := newListener(busy, func() {})
	served, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		l.Serve(func(string, net.Conn) error { close(served); return nil })
	}()
	c, err := net.Dial("tcp", inner.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for _, done := range []chan struct{}{served, ended} {
		select {
		case <-done:
		case <-time.After(20 * time.Second):
			t.Fatal("nobody is let in, or it does not end")
		}
		l.Close(nil)
	}
}
