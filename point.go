package linewatch

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Quality is how far a value can be trusted. The zero value is Bad, so that a
// forgotten quality never counts as good.
type Quality uint8

// The qualities, as OPC UA knows them.
const (
	Bad Quality = iota
	Uncertain
	Ok
)

var qualityNames = [...]string{"Bad", "Uncertain", "Ok"}

// String returns the name used on the wire.
func (q Quality) String() string { return qualityNames[q] }

// UnmarshalText implements encoding.TextUnmarshaler.
func (q *Quality) UnmarshalText(b []byte) error {
	for i, name := range qualityNames {
		if name == string(b) {
			*q = Quality(i)
			return nil
		}
	}
	return fmt.Errorf("quality %.40q: want Ok, Uncertain or Bad", b)
}

// MarshalText implements encoding.TextMarshaler.
func (q Quality) MarshalText() ([]byte, error) { return []byte(q.String()), nil }

// Flags is a set of marks on a data point.
type Flags uint8

// The flags.
const (
	First        Flags = 1 << iota // Fst: first value of a tag after (re)connect
	Last                           // Lst: last before an orderly stop or loss of the source
	Synchronised                   // Syn: part of a full state synchronisation, sent though unchanged
	Assigned                       // Ats: timestamp assigned by the edge because the source has none
	Watermark                      // Wmk: watermark heartbeat
	Unsynced                       // Uns: assigned while the edge's clock was known to be wrong
)

var flagNames = [...]string{"Fst", "Lst", "Syn", "Ats", "Wmk", "Uns"}

// Has reports whether all of the given flags are set.
func (f Flags) Has(g Flags) bool { return f&g == g }

// String lists the names used on the wire, separated by commas.
func (f Flags) String() string {
	var names []string
	for i, name := range flagNames {
		if f&(1<<i) != 0 {
			names = append(names, name)
		}
	}
	return strings.Join(names, ",")
}

// Tags that are not readings of a machine.
const (
	HeartbeatTag = "$watermark" // see DataPoint.IsHeartbeat
	GapTag       = "$gap"       // see DataPoint.IsGap
)

// MaxName is the longest identifier (equipment, tag, source, gateway) in bytes.
const MaxName = 128

// MaxCause is the longest cause in bytes.
const MaxCause = 256

// MaxSequence is the highest sequence number. A sender that reaches it starts
// a new epoch.
const MaxSequence = 1<<63 - 1

// DataPoint is one reading of one tag, or a heartbeat or gap record.
//
// A heartbeat says "nothing with a timestamp at or before Timestamp is still
// unsent by this source"; its value is the number of points that wait in the
// spool. It takes no sequence number and has no identity. A gap record says
// that Value points were lost, the last of them with the record's sequence
// number.
type DataPoint struct {
	Timestamp Time   // event time at the source
	CreatedAt Time   // when the edge made the record; NoTime if unknown
	Equipment string // equipment id; may be empty on heartbeats and gap records
	Tag       string
	Value     Value
	Source    string // sourceId; with the gateway it names the sender
	Cause     string // why the quality is not Ok; empty otherwise
	Sequence  uint64 // rises by 1 per sender within Epoch; 0 on heartbeats
	Epoch     uint64 // a new one after the spool was lost
	Quality   Quality
	Flags     Flags
}

// IsHeartbeat reports whether p is a watermark heartbeat.
func (p *DataPoint) IsHeartbeat() bool { return p.Tag == HeartbeatTag }

// IsGap reports whether p is a gap record.
func (p *DataPoint) IsGap() bool { return p.Tag == GapTag }

// Sender names who numbers a series of points: a source behind a gateway.
type Sender struct {
	Gateway string // from the block header, or the stream's configuration
	Source  string
}

// String returns "gateway/source".
func (s Sender) String() string { return s.Gateway + "/" + s.Source }

// Compare orders senders by gateway, then source.
func (s Sender) Compare(t Sender) int {
	if c := strings.Compare(s.Gateway, t.Gateway); c != 0 {
		return c
	}
	return strings.Compare(s.Source, t.Source)
}

// ValidName reports whether s may serve as an equipment, source or gateway id:
// 1 to 128 of the characters A-Z a-z 0-9 . _ : -
func ValidName(s string) bool {
	if s == "" || len(s) > MaxName {
		return false
	}
	for i := range len(s) {
		if !nameByte(s[i]) {
			return false
		}
	}
	return true
}

func nameByte(c byte) bool {
	switch {
	case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		return true
	}
	return c == '.' || c == '_' || c == ':' || c == '-'
}

// ValidTag reports whether s may serve as a tag: 1 to 128 bytes of printable
// UTF-8. Tags come from foreign address spaces, so more is allowed than in an
// id, and every output escapes them.
func ValidTag(s string) bool {
	if s == "" || len(s) > MaxName {
		return false
	}
	for _, r := range s {
		if r == utf8.RuneError || !unicode.IsPrint(r) {
			return false
		}
	}
	return true
}
