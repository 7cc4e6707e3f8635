package s7

import (
	"encoding/binary"
	"math"
	"time"

	"linewatch"
)

// Causes of a Bad value that lie in its bytes.
const (
	causeNotANumber = "not a number"
	causeString     = "S7 string length out of range"
	causeDate       = "not a valid date_and_time"
)

// decode returns the value that the bytes b hold, from its first byte on, or
// why there is none. b holds at least a.Type.Size() bytes.
func (a *Address) decode(b []byte) (v linewatch.Value, cause string) {
	switch a.Type.kind {
	case kindBool:
		return linewatch.BoolValue(b[0]>>a.Bit&1 == 1), ""
	case kindUint8:
		return linewatch.IntValue(int64(b[0])), ""
	case kindInt8:
		return linewatch.IntValue(int64(int8(b[0]))), ""
	case kindUint16:
		return linewatch.IntValue(int64(binary.BigEndian.Uint16(b))), ""
	case kindInt16:
		return linewatch.IntValue(int64(int16(binary.BigEndian.Uint16(b)))), ""
	case kindUint32:
		return linewatch.IntValue(int64(binary.BigEndian.Uint32(b))), ""
	case kindInt32:
		return linewatch.IntValue(int64(int32(binary.BigEndian.Uint32(b)))), ""
	case kindUint64:
		return linewatch.UintValue(binary.BigEndian.Uint64(b)), ""
	case kindInt64:
		return linewatch.IntValue(int64(binary.BigEndian.Uint64(b))), ""
	case kindReal:
		return decodeFloat(float64(math.Float32frombits(binary.BigEndian.Uint32(b))))
	case kindLreal:
		return decodeFloat(math.Float64frombits(binary.BigEndian.Uint64(b)))
	case kindChar:
		return linewatch.StringValue(latin1(b[:1])), ""
	case kindString:
		return decodeString(b, a.Type.max)
	}
	return decodeDate(b)
}

func decodeFloat(f float64) (linewatch.Value, string) {
	v := linewatch.FloatValue(f)
	if v.IsNull() {
		return v, causeNotANumber
	}
	return v, ""
}

// decodeString reads an S7 string: a byte with the declared and one with the
// current number of characters stand before them.
func decodeString(b []byte, most int) (linewatch.Value, string) {
	declared, length := int(b[0]), int(b[1])
	if length > declared || length > most {
		return linewatch.Value{}, causeString
	}
	return linewatch.StringValue(latin1(b[2 : 2+length])), ""
}

// latin1 converts the PLC's characters to UTF-8.
func latin1(b []byte) string {
	plain := true
	for _, c := range b {
		plain = plain && c < 0x80
	}
	if plain {
		return string(b)
	}
	runes := make([]rune, len(b))
	for i, c := range b {
		runes[i] = rune(c)
	}
	return string(runes)
}

// decodeDate reads eight bytes of two decimal digits each: year, month, day,
// hour, minute, second and milliseconds in three digits; the last half byte is
// the day of the week. Years from 90 on are of the last century.
func decodeDate(b []byte) (linewatch.Value, string) {
	var n [7]int
	for i := range n {
		if b[i]>>4 > 9 || b[i]&15 > 9 {
			return linewatch.Value{}, causeDate
		}
		n[i] = int(b[i]>>4)*10 + int(b[i]&15)
	}
	year := 2000 + n[0]
	if n[0] >= 90 {
		year = 1900 + n[0]
	}
	ms := n[6]*10 + int(b[7]>>4)
	t := time.Date(year, time.Month(n[1]), n[2], n[3], n[4], n[5], ms*int(time.Millisecond), time.UTC)
	exact := t.Year() == year && int(t.Month()) == n[1] && t.Day() == n[2] && t.Hour() == n[3] && t.Minute() == n[4] && t.Second() == n[5]
	if !exact || b[7]>>4 > 9 {
		return linewatch.Value{}, causeDate
	}
	return linewatch.StringValue(t.Format("2006-01-02T15:04:05.000")), ""
}
