package edge

import (
	"sync"
	"sync/atomic"
)

// Accounts says what became of the points of a source, or of all of them. Each
// number is counted where it happens; none is computed from the others.
//
// Points that a former run left in the spool count as sampled when the agent
// starts, so that the accounts of each run balance by themselves. Heartbeats
// and gap records are not counted.
type Accounts struct {
	Sampled  uint64 `json:"sampled"`  // left the change filter
	Sent     uint64 `json:"sent"`     // taken by the uplink for good
	Spooled  uint64 `json:"spooled"`  // wait in the spool, as the spool itself counts
	Lost     uint64 `json:"lost"`     // stated in gap records that the uplink took
	Rejected uint64 `json:"rejected"` // refused by the spool or the uplink
}

// Balanced reports whether every sampled point is accounted for.
func (a Accounts) Balanced() bool { return a.Sampled == a.Sent+a.Spooled+a.Lost+a.Rejected }

// Plus returns the sums of a and b.
func (a Accounts) Plus(b Accounts) Accounts {
	return Accounts{
		Sampled: a.Sampled + b.Sampled, Sent: a.Sent + b.Sent, Spooled: a.Spooled + b.Spooled,
		Lost: a.Lost + b.Lost, Rejected: a.Rejected + b.Rejected,
	}
}

// ledger keeps the counters of one source. What the spool holds is asked of
// the spool, so the numbers agree only while no points are on their way into
// or out of it: moves are bracketed by begin and end, and accounts are taken
// between them.
type ledger struct {
	sampled, sent, lost, rejected atomic.Uint64

	source string
	spool  Backlog

	mu      sync.Mutex
	moves   int // under way
	moved   uint64
	settled Accounts // taken when last no move was under way
}

// open starts the accounts with what the spool holds from before.
func (l *ledger) open() {
	l.sampled.Store(uint64(l.spool.Pending(l.source)))
	l.take()
}

// begin announces a move. Counters change between begin and end only.
func (l *ledger) begin() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.moves++
	l.moved++
}

// end closes a move and takes the accounts if no other is under way.
func (l *ledger) end() {
	l.mu.Lock()
	l.moves--
	l.mu.Unlock()
	l.take()
}

// take returns the accounts as of the last moment at which no move was under
// way, which is now if possible.
func (l *ledger) take() Accounts {
	l.mu.Lock()
	before, quiet := l.moved, l.moves == 0
	l.mu.Unlock()
	var now Accounts
	if quiet {
		now = Accounts{
			Sampled: l.sampled.Load(), Sent: l.sent.Load(), Lost: l.lost.Load(), Rejected: l.rejected.Load(),
			Spooled: uint64(l.spool.Pending(l.source)),
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if quiet && l.moved == before {
		l.settled = now
	}
	return l.settled
}
