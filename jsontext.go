package linewatch

import (
	"fmt"
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
	n, end := scanNumber([]byte(s), 0)
	if end != len(s) {
		return Value{}, fmt.Errorf("number %.40q: want plain decimal digits, such as 12, -0.5 or 1.5e3", s)
	}
	v, ok := n.value()
	if !ok {
		return Value{}, fmt.Errorf("number %.40s: beyond 64-bit integers and finite 64-bit floats", s)
	}
	return v, nil
}

// UnmarshalJSON implements json.Unmarshaler for null, booleans, numbers and
// strings. It is as strict as the decoder of data points.
func (v *Value) UnmarshalJSON(b []byte) error {
	s := scanner{b: b}
	parsed, err := s.scalar()
	if err != nil {
		return fmt.Errorf("value: %w", err)
	}
	if s.i = skipSpace(b, s.i); s.i < len(b) {
		return fmt.Errorf("value: %w", s.fail(ErrTrailing, "", "something follows the value"))
	}
	*v = parsed
	return nil
}

// scalar takes a value that is neither an array nor an object.
func (s *scanner) scalar() (v Value, err error) {
	switch s.peek() {
	case 'n':
		return Value{}, s.literal("null")
	case 't':
		return BoolValue(true), s.literal("true")
	case 'f':
		return BoolValue(false), s.literal("false")
	case '"':
		text, err := s.str()
		return StringValue(string(text)), err
	case '[', '{':
		return v, s.fail(ErrValue, "", "want null, a boolean, a number or a string")
	}
	n, ok := s.number()
	if !ok {
		return v, s.syntax("want a value")
	}
	if v, ok = n.value(); !ok {
		return v, s.fail(ErrRange, "", "beyond 64-bit integers and finite 64-bit floats")
	}
	return v, nil
}
