package opcua

import (
	"encoding/hex"
	"fmt"
	"math"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/gopcua/opcua/ua"

	"linewatch"
)

// builtin is one of the 25 types that a variant can hold (OPC 10000-6, 5.1.2).
type builtin byte

const (
	null builtin = iota
	boolean
	sbyte
	unsignedByte
	int16Type
	uint16Type
	int32Type
	uint32Type
	int64Type
	uint64Type
	float
	double
	stringType
	dateTime
	guid
	byteString
	xmlElement
	nodeIDType
	expandedNodeID
	statusCode
	qualifiedName
	localizedText
	extensionObject
	dataValue
	variantType
	diagnosticInfo
)

var builtinNames = [...]string{
	"Null", "Boolean", "SByte", "Byte", "Int16", "UInt16", "Int32", "UInt32", "Int64", "UInt64", "Float", "Double",
	"String", "DateTime", "Guid", "ByteString", "XmlElement", "NodeId", "ExpandedNodeId", "StatusCode", "QualifiedName",
	"LocalizedText", "ExtensionObject", "DataValue", "Variant", "DiagnosticInfo",
}

// smallest is the least number of bytes that a value of each type takes.
var smallest = [...]int{
	1, 1, 1, 1, 2, 2, 4, 4, 8, 8, 4, 8, 4, 8, 16, 4, 4, 2, 2, 4, 6, 1, 3, 1, 1, 1,
}

// Causes that are no status of the server.
const (
	causeNoValue    = "OPC UA value missing"
	causeNotFinite  = "not a number"
	causeNotUTF8    = "OPC UA string is not UTF-8"
	causeBytesLong  = "OPC UA byte string longer than 512 bytes"
	causeXML        = "OPC UA structure in XML"
	causeStructure  = "OPC UA structure; name one of its elements"
	causeNested     = "OPC UA value within a value"
	causeInfinity   = "infinite number"
	maxByteString   = linewatch.MaxString / 2 // in hexadecimal
	arrayFlag       = 0x80
	dimensionsFlag  = 0x40
	builtinTypeMask = 0x3f
)

// variant reads a variant as a value, or says why it is none. All its bytes
// are consumed either way.
func (r *reader) variant(depth int) (v linewatch.Value, kind builtin, cause string) {
	mask := r.byte()
	kind = builtin(mask & builtinTypeMask)
	if kind > diagnosticInfo {
		if kind > 31 { // 26 to 31 are reserved and travel as byte strings
			r.failed = true
			return v, null, causeNoValue
		}
		kind = byteString
	}
	if mask&arrayFlag == 0 {
		v, cause = r.scalar(kind, depth)
		return v, kind, cause
	}
	n := r.count(smallest[kind])
	if kind == null && n > 0 { // no bytes would bound how many there are
		r.failed = true
	}
	for ; n > 0 && !r.failed; n-- {
		r.scalar(kind, depth)
	}
	if mask&dimensionsFlag != 0 {
		r.take(4 * r.count(4))
	}
	return v, kind, "OPC UA array of " + builtinNames[kind] + "; name one of its elements"
}

// scalar reads one value of a type.
func (r *reader) scalar(kind builtin, depth int) (v linewatch.Value, cause string) {
	switch kind {
	case null:
		return v, causeNoValue
	case boolean:
		return linewatch.BoolValue(r.byte() != 0), ""
	case sbyte:
		return linewatch.IntValue(int64(int8(r.byte()))), ""
	case unsignedByte:
		return linewatch.IntValue(int64(r.byte())), ""
	case int16Type:
		return linewatch.IntValue(int64(int16(r.uint16()))), ""
	case uint16Type:
		return linewatch.IntValue(int64(r.uint16())), ""
	case int32Type:
		return linewatch.IntValue(int64(int32(r.uint32()))), ""
	case uint32Type:
		return linewatch.IntValue(int64(r.uint32())), ""
	case int64Type:
		return linewatch.IntValue(int64(r.uint64())), ""
	case uint64Type:
		return linewatch.UintValue(r.uint64()), ""
	case float:
		return floatValue(float64(math.Float32frombits(r.uint32())))
	case double:
		return floatValue(math.Float64frombits(r.uint64()))
	case stringType:
		return textValue(r.bytes())
	}
	return r.rareScalar(kind, depth)
}

// rareScalar reads the types that a PLC's tags seldom have.
func (r *reader) rareScalar(kind builtin, depth int) (v linewatch.Value, cause string) {
	switch kind {
	case dateTime:
		return linewatch.StringValue(formatTime(int64(r.uint64()))), ""
	case guid:
		return linewatch.StringValue(formatGUID(r.take(16))), ""
	case byteString:
		b := r.bytes()
		if len(b) > maxByteString {
			return v, causeBytesLong
		}
		return linewatch.StringValue(hex.EncodeToString(b)), ""
	case xmlElement:
		r.bytes()
		return v, causeXML
	case nodeIDType, expandedNodeID:
		r.nodeID()
		return v, "OPC UA " + builtinNames[kind]
	case statusCode:
		return linewatch.StringValue(statusName(ua.StatusCode(r.uint32()))), ""
	case qualifiedName:
		r.uint16() // namespace
		return textValue(r.bytes())
	case localizedText:
		return r.localizedText()
	case extensionObject:
		r.extension()
		return v, causeStructure
	}
	if depth >= maxDepth {
		r.failed = true
		return v, causeNested
	}
	switch kind {
	case dataValue:
		r.dataValue(depth + 1)
	case variantType:
		r.variant(depth + 1)
	case diagnosticInfo:
		r.diagnostics(depth + 1)
	}
	return v, causeNested
}

func (r *reader) localizedText() (v linewatch.Value, cause string) {
	const locale, text = 1, 2
	mask := r.byte()
	if mask&locale != 0 {
		r.bytes()
	}
	if mask&text == 0 {
		return linewatch.StringValue(""), ""
	}
	return textValue(r.bytes())
}

func floatValue(f float64) (v linewatch.Value, cause string) {
	switch {
	case math.IsNaN(f):
		return v, causeNotFinite
	case math.IsInf(f, 0):
		return v, causeInfinity
	}
	return linewatch.FloatValue(f), ""
}

func textValue(b []byte) (v linewatch.Value, cause string) {
	if !utf8.Valid(b) {
		return v, causeNotUTF8
	}
	return linewatch.StringValue(string(b)), ""
}

// sample is a value with what the server says about it.
type sample struct {
	value    linewatch.Value
	kind     builtin
	cause    string // why there is no value; empty if there is one
	status   ua.StatusCode
	source   int64 // times in 100 ns since 1601; 0 if there is none
	server   int64
	hasValue bool
}

// dataValue reads a value with status and times.
func (r *reader) dataValue(depth int) (s sample) {
	const value, status, source, server, sourcePico, serverPico = 1, 2, 4, 8, 16, 32
	mask := r.byte()
	if mask&value != 0 {
		s.value, s.kind, s.cause = r.variant(depth)
		s.hasValue = true
	} else {
		s.cause = causeNoValue
	}
	if mask&status != 0 {
		s.status = ua.StatusCode(r.uint32())
	}
	if mask&source != 0 {
		s.source = int64(r.uint64())
	}
	if mask&sourcePico != 0 {
		r.take(2)
	}
	if mask&server != 0 {
		s.server = int64(r.uint64())
	}
	if mask&serverPico != 0 {
		r.take(2)
	}
	return s
}

// The times that are believed: everything else means that no clock was set.
var (
	earliest = linewatch.TimeOf(time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC))
	latest   = linewatch.TimeOf(time.Date(2200, 1, 1, 0, 0, 0, 0, time.UTC))
)

// timeOf converts a time of the wire, and reports whether it is one that can
// be believed. Converting first to nanoseconds would overflow in 1677 and 2262.
func timeOf(ticks int64) (linewatch.Time, bool) {
	const ticksPerMilli, until1970 = 10_000, 11_644_473_600_000 // in 100 ns; in milliseconds
	at := linewatch.Time(ticks/ticksPerMilli - until1970)
	return at, ticks > 0 && at >= earliest && at < latest
}

// formatTime writes a time as people and Linewatch's own records do. Times
// before 1601 and after 9999 do not exist on the wire.
func formatTime(ticks int64) string {
	const perSecond = 10_000_000
	const until1970 = 11_644_473_600
	t := time.Unix(ticks/perSecond-until1970, ticks%perSecond*100).UTC()
	if ticks <= 0 {
		t = time.Date(1601, 1, 1, 0, 0, 0, 0, time.UTC)
	}
	if t.Year() > 9999 {
		t = time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC)
	}
	return t.Format("2006-01-02T15:04:05.000Z")
}

func formatGUID(b []byte) string {
	if len(b) != 16 {
		return ""
	}
	le := func(n ...int) string {
		var s strings.Builder
		for _, i := range n {
			fmt.Fprintf(&s, "%02x", b[i])
		}
		return s.String()
	}
	return le(3, 2, 1, 0) + "-" + le(5, 4) + "-" + le(7, 6) + "-" + le(8, 9) + "-" + le(10, 11, 12, 13, 14, 15)
}
