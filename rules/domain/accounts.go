package domain

import (
	"linewatch"
	"linewatch/rules"
)

// Reason is why a point is quarantined: kept out of the judgement, counted and
// shown.
type Reason uint8

// The reasons.
const (
	notQuarantined   Reason = iota
	UnknownSender           // not registered, or open senders are used up
	UnknownEquipment        // not registered with this line
	TooManyTags             // the bound on the number of tags is reached
	TimestampUnit           // no milliseconds since 1970, by the look of it
	ClockAhead              // later than its arrival by more than max-future-skew
	Malformed               // no data point at all
	BufferFull              // a flood within the bound: leaving senders out gave no room
	reasons                 // how many there are
)

var reasonNames = [...]string{"", "UNKNOWN_SENDER", "UNKNOWN_EQUIPMENT", "TOO_MANY_TAGS", "TS_UNIT_SUSPECT", "CLOCK_AHEAD", "MALFORMED", "BUFFER_FULL"}

// String returns the code that counters and messages use.
func (r Reason) String() string { return reasonNames[r] }

// Accounts say what became of the points that came in. Every counter is counted
// where the thing happens; none is computed from others.
type Accounts struct {
	Received    uint64
	Accepted    uint64
	Duplicate   uint64
	Quarantined [reasons]uint64
	Processed   uint64
	Buffered    uint64 // waiting for the watermark now
	Late        uint64
	LateDropped uint64 // of these, those that no rule wants kept
	// Beside the points:
	Heartbeats uint64
	// HeartbeatsRefused counts those of senders that have no say here. It may
	// be that they belong to another line: every line is told of senders that
	// are not registered.
	HeartbeatsRefused uint64
	GapLost           uint64 // points that gap records declared lost
	GapsRefused       uint64 // gap records of senders that have no say here, and those whose value is no count
	Lagged            uint64 // times a sender was left out because the buffer was full
}

// QuarantinedTotal returns the quarantined points of all reasons.
func (a *Accounts) QuarantinedTotal() (n uint64) {
	for _, q := range a.Quarantined {
		n += q
	}
	return n
}

// Balanced reports whether nothing was lost or counted twice: received =
// accepted + duplicate + quarantined, and accepted = processed + buffered +
// late.
func (a *Accounts) Balanced() bool {
	return a.Received == a.Accepted+a.Duplicate+a.QuarantinedTotal() &&
		a.Accepted == a.Processed+a.Buffered+a.Late
}

// SenderCounts are the accounts of one sender.
type SenderCounts struct {
	Received        uint64
	Accepted        uint64
	Duplicate       uint64
	Quarantined     [reasons]uint64
	Late            uint64
	LateDropped     uint64 // of these, those that no rule wants kept
	GapLost         uint64
	HeartbeatsAhead uint64 // heartbeats beyond max-future-skew
	// Superseded counts new points of an epoch that another one had followed. A
	// sender ends an epoch before it begins the next, so that more than a few,
	// which were on their way, are those of a second agent of its name.
	Superseded uint64
	Spooled    uint64 // points that wait at the edge, by its newest heartbeat
}

// QuarantinedTotal returns the quarantined points of all reasons.
func (c *SenderCounts) QuarantinedTotal() (n uint64) {
	for _, q := range c.Quarantined {
		n += q
	}
	return n
}

// QuarantinedBy returns how many points were quarantined for each reason that
// there was.
func (c *SenderCounts) QuarantinedBy() map[string]uint64 {
	out := map[string]uint64{}
	for why, n := range c.Quarantined {
		if n > 0 {
			out[Reason(why).String()] = n
		}
	}
	return out
}

// Accounts returns the counters as of now.
func (d *Domain) Accounts() Accounts {
	a := d.accounts
	a.Buffered = uint64(d.buffer.count)
	return a
}

// maxKept bounds how many late and quarantined points wait to be taken. Beyond
// it they are counted only.
const maxKept = 10_000

// LatePoint is a point that came after the watermark had passed it.
type LatePoint struct {
	Arrival   linewatch.Time
	Watermark linewatch.Time
	Sender    linewatch.Sender
	Policy    linewatch.LatePolicy
	Point     linewatch.DataPoint
}

// QuarantinedPoint is a point that was kept out of the judgement.
type QuarantinedPoint struct {
	Arrival linewatch.Time
	Reason  Reason
	Sender  linewatch.Sender
	Point   linewatch.DataPoint
}

// TakeLate returns the late points since the last call, the first 10,000 of
// them. The slice is the caller's.
func (d *Domain) TakeLate() []LatePoint {
	l := d.late
	d.late = nil
	return l
}

// TakeQuarantined returns the quarantined points since the last call, the
// first 10,000 of them. The slice is the caller's.
func (d *Domain) TakeQuarantined() []QuarantinedPoint {
	q := d.quarantined
	d.quarantined = nil
	return q
}

func (d *Domain) quarantine(rec *recordInput, p *linewatch.DataPoint, index uint32, why Reason) {
	d.accounts.Quarantined[why]++
	if rec.sender != nil {
		rec.sender.counts.Quarantined[why]++
	}
	d.skip(rec, p, index)
	if len(d.quarantined) < maxKept {
		name := linewatch.Sender{Gateway: rec.gateway, Source: p.Source}
		d.quarantined = append(d.quarantined, QuarantinedPoint{rec.arrival, why, name, *p})
	}
}

// Refuse counts n parts of a record that could not be decoded.
func (d *Domain) Refuse(arrival linewatch.Time, n int) {
	d.begin(arrival)
	d.accounts.Received += uint64(n)
	d.accounts.Quarantined[Malformed] += uint64(n)
}

// setLate sets a late point aside, with what its rules want to become of it.
func (d *Domain) setLate(rec *recordInput, p *linewatch.DataPoint, index uint32, series rules.SeriesID) {
	d.accounts.Late++
	rec.sender.counts.Late++
	policy := d.engine.LateFor(series)
	if policy == linewatch.LateDrop {
		d.accounts.LateDropped++
		rec.sender.counts.LateDropped++
	}
	d.skip(rec, p, index)
	if len(d.late) < maxKept {
		d.late = append(d.late, LatePoint{rec.arrival, d.tracker.Watermark(), rec.sender.name, policy, *p})
	}
}
