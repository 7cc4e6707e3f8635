package opcuasim

import (
	"math"
	"slices"

	"github.com/gopcua/opcua/ua"
)

// maxQueue bounds a monitored item's queue.
const maxQueue = 1000

// overflow is the status bit that tells that values before or after this one
// were lost.
const overflow = 0x0480

// item watches the value of a node. Its sampling interval is revised to 0:
// every change is seen as it happens.
type item struct {
	sub      *subscription
	id       uint32
	node     *node
	handle   uint32
	mode     ua.MonitoringMode
	want     ua.TimestampsToReturn
	size     int
	oldest   bool // which to discard when the queue is full
	trigger  ua.DataChangeTrigger
	deadband float64
	queue    []*ua.DataValue
	last     *ua.DataValue // the last that was queued
}

// createItems begins to watch nodes. The caller holds the lock.
func (s *Server) createItems(owner *session, r *ua.CreateMonitoredItemsRequest) ua.Response {
	sub := s.owned(owner, r.SubscriptionID)
	if sub == nil {
		return fault(r, ua.StatusBadSubscriptionIDInvalid)
	}
	if r.TimestampsToReturn > ua.TimestampsToReturnNeither {
		return fault(r, ua.StatusBadTimestampsToReturnInvalid)
	}
	sub.unheard = 0
	results := make([]*ua.MonitoredItemCreateResult, len(r.ItemsToCreate))
	for i, wanted := range r.ItemsToCreate {
		created, code := s.createItem(sub, wanted)
		if code != ua.StatusOK {
			results[i] = &ua.MonitoredItemCreateResult{StatusCode: code, FilterResult: ua.NewExtensionObject(nil)}
			continue
		}
		created.want = r.TimestampsToReturn
		created.offer(s.present(created.node))
		results[i] = &ua.MonitoredItemCreateResult{
			MonitoredItemID: created.id, RevisedQueueSize: uint32(created.size), FilterResult: ua.NewExtensionObject(nil),
		}
	}
	return &ua.CreateMonitoredItemsResponse{ResponseHeader: header(r, ua.StatusOK), Results: results}
}

func (s *Server) createItem(sub *subscription, r *ua.MonitoredItemCreateRequest) (*item, ua.StatusCode) {
	n := s.space.find(r.ItemToMonitor.NodeID)
	switch {
	case n == nil:
		return nil, ua.StatusBadNodeIDUnknown
	case n.class != ua.NodeClassVariable || r.ItemToMonitor.AttributeID != ua.AttributeIDValue:
		return nil, ua.StatusBadAttributeIDInvalid
	case s.items >= maxItems:
		return nil, ua.StatusBadTooManyMonitoredItems
	case r.MonitoringMode > ua.MonitoringModeReporting:
		return nil, ua.StatusBadMonitoringModeInvalid
	}
	p := r.RequestedParameters
	i := &item{
		sub: sub, node: n, handle: p.ClientHandle, mode: r.MonitoringMode, oldest: p.DiscardOldest,
		size: int(min(max(p.QueueSize, 1), maxQueue)), trigger: ua.DataChangeTriggerStatusValue,
	}
	if code := i.filter(p.Filter); code != ua.StatusOK {
		return nil, code
	}
	s.lastItem++
	s.items++
	i.id = s.lastItem
	n.items = append(n.items, i)
	sub.items = append(sub.items, i)
	return i, ua.StatusOK
}

// filter takes over which changes count.
func (i *item) filter(given *ua.ExtensionObject) ua.StatusCode {
	if given == nil || given.Value == nil {
		return ua.StatusOK
	}
	f, ok := given.Value.(*ua.DataChangeFilter)
	absolute := ok && f.DeadbandType == uint32(ua.DeadbandTypeAbsolute)
	switch {
	case !ok, !absolute && f.DeadbandType != uint32(ua.DeadbandTypeNone):
		return ua.StatusBadMonitoredItemFilterUnsupported
	case f.Trigger > ua.DataChangeTriggerStatusValueTimestamp, absolute && !(f.DeadbandValue >= 0):
		return ua.StatusBadMonitoredItemFilterInvalid
	}
	i.trigger = f.Trigger
	if absolute {
		i.deadband = f.DeadbandValue
	}
	return ua.StatusOK
}

// offer queues a value unless it is filtered out. The caller holds the lock.
func (i *item) offer(v *ua.DataValue) {
	if i.mode == ua.MonitoringModeDisabled || i.last != nil && !i.counts(v) {
		return
	}
	i.last = v
	if len(i.queue) < i.size {
		i.queue = append(i.queue, v)
		return
	}
	i.sub.server.stats.Overflowed++
	if i.oldest {
		i.queue = append(i.queue[1:], v)
		i.queue[0] = marked(i.queue[0], i.size)
		return
	}
	i.queue[len(i.queue)-1] = marked(v, i.size)
}

// marked returns the value with the sign of an overflow, which a queue of one
// does not give.
func marked(v *ua.DataValue, size int) *ua.DataValue {
	if size == 1 {
		return v
	}
	c := *v
	c.Status |= overflow
	c.UpdateMask()
	return &c
}

// counts reports whether a value differs from the last as the filter has it.
func (i *item) counts(v *ua.DataValue) bool {
	switch {
	case v.Status != i.last.Status:
		return true
	case i.trigger == ua.DataChangeTriggerStatus:
		return false
	case i.trigger == ua.DataChangeTriggerStatusValueTimestamp && !v.SourceTimestamp.Equal(i.last.SourceTimestamp):
		return true
	case v.Value == nil || i.last.Value == nil:
		return v.Value != i.last.Value
	}
	is, was := v.Value.Value(), i.last.Value.Value()
	if i.deadband == 0 {
		return is != was
	}
	a, ok := number(is)
	b, both := number(was)
	return !ok || !both || math.Abs(a-b) > i.deadband
}

func number(v any) (float64, bool) {
	switch n := v.(type) {
	case float64:
		return n, true
	case int64:
		return float64(n), true
	}
	return 0, false
}

func (i *item) pending() bool { return i.mode == ua.MonitoringModeReporting && len(i.queue) > 0 }

// take moves queued values to the notifications until there are most of them.
func (i *item) take(notes []*ua.MonitoredItemNotification, most int) []*ua.MonitoredItemNotification {
	for i.pending() && len(notes) < most {
		notes = append(notes, &ua.MonitoredItemNotification{ClientHandle: i.handle, Value: stamped(i.queue[0], i.want)})
		i.queue = i.queue[1:]
	}
	return notes
}

// forItems answers a request about items of a subscription.
func (s *Server) forItems(sub *subscription, ids []uint32, f func(*item)) []ua.StatusCode {
	results := make([]ua.StatusCode, len(ids))
	for n, id := range ids {
		at := slices.IndexFunc(sub.items, func(i *item) bool { return i.id == id })
		if at < 0 {
			results[n] = ua.StatusBadMonitoredItemIDInvalid
			continue
		}
		f(sub.items[at])
	}
	return results
}

func (s *Server) setMonitoringMode(owner *session, r *ua.SetMonitoringModeRequest) ua.Response {
	sub := s.owned(owner, r.SubscriptionID)
	if sub == nil {
		return fault(r, ua.StatusBadSubscriptionIDInvalid)
	}
	if r.MonitoringMode > ua.MonitoringModeReporting {
		return fault(r, ua.StatusBadMonitoringModeInvalid)
	}
	results := s.forItems(sub, r.MonitoredItemIDs, func(i *item) {
		if i.mode = r.MonitoringMode; i.mode == ua.MonitoringModeDisabled {
			i.queue, i.last = nil, nil
		}
	})
	return &ua.SetMonitoringModeResponse{ResponseHeader: header(r, ua.StatusOK), Results: results}
}

func (s *Server) deleteItems(owner *session, r *ua.DeleteMonitoredItemsRequest) ua.Response {
	sub := s.owned(owner, r.SubscriptionID)
	if sub == nil {
		return fault(r, ua.StatusBadSubscriptionIDInvalid)
	}
	results := s.forItems(sub, r.MonitoredItemIDs, func(i *item) {
		i.node.drop(i)
		sub.items = slices.DeleteFunc(sub.items, func(other *item) bool { return other == i })
		s.items--
	})
	return &ua.DeleteMonitoredItemsResponse{ResponseHeader: header(r, ua.StatusOK), Results: results}
}
