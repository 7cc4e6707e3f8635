package app

import (
	"context"
	"sync/atomic"

	"linewatch"
	"linewatch/edge"
	"linewatch/rules/host"
)

// Report is the accounts of a run. Counters are of this run, but for those of
// the engine, which are of all runs on the same data.
type Report struct {
	Sampled          uint64 `json:"sampled"`
	Sent             uint64 `json:"sent"`
	Spooled          uint64 `json:"spooled"`
	Lost             uint64 `json:"lost"`
	Rejected         uint64 `json:"rejected"`
	Received         uint64 `json:"received"`
	Accepted         uint64 `json:"accepted"`
	Processed        uint64 `json:"processed"`
	Buffered         uint64 `json:"buffered"`
	Duplicate        uint64 `json:"duplicate"`
	Late             uint64 `json:"late"`
	Quarantined      uint64 `json:"quarantined"`
	StateChanges     uint64 `json:"stateChanges"`     // in the history
	AlertsDelivered  uint64 `json:"alertsDelivered"`  // alarms that a subscriber of the broker has received in this run
	ChangesDelivered uint64 `json:"changesDelivered"` // state changes that it has received
	Diverged         uint64 `json:"diverged"`         // changes that were emitted again with other content
	Settled          bool   `json:"settled"`          // everything sent was judged and delivered in time
	Balanced         bool   `json:"balanced"`
}

// baseline is what the engine had received before this run sent anything.
type baseline struct {
	ready     chan struct{} // closed when it was taken
	received  atomic.Uint64
	duplicate atomic.Uint64
}

// take waits until the engine has judged what earlier runs left, and opens the
// gate.
func (b *baseline) take(ctx context.Context, a *App) error {
	upTo := a.settleTime()
	waitUntil(ctx, func() bool {
		ok, err := a.host.Drained(ctx, upTo)
		return err == nil && ok
	})
	var r Report
	all, err := a.host.Status(ctx)
	if err != nil {
		return nil // it is over already
	}
	r.addEngine(all)
	b.received.Store(r.Received)
	b.duplicate.Store(r.Duplicate)
	close(b.ready)
	return nil
}

// gatedUplink sends nothing until the baseline was taken.
type gatedUplink struct {
	edge.Uplink
	open <-chan struct{}
}

// Send implements edge.Uplink.
func (g gatedUplink) Send(ctx context.Context, points []linewatch.DataPoint) error {
	select {
	case <-g.open:
		return g.Uplink.Send(ctx, points)
	case <-ctx.Done():
		return ctx.Err()
	}
}

// settleTime is the time up to which the logs must be judged so that nothing of
// what they hold now is left. After a crash it lies up to two seconds ahead of
// the clock: stamps stand still until the clock has passed what the logs had
// promised.
func (a *App) settleTime() linewatch.Time {
	return max(a.pointsLog.Latest(), a.controlLog.Latest())
}

func (r *Report) addEngine(all []host.DomainStatus) {
	for _, d := range all {
		if _, copies := linewatch.SubjectSite(d.Line); copies {
			continue // what the lines of the site hear, once more
		}
		r.Received += d.Accounts.Received - d.Copies.Received // so are those of guests of a line
		r.Accepted += d.Accounts.Accepted - d.Copies.Accepted
		r.Processed += d.Accounts.Processed - d.Copies.Processed
		r.Buffered += d.Accounts.Buffered - d.Copies.Buffered
		r.Duplicate += d.Accounts.Duplicate - d.Copies.Duplicate
		r.Late += d.Accounts.Late - d.Copies.Late
		r.Quarantined += d.Accounts.QuarantinedTotal() - d.Copies.QuarantinedTotal()
	}
}

// report adds up the accounts. It balances if each part's own sums do and if
// the engine has received every point that the agent says it has sent: as many,
// and beyond that only copies, which it recognised.
func (a *App) report(ctx context.Context, settled bool) Report {
	r := Report{Settled: settled}
	balanced := settled
	if a.agent != nil {
		e := a.agent.Status().Accounts
		r.Sampled, r.Sent, r.Spooled, r.Lost, r.Rejected = e.Sampled, e.Sent, e.Spooled, e.Lost, e.Rejected
		balanced = balanced && e.Balanced()
	}
	// An engine that waits for a full disk must not hold up the stop.
	asking, stop := context.WithTimeout(ctx, statusTimeout)
	defer stop()
	all, err := a.host.Status(asking)
	balanced = balanced && err == nil
	r.addEngine(all)
	for _, d := range all {
		balanced = balanced && d.Accounts.Balanced()
	}
	r.Diverged = a.store.Diverged() + a.history.Stats().Diverged + a.shadows.Stats().Diverged
	if a.o.Exact {
		received := r.Received - a.base.received.Load()
		copies := r.Duplicate - a.base.duplicate.Load()
		balanced = balanced && received >= r.Sent && received-r.Sent <= copies
	}
	if last, err := a.history.Last(ctx); err == nil {
		r.StateChanges = last
	}
	if c := a.counter.Load(); c != nil {
		d, _ := c.Deliveries()
		r.ChangesDelivered, r.AlertsDelivered = d.Distinct, d.Alarms
	}
	r.Balanced = balanced && r.Diverged == 0
	return r
}
