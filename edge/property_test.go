package edge

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"linewatch"
)

// TestAccountsAndHeartbeatsUnderFaults runs agents over one spool while the
// uplink, the spool, the PLCs and the clock misbehave, and checks that the
// accounts balance whenever they are looked at, that everything sampled arrives
// in order, and that no point comes after a heartbeat that covers it.
func TestAccountsAndHeartbeatsUnderFaults(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		seed := rapid.Uint64().Draw(rt, "seed")
		runs := rapid.IntRange(1, 3).Draw(rt, "runs")
		var fault string
		synctest.Test(t, func(t *testing.T) { fault = faultyRuns(t.Context(), seed, runs) })
		if fault != "" {
			rt.Fatal(fault)
		}
	})
}

func faultyRuns(ctx context.Context, seed uint64, runs int) string {
	random := rand.New(rand.NewPCG(seed, 1))
	spool, uplink := newMemorySpool(), newMemoryUplink()
	spool.delay = time.Duration(random.IntN(20)) * time.Millisecond
	uplink.delay = time.Duration(random.IntN(200)) * time.Millisecond
	refused := int64(random.IntN(50))
	uplink.refuse = func(p *linewatch.DataPoint) bool {
		n, _ := p.Value.Int()
		return p.Tag == "b" && n%50 == refused && refused > 25
	}
	var total Accounts
	n := 1 + random.IntN(3)
	for range runs {
		sources := map[string]Source{}
		for i := range n {
			sources[fmt.Sprint("plc", i)] = moody(random.Uint64())
		}
		accounts, fault := faultyRun(ctx, random, options(spool, uplink, sources), spool, uplink)
		if fault != "" {
			return fault
		}
		total.Sent, total.Spooled = total.Sent+accounts.Sent, accounts.Spooled
	}
	if faults := uplink.broken(); len(faults) > 0 {
		return fmt.Sprint("promises broken: ", faults)
	}
	if got := uint64(len(uplink.points())); got < total.Sent || got > total.Sent+total.Spooled {
		return fmt.Sprintf("%d points arrived, %d were counted as sent, %d are spooled", got, total.Sent, total.Spooled)
	}
	return ""
}

// faultyRun runs one agent for some virtual seconds of trouble, and lets the
// last of them be quiet.
func faultyRun(ctx context.Context, random *rand.Rand, o Options, spool *memorySpool, uplink *memoryUplink) (Accounts, string) {
	jitter := rand.New(rand.NewPCG(random.Uint64(), 3))
	var mu sync.Mutex
	o.Now = func() linewatch.Time { // jumps to and fro by half a second, but not over a restart
		mu.Lock()
		defer mu.Unlock()
		return linewatch.TimeOf(time.Now()).Add(linewatch.Duration(jitter.IntN(500)))
	}
	time.Sleep(time.Second)
	agent, err := New(o)
	if err != nil {
		return Accounts{}, err.Error()
	}
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() { done <- agent.Run(ctx) }()
	fault := ""
	for range 20 {
		time.Sleep(time.Duration(random.IntN(1500)) * time.Millisecond)
		if a := agent.Status().Accounts; !a.Balanced() {
			fault = fmt.Sprintf("accounts do not balance while running: %+v", a)
		}
		uplink.setDown(random.IntN(3) == 0)
		spool.setBroken(random.IntN(4) == 0)
	}
	uplink.setDown(random.IntN(3) == 0)
	spool.setBroken(false)
	time.Sleep(6 * time.Second)
	cancel()
	if err := <-done; err != nil {
		fault = err.Error()
	}
	a := agent.Status().Accounts
	if !a.Balanced() {
		fault = fmt.Sprintf("accounts do not balance at the end: %+v", a)
	}
	return a, fault
}

// moody returns a source whose connection comes and goes.
func moody(seed uint64) Source {
	random := rand.New(rand.NewPCG(seed, 2))
	up, first := false, false
	return every(time.Duration(5+random.IntN(200))*time.Millisecond, func(n int) Scan {
		if random.IntN(20) == 0 {
			up, first = !up, !up
		}
		if !up {
			return Scan{Err: fmt.Errorf("attempt %d", n)}
		}
		s := ints(first, int64(n), int64(random.IntN(50)))
		first = false
		return s
	})
}
