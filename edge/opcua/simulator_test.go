package opcua

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gopcua/opcua/ua"

	"linewatch"
	"linewatch/edge"
	"linewatch/simulators/opcuasim"
)

// morning is when the simulator's values began.
var morning = time.Date(2026, 11, 22, 6, 0, 0, 0, time.UTC)

// shared is a key pair for all tests, since making one takes long.
var shared = sync.OnceValues(func() (*opcuasim.Identity, error) {
	return opcuasim.NewIdentity(opcuasim.DefaultApplicationURI, time.Now())
})

// simulate starts a simulated server with the tags F1.speed, F1.count and
// F1.product and returns its address.
func simulate(t *testing.T, o opcuasim.Options) (*opcuasim.Server, string) {
	t.Helper()
	var err error
	if o.Identity, err = shared(); err != nil {
		t.Fatal(err)
	}
	s, err := opcuasim.New(o)
	if err != nil {
		t.Fatal(err)
	}
	for tag, value := range map[string]any{"speed": 40.5, "count": int64(0), "product": "PET-1L ü"} {
		if err := s.AddTag("F1", "Filler", tag, "", value, morning); err != nil {
			t.Fatal(err)
		}
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Serve(ctx, l) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return s, l.Addr().String()
}

// setCount gives F1.count a value.
func setCount(t *testing.T, s *opcuasim.Server, n int64) {
	t.Helper()
	s.Update(func(w *opcuasim.Writer) {
		if err := w.Set("F1", "count", n, time.Now()); err != nil {
			t.Error(err)
		}
	})
}

var simulated = []string{"ns=2;s=F1.speed", "ns=2;s=F1.count", "nsu=urn:linewatch:plant;s=F1.product"}

// impatient is for tests of what happens when a server says nothing.
var impatient = times{alive: 200 * time.Millisecond, deaf: 600 * time.Millisecond, lost: 1500 * time.Millisecond, retry: 300 * time.Millisecond}

// follow starts a source of an unsecured simulator and waits for all tags.
func follow(t *testing.T, address string) (*Source, *collector) {
	t.Helper()
	s := open(t, sourceConfig(address, simulated...), "")
	s.times = impatient
	agent := run(t, s)
	agent.wait("every tag", 10*time.Second, func(scans []edge.Scan) bool { return len(newest(scans)) == 3 })
	return s, agent
}

// gave reports whether F1.count has been n.
func gave(n int64) func([]edge.Scan) bool {
	return func(scans []edge.Scan) bool { return newest(scans)[1].Value == linewatch.IntValue(n) }
}

func TestValuesComeWithTheirOwnTimes(t *testing.T) {
	server, address := simulate(t, opcuasim.Options{AllowNone: true})
	_, agent := follow(t, address)
	got := newest(agent.all())
	want := map[int]linewatch.Value{0: linewatch.FloatValue(40.5), 1: linewatch.IntValue(0), 2: linewatch.StringValue("PET-1L ü")}
	for tag, value := range want {
		if r := got[tag]; r.Value != value || r.Quality != linewatch.Ok || r.At != linewatch.TimeOf(morning) || r.Assigned {
			t.Errorf("tag %d is %+v, want %v since %v", tag, r, value, morning)
		}
	}
	before := linewatch.TimeOf(time.Now())
	setCount(t, server, 7)
	scans := agent.wait("a change", 5*time.Second, gave(7))
	if r := newest(scans)[1]; r.At < before || r.At > linewatch.TimeOf(time.Now()) {
		t.Errorf("the change is of %v, want after %v", r.At, before)
	}
	through := linewatch.NoTime
	for i, s := range scans {
		for _, r := range s.Readings {
			if r.At <= through && i > 0 {
				t.Errorf("scan %d gives a reading of %v after everything up to %v was given", i, r.At, through)
			}
		}
		if s.Through < through || s.Through == 0 {
			t.Errorf("scan %d is through at %v, after %v", i, s.Through, through)
		}
		through = s.Through
	}
	agent.wait("progress without changes", 5*time.Second, func(scans []edge.Scan) bool {
		return scans[len(scans)-1].Through > newest(scans)[1].At
	})
}

func TestPasswordAndPinnedCertificate(t *testing.T) {
	server, address := simulate(t, opcuasim.Options{User: "line", Password: "secret"})
	password := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(password, []byte("secret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "own")
	c := sourceConfig(address, simulated...)
	c.OPCUA = edge.OPCUAConfig{Thumbprint: server.Identity().Thumbprint(), User: "line", PasswordFile: password}
	agent := run(t, open(t, c, dir))
	agent.wait("every tag", 10*time.Second, func(scans []edge.Scan) bool { return len(newest(scans)) == 3 })
	if err := agent.end(); err != nil {
		t.Error(err)
	}
	if got := server.Stats(); got.Sessions != 0 || got.Insecure != 0 || got.Malformed != 0 {
		t.Errorf("after the end the server has %+v, want no session and nothing wrong", got)
	}
	for _, name := range []string{CertificateFile, KeyFile} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v; want mode 0600", name, info, err)
		}
	}
}

func TestWhatIsNotTrustedIsNotRead(t *testing.T) {
	server, address := simulate(t, opcuasim.Options{User: "line", Password: "secret"})
	good := server.Identity().Thumbprint()
	password := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(password, []byte("wrong"), 0o600); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for _, row := range []struct {
		name, want string
		o          edge.OPCUAConfig
	}{
		{"another certificate", "has another thumbprint", edge.OPCUAConfig{Thumbprint: strings.Repeat("00", 32)}},
		{"a policy that is not offered", "does not offer SignAndEncrypt with Aes256_Sha256_RsaPss but only", edge.OPCUAConfig{Thumbprint: good, Policy: "Aes256_Sha256_RsaPss"}},
		{"no user", "the server wants a user", edge.OPCUAConfig{Thumbprint: good}},
		{"wrong password", "BadUserAccessDenied", edge.OPCUAConfig{Thumbprint: good, User: "line", PasswordFile: password}},
		{"no security", "Bad", edge.OPCUAConfig{Mode: "None", Insecure: true}},
	} {
		t.Run(row.name, func(t *testing.T) {
			c := sourceConfig(address, simulated...)
			c.OPCUA = row.o
			agent := run(t, open(t, c, dir))
			scans := agent.wait("an error", 10*time.Second, func(scans []edge.Scan) bool { return len(scans) > 0 })
			if err := scans[0].Err; err == nil || !strings.Contains(err.Error(), row.want) {
				t.Errorf("got %v, want %q in it", err, row.want)
			}
		})
	}
}

func TestACutPassesUnnoticed(t *testing.T) {
	server, address := simulate(t, opcuasim.Options{AllowNone: true})
	_, agent := follow(t, address)
	n := int64(0)
	for range 5 {
		for range 3 {
			n++
			setCount(t, server, n)
		}
		server.Refuse(true)
		if server.Cut() == 0 {
			t.Error("there was nothing to cut")
		}
		for range 3 {
			n++
			setCount(t, server, n)
		}
		server.Refuse(false)
		agent.wait(fmt.Sprint("value ", n), 10*time.Second, gave(n))
	}
	if away := agent.interruptions(); len(away) < 5 || !strings.Contains(away[0].Error(), "read from opc.tcp://") {
		t.Errorf("people are told %v, want each of the five cuts and the address", away)
	}
	scans := agent.all()
	for i, v := range values(scans, 1) {
		if got, _ := v.Int(); got != int64(i) {
			t.Fatalf("value %d is %v, want every one once and in order", i, v)
		}
	}
	for _, s := range scans[1:] {
		if s.Err != nil || s.First || s.Interrupted || s.Overflows != 0 {
			t.Errorf("a scan tells of the cut: %+v", s)
		}
	}
	if got := server.Stats(); got.Sessions != 1 || got.Subscriptions != 1 {
		t.Errorf("the server has %d sessions and %d subscriptions, want one of each", got.Sessions, got.Subscriptions)
	}
}

func TestLostSessionBeginsAnewAndSaysSo(t *testing.T) {
	server, address := simulate(t, opcuasim.Options{AllowNone: true})
	_, agent := follow(t, address)
	before := len(agent.all())
	setCount(t, server, 5)
	server.DropSessions()
	scans := agent.wait("the value after", 10*time.Second, func(scans []edge.Scan) bool {
		return len(newest(scans[before:])) == 3 && gave(5)(scans)
	})
	firsts := 0
	for _, s := range scans[before:] {
		if s.First != s.Interrupted || s.Err != nil {
			t.Errorf("a scan is First %v and Interrupted %v with the error %v, want both and none", s.First, s.Interrupted, s.Err)
		}
		if s.First {
			firsts++
		}
	}
	if firsts != 1 {
		t.Errorf("%d scans are First, want 1", firsts)
	}
}

func TestOverflowIsCounted(t *testing.T) {
	server, address := simulate(t, opcuasim.Options{AllowNone: true})
	c := sourceConfig(address, simulated...)
	c.OPCUA.Queue = 2
	s := open(t, c, "")
	agent := run(t, s)
	agent.wait("every tag", 10*time.Second, func(scans []edge.Scan) bool { return len(newest(scans)) == 3 })
	server.Update(func(w *opcuasim.Writer) {
		for n := range int64(10) {
			if err := w.Set("F1", "count", n+1, time.Now()); err != nil {
				t.Error(err)
			}
		}
	})
	scans := agent.wait("the newest value", 10*time.Second, gave(10))
	overflows := 0
	for _, s := range scans {
		overflows += s.Overflows
	}
	if overflows != 1 {
		t.Errorf("%d overflows, want 1", overflows)
	}
}

// A line that goes dead without a word is noticed, told once it has lasted too
// long, and taken up again where it was.
func TestSilenceIsNoticed(t *testing.T) {
	server, address := simulate(t, opcuasim.Options{AllowNone: true})
	p := newProxy(t, address)
	s := open(t, sourceConfig(p.address(), simulated...), "")
	s.times = impatient
	s.config.Timeout = edge.Span(100 * time.Millisecond)
	agent := run(t, s)
	agent.wait("every tag", 10*time.Second, func(scans []edge.Scan) bool { return len(newest(scans)) == 3 })
	p.set(func() { p.silent = true })
	before := len(agent.all())
	began := time.Now()
	scans := agent.wait("an error", 10*time.Second, func(scans []edge.Scan) bool { return scans[len(scans)-1].Err != nil })
	took := time.Since(began)
	if took < impatient.lost/2 || took > impatient.lost+5*time.Second {
		t.Errorf("it was told after %v, want %v and little more", took, impatient.lost)
	}
	if p.connections() < 2 {
		t.Error("the connection was not given up before")
	}
	if got := scans[len(scans)-1]; got.Through != linewatch.NoTime || len(got.Readings) != 0 {
		t.Errorf("the error comes as %+v, want nothing else", got)
	}
	t.Logf("told after %v: %v", took, scans[len(scans)-1].Err)
	setCount(t, server, 3)
	p.set(func() { p.silent = false })
	scans = agent.wait("the value after", 10*time.Second, gave(3))
	for _, s := range scans[before:] {
		if s.First || s.Interrupted {
			t.Errorf("a scan is %+v, want neither First nor Interrupted: nothing was lost", s)
		}
	}
}

func TestAgentThatFailsEndsTheSource(t *testing.T) {
	_, address := simulate(t, opcuasim.Options{AllowNone: true})
	s := open(t, sourceConfig(address, simulated...), "")
	full := errors.New("disk full")
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	err := s.Run(ctx, func(edge.Scan) error { return full })
	if !errors.Is(err, full) {
		t.Errorf("got %v, want the error of the agent", err)
	}
}

func TestUnknownTagsAreNamed(t *testing.T) {
	_, address := simulate(t, opcuasim.Options{AllowNone: true})
	agent := run(t, open(t, sourceConfig(address, "ns=2;s=F1.speed", "ns=2;s=F1.colour", "nsu=urn:nobody;s=F1.speed"), ""))
	scans := agent.wait("every tag", 10*time.Second, func(scans []edge.Scan) bool { return len(newest(scans)) == 3 })
	got := newest(scans)
	for tag, want := range []string{"40.5", "Bad BadNodeIdUnknown", "Bad OPC UA namespace does not exist"} {
		if got := describe(got[tag]); got != want {
			t.Errorf("tag %d is %s, want %s", tag, got, want)
		}
	}
}

// What the server sends into a line that is dead already must be asked for
// again.
func TestNotificationOnADeadLineIsAskedForAgain(t *testing.T) {
	server, address := simulate(t, opcuasim.Options{AllowNone: true})
	p := newProxy(t, address)
	_, agent := follow(t, p.address())
	published := server.Stats().Published
	p.set(func() { p.silent = true })
	setCount(t, server, 1)
	eventually(t, "the server to publish", func() bool { return server.Stats().Published > published })
	p.set(func() { p.cut, p.silent = true, false })
	setCount(t, server, 2)
	p.set(func() { p.cut = false })
	scans := agent.wait("the value after", 10*time.Second, gave(2))
	if got, want := fmt.Sprint(values(scans, 1)), "[0 1 2]"; got != want {
		t.Errorf("got %v, want %v", got, want)
	}
	if server.Stats().Republished == 0 {
		t.Error("nothing was asked for again: the line was not dead in time")
	}
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for !ok() {
		if time.Now().After(deadline) {
			t.Fatalf("waited 10 s for %s", what)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// Keys expire while values flow.
func TestNewKeysLoseNothing(t *testing.T) {
	server, address := simulate(t, opcuasim.Options{})
	c := sourceConfig(address, simulated...)
	c.OPCUA = edge.OPCUAConfig{Thumbprint: server.Identity().Thumbprint(), Queue: 1000}
	s := open(t, c, t.TempDir())
	s.lifetime = 200 * time.Millisecond
	agent := run(t, s)
	agent.wait("every tag", 10*time.Second, func(scans []edge.Scan) bool { return len(newest(scans)) == 3 })
	n := int64(0)
	eventually(t, "five renewals", func() bool {
		n++
		setCount(t, server, n)
		return server.Stats().Renewed >= 5
	})
	scans := agent.wait("the last value", 10*time.Second, gave(n))
	for i, v := range values(scans, 1) {
		if got, _ := v.Int(); got != int64(i) {
			t.Fatalf("value %d is %v, want every one once and in order", i, v)
		}
	}
	for _, s := range scans {
		if s.Err != nil || s.Interrupted || s.Overflows > 0 {
			t.Errorf("a scan tells of a loss: %+v", s)
		}
	}
}

// A tag that the server does not know yet is asked for again.
func TestTagThatComesLater(t *testing.T) {
	server, address := simulate(t, opcuasim.Options{AllowNone: true})
	s := open(t, sourceConfig(address, "ns=2;s=F1.speed", "ns=2;s=F1.colour"), "")
	s.times = impatient
	agent := run(t, s)
	agent.wait("a refusal", 10*time.Second, func(scans []edge.Scan) bool {
		return newest(scans)[1].Cause == "BadNodeIdUnknown"
	})
	if err := server.AddTag("F1", "Filler", "colour", "", "red", morning); err != nil {
		t.Fatal(err)
	}
	scans := agent.wait("its value", 10*time.Second, func(scans []edge.Scan) bool {
		return newest(scans)[1].Value == linewatch.StringValue("red")
	})
	for _, s := range scans[1:] {
		if s.First || s.Interrupted || s.Err != nil {
			t.Errorf("got %+v, want the rest undisturbed", s)
		}
	}
}

// A connection that breaks before the items are there leaves half a
// subscription behind, which is replaced and not added to.
func TestHalfASubscriptionIsReplaced(t *testing.T) {
	server, address := simulate(t, opcuasim.Options{AllowNone: true})
	s := open(t, sourceConfig(address, simulated...), "")
	s.emit = func(edge.Scan) error { return nil }
	join := func() *channel {
		t.Helper()
		c, err := s.connect(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.wire.conn.Close() })
		if err := s.resume(t.Context(), c); err != nil {
			t.Fatal(err)
		}
		return c
	}
	check := func(what string) {
		t.Helper()
		if got := server.Stats(); got.Sessions != 1 || got.Subscriptions != 1 || got.Items != 3 {
			t.Errorf("%s: the server has %d sessions, %d subscriptions and %d items, want 1, 1 and 3", what, got.Sessions, got.Subscriptions, got.Items)
		}
	}
	c := join()
	check("at first")
	first := s.sub.id
	c.wire.conn.Close()
	join()
	check("taken up again")
	if s.sub.id != first {
		t.Errorf("subscription %d became %d", first, s.sub.id)
	}
	s.sub.whole = false
	c = join()
	check("replaced")
	if s.sub.id == first || !s.sub.whole || !s.scan.First {
		t.Errorf("subscription %d became %d, whole %v, first %v", first, s.sub.id, s.sub.whole, s.scan.First)
	}
	// One that we never heard of is removed as soon as it says something.
	within, cancel := s.within(t.Context())
	defer cancel()
	if _, err := call[*ua.CreateSubscriptionResponse](within, c, &ua.CreateSubscriptionRequest{
		RequestedPublishingInterval: 50, RequestedMaxKeepAliveCount: 1, RequestedLifetimeCount: 100, PublishingEnabled: true,
	}); err != nil {
		t.Fatal(err)
	}
	a := &asked{acks: map[uint32][]uint32{}, most: outstanding}
	eventually(t, "it to be removed", func() bool {
		if err := s.publishOnce(t.Context(), c, a); err != nil {
			t.Fatal(err)
		}
		return server.Stats().Subscriptions == 1
	})
	check("cleared")
}
