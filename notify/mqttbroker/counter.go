package mqttbroker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	paho "github.com/eclipse/paho.mqtt.golang"
)

// eventsFilter is where every transition of every machine is published.
const eventsFilter = "linewatch/v1/+/+/+/events"

// maxCounted bounds the ids that a Counter remembers; beyond it everything new
// counts as delivered, repeated or not.
const maxCounted = 1_000_000

// Counter is a subscriber that counts the distinct changes it receives, over
// the network like anybody else's.
type Counter struct {
	client paho.Client

	mu        sync.Mutex
	ids       map[string]struct{}
	delivered uint64
	alarms    uint64
	repeated  uint64
	unread    uint64
	lost      error
}

// Count subscribes to all events of the broker at address (host:port). What is
// published after it has returned is counted.
func Count(ctx context.Context, address string) (*Counter, error) {
	c := &Counter{ids: make(map[string]struct{})}
	o := paho.NewClientOptions().AddBroker("tcp://" + address).SetClientID("linewatch-counter").
		SetProtocolVersion(4).SetCleanSession(true).SetOrderMatters(true).
		SetAutoReconnect(false).SetConnectTimeout(5 * time.Second).
		SetConnectionLostHandler(func(_ paho.Client, err error) { c.note(err) })
	c.client = paho.NewClient(o)
	if err := wait(ctx, c.client.Connect()); err != nil {
		return nil, fmt.Errorf("count deliveries: connect to %s: %w", address, err)
	}
	err := wait(ctx, c.client.Subscribe(eventsFilter, 1, func(_ paho.Client, m paho.Message) { c.receive(m.Payload()) }))
	if err != nil {
		c.client.Disconnect(0)
		return nil, fmt.Errorf("count deliveries: subscribe: %w", err)
	}
	return c, nil
}

func wait(ctx context.Context, token paho.Token) error {
	select {
	case <-token.Done():
		return token.Error()
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (c *Counter) receive(payload []byte) {
	var m struct {
		ID       string `json:"id"`
		Severity int    `json:"severity"`
	}
	err := json.Unmarshal(payload, &m)
	c.mu.Lock()
	defer c.mu.Unlock()
	if err != nil || m.ID == "" {
		c.unread++
		return
	}
	if _, known := c.ids[m.ID]; known {
		c.repeated++
		return
	}
	if len(c.ids) < maxCounted {
		c.ids[m.ID] = struct{}{}
	}
	c.delivered++
	if m.Severity > 0 {
		c.alarms++
	}
}

func (c *Counter) note(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lost = err
}

// Deliveries are what a Counter has received.
type Deliveries struct {
	Distinct uint64 // changes, by id
	Alarms   uint64 // of these, changes to a state with a severity
	Repeated uint64 // further copies of them
	Unread   uint64 // messages that are no change
}

// Deliveries returns the counts so far, and an error when the connection was
// lost, so that they may be too low.
func (c *Counter) Deliveries() (Deliveries, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	d := Deliveries{Distinct: c.delivered, Alarms: c.alarms, Repeated: c.repeated, Unread: c.unread}
	if c.lost != nil {
		return d, errors.Join(errors.New("count deliveries: connection lost"), c.lost)
	}
	return d, nil
}

// Close ends the subscription.
func (c *Counter) Close() { c.client.Disconnect(250) }
