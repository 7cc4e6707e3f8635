package edge

import "linewatch"

// Connection is whether a source's PLC can be read.
type Connection uint8

// The connections.
const (
	Connecting Connection = iota // not read since the start
	Connected
	Disconnected
	Interrupted // was connected and may come back with what happened meanwhile
)

var connectionNames = [...]string{"connecting", "connected", "disconnected", "interrupted"}

// String names the connection as the status page does.
func (c Connection) String() string { return connectionNames[c] }

// MarshalText implements encoding.TextMarshaler.
func (c Connection) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// Status is a snapshot of an agent for people.
type Status struct {
	Gateway  string         `json:"gateway"`
	Sources  []SourceStatus `json:"sources"`
	Accounts Accounts       `json:"accounts"`
	// UplinkError and SpoolError say what is being retried now; empty if
	// nothing is.
	UplinkError string `json:"uplinkError,omitempty"`
	SpoolError  string `json:"spoolError,omitempty"`
	// UplinkFailures and SpoolFailures count the attempts that failed.
	UplinkFailures uint64 `json:"uplinkFailures"`
	SpoolFailures  uint64 `json:"spoolFailures"`
}

// SourceStatus is a snapshot of one source.
type SourceStatus struct {
	ID         string         `json:"id"`
	Address    string         `json:"address"`
	Connection Connection     `json:"connection"`
	Since      linewatch.Time `json:"since"`               // when the connection became so
	LastError  string         `json:"lastError,omitempty"` // the newest one, also when it is over
	// LastErrorAt is when that came; NoTime before the first.
	LastErrorAt linewatch.Time `json:"lastErrorAt"`
	LastScan    linewatch.Time `json:"lastScan"` // time of the last good scan; NoTime before the first
	Scans       uint64         `json:"scans"`    // good ones
	Failures    uint64         `json:"failures"` // attempts to connect or scan that failed
	Missed      uint64         `json:"missed"`   // scans that were due and left out
	// Overflows counts readings before which the source itself had to drop
	// others, and Interruptions how often it lost what happened while it could
	// not be read. How many values that were, nobody knows: they never reached
	// the agent, and are in no account.
	Overflows     uint64 `json:"overflows"`
	Interruptions uint64 `json:"interruptions"`
	// Late counts points with a time that heartbeats had covered already. They
	// are sent all the same.
	Late    uint64 `json:"late"`
	TagsOk  int    `json:"tagsOk"`
	TagsBad int    `json:"tagsBad"` // the rest, those without a value yet included
	// Trouble names the first tag that the connected PLC does not give a good
	// value for, its address, why, and how many there are; empty if there is none,
	// and while the first answers to a connect are still coming in.
	Trouble  string   `json:"trouble,omitempty"`
	Accounts Accounts `json:"accounts"`
}
