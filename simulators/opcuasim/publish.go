package opcuasim

import (
	"slices"

	"github.com/gopcua/opcua/ua"
)

// publishRequest queues a publish request and answers it at once if something
// is late. The caller holds the lock.
func (s *Server) publishRequest(owner *session, r *ua.PublishRequest, id uint32) ua.Response {
	results := make([]ua.StatusCode, len(r.SubscriptionAcknowledgements))
	for i, a := range r.SubscriptionAcknowledgements {
		results[i] = ua.StatusBadSubscriptionIDInvalid
		if sub := s.owned(owner, a.SubscriptionID); sub != nil {
			results[i] = sub.acknowledge(a.SequenceNumber)
		}
	}
	mine := s.subscriptions(owner)
	if len(mine) == 0 {
		return fault(r, ua.StatusBadNoSubscription)
	}
	owner.waiting = append(owner.waiting, waiting{owner.conn, id, r.RequestHeader.RequestHandle, results})
	if len(owner.waiting) > maxWaiting {
		oldest := owner.waiting[0]
		owner.waiting = owner.waiting[1:]
		oldest.conn.send(oldest.request, &ua.ServiceFault{ResponseHeader: answered(oldest.handle, ua.StatusBadTooManyPublishRequests)})
	}
	for _, sub := range mine {
		sub.unheard = 0
		sub.deliver()
	}
	return nil
}

// owned returns the session's subscription with the id, or nil.
func (s *Server) owned(owner *session, id uint32) *subscription {
	if sub := s.subs[id]; sub != nil && sub.session == owner {
		return sub
	}
	return nil
}

// subscriptions returns a session's, oldest first.
func (s *Server) subscriptions(owner *session) []*subscription {
	var mine []*subscription
	for _, sub := range s.subs {
		if sub.session == owner {
			mine = append(mine, sub)
		}
	}
	slices.SortFunc(mine, func(a, b *subscription) int { return int(a.id) - int(b.id) })
	return mine
}

// republish gives a message once more that was not acknowledged.
func (s *Server) republish(owner *session, r *ua.RepublishRequest) ua.Response {
	sub := s.owned(owner, r.SubscriptionID)
	if sub == nil {
		return fault(r, ua.StatusBadSubscriptionIDInvalid)
	}
	sub.unheard = 0
	for _, m := range sub.sent {
		if m.SequenceNumber == r.RetransmitSequenceNumber {
			s.stats.Republished++
			return &ua.RepublishResponse{ResponseHeader: header(r, ua.StatusOK), NotificationMessage: m}
		}
	}
	return fault(r, ua.StatusBadMessageNotAvailable)
}

func (s *Server) modifySubscription(owner *session, r *ua.ModifySubscriptionRequest) ua.Response {
	sub := s.owned(owner, r.SubscriptionID)
	if sub == nil {
		return fault(r, ua.StatusBadSubscriptionIDInvalid)
	}
	sub.revise(r.RequestedPublishingInterval, r.RequestedLifetimeCount, r.RequestedMaxKeepAliveCount, r.MaxNotificationsPerPublish)
	sub.unheard = 0
	select {
	case <-sub.changed: // an older one that run has not seen
	default:
	}
	sub.changed <- sub.interval // never blocks: it has room for one
	return &ua.ModifySubscriptionResponse{
		ResponseHeader: header(r, ua.StatusOK), RevisedPublishingInterval: milliseconds(sub.interval),
		RevisedLifetimeCount: sub.lifetime, RevisedMaxKeepAliveCount: sub.alive,
	}
}

// forEach answers a request about several subscriptions of a session.
func (s *Server) forEach(owner *session, ids []uint32, f func(*subscription)) []ua.StatusCode {
	results := make([]ua.StatusCode, len(ids))
	for i, id := range ids {
		if sub := s.owned(owner, id); sub != nil {
			f(sub)
		} else {
			results[i] = ua.StatusBadSubscriptionIDInvalid
		}
	}
	return results
}

func (s *Server) setPublishingMode(owner *session, r *ua.SetPublishingModeRequest) ua.Response {
	results := s.forEach(owner, r.SubscriptionIDs, func(sub *subscription) { sub.enabled, sub.unheard = r.PublishingEnabled, 0 })
	return &ua.SetPublishingModeResponse{ResponseHeader: header(r, ua.StatusOK), Results: results}
}

func (s *Server) deleteSubscriptions(owner *session, r *ua.DeleteSubscriptionsRequest) ua.Response {
	results := s.forEach(owner, r.SubscriptionIDs, s.endSubscription)
	if len(s.subscriptions(owner)) == 0 {
		for _, w := range owner.waiting {
			w.conn.send(w.request, &ua.ServiceFault{ResponseHeader: answered(w.handle, ua.StatusBadNoSubscription)})
		}
		owner.waiting = nil
	}
	return &ua.DeleteSubscriptionsResponse{ResponseHeader: header(r, ua.StatusOK), Results: results}
}

// transferSubscriptions hands subscriptions over to another session, with what
// they have not had acknowledged.
func (s *Server) transferSubscriptions(owner *session, r *ua.TransferSubscriptionsRequest) ua.Response {
	results := make([]*ua.TransferResult, len(r.SubscriptionIDs))
	for i, id := range r.SubscriptionIDs {
		sub := s.subs[id]
		if sub == nil {
			results[i] = &ua.TransferResult{StatusCode: ua.StatusBadSubscriptionIDInvalid}
			continue
		}
		sub.session, sub.unheard = owner, 0
		if r.SendInitialValues {
			for _, item := range sub.items {
				item.queue = nil
				item.offer(s.present(item.node))
			}
		}
		results[i] = &ua.TransferResult{AvailableSequenceNumbers: sub.available()}
	}
	return &ua.TransferSubscriptionsResponse{ResponseHeader: header(r, ua.StatusOK), Results: results}
}
