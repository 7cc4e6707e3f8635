package opcua

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/gopcua/opcua/id"
	"github.com/gopcua/opcua/ua"

	"linewatch"
	"linewatch/edge"
)

// subscription is what the server sends by itself, and how far we have it.
type subscription struct {
	id        uint32
	keepAlive time.Duration      // the longest silence that the server promises
	due       linewatch.Duration // how much later than it was sampled a value may come
	lag       linewatch.Duration // how much later than its time
	last      uint32             // the newest notification that was delivered; 0: none
	acks      []uint32           // delivered and not acknowledged yet
	through   linewatch.Time
	perCall   int   // items that the server takes at once
	missing   []int // tags that it does not know, tried again now and then
	triedAt   time.Time
	nodes     []*ua.NodeID // by tag; nil: the server has no such namespace
	// whole says that no request for items is without an answer. Otherwise
	// nobody knows which items there are, and whether some are there twice.
	whole bool
	// lost says that the server has not kept what it had published. The newest
	// values of tags may be among that, and come from a new subscription only.
	lost bool
	// barren is how many connections in a row it failed on without delivering
	// anything, although the session was there.
	barren int
}

const (
	defaultPerCall = 100
	maxPerCall     = 1000
	mostPerPublish = 1000 // values in one notification
	// leastPerPublish is what that is lowered to where messages are refused:
	// as many strings of the greatest length fit one.
	leastPerPublish = 250
	leastKeepAlive  = 100 * time.Millisecond
)

// resume takes the session up again on a new channel, with its subscription,
// or begins anew what is gone.
func (s *Source) resume(ctx context.Context, c *channel) error {
	if s.session != nil {
		within, cancel := s.within(ctx)
		err := s.activate(within, c, s.session)
		cancel()
		var refused statusError
		switch {
		case errors.As(err, &refused):
			s.log.Info("opcua session is gone", "source", s.config.ID, "error", err)
			s.session, s.sub, c.auth = nil, nil, nil
		case err != nil:
			return err
		case s.sub != nil && s.sub.barren >= mostBarren:
			s.log.Info("opcua session gives nothing any more and is replaced", "source", s.config.ID)
			within, cancel := s.within(ctx)
			closeSession(within, c)
			cancel()
			s.session, s.sub, c.auth = nil, nil, nil
		}
	}
	if s.session == nil {
		if err := s.begin(ctx, c); err != nil {
			return err
		}
	}
	if s.sub != nil && (!s.sub.whole || s.sub.lost) {
		if err := s.remove(ctx, c, s.sub.id); err != nil {
			return err
		}
		s.sub, s.replaced = nil, time.Now()
	}
	if s.sub != nil {
		err := s.blame(s.catchUp(ctx, c))
		if err == nil || !isStatus(err, ua.StatusBadSubscriptionIDInvalid) {
			return err
		}
		s.log.Info("opcua subscription is gone", "source", s.config.ID, "error", err)
		s.sub = nil
	}
	return s.subscribe(ctx, c)
}

// mostBarren is how often a subscription may fail in a row before it and its
// session are replaced. More than once, for what is published meanwhile is lost with it.
const mostBarren = 2

// blame counts a failure that is the subscription's and not that of the line: a
// server may take a session up again and publish nothing any more, or for ever
// the same message that is too large.
func (s *Source) blame(err error) error {
	var refused statusError
	switch {
	case s.sub == nil:
	case errors.Is(err, errSilent), errors.Is(err, errLate):
		s.sub.barren++
	case errors.Is(err, errProtocol), errors.As(err, &refused):
		s.sub.barren++
	}
	if errors.Is(err, errProtocol) || isStatus(err, ua.StatusBadResponseTooLarge, ua.StatusBadEncodingLimitsExceeded, ua.StatusBadTCPMessageTooLarge) {
		s.perPublish = max(s.perPublish/4, leastPerPublish)
	}
	return err
}

// gave notes that the subscription lives.
func (s *Source) gave() {
	s.heard, s.sub.barren = time.Now(), 0
}

// begin creates a session and activates it.
func (s *Source) begin(ctx context.Context, c *channel) error {
	within, cancel := s.steps(ctx, 2) // create, activate
	defer cancel()
	own, err := s.createSession(within, c)
	if err != nil {
		return err
	}
	if err := s.activate(within, c, own); err != nil {
		return err
	}
	s.session = own
	return nil
}

// subscribe creates a subscription to all tags.
func (s *Source) subscribe(ctx context.Context, c *channel) error {
	sub := &subscription{through: linewatch.NoTime}
	if err := s.ask(ctx, c, sub); err != nil {
		return err
	}
	interval := time.Duration(s.config.Interval)
	alive := uint32(max(1, s.times.alive/interval))
	within, cancel := s.within(ctx)
	res, err := call[*ua.CreateSubscriptionResponse](within, c, &ua.CreateSubscriptionRequest{
		RequestedPublishingInterval: float64(interval) / float64(time.Millisecond),
		RequestedMaxKeepAliveCount:  alive,
		RequestedLifetimeCount:      max(3*alive, uint32(keepSession/interval)),
		MaxNotificationsPerPublish:  s.perPublish, PublishingEnabled: true,
	})
	cancel()
	if err != nil {
		return fmt.Errorf("create a subscription: %w", err)
	}
	revised := res.RevisedPublishingInterval
	if !(revised >= 0 && revised <= float64(time.Hour.Milliseconds())) { // NaN is neither
		return protocolError("a publishing interval of %v ms", revised)
	}
	period := time.Duration(revised * float64(time.Millisecond))
	sub.id = res.SubscriptionID
	sub.keepAlive = min(max(period*time.Duration(min(res.RevisedMaxKeepAliveCount, math.MaxInt16)), leastKeepAlive), time.Hour)
	sub.due = s.byClock(float64(period+time.Duration(s.config.OPCUA.Delay)) / float64(time.Millisecond))
	sub.lag = sub.due
	all := make([]int, len(s.config.Tags))
	for i := range all {
		all[i] = i
	}
	s.scan.First = true
	s.scan.Interrupted = s.scan.Interrupted || s.began
	s.sub = sub
	return s.monitor(ctx, c, all)
}

// remove lets go of a subscription that is of no use. That it is gone already
// will do too.
func (s *Source) remove(ctx context.Context, c *channel, id uint32) error {
	within, cancel := s.within(ctx)
	defer cancel()
	_, err := call[*ua.DeleteSubscriptionsResponse](within, c, &ua.DeleteSubscriptionsRequest{SubscriptionIDs: []uint32{id}})
	var refused statusError
	if err != nil && !errors.As(err, &refused) {
		return fmt.Errorf("remove subscription %d: %w", id, err)
	}
	return nil
}

// ask reads what the server's namespaces and limits are.
func (s *Source) ask(ctx context.Context, c *channel, sub *subscription) error {
	within, cancel := s.within(ctx)
	defer cancel()
	req := &ua.ReadRequest{TimestampsToReturn: ua.TimestampsToReturnNeither}
	for _, n := range []uint32{id.Server_NamespaceArray, id.Server_ServerCapabilities_OperationLimits_MaxMonitoredItemsPerCall} {
		req.NodesToRead = append(req.NodesToRead, &ua.ReadValueID{
			NodeID: ua.NewNumericNodeID(0, n), AttributeID: ua.AttributeIDValue, DataEncoding: &ua.QualifiedName{},
		})
	}
	res, err := call[*ua.ReadResponse](within, c, req)
	if err != nil {
		return fmt.Errorf("read namespaces and limits: %w", err)
	}
	if len(res.Results) != len(req.NodesToRead) {
		return protocolError("%d answers to %d questions", len(res.Results), len(req.NodesToRead))
	}
	namespaces, _ := valueOf(res.Results[0]).([]string)
	sub.perCall = defaultPerCall
	if n, ok := valueOf(res.Results[1]).(uint32); ok && n > 0 {
		sub.perCall = int(min(n, maxPerCall))
	}
	sub.nodes = make([]*ua.NodeID, len(s.nodes))
	for i := range s.nodes {
		sub.nodes[i] = s.nodes[i].resolve(namespaces)
	}
	return nil
}

// valueOf returns what the library made of a value; nil if there is none.
func valueOf(d *ua.DataValue) any {
	if d == nil || d.Value == nil {
		return nil
	}
	return d.Value.Value()
}

// monitor asks for the changes of tags, in parts that the server takes. What
// it refuses is emitted as Bad and tried again later.
func (s *Source) monitor(ctx context.Context, c *channel, tags []int) error {
	sub := s.sub
	sub.missing, sub.triedAt, sub.whole = nil, time.Now(), false
	var refused []edge.Reading
	refuse := func(tag int, cause string) {
		refused = append(refused, edge.Reading{Tag: tag, Cause: cause})
		sub.missing = append(sub.missing, tag)
	}
	var known []int
	for _, tag := range tags {
		if sub.nodes[tag] == nil {
			refuse(tag, "OPC UA namespace does not exist")
			continue
		}
		known = append(known, tag)
	}
	for len(known) > 0 {
		part := known[:min(len(known), sub.perCall)]
		known = known[len(part):]
		results, err := s.createItems(ctx, c, part)
		if err != nil {
			return fmt.Errorf("create monitored items: %w", err)
		}
		for i, r := range results {
			if qualityOf(r.StatusCode) == linewatch.Bad {
				refuse(part[i], statusName(r.StatusCode))
				continue
			}
			s.noteRevision(r)
		}
	}
	sub.whole = true
	if len(refused) == 0 {
		return nil
	}
	return s.deliver(refused)
}

// noteRevision keeps in mind how seldom the server looks at the tags.
func (s *Source) noteRevision(r *ua.MonitoredItemCreateResult) {
	if most := float64(time.Hour.Milliseconds()); r.RevisedSamplingInterval > 0 && r.RevisedSamplingInterval <= most {
		s.sub.lag = max(s.sub.lag, s.sub.due+s.byClock(r.RevisedSamplingInterval))
	}
}

// byClock returns a number of real milliseconds by the server's clock.
func (s *Source) byClock(ms float64) linewatch.Duration {
	return linewatch.Duration(math.Ceil(ms * max(s.config.Speed, 1)))
}

func (s *Source) createItems(ctx context.Context, c *channel, tags []int) ([]*ua.MonitoredItemCreateResult, error) {
	o := &s.config.OPCUA
	sampling := float64(o.Sampling) / float64(time.Millisecond)
	if sampling <= 1 {
		sampling = 0 // as fast as the server can: each change, if it notices them
	}
	req := &ua.CreateMonitoredItemsRequest{SubscriptionID: s.sub.id, TimestampsToReturn: ua.TimestampsToReturnBoth}
	for _, tag := range tags {
		req.ItemsToCreate = append(req.ItemsToCreate, &ua.MonitoredItemCreateRequest{
			ItemToMonitor: &ua.ReadValueID{
				NodeID: s.sub.nodes[tag], AttributeID: ua.AttributeIDValue, DataEncoding: &ua.QualifiedName{},
			},
			MonitoringMode: ua.MonitoringModeReporting,
			RequestedParameters: &ua.MonitoringParameters{
				ClientHandle: uint32(tag), SamplingInterval: sampling,
				QueueSize: uint32(o.Queue), DiscardOldest: true,
			},
		})
	}
	within, cancel := s.within(ctx)
	defer cancel()
	res, err := call[*ua.CreateMonitoredItemsResponse](within, c, req)
	if err != nil {
		return nil, err
	}
	if len(res.Results) != len(tags) {
		return nil, protocolError("%d answers to %d items", len(res.Results), len(tags))
	}
	return res.Results, nil
}
