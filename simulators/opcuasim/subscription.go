package opcuasim

import (
	"slices"
	"time"

	"github.com/gopcua/opcua/ua"
)

// What a subscription's parameters are revised to.
const (
	fastest         = 50 * time.Millisecond // publishing interval, by default
	slowest         = time.Minute
	longestLifetime = time.Hour
	maxKeepAlive    = 1000
	maxUnconfirmed  = 200  // messages kept for Republish
	maxPerMessage   = 1000 // notifications
)

// subscription publishes what its items see. It lives without a connection,
// and without a session, until its lifetime ends.
type subscription struct {
	server   *Server
	id       uint32
	session  *session // nil: closed without it
	interval time.Duration
	lifetime uint32 // intervals without a publish request until it ends
	alive    uint32 // intervals without a change until a keep-alive
	most     int    // notifications in a message
	enabled  bool

	items    []*item // in the order of their creation
	sequence uint32  // of the last message
	sent     []*ua.NotificationMessage
	quiet    uint32 // intervals since the last message
	unheard  uint32 // intervals since the last publish request
	late     bool   // something waits for a publish request
	done     chan struct{}
	changed  chan time.Duration // new publishing interval
}

// createSubscription begins a subscription. The caller holds the lock.
func (s *Server) createSubscription(owner *session, r *ua.CreateSubscriptionRequest) ua.Response {
	if len(s.subs) >= maxSubscriptions {
		return fault(r, ua.StatusBadTooManySubscriptions)
	}
	s.lastSub++
	sub := &subscription{
		server: s, id: s.lastSub, session: owner, enabled: r.PublishingEnabled,
		done: make(chan struct{}), changed: make(chan time.Duration, 1),
	}
	sub.revise(r.RequestedPublishingInterval, r.RequestedLifetimeCount, r.RequestedMaxKeepAliveCount, r.MaxNotificationsPerPublish)
	sub.quiet = sub.alive // the first message comes after one interval, be it a keep-alive
	s.subs[sub.id] = sub
	ctx, interval := s.ctx, sub.interval
	s.wait.Go(func() { sub.run(ctx.Done(), interval) })
	return &ua.CreateSubscriptionResponse{
		ResponseHeader: header(r, ua.StatusOK), SubscriptionID: sub.id, RevisedPublishingInterval: milliseconds(sub.interval),
		RevisedLifetimeCount: sub.lifetime, RevisedMaxKeepAliveCount: sub.alive,
	}
}

// revise brings what a client asks for within the bounds. An interval of 0, a
// negative one and one that is no number mean the fastest.
func (sub *subscription) revise(interval float64, lifetime, alive, most uint32) {
	sub.interval = sub.server.options.Fastest
	if interval > milliseconds(sub.interval) {
		sub.interval = time.Duration(min(interval, milliseconds(slowest)) * float64(time.Millisecond))
	}
	sub.alive = min(max(alive, 1), maxKeepAlive)
	longest := uint32(longestLifetime / sub.interval)
	sub.lifetime = max(min(lifetime, longest), 3*sub.alive)
	sub.most = maxPerMessage
	if most > 0 {
		sub.most = min(int(most), maxPerMessage)
	}
}

// run publishes in every interval until the subscription or the server ends.
func (sub *subscription) run(ended <-chan struct{}, interval time.Duration) {
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for {
		select {
		case <-ended:
			return
		case <-sub.done:
			return
		case interval := <-sub.changed:
			ticker.Reset(interval)
		case <-ticker.C:
			sub.server.mu.Lock()
			sub.cycle()
			sub.server.mu.Unlock()
		}
	}
}

// cycle is one publishing interval. The caller holds the lock.
func (sub *subscription) cycle() {
	sub.quiet++
	if sub.unheard++; sub.unheard > sub.lifetime {
		sub.server.endSubscription(sub)
		return
	}
	if sub.pending() || sub.quiet >= sub.alive {
		sub.late = true
		sub.deliver()
	}
}

// pending reports whether there is something to tell.
func (sub *subscription) pending() bool {
	return sub.enabled && slices.ContainsFunc(sub.items, (*item).pending)
}

// deliver sends what is late for as long as the session has publish requests.
func (sub *subscription) deliver() {
	for sub.late && sub.session != nil && len(sub.session.waiting) > 0 {
		request := sub.session.waiting[0]
		sub.session.waiting = sub.session.waiting[1:]
		message, more := sub.message(sub.server.options.Now())
		sub.late, sub.quiet = more, 0
		request.conn.send(request.request, &ua.PublishResponse{
			ResponseHeader: answered(request.handle, ua.StatusOK), SubscriptionID: sub.id, AvailableSequenceNumbers: sub.available(),
			MoreNotifications: more, NotificationMessage: message, Results: request.results, DiagnosticInfos: []*ua.DiagnosticInfo{},
		})
	}
}

// message takes the next message from the items' queues, or makes a keep-alive,
// which carries the number of the message to come and is not kept. Its time is
// of the same clock as the values, and the two can be compared.
func (sub *subscription) message(now time.Time) (message *ua.NotificationMessage, more bool) {
	message = &ua.NotificationMessage{PublishTime: now, SequenceNumber: next(sub.sequence), NotificationData: []*ua.ExtensionObject{}}
	var notes []*ua.MonitoredItemNotification
	if sub.enabled {
		for _, i := range sub.items {
			notes = i.take(notes, sub.most)
		}
	}
	if len(notes) == 0 {
		return message, false
	}
	sub.sequence = message.SequenceNumber
	message.NotificationData = append(message.NotificationData, ua.NewExtensionObject(&ua.DataChangeNotification{
		MonitoredItems: notes, DiagnosticInfos: []*ua.DiagnosticInfo{},
	}))
	if sub.sent = append(sub.sent, message); len(sub.sent) > maxUnconfirmed {
		sub.sent = slices.Delete(sub.sent, 0, 1)
		sub.server.stats.Forgotten++
	}
	sub.server.stats.Published += uint64(len(notes))
	return message, sub.pending()
}

// next returns the number after one; 0 is left out.
func next(sequence uint32) uint32 { return max(sequence+1, 1) }

func (sub *subscription) available() []uint32 {
	numbers := make([]uint32, len(sub.sent))
	for i, m := range sub.sent {
		numbers[i] = m.SequenceNumber
	}
	return numbers
}

// acknowledge forgets a message that the client has.
func (sub *subscription) acknowledge(sequence uint32) ua.StatusCode {
	for i, m := range sub.sent {
		if m.SequenceNumber == sequence {
			sub.sent = slices.Delete(sub.sent, i, i+1)
			return ua.StatusOK
		}
	}
	return ua.StatusBadSequenceNumberUnknown
}

// endSubscription ends a subscription with its items. The caller holds the
// lock.
func (s *Server) endSubscription(sub *subscription) {
	for _, i := range sub.items {
		i.node.drop(i)
	}
	s.items -= len(sub.items)
	sub.items = nil
	delete(s.subs, sub.id)
	close(sub.done)
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
