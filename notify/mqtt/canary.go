package mqtt

import (
	"errors"
	"fmt"
	"sync"
	"time"

	paho "github.com/eclipse/paho.mqtt.golang"
)

// What people are told while a connection stands and all the same nothing, or
// not everything, may reach those who wait for it.
var (
	// ErrUnheard: what is published does not come back. MQTT 3.1.1 has no word
	// for a publication that is not permitted: brokers acknowledge it and throw
	// it away.
	ErrUnheard = errors.New("the broker acknowledges what is published and does not pass it on; let mqtt.user write to linewatch/v1/#, and read the topic of its own status so that this can be checked")
	// ErrTakenOver: connections do not last.
	ErrTakenOver = errors.New("connections to the broker end soon after they are made; if another client has the same mqtt.clientId, the two throw each other out: give each its own")
)

// refusedFilter is the answer of a broker to a subscription that it does not
// permit.
const refusedFilter = 0x80

// canary listens to our own status: if that comes back, what is published
// arrives. Others on the way to a broker can only be sure of what it says.
type canary struct {
	token paho.Token // of the subscription; nil: there is none
	heard chan struct{}
}

// newCanary subscribes, unless the connection before may have ended over that:
// some brokers close one that asks for what it may not have.
func (n *Notifier) newCanary(client paho.Client) *canary {
	c := &canary{heard: make(chan struct{})}
	if n.deaf {
		return c
	}
	once := sync.OnceFunc(func() { close(c.heard) })
	c.token = client.Subscribe(n.status, 1, func(_ paho.Client, m paho.Message) {
		if !m.Retained() { // that was said earlier
			once()
		}
	})
	return c
}

// late is when to give up listening; nil if the broker does not let us.
func (c *canary) late(after time.Duration) <-chan time.Time {
	sub, ok := c.token.(*paho.SubscribeToken)
	if !ok {
		return nil
	}
	select {
	case <-sub.Done():
	default:
		return time.After(after)
	}
	for _, granted := range sub.Result() {
		if granted == refusedFilter {
			return nil
		}
	}
	if sub.Error() != nil {
		return nil
	}
	return time.After(after)
}

// shortLived is after how many connections in a row that did not last people
// are told.
const shortLived = 3

// ended counts connections in a row that did not last, and says what may be
// the reason of the newest one's end.
func (n *Notifier) ended(lasted time.Duration, reason error) error {
	if lasted >= n.steady {
		n.short = 0
	} else {
		n.short++
	}
	if n.short < shortLived {
		return reason
	}
	n.warn(ErrTakenOver)
	return fmt.Errorf("%w: %w", ErrTakenOver, reason)
}

// warn keeps what people are to be told although there is a connection; nil
// takes it back.
func (n *Notifier) warn(why error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	before := n.stats.Warning
	n.stats.Warning = ""
	if why != nil {
		n.stats.Warning = why.Error()
	}
	if why != nil && n.stats.Warning != before {
		n.log.Error("alerts may not arrive", "broker", n.config.Broker, "error", why)
	}
}
