package mqtt

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/url"
	"sync"
	"time"

	paho "github.com/eclipse/paho.mqtt.golang"
	wire "github.com/eclipse/paho.mqtt.golang/packets"
)

// What a connect may end with, to be matched with errors.Is.
var (
	// ErrNotConnected: there is no connection to the broker now.
	ErrNotConnected = errors.New("not connected to the broker")
	// ErrDenied: the broker does not accept user, password or client id.
	ErrDenied = errors.New("the broker denies access; check mqtt.user, mqtt.passwordFile and mqtt.clientId")
	// ErrTLS: the broker's certificate is not accepted, or TLS is not spoken.
	ErrTLS = errors.New("no trusted TLS connection; check mqtt.caFile, and that the certificate names the host of mqtt.broker")
)

const (
	keepAlive    = 15 * time.Second
	pingTimeout  = 5 * time.Second
	farewellTime = 2 * time.Second
)

var (
	onlinePayload  = []byte(`{"online":true}`)
	offlinePayload = []byte(`{"online":false}`)
)

// connection is one connection to the broker. Each has a client of its own:
// paho's memory of unacknowledged messages ends with it, so that it can neither
// hide a loss nor send something twice behind our back.
type connection struct {
	client paho.Client
	canary *canary
	lost   chan struct{} // closed when the connection is of no use any more
	once   sync.Once
	mu     sync.Mutex
	reason error
}

// drop says that the connection is of no use. The first reason counts.
func (c *connection) drop(reason error) {
	c.once.Do(func() {
		c.mu.Lock()
		c.reason = reason
		c.mu.Unlock()
		close(c.lost)
	})
}

func (c *connection) why() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.reason
}

// dial connects and says that this publisher is online.
func (n *Notifier) dial(ctx context.Context) (*connection, error) {
	password, err := n.config.password()
	if err != nil {
		return nil, err
	}
	c := &connection{lost: make(chan struct{})}
	o := paho.NewClientOptions().AddBroker(n.config.Broker).SetClientID(n.config.ClientID).
		SetProtocolVersion(4).SetCleanSession(true).SetOrderMatters(true).
		SetAutoReconnect(false).SetConnectRetry(false).
		SetKeepAlive(keepAlive).SetPingTimeout(pingTimeout).
		SetConnectTimeout(n.timeout).SetWriteTimeout(n.timeout).
		SetBinaryWill(n.status, offlinePayload, 1, true).
		SetConnectionLostHandler(func(_ paho.Client, err error) { c.drop(fmt.Errorf("connection lost: %w", err)) }).
		SetCustomOpenConnectionFn(func(u *url.URL, _ paho.ClientOptions) (net.Conn, error) { return n.open(ctx, u) })
	if n.config.User != "" {
		o.SetUsername(n.config.User).SetPassword(password)
	}
	c.client = paho.NewClient(o)
	token := c.client.Connect()
	<-token.Done() // bounded by the connect timeout and ctx
	if err := token.Error(); err != nil {
		return nil, nameError(err)
	}
	c.canary = n.newCanary(c.client)
	if err := c.publish(packet{topic: n.status, retained: true, payload: onlinePayload}, n.timeout); err != nil {
		n.deaf = !n.deaf // the subscription may be why
		c.client.Disconnect(0)
		return nil, fmt.Errorf("publish status: %w", err)
	}
	return c, nil
}

// open is the dial of paho without its look at proxies, ended by ctx.
func (n *Notifier) open(ctx context.Context, u *url.URL) (net.Conn, error) {
	dialCtx, cancel := context.WithTimeout(ctx, n.timeout)
	defer cancel()
	raw, err := (&net.Dialer{}).DialContext(dialCtx, "tcp", u.Host)
	if err != nil {
		return nil, err
	}
	if u.Scheme != "ssl" {
		return raw, nil
	}
	config, err := n.config.tls(u.Hostname())
	if err != nil {
		return nil, errors.Join(err, raw.Close())
	}
	conn := tls.Client(raw, config)
	if err := conn.HandshakeContext(dialCtx); err != nil {
		raw.Close()
		return nil, fmt.Errorf("%w: %w", ErrTLS, err)
	}
	return conn, nil
}

// nameError gives paho's connect errors our meaning.
func nameError(err error) error {
	for _, denied := range []error{
		wire.ErrorRefusedBadUsernameOrPassword, wire.ErrorRefusedNotAuthorised, wire.ErrorRefusedIDRejected,
	} {
		if errors.Is(err, denied) {
			return fmt.Errorf("%w (%w)", ErrDenied, err)
		}
	}
	return fmt.Errorf("connect: %w", err)
}

// publish sends one packet and waits for its acknowledgement.
func (c *connection) publish(p packet, timeout time.Duration) error {
	token := c.client.Publish(p.topic, 1, p.retained, p.payload)
	if !token.WaitTimeout(timeout) {
		return fmt.Errorf("no acknowledgement within %v", timeout)
	}
	return token.Error()
}

// farewell ends a connection in good order: an orderly goodbye does not make
// the broker publish the last will, so it is said here.
func (c *connection) farewell(status string) {
	// Nothing can be done about an error: the will says the same.
	_ = c.publish(packet{topic: status, retained: true, payload: offlinePayload}, farewellTime)
	c.client.Disconnect(uint(farewellTime.Milliseconds()))
}
