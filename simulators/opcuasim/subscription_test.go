package opcuasim

import (
	"math"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/gopcua/opcua"
	"github.com/gopcua/opcua/ua"
)

// subscribe creates a subscription with a queue of ten for each tag of F1 and
// returns its answer. The client handle of a tag is its place.
func subscribe(t *testing.T, c *opcua.Client, interval float64, tags ...string) *ua.CreateSubscriptionResponse {
	t.Helper()
	sub := must[*ua.CreateSubscriptionResponse](t, c, &ua.CreateSubscriptionRequest{
		RequestedPublishingInterval: interval, RequestedLifetimeCount: 600, RequestedMaxKeepAliveCount: 5, PublishingEnabled: true,
	})
	request := &ua.CreateMonitoredItemsRequest{SubscriptionID: sub.SubscriptionID, TimestampsToReturn: ua.TimestampsToReturnBoth}
	for i, tag := range tags {
		request.ItemsToCreate = append(request.ItemsToCreate, watch(nodeID(t, "F1", tag), uint32(i), 10))
	}
	for i, r := range must[*ua.CreateMonitoredItemsResponse](t, c, request).Results {
		if r.StatusCode != ua.StatusOK || r.RevisedQueueSize != 10 || r.RevisedSamplingInterval != 0 {
			t.Fatalf("%s: %+v", tags[i], r)
		}
	}
	return sub
}

func watch(id *ua.NodeID, handle, queue uint32) *ua.MonitoredItemCreateRequest {
	return &ua.MonitoredItemCreateRequest{
		ItemToMonitor:       &ua.ReadValueID{NodeID: id, AttributeID: ua.AttributeIDValue, DataEncoding: &ua.QualifiedName{}},
		MonitoringMode:      ua.MonitoringModeReporting,
		RequestedParameters: &ua.MonitoringParameters{ClientHandle: handle, QueueSize: queue, DiscardOldest: true, Filter: ua.NewExtensionObject(nil)},
	}
}

// publish asks for a notification, which acknowledges others.
func publish(t *testing.T, c *opcua.Client, acknowledged ...*ua.SubscriptionAcknowledgement) *ua.PublishResponse {
	t.Helper()
	return must[*ua.PublishResponse](t, c, &ua.PublishRequest{SubscriptionAcknowledgements: acknowledged})
}

// values lists what a message tells of one client handle.
func values(m *ua.NotificationMessage, handle uint32) (all []any) {
	for _, d := range m.NotificationData {
		for _, n := range d.Value.(*ua.DataChangeNotification).MonitoredItems {
			if n.ClientHandle != handle {
				continue
			}
			if n.Value.Status != ua.StatusOK {
				all = append(all, n.Value.Status)
				continue
			}
			all = append(all, n.Value.Value.Value())
		}
	}
	return all
}

func TestEveryChangeIsPublishedInOrder(t *testing.T) {
	s := newServer(t, Options{})
	c := connect(t, serve(t, s))
	sub := subscribe(t, c, 100, "temperature", "count")
	first := publish(t, c)
	if diff := cmp.Diff([]any{68.5}, values(first.NotificationMessage, 0)); diff != "" {
		t.Errorf("the first message (-want +got):\n%s", diff)
	}
	for i := range 5 {
		set(t, s, "F1", "temperature", float64(i), morning.Add(time.Duration(i+1)*time.Second))
	}
	set(t, s, "F1", "temperature", 4.0, morning.Add(time.Hour)) // no change
	second := publish(t, c, &ua.SubscriptionAcknowledgement{SubscriptionID: sub.SubscriptionID, SequenceNumber: 1})
	if diff := cmp.Diff([]any{0.0, 1.0, 2.0, 3.0, 4.0}, values(second.NotificationMessage, 0)); diff != "" {
		t.Errorf("the second message (-want +got):\n%s", diff)
	}
	got := second.NotificationMessage.NotificationData[0].Value.(*ua.DataChangeNotification).MonitoredItems[2].Value
	if !got.SourceTimestamp.Equal(morning.Add(3*time.Second)) || got.ServerTimestamp.IsZero() {
		t.Errorf("the third value is of %v, served at %v", got.SourceTimestamp, got.ServerTimestamp)
	}
	if second.NotificationMessage.SequenceNumber != 2 || !slices.Equal(second.AvailableSequenceNumbers, []uint32{2}) {
		t.Errorf("message %d, available %d", second.NotificationMessage.SequenceNumber, second.AvailableSequenceNumbers)
	}
	if st := s.Stats(); st.Published != 7 || st.Overflowed != 0 || st.Subscriptions != 1 || st.Items != 2 {
		t.Errorf("%+v", st)
	}
}

func TestAQuietSubscriptionSaysThatItLives(t *testing.T) {
	c := connect(t, serve(t, newServer(t, Options{})))
	sub := subscribe(t, c, 50)
	for range 2 {
		begin := time.Now()
		m := publish(t, c).NotificationMessage
		if len(m.NotificationData) != 0 || m.SequenceNumber != 1 {
			t.Errorf("message %d with %d notifications", m.SequenceNumber, len(m.NotificationData))
		}
		if waited := time.Since(begin); waited > 50*time.Millisecond*time.Duration(sub.RevisedMaxKeepAliveCount)*20 {
			t.Errorf("the keep-alive came after %v", waited)
		}
	}
}

func TestIntervalsAreRevised(t *testing.T) {
	s := newServer(t, Options{})
	c := connect(t, serve(t, s))
	for _, interval := range []float64{0, -1, math.NaN(), math.Inf(1), 1e300, 1234} {
		r := must[*ua.CreateSubscriptionResponse](t, c, &ua.CreateSubscriptionRequest{RequestedPublishingInterval: interval})
		want := min(max(interval, 50), 60000)
		if math.IsNaN(interval) {
			want = 50
		}
		if r.RevisedPublishingInterval != want || r.RevisedMaxKeepAliveCount == 0 || r.RevisedLifetimeCount < 3*r.RevisedMaxKeepAliveCount {
			t.Errorf("%v: %+v", interval, r)
		}
	}
	modified := must[*ua.ModifySubscriptionResponse](t, c, &ua.ModifySubscriptionRequest{
		SubscriptionID: 1, RequestedPublishingInterval: 0, RequestedMaxKeepAliveCount: 1 << 30, RequestedLifetimeCount: 1 << 30,
	})
	if modified.RevisedPublishingInterval != 50 || modified.RevisedMaxKeepAliveCount != maxKeepAlive || modified.RevisedLifetimeCount != 72000 {
		t.Errorf("modified to %+v", modified)
	}
	if got := s.Stats().Subscriptions; got != 6 {
		t.Errorf("%d subscriptions", got)
	}
}

func TestItemsAreJudgedOneByOne(t *testing.T) {
	s := newServer(t, Options{})
	c := connect(t, serve(t, s))
	sub := subscribe(t, c, 100)
	percent, absolute := watch(nodeID(t, "F1", "temperature"), 2, 1), watch(nodeID(t, "F1", "temperature"), 3, 1)
	percent.RequestedParameters.Filter = ua.NewExtensionObject(&ua.DataChangeFilter{Trigger: 1, DeadbandType: 2, DeadbandValue: 1})
	absolute.RequestedParameters.Filter = ua.NewExtensionObject(&ua.DataChangeFilter{Trigger: 1, DeadbandType: 1, DeadbandValue: 2})
	object := watch(ua.NewStringNodeID(namespace, "F1"), 4, 1)
	r := must[*ua.CreateMonitoredItemsResponse](t, c, &ua.CreateMonitoredItemsRequest{
		SubscriptionID: sub.SubscriptionID, ItemsToCreate: []*ua.MonitoredItemCreateRequest{
			watch(nodeID(t, "F1", "temperature"), 0, 1<<31), watch(nodeID(t, "F1", "temprature"), 1, 1), percent, absolute, object,
		},
	})
	want := []ua.StatusCode{
		ua.StatusOK, ua.StatusBadNodeIDUnknown, ua.StatusBadMonitoredItemFilterUnsupported, ua.StatusOK, ua.StatusBadAttributeIDInvalid,
	}
	for i, got := range r.Results {
		if got.StatusCode != want[i] {
			t.Errorf("item %d: %v, want %v", i, got.StatusCode, want[i])
		}
	}
	if r.Results[0].RevisedQueueSize != maxQueue {
		t.Errorf("queue size %d", r.Results[0].RevisedQueueSize)
	}
	publish(t, c)
	for _, v := range []float64{70, 70.5, 71, 66} {
		set(t, s, "F1", "temperature", v, morning)
	}
	m := publish(t, c).NotificationMessage
	if diff := cmp.Diff([]any{70.0, 70.5, 71.0, 66.0}, values(m, 0)); diff != "" {
		t.Errorf("every change (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]any{66.0}, values(m, 3)); diff != "" { // 68.5, then 71 is 2.5 away, then 66 in a queue of one
		t.Errorf("with a deadband of 2 (-want +got):\n%s", diff)
	}
	deleted := must[*ua.DeleteMonitoredItemsResponse](t, c, &ua.DeleteMonitoredItemsRequest{
		SubscriptionID: sub.SubscriptionID, MonitoredItemIDs: []uint32{r.Results[0].MonitoredItemID, 999},
	})
	if deleted.Results[0] != ua.StatusOK || deleted.Results[1] != ua.StatusBadMonitoredItemIDInvalid || s.Stats().Items != 1 {
		t.Errorf("deleted: %v, %d items are left", deleted.Results, s.Stats().Items)
	}
}

func TestAFullQueueSaysSo(t *testing.T) {
	s := newServer(t, Options{})
	c := connect(t, serve(t, s))
	sub := subscribe(t, c, 200)
	newest := watch(nodeID(t, "F1", "count"), 1, 3)
	newest.RequestedParameters.DiscardOldest = false
	must[*ua.CreateMonitoredItemsResponse](t, c, &ua.CreateMonitoredItemsRequest{
		SubscriptionID: sub.SubscriptionID, ItemsToCreate: []*ua.MonitoredItemCreateRequest{watch(nodeID(t, "F1", "count"), 0, 3), newest},
	})
	for i := range int64(5) {
		set(t, s, "F1", "count", i, morning)
	}
	m := publish(t, c).NotificationMessage
	if diff := cmp.Diff([]any{ua.StatusCode(overflow), int64(3), int64(4)}, values(m, 0)); diff != "" {
		t.Errorf("discarding the oldest (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]any{int64(1) << 60, int64(0), ua.StatusCode(overflow)}, values(m, 1)); diff != "" {
		t.Errorf("discarding the newest (-want +got):\n%s", diff)
	}
	if got := s.Stats().Overflowed; got != 6 {
		t.Errorf("%d values lost, want 6", got)
	}
}

func TestAStatusIsPublishedWithoutAValue(t *testing.T) {
	s := newServer(t, Options{})
	c := connect(t, serve(t, s))
	subscribe(t, c, 50, "temperature")
	publish(t, c)
	for _, status := range []Status{BadSensorFailure, Good} {
		if err := s.SetStatus("F1", "temperature", status, morning.Add(time.Minute)); err != nil {
			t.Fatal(err)
		}
	}
	m := publish(t, c).NotificationMessage
	if diff := cmp.Diff([]any{ua.StatusBadSensorFailure, 68.5}, values(m, 0)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if bad := m.NotificationData[0].Value.(*ua.DataChangeNotification).MonitoredItems[0].Value; bad.Has(ua.DataValueValue) {
		t.Errorf("a bad value is shown: %v", bad.Value.Value())
	}
}

func TestPublishRequestsAreBounded(t *testing.T) {
	s := newServer(t, Options{})
	c := connect(t, serve(t, s))
	if _, err := ask[*ua.PublishResponse](t, c, &ua.PublishRequest{}); err != ua.StatusBadNoSubscription {
		t.Errorf("without a subscription: %v", err)
	}
	subscribe(t, c, 60000)
	results := make(chan error, maxWaiting+1)
	for range maxWaiting + 1 {
		go func() {
			_, err := ask[*ua.PublishResponse](t, c, &ua.PublishRequest{})
			results <- err
		}()
	}
	if err := <-results; err != ua.StatusBadTooManyPublishRequests {
		t.Errorf("the oldest of 21 requests: %v", err)
	}
	s.DropSessions()
	for range maxWaiting {
		if err := <-results; err != ua.StatusBadSessionClosed {
			t.Errorf("a request when its session is closed: %v", err)
		}
	}
}
