package linewatch

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"unicode/utf8"
)

const hexDigits = "0123456789abcdef"

// AppendString appends s as a JSON string: only what JSON requires is escaped,
// invalid UTF-8 becomes U+FFFD. Equal strings give equal bytes.
func AppendString(dst []byte, s string) []byte {
	dst = append(dst, '"')
	start := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c >= 0x20 && c != '"' && c != '\\' && c < utf8.RuneSelf {
			i++
			continue
		}
		if c >= utf8.RuneSelf {
			if r, size := utf8.DecodeRuneInString(s[i:]); r != utf8.RuneError || size > 1 {
				i += size
				continue
			}
		}
		dst = append(dst, s[start:i]...)
		dst = appendEscape(dst, c)
		i++
		start = i
	}
	return append(append(dst, s[start:]...), '"')
}

func appendEscape(dst []byte, c byte) []byte {
	switch c {
	case '"', '\\':
		return append(dst, '\\', c)
	case '\n':
		return append(dst, '\\', 'n')
	case '\r':
		return append(dst, '\\', 'r')
	case '\t':
		return append(dst, '\\', 't')
	}
	if c >= utf8.RuneSelf {
		return append(dst, "\uFFFD"...)
	}
	return append(dst, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
}

// ParseNumber reads a JSON number: without fraction and exponent it is an
// integer and exact, or an error if it does not fit 64 bits; otherwise it is
// the nearest float64, or an error if there is no finite one.
func ParseNumber(s string) (Value, error) {
	for i := range len(s) {
		if c := s[i]; c == '.' || c == 'e' || c == 'E' {
			f, err := strconv.ParseFloat(s, 64)
			if err != nil || math.IsInf(f, 0) {
				return Value{}, fmt.Errorf("number %.40s: out of the range of a 64-bit float", s)
			}
			return FloatValue(f), nil
		}
	}
	if i, err := strconv.ParseInt(s, 10, 64); err == nil {
		return IntValue(i), nil
	}
	u, err := strconv.ParseUint(s, 10, 64)
	if err != nil {
		return Value{}, fmt.Errorf("number %.40s: out of the range of 64-bit integers", s)
	}
	return UintValue(u), nil
}

// UnmarshalJSON implements json.Unmarshaler for null, booleans, numbers and
// strings.
func (v *Value) UnmarshalJSON(b []byte) (err error) {
	switch {
	case len(b) == 0:
		return fmt.Errorf("value: empty")
	case b[0] == 'n':
		*v = Value{}
	case b[0] == 't' || b[0] == 'f':
		*v = BoolValue(b[0] == 't')
	case b[0] == '"':
		var s string
		err = json.Unmarshal(b, &s)
		*v = StringValue(s)
	case b[0] == '-' || b[0] >= '0' && b[0] <= '9':
		*v, err = ParseNumber(string(b))
	default:
		err = fmt.Errorf("value: want null, a boolean, a number or a string")
	}
	return err
}
