package linewatch

import (
	"cmp"
	"math"
	"strconv"
)

// Kind says which of the JSON types a Value holds.
type Kind uint8

// The kinds. Integers and floating-point numbers are told apart: 2 is an
// integer and 2.0 is not, on the way in and on the way out.
const (
	Null Kind = iota
	Bool
	Int   // fits int64
	Uint  // above the range of int64, fits uint64
	Float // finite float64
	String
)

var kindNames = [...]string{"null", "boolean", "integer", "integer", "number", "string"}

// String names the kind as a user would.
func (k Kind) String() string { return kindNames[k] }

// MaxString is the longest string value in bytes.
const MaxString = 1024

// Value is what a tag was at an instant. The zero Value is null. Values are
// comparable with ==, which distinguishes 2 from 2.0; Equal does not.
type Value struct {
	kind Kind
	bits uint64
	str  string
}

// BoolValue returns a boolean.
func BoolValue(b bool) Value {
	if b {
		return Value{kind: Bool, bits: 1}
	}
	return Value{kind: Bool}
}

// IntValue returns an integer.
func IntValue(i int64) Value { return Value{kind: Int, bits: uint64(i)} }

// UintValue returns an integer, as Int where it fits.
func UintValue(u uint64) Value {
	if u <= math.MaxInt64 {
		return IntValue(int64(u))
	}
	return Value{kind: Uint, bits: u}
}

// FloatValue returns a number. NaN and the infinities have no JSON form and
// become null; the caller marks the point Bad. Negative zero becomes zero.
func FloatValue(f float64) Value {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return Value{}
	}
	return Value{kind: Float, bits: math.Float64bits(f + 0)}
}

// StringValue returns a string. Its length is checked by Validate.
func StringValue(s string) Value { return Value{kind: String, str: s} }

// Kind returns the JSON type of v.
func (v Value) Kind() Kind { return v.kind }

// IsNull reports whether v holds nothing.
func (v Value) IsNull() bool { return v.kind == Null }

// IsNumber reports whether v is an integer or a floating-point number.
func (v Value) IsNumber() bool { return v.kind >= Int && v.kind <= Float }

// Bool returns the boolean in v; false for every other kind.
func (v Value) Bool() bool { return v.kind == Bool && v.bits == 1 }

// Str returns the string in v; empty for every other kind.
func (v Value) Str() string { return v.str }

// Int returns the integer in v, and whether v is one that fits int64.
func (v Value) Int() (int64, bool) { return int64(v.bits), v.kind == Int }

// Float returns the number in v as the nearest float64, and whether v is a
// number. Integers beyond 2^53 lose digits here; Compare does not.
func (v Value) Float() (float64, bool) {
	switch v.kind {
	case Int:
		return float64(int64(v.bits)), true
	case Uint:
		return float64(v.bits), true
	case Float:
		return math.Float64frombits(v.bits), true
	}
	return 0, false
}

// Equal reports whether v and w are the same value: numbers by their exact
// size whatever their kind, all else by kind and content.
func (v Value) Equal(w Value) bool {
	if v == w {
		return true
	}
	return v.IsNumber() && w.IsNumber() && CompareNumbers(v, w) == 0
}

// CompareNumbers orders two numbers exactly: no digit of a 64-bit integer is
// lost, even against a float. Both must satisfy IsNumber.
func CompareNumbers(v, w Value) int {
	a, _ := v.Float()
	b, _ := w.Float()
	// Conversion to float64 is monotone, so only equal floats need more care.
	if c := cmp.Compare(a, b); c != 0 || v.kind == Float && w.kind == Float {
		return c
	}
	return compareRounded(v, w)
}

// compareRounded orders two numbers that round to the same float64, at least
// one of them an integer.
func compareRounded(v, w Value) int {
	switch {
	case v.kind == Float:
		return -compareRounded(w, v)
	case w.kind == Float:
		return compareIntFloat(v, math.Float64frombits(w.bits))
	case v.kind == w.kind && v.kind == Int:
		return cmp.Compare(int64(v.bits), int64(w.bits))
	case v.kind == w.kind:
		return cmp.Compare(v.bits, w.bits)
	case v.kind == Int:
		return -1
	}
	return 1
}

// compareIntFloat orders an integer and the float64 that it rounds to.
func compareIntFloat(v Value, f float64) int {
	if v.kind == Uint {
		if f >= 1<<64 {
			return -1
		}
		return cmp.Compare(v.bits, uint64(f))
	}
	if f >= 1<<63 {
		return -1
	}
	return cmp.Compare(int64(v.bits), int64(f))
}

// AppendJSON appends v in its JSON form: integers without, floats with a
// fraction or exponent, so that the kind survives a round trip.
func (v Value) AppendJSON(dst []byte) []byte {
	switch v.kind {
	case Bool:
		return strconv.AppendBool(dst, v.bits == 1)
	case Int:
		return strconv.AppendInt(dst, int64(v.bits), 10)
	case Uint:
		return strconv.AppendUint(dst, v.bits, 10)
	case Float:
		return appendFloat(dst, math.Float64frombits(v.bits))
	case String:
		return AppendString(dst, v.str)
	}
	return append(dst, "null"...)
}

// appendFloat writes the shortest digits that read back as f, with ".0" when
// nothing else marks it as a float.
func appendFloat(dst []byte, f float64) []byte {
	start := len(dst)
	format := byte('f')
	if abs := math.Abs(f); abs != 0 && (abs < 1e-6 || abs >= 1e21) {
		format = 'e'
	}
	dst = strconv.AppendFloat(dst, f, format, -1, 64)
	for _, c := range dst[start:] {
		if c == '.' || c == 'e' {
			return dst
		}
	}
	return append(dst, ".0"...)
}

// MarshalJSON implements json.Marshaler.
func (v Value) MarshalJSON() ([]byte, error) { return v.AppendJSON(nil), nil }

// String returns the JSON form of v without the quotes of a string.
func (v Value) String() string {
	if v.kind == String {
		return v.str
	}
	return string(v.AppendJSON(nil))
}
