package opcuasim

import (
	"context"
	"testing"
	"time"

	"github.com/gopcua/opcua/ua"
)

// encoded returns a message as it stands in its chunks.
func encoded(f *testing.F, request ua.Request) []byte {
	f.Helper()
	id, err := ua.Encode(ua.NewFourByteExpandedNodeID(0, ua.ServiceTypeID(request)))
	if err != nil {
		f.Fatal(err)
	}
	request.SetHeader(&ua.RequestHeader{AuthenticationToken: ua.NewTwoByteNodeID(0), AdditionalHeader: ua.NewExtensionObject(nil)})
	body, err := ua.Encode(request)
	if err != nil {
		f.Fatal(err)
	}
	return append(id, body...)
}

// decoded returns the request in a message. What the library cannot stand ends
// one connection; see recovered.
func decoded(b []byte) (request ua.Request, err error) {
	defer recovered(&err)
	_, body, err := ua.DecodeService(b)
	request, _ = body.(ua.Request)
	return request, err
}

// FuzzService feeds foreign messages to every service of a session: none may
// panic, make an answer that cannot be sent, or exceed the bounds.
func FuzzService(f *testing.F) {
	item := ua.NewStringNodeID(namespace, "F1.count")
	for _, request := range []ua.Request{
		&ua.ReadRequest{NodesToRead: []*ua.ReadValueID{{NodeID: item, AttributeID: ua.AttributeIDValue, DataEncoding: &ua.QualifiedName{}}}},
		&ua.BrowseRequest{View: &ua.ViewDescription{ViewID: item}, NodesToBrowse: []*ua.BrowseDescription{{NodeID: item, ReferenceTypeID: item}}},
		&ua.BrowseNextRequest{ContinuationPoints: [][]byte{{1, 0, 0, 0, 1, 0, 0, 0, 0, 85, 0, 0, 0, 0, 0, 33, 1}}},
		&ua.CreateSubscriptionRequest{RequestedPublishingInterval: 1},
		&ua.ModifySubscriptionRequest{SubscriptionID: 1},
		&ua.CreateMonitoredItemsRequest{SubscriptionID: 1, ItemsToCreate: []*ua.MonitoredItemCreateRequest{watch(item, 1, 1)}},
		&ua.SetMonitoringModeRequest{SubscriptionID: 1, MonitoredItemIDs: []uint32{1}},
		&ua.DeleteMonitoredItemsRequest{SubscriptionID: 1, MonitoredItemIDs: []uint32{1}},
		&ua.PublishRequest{SubscriptionAcknowledgements: []*ua.SubscriptionAcknowledgement{{SubscriptionID: 1, SequenceNumber: 1}}},
		&ua.RepublishRequest{SubscriptionID: 1, RetransmitSequenceNumber: 1},
		&ua.TransferSubscriptionsRequest{SubscriptionIDs: []uint32{1}, SendInitialValues: true},
		&ua.SetPublishingModeRequest{SubscriptionIDs: []uint32{1}},
		&ua.DeleteSubscriptionsRequest{SubscriptionIDs: []uint32{1}},
		&ua.CreateSessionRequest{ClientDescription: &ua.ApplicationDescription{ApplicationName: ua.NewLocalizedText("")}},
	} {
		f.Add(encoded(f, request))
	}
	identity, _ := identities()
	s, err := New(Options{Identity: identity})
	if err != nil {
		f.Fatal(err)
	}
	if err := s.AddTag("F1", "Filler", "count", "", int64(1), time.Now()); err != nil {
		f.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	f.Cleanup(func() {
		cancel()
		s.wait.Wait()
	})
	s.ctx = ctx
	client := newConn(s, nil, 1)
	owner := &session{token: ua.NewTwoByteNodeID(7), conn: client, activated: true}
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) > maxMessage {
			return
		}
		request, err := decoded(b)
		if err != nil || request == nil {
			return
		}
		s.mu.Lock()
		answer := s.handleInSession(owner, request, 1)
		if len(s.subs) > maxSubscriptions || s.items > maxItems || len(owner.waiting) > maxWaiting {
			t.Errorf("%d subscriptions, %d items, %d requests", len(s.subs), s.items, len(owner.waiting))
		}
		s.mu.Unlock()
		for len(client.out) > 0 {
			<-client.out
		}
		if answer == nil {
			return
		}
		if _, err := ua.Encode(answer); err != nil {
			t.Errorf("%T answered with %T: %v", request, answer, err)
		}
	})
}
