package opcua

import (
	"encoding/binary"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gopcua/opcua/id"

	"linewatch"
	"linewatch/edge"
	"linewatch/simulators/opcuasim"
)

// A server that takes connection and session and publishes nothing any more is
// told as lost, and its subscription is replaced.
func TestSubscriptionThatDiedIsReplaced(t *testing.T) {
	server, address := simulate(t, opcuasim.Options{AllowNone: true})
	p := newProxy(t, address)
	s := open(t, sourceConfig(p.address(), simulated...), "")
	s.times = impatient
	agent := run(t, s)
	agent.wait("every tag", 10*time.Second, func(scans []edge.Scan) bool { return len(newest(scans)) == 3 })
	var dead, stay atomic.Bool
	dead.Store(true)
	stay.Store(true)
	p.set(func() {
		p.hold = func(request uint16) bool {
			if request == id.CreateSubscriptionRequest_Encoding_DefaultBinary && !stay.Load() {
				dead.Store(false)
			}
			return dead.Load() && request == id.PublishRequest_Encoding_DefaultBinary
		}
	})
	scans := agent.wait("an error", 10*time.Second, func(scans []edge.Scan) bool { return scans[len(scans)-1].Err != nil })
	before := len(scans)
	setCount(t, server, 7)
	stay.Store(false)
	scans = agent.wait("the value after", 20*time.Second, gave(7))
	interrupted := 0
	for _, s := range scans[before:] {
		if s.Interrupted {
			interrupted++
		}
	}
	if interrupted != 1 {
		t.Errorf("%d scans say that something was lost, want 1", interrupted)
	}
	eventually(t, "the dead subscription to be removed", func() bool {
		got := server.Stats()
		return got.Sessions == 1 && got.Subscriptions == 1
	})
}

// A server that has a notification no more, when it is asked for it again, has
// lost the newest values of tags that may not change for hours. They are had by
// a new subscription.
func TestNotificationThatIsGoneDoesNotLeaveOldValues(t *testing.T) {
	server, address := simulate(t, opcuasim.Options{AllowNone: true})
	p := newProxy(t, address)
	s := open(t, sourceConfig(p.address(), simulated...), "")
	s.times = impatient
	agent := run(t, s)
	agent.wait("every tag", 10*time.Second, func(scans []edge.Scan) bool { return len(newest(scans)) == 3 })
	before := len(agent.all())
	p.set(func() {
		p.silent = true
		p.edit = func(request uint16, chunk []byte) {
			if request == id.RepublishRequest_Encoding_DefaultBinary {
				binary.LittleEndian.PutUint32(chunk[len(chunk)-4:], 1<<30) // it has no such notification
			}
		}
	})
	published := server.Stats().Published
	setCount(t, server, 7)
	eventually(t, "the value to be on its way", func() bool { return server.Stats().Published > published })
	p.set(func() { p.cut = true })
	p.set(func() { p.cut, p.silent = false, false })
	interrupted := false
	for _, s := range agent.wait("the value that was lost", 20*time.Second, gave(7))[before:] {
		interrupted = interrupted || s.Interrupted
	}
	if !interrupted {
		t.Error("no scan says that something was lost")
	}
	eventually(t, "the old subscription to be removed", func() bool {
		got := server.Stats()
		return got.Sessions == 1 && got.Subscriptions == 1
	})
}

// What is published at once may be more than we take in a message. It must not
// stand in the way for ever.
func TestNotificationThatIsTooLargeIsDivided(t *testing.T) {
	server, address := simulate(t, opcuasim.Options{AllowNone: true})
	const tags, updates = 150, 6 // of 1 KiB each
	var nodes []string
	for n := range tags {
		tag := fmt.Sprintf("note%d", n)
		if err := server.AddTag("F1", "Filler", tag, "", "", morning); err != nil {
			t.Fatal(err)
		}
		nodes = append(nodes, "ns=2;s=F1."+tag)
	}
	c := sourceConfig(address, nodes...)
	c.OPCUA.Sampling = edge.Span(time.Millisecond) // each change
	s := open(t, c, "")
	s.times = impatient
	agent := run(t, s)
	agent.wait("every tag", 10*time.Second, func(scans []edge.Scan) bool { return len(newest(scans)) == tags })
	long := strings.Repeat("x", linewatch.MaxString-1)
	server.Update(func(w *opcuasim.Writer) {
		for n := range updates {
			for tag := range tags {
				if err := w.Set("F1", fmt.Sprintf("note%d", tag), fmt.Sprint(n, long), time.Now()); err != nil {
					t.Error(err)
				}
			}
		}
	})
	agent.wait("the newest value of each", 30*time.Second, func(scans []edge.Scan) bool {
		arrived := 0
		for _, r := range newest(scans) {
			if strings.HasPrefix(r.Value.Str(), fmt.Sprint(updates-1, "x")) {
				arrived++
			}
		}
		return arrived == tags
	})
}
