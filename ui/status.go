package ui

import (
	"cmp"
	"slices"

	"linewatch"
)

// Status is what a process knows of itself at one instant.
type Status struct {
	Version    string         `json:"version"`
	Time       linewatch.Time `json:"time"` // the plant's clock
	Started    linewatch.Time `json:"started"`
	Machines   []Machine      `json:"machines"`
	Instances  []Instance     `json:"instances"`
	Shadows    []Instance     `json:"shadows,omitempty"` // of versions that are only tried; nobody is told of them
	Watermarks []Watermark    `json:"watermarks"`
	Edge       EdgeAccount    `json:"edge"`
	Engine     EngineAccount  `json:"engine"`
	Domains    []Domain       `json:"domains"`
	Senders    []Sender       `json:"senders"`
	Sources    []Source       `json:"sources"`
	Tables     []TableSource  `json:"tables,omitempty"` // those that are read again and again
	Delivery   Delivery       `json:"delivery"`
	// Speed is how fast the plant's clock runs against the machine's.
	Speed float64 `json:"speed"`
	// Equipment is the registry. It is not shown, but its names, units and
	// decimals are what is shown written with.
	Equipment []linewatch.Equipment `json:"-"`
}

// Delivery is how alerts get to the broker.
type Delivery struct {
	Connected bool   `json:"connected"`
	Waiting   uint64 `json:"waiting"`           // changes that are not delivered yet
	Trouble   string `json:"trouble,omitempty"` // why alerts do not arrive, or may not
}

// TableSource is where a reference table is read from.
type TableSource struct {
	ID      string         `json:"id"`
	Source  string         `json:"source"` // URL or path
	Reads   uint64         `json:"reads"`
	Changes uint64         `json:"changes"`
	Errors  uint64         `json:"errors"`
	ReadAt  linewatch.Time `json:"readAt"`
	Error   string         `json:"error,omitempty"` // of the last read
	ErrorAt linewatch.Time `json:"errorAt"`
}

// Machine is how a machine runs, as far as its tags say it: what is unknown is
// null.
type Machine struct {
	Equipment string          `json:"equipment"`
	Alias     string          `json:"alias,omitempty"`
	Name      string          `json:"name,omitempty"`
	Line      string          `json:"line"`
	Order     int             `json:"order"` // place in the flow of the line
	State     linewatch.Value `json:"state"`
	Reason    linewatch.Value `json:"reason"` // why it does not produce
	Speed     linewatch.Value `json:"speed"`
	Nominal   linewatch.Value `json:"nominal"`        // the speed that it is made for
	Unit      string          `json:"unit,omitempty"` // of the speeds
	Good      linewatch.Value `json:"good"`
	Total     linewatch.Value `json:"total"`
	Product   linewatch.Value `json:"product"`
	// Signals are the tags that say the above, so that what is not known can be
	// told from what the machine does not say.
	Signals linewatch.Signals `json:"signals"`
}

// Instance is a rule on an equipment and the state that it is in.
type Instance struct {
	Rule      linewatch.RuleID      `json:"rule"`
	RuleName  string                `json:"ruleName"`
	Version   uint32                `json:"ruleVersion"`
	Equipment string                `json:"equipment"`
	Alias     string                `json:"alias,omitempty"`   // short name of the equipment
	Machine   string                `json:"machine,omitempty"` // its name for people
	Line      string                `json:"line"`
	State     linewatch.State       `json:"state"`
	Severity  linewatch.Severity    `json:"severity"`
	Priority  int                   `json:"priority"`
	Since     linewatch.Time        `json:"since"` // event time of the last change; NoTime before the first
	Title     string                `json:"title,omitempty"`
	Text      string                `json:"text,omitempty"`
	Why       linewatch.Explanation `json:"why"`
}

// Watermark is how far event time has come in one scope: every point up to it
// has been judged.
type Watermark struct {
	Scope  string         `json:"scope"` // line, site or global
	Name   string         `json:"name,omitempty"`
	Time   linewatch.Time `json:"time"`
	HeldBy string         `json:"heldBy,omitempty"` // the sender that it waits for
}

// EdgeAccount counts the points of the edge agent. Each counter is counted on
// its own, so that a lost point shows as an imbalance.
type EdgeAccount struct {
	Sampled  uint64 `json:"sampled"`
	Sent     uint64 `json:"sent"`
	Spooled  uint64 `json:"spooled"`
	Lost     uint64 `json:"lost"`
	Rejected uint64 `json:"rejected"`
	// SpoolError and UplinkError say what the agent cannot do at present and
	// tries again; nothing is lost meanwhile.
	SpoolError  string `json:"spoolError,omitempty"`
	UplinkError string `json:"uplinkError,omitempty"`
	// ClockError says why the agent's times are not the true ones.
	ClockError string `json:"clockError,omitempty"`
}

// Balanced reports whether sampled = sent + spooled + lost + rejected.
func (a EdgeAccount) Balanced() bool {
	return a.Sampled == a.Sent+a.Spooled+a.Lost+a.Rejected
}

// EngineAccount counts the points that reached the engine.
type EngineAccount struct {
	Received    uint64 `json:"received"`
	Accepted    uint64 `json:"accepted"`
	Duplicate   uint64 `json:"duplicate"`
	Quarantined uint64 `json:"quarantined"`
	// Waits says why the engine does not answer, and from when the rest is; empty
	// while it does.
	Waits   string `json:"waits,omitempty"`
	NotKept uint64 `json:"notKept"` // quarantined and late points that their files have no room for
	// Reasons counts the quarantined points by reason.
	Reasons map[string]uint64 `json:"quarantinedBy,omitempty"`
}

// Balanced reports whether received = accepted + duplicate + quarantined.
func (a EngineAccount) Balanced() bool {
	return a.Received == a.Accepted+a.Duplicate+a.Quarantined
}

// Domain is the account of one time domain.
type Domain struct {
	Name      string `json:"name"` // the line, or global
	Accepted  uint64 `json:"accepted"`
	Processed uint64 `json:"processed"`
	Buffered  uint64 `json:"buffered"`
	Late      uint64 `json:"late"`
	Dropped   uint64 `json:"lateDropped"`    // of the late points, those that no rule wants kept
	BufferCap int    `json:"bufferCap"`      // points that may wait before the slowest sender is left out
	Lagged    uint64 `json:"lagged"`         // times that one was
	Refused   uint64 `json:"controlRefused"` // control records that the engine did not take, such as stale versions
	// Heartbeats and gap records of senders that are not let in here, and gap
	// records without a count. Every line is told those of senders that are not
	// registered.
	HeartbeatsRefused uint64 `json:"heartbeatsRefused"`
	GapsRefused       uint64 `json:"gapsRefused"`
}

// Balanced reports whether accepted = processed + buffered + late.
func (d Domain) Balanced() bool { return d.Accepted == d.Processed+d.Buffered+d.Late }

// SenderState is what the watermark makes of a sender.
type SenderState string

// The states of a sender.
const (
	SenderActive  SenderState = "active"
	SenderIdle    SenderState = "idle"    // silent for longer than the idle timeout
	SenderLagging SenderState = "lagging" // left out of the watermark until it has caught up
)

// Sender is one series of points as the engine sees it.
type Sender struct {
	Name        string         `json:"name"` // gateway/source
	Domain      string         `json:"domain"`
	State       SenderState    `json:"state"`
	Newest      linewatch.Time `json:"newest"`   // event time up to which it is complete, as its points and heartbeats say
	Arrival     linewatch.Time `json:"arrival"`  // when it was last heard, be it by a heartbeat
	Spooled     uint64         `json:"spooled"`  // points that wait at the edge, as its heartbeat says
	Buffered    int            `json:"buffered"` // points that wait in the order buffer
	Holds       bool           `json:"holds"`    // the watermark waits for it
	Late        uint64         `json:"late"`
	LateDropped uint64         `json:"lateDropped"` // of these, those that no rule wants kept
	Duplicate   uint64         `json:"duplicate"`
	Quarantined uint64         `json:"quarantined"`
	GapLost     uint64         `json:"gapLost"` // points that it declared lost
	// Superseded counts new points of an epoch that a newer one had followed:
	// a second agent seems to have the gateway's name.
	Superseded uint64 `json:"superseded,omitempty"`
	// HeartbeatsAhead counts heartbeats further in the future than a clock may
	// be: they promise nothing.
	HeartbeatsAhead uint64 `json:"heartbeatsAhead,omitempty"`
	// Source is the state of the connection that it stands for, if the edge
	// agent of this process reads it.
	Source SourceState `json:"source,omitempty"`
	// Reasons counts the quarantined points by reason.
	Reasons map[string]uint64 `json:"quarantinedBy,omitempty"`
}

// SourceState is the state of a connection to a PLC.
type SourceState string

// The states of a source.
const (
	SourceConnected  SourceState = "connected"
	SourceConnecting SourceState = "connecting"
	// SourceInterrupted means that the source may come back by itself with what
	// happened meanwhile: its line waits for it.
	SourceInterrupted SourceState = "interrupted"
	SourceDown        SourceState = "down" // waits before it tries again
)

// Source is one PLC as the edge agent sees it.
type Source struct {
	ID      string         `json:"id"`
	Kind    string         `json:"kind"` // protocol, such as S7
	Address string         `json:"address"`
	State   SourceState    `json:"state"`
	Since   linewatch.Time `json:"since"`
	Tags    int            `json:"tags"`
	Error   string         `json:"error,omitempty"` // the last one
	ErrorAt linewatch.Time `json:"errorAt"`
	Trouble string         `json:"trouble,omitempty"` // what a connected PLC does not give, such as a tag with a wrong address
	// Missed counts scans that were due and left out, because reading or the
	// disk took too long.
	Missed uint64 `json:"missed,omitempty"`
	// What a source with its own times lost by itself, which no account
	// knows, and what it gave too late.
	Overflows     uint64 `json:"overflows,omitempty"`
	Interruptions uint64 `json:"interruptions,omitempty"`
	Late          uint64 `json:"late,omitempty"`
	// Insecure says that nobody checks who the server is, or that what it says
	// travels in the clear.
	Insecure bool `json:"insecure,omitempty"`
}

// sortInstances puts what needs people first: by severity, then what is not
// known before what is fine, then by priority, line, equipment and rule.
func sortInstances(list []Instance) []Instance {
	list = slices.Clone(list)
	slices.SortStableFunc(list, func(a, b Instance) int {
		return cmp.Or(
			cmp.Compare(b.Severity, a.Severity),
			cmp.Compare(decided(a), decided(b)),
			cmp.Compare(a.Priority, b.Priority),
			cmp.Compare(a.Line, b.Line),
			cmp.Compare(a.Equipment, b.Equipment),
			cmp.Compare(a.Rule, b.Rule),
		)
	})
	return list
}

func decided(in Instance) int {
	if in.State == linewatch.Unknown {
		return 0
	}
	return 1
}

// sortMachines puts the machines of each line in the order of its flow.
func sortMachines(list []Machine) []Machine {
	list = slices.Clone(list)
	slices.SortStableFunc(list, func(a, b Machine) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Order, b.Order), cmp.Compare(a.Equipment, b.Equipment))
	})
	return list
}
