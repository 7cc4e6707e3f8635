// Package mqttbroker is a small MQTT broker for this machine only, so that
// alerts can be received without installing one, and a subscriber that counts
// what it delivers.
//
// It listens on a loopback address, without passwords, and keeps everything in
// memory: retained messages are gone after a restart.
package mqttbroker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strconv"
	"sync/atomic"
	"syscall"

	mochi "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/packets"
)

// DefaultAddress is where the broker listens unless told otherwise.
const DefaultAddress = "127.0.0.1:1883"

// ErrAddressInUse says that another program listens on the broker's address.
var ErrAddressInUse = errors.New("the address is in use by another program; stop it, choose another address, or publish to that broker instead")

// Bounds of the broker. A client whose queue is full loses messages of QoS 0;
// those of QoS 1 wait, up to the number in flight, and are counted as dropped
// beyond it.
const (
	maxClients  = 64
	maxInflight = 8192
	maxQueue    = 8192
	maxPacket   = 256 << 10
	maxSession  = 24 * 60 * 60 // seconds that the session of an absent client lives
)

// Broker is a running listener; Serve makes it a broker.
type Broker struct {
	server  *mochi.Server
	address string
}

// Listen binds the address, which must be a loopback one with a port; port 0
// takes any free one.
func Listen(address string, log *slog.Logger) (*Broker, error) {
	if err := CheckAddress(address); err != nil {
		return nil, fmt.Errorf("mqtt broker: %w", err)
	}
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	capabilities := mochi.NewDefaultServerCapabilities()
	capabilities.MaximumClients = maxClients
	capabilities.MaximumInflight = maxInflight
	capabilities.MaximumClientWritesPending = maxQueue
	capabilities.MaximumPacketSize = maxPacket
	capabilities.MaximumSessionExpiryInterval = maxSession
	// Its chatter is about single clients; what matters here is counted.
	quiet := slog.New(levelHandler{log.Handler(), slog.LevelError})
	server := mochi.New(&mochi.Options{Capabilities: capabilities, Logger: quiet})
	if err := server.AddHook(new(allowAll), nil); err != nil {
		return nil, fmt.Errorf("mqtt broker: %w", err)
	}
	l, err := net.Listen("tcp", address)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, fmt.Errorf("mqtt broker on %s: %w", address, ErrAddressInUse)
	}
	if err != nil {
		return nil, fmt.Errorf("mqtt broker: %w", err)
	}
	if err := server.AddListener(newListener(l, func() { disconnectAll(server) })); err != nil {
		l.Close()
		return nil, fmt.Errorf("mqtt broker: %w", err)
	}
	return &Broker{server: server, address: l.Addr().String()}, nil
}

// CheckAddress refuses an address that the broker must not, or cannot, listen
// on.
func CheckAddress(address string) error {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return fmt.Errorf("address %.80q: want host:port, such as %s", address, DefaultAddress)
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		return fmt.Errorf("address %.80q: port %.20q: want 0 to 65535, 0 for any that is free", address, port)
	}
	if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return fmt.Errorf("address %.80s is not on this machine only, and the built-in broker has no passwords; use %s, or a broker of your own", address, DefaultAddress)
	}
	return nil
}

// disconnectAll tells every client that the broker ends.
func disconnectAll(server *mochi.Server) {
	for _, client := range server.Clients.GetAll() {
		if !client.Closed() {
			_ = server.DisconnectClient(client, packets.ErrServerShuttingDown) // it says just that
		}
	}
}

// Address is host:port as bound.
func (b *Broker) Address() string { return b.address }

// Dropped counts messages that a slow or absent client did not get because its
// queue was full.
func (b *Broker) Dropped() int64 {
	return atomic.LoadInt64(&b.server.Info.MessagesDropped) + atomic.LoadInt64(&b.server.Info.InflightDropped)
}

// Run serves clients until ctx ends, which is no error, and closes the
// listener. It may be called once.
func (b *Broker) Run(ctx context.Context) error {
	err := b.server.Serve() // returns at once
	if err == nil {
		<-ctx.Done()
	}
	if err = errors.Join(err, b.server.Close()); err != nil {
		return fmt.Errorf("mqtt broker: %w", err)
	}
	return nil
}

// allowAll lets every program on this machine publish and subscribe. (The
// library's own hook for it brings a YAML parser along.)
type allowAll struct{ mochi.HookBase }

// ID implements mochi.Hook.
func (*allowAll) ID() string { return "allow-all" }

// Provides implements mochi.Hook.
func (*allowAll) Provides(hook byte) bool {
	return hook == mochi.OnConnectAuthenticate || hook == mochi.OnACLCheck
}

// OnConnectAuthenticate implements mochi.Hook.
func (*allowAll) OnConnectAuthenticate(*mochi.Client, packets.Packet) bool { return true }

// OnACLCheck implements mochi.Hook.
func (*allowAll) OnACLCheck(*mochi.Client, string, bool) bool { return true }

// levelHandler lets records of a level and above through.
type levelHandler struct {
	slog.Handler
	level slog.Level
}

// Enabled implements slog.Handler.
func (h levelHandler) Enabled(ctx context.Context, level slog.Level) bool {
	return level >= h.level && h.Handler.Enabled(ctx, level)
}

// WithAttrs implements slog.Handler.
func (h levelHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return levelHandler{h.Handler.WithAttrs(attrs), h.level}
}

// WithGroup implements slog.Handler.
func (h levelHandler) WithGroup(name string) slog.Handler {
	return levelHandler{h.Handler.WithGroup(name), h.level}
}
