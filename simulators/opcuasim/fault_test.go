package opcuasim

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/gopcua/opcua"
	"github.com/gopcua/opcua/ua"
)

// A client whose connection is cut, and that comes with a new session, gets
// what it has missed: the message in flight by Republish, the later ones by
// Publish.
func TestNothingIsLostOverACut(t *testing.T) {
	s := newServer(t, Options{})
	address := serve(t, s)
	a := connect(t, address)
	sub := subscribe(t, a, 50, "count")
	publish(t, a) // message 1 arrives, but is not acknowledged
	if got := s.Cut(); got != 1 {
		t.Errorf("%d connections cut", got)
	}
	eventually(t, "the connection ends", func() bool { return s.Stats().Open == 0 })
	for i := range int64(4) {
		set(t, s, "F1", "count", i, morning)
	}
	b := connect(t, address)
	moved := must[*ua.TransferSubscriptionsResponse](t, b, &ua.TransferSubscriptionsRequest{SubscriptionIDs: []uint32{sub.SubscriptionID, 77}})
	if moved.Results[0].StatusCode != ua.StatusOK || moved.Results[1].StatusCode != ua.StatusBadSubscriptionIDInvalid {
		t.Fatalf("%+v %+v", moved.Results[0], moved.Results[1])
	}
	if diff := cmp.Diff([]uint32{1}, moved.Results[0].AvailableSequenceNumbers); diff != "" {
		t.Errorf("available (-want +got):\n%s", diff)
	}
	again := must[*ua.RepublishResponse](t, b, &ua.RepublishRequest{SubscriptionID: sub.SubscriptionID, RetransmitSequenceNumber: 1})
	if diff := cmp.Diff([]any{int64(1) << 60}, values(again.NotificationMessage, 0)); diff != "" {
		t.Errorf("republished (-want +got):\n%s", diff)
	}
	if _, err := ask[*ua.RepublishResponse](t, b, &ua.RepublishRequest{SubscriptionID: sub.SubscriptionID, RetransmitSequenceNumber: 9}); err != ua.StatusBadMessageNotAvailable {
		t.Errorf("a message that never was: %v", err)
	}
	later := publish(t, b, &ua.SubscriptionAcknowledgement{SubscriptionID: sub.SubscriptionID, SequenceNumber: 1})
	if diff := cmp.Diff([]any{int64(0), int64(1), int64(2), int64(3)}, values(later.NotificationMessage, 0)); diff != "" {
		t.Errorf("published (-want +got):\n%s", diff)
	}
	if later.Results[0] != ua.StatusOK || later.NotificationMessage.SequenceNumber != 2 {
		t.Errorf("acknowledged with %v, message %d", later.Results[0], later.NotificationMessage.SequenceNumber)
	}
}

// A session lives on without its connection and can be activated over another.
func TestASessionOutlivesItsConnection(t *testing.T) {
	s := newServer(t, Options{})
	address := serve(t, s)
	a := connect(t, address)
	sub := subscribe(t, a, 50, "count")
	session, err := a.DetachSession(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	s.Cut()
	eventually(t, "the connection ends", func() bool { return s.Stats().Open == 0 })
	if st := s.Stats(); st.Sessions != 1 || st.Subscriptions != 1 {
		t.Errorf("%+v", st)
	}
	b, err := opcua.NewClient(address, anonymous()...)
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Dial(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer b.Close(context.Background())
	if err := b.ActivateSession(t.Context(), session); err != nil {
		t.Fatal(err)
	}
	m := publish(t, b)
	if m.SubscriptionID != sub.SubscriptionID || len(values(m.NotificationMessage, 0)) != 1 {
		t.Errorf("subscription %d with %v", m.SubscriptionID, values(m.NotificationMessage, 0))
	}
}

func TestNewConnectionsAreRefusedForAWhile(t *testing.T) {
	s := newServer(t, Options{})
	address := serve(t, s)
	old := connect(t, address)
	s.Refuse(true)
	if c, err := opcua.NewClient(address, anonymous()...); err != nil {
		t.Fatal(err)
	} else if c.Connect(t.Context()) == nil {
		t.Error("a new connection was taken")
	}
	read(t, old, "F1", "count")
	s.Refuse(false)
	read(t, connect(t, address), "F1", "count")
}

// What nobody uses any more is forgotten, so that clients that come and go do
// not fill the server.
func TestWhatIsAbandonedEnds(t *testing.T) {
	s := newServer(t, Options{})
	address := serve(t, s)
	a := connect(t, address)
	must[*ua.CreateSubscriptionResponse](t, a, &ua.CreateSubscriptionRequest{RequestedPublishingInterval: 50, RequestedLifetimeCount: 3})
	eventually(t, "a subscription without publish requests ends after its lifetime", func() bool { return s.Stats().Subscriptions == 0 })
	subscribe(t, a, 1000, "count")
	s.Cut()
	eventually(t, "the connection ends", func() bool { return s.Stats().Open == 0 })
	s.expire(time.Now().Add(29 * time.Second))
	if st := s.Stats(); st.Sessions != 1 {
		t.Errorf("before its time-out: %+v", st)
	}
	s.expire(time.Now().Add(31 * time.Second))
	if st := s.Stats(); st.Sessions != 0 || st.Subscriptions != 0 || st.Items != 0 {
		t.Errorf("after its time-out: %+v", st)
	}
	b := connect(t, address)
	for range maxSubscriptions {
		must[*ua.CreateSubscriptionResponse](t, b, &ua.CreateSubscriptionRequest{RequestedPublishingInterval: 60000})
	}
	if _, err := ask[*ua.CreateSubscriptionResponse](t, b, &ua.CreateSubscriptionRequest{}); err != ua.StatusBadTooManySubscriptions {
		t.Errorf("one subscription too many: %v", err)
	}
}

// A client that does not take its answers is cut off, and holds nobody up.
func TestAClientThatReadsNothingIsCutOff(t *testing.T) {
	s := newServer(t, Options{Timeout: 200 * time.Millisecond})
	address := serve(t, s)
	connect(t, address)
	var only *conn
	s.mu.Lock()
	for only = range s.conns {
	}
	s.mu.Unlock()
	answer := &ua.ReadResponse{ResponseHeader: answered(0, ua.StatusOK), Results: []*ua.DataValue{failed(ua.StatusBad)}, DiagnosticInfos: []*ua.DiagnosticInfo{}}
	for range 100 * maxUnsent { // faster than they can be signed
		only.send(1, answer)
	}
	eventually(t, "the connection ends", func() bool { return s.Stats().Open == 0 })
	read(t, connect(t, address), "F1", "count")
}

// Keys are renewed while answers are on their way. The library's client may not
// begin a request while it renews, so that the renewals are asked for between
// requests instead of by its timer.
func TestChannelsAreRenewedWhileValuesFlow(t *testing.T) {
	s := newServer(t, Options{})
	c := connect(t, serve(t, s))
	const rounds, subscriptions = 10, 5
	for range subscriptions {
		sub := subscribe(t, c, 50, "count")
		must[*ua.ModifySubscriptionResponse](t, c, &ua.ModifySubscriptionRequest{ // no keep-alives
			SubscriptionID: sub.SubscriptionID, RequestedPublishingInterval: 50, RequestedLifetimeCount: 3000, RequestedMaxKeepAliveCount: 1000,
		})
		publish(t, c)
	}
	renewals := 0
	for n := range int64(rounds) {
		var answers sync.WaitGroup
		for range subscriptions {
			answers.Go(func() {
				told, err := ask[*ua.PublishResponse](t, c, &ua.PublishRequest{})
				if err != nil {
					t.Errorf("round %d: %v", n, err)
				} else if diff := cmp.Diff([]any{n + 1}, values(told.NotificationMessage, 0)); diff != "" {
					t.Errorf("round %d (-want +got):\n%s", n, diff)
				}
			})
		}
		eventually(t, "the requests wait at the server", func() bool { return waitingRequests(s) == subscriptions })
		set(t, s, "F1", "count", n+1, morning)
		answered := make(chan struct{})
		go func() { answers.Wait(); close(answered) }()
		for flowing := true; flowing; renewals++ {
			if err := c.SecureChannel().Renew(t.Context()); err != nil {
				t.Fatal(err)
			}
			select {
			case <-answered:
				flowing = false
			default:
			}
		}
	}
	eventually(t, "each renewal is counted", func() bool { return s.Stats().Renewed == uint64(renewals) })
}

// waitingRequests counts the publish requests that have no answer yet.
func waitingRequests(s *Server) (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, session := range s.sessions {
		n += len(session.waiting)
	}
	return n
}

// As many values as there can be, that nobody fetches, and a cut: neither the
// machines nor other clients wait.
func TestValuesThatWaitHoldNobodyUp(t *testing.T) {
	identity, _ := identities()
	s, err := New(Options{Identity: identity})
	if err != nil {
		t.Fatal(err)
	}
	tags := make([]string, MaxNodes)
	for i := range tags {
		tags[i] = fmt.Sprintf("tag%d", i)
		if err := s.AddTag("F1", "Filler", tags[i], "", int64(0), morning); err != nil {
			t.Fatal(err)
		}
	}
	address := serve(t, s)
	lost := connect(t, address)
	for from := 0; from < MaxNodes; from += maxPerCall {
		subscribe(t, lost, 50, tags[from:from+maxPerCall]...)
	}
	other := connect(t, address)
	publish := func(round int64) {
		s.Update(func(w *Writer) {
			for _, tag := range tags {
				if err := w.Set("F1", tag, round, morning); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for round := range int64(100) {
		if publish(round + 1); round == 50 {
			s.Cut()
			eventually(t, "the connections end", func() bool { return s.Stats().Open == 0 })
			other = connect(t, address)
		}
	}
	if got := read(t, other, "F1", "tag199").Value.Value(); got != int64(100) {
		t.Errorf("read %v", got)
	}
	// Each item has kept ten of 101 values.
	if st := s.Stats(); st.Overflowed != 91*MaxNodes || st.Items != MaxNodes {
		t.Errorf("%+v", st)
	}
}
