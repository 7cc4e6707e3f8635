package linewatch

import (
	"encoding/binary"
	"math/bits"
	"unicode/utf16"
	"unicode/utf8"
)

const (
	maxDepth   = 32 // of nested arrays and objects, the point's own object included
	maxMembers = 64 // of one object
)

// scanner reads JSON text strictly: no duplicate names, no invalid UTF-8, no
// lone surrogates, a bounded depth. With lax set it checks only the structure,
// which is enough to find where a refused value ends.
type scanner struct {
	b       []byte
	i       int    // the next byte
	lax     bool   // do not mind duplicates, member counts and UTF-8
	scratch []byte // the latest string that needed unescaping
	names   nameStack
}

func (s *scanner) reset(b []byte, i int, lax bool) {
	s.b, s.i, s.lax = b, i, lax
	s.names.cut(0)
}

func (s *scanner) fail(code ErrorCode, field, detail string) error {
	return &PointError{Code: code, Field: field, Offset: s.i, Detail: detail}
}

// syntax reports malformed text at the next byte.
func (s *scanner) syntax(detail string) error {
	if s.i >= len(s.b) {
		detail = "ends too early"
	}
	return s.fail(ErrSyntax, "", detail)
}

// skipSpace returns the index of the first byte at or after i that is not
// white space.
func skipSpace(b []byte, i int) int {
	for i < len(b) && (b[i] == ' ' || b[i] == '\n' || b[i] == '\r' || b[i] == '\t') {
		i++
	}
	return i
}

// peek skips white space and returns the next byte without taking it; 0 at
// the end.
func (s *scanner) peek() byte {
	if s.i = skipSpace(s.b, s.i); s.i < len(s.b) {
		return s.b[s.i]
	}
	return 0
}

// value skips one value of any type at the given depth.
func (s *scanner) value(depth int) error {
	switch c := s.peek(); c {
	case '{':
		return s.object(depth)
	case '[':
		return s.array(depth, func(int) error { return s.value(depth + 1) })
	case '"':
		_, err := s.str()
		return err
	case 't':
		return s.literal("true")
	case 'f':
		return s.literal("false")
	case 'n':
		return s.literal("null")
	default:
		if _, ok := s.number(); !ok {
			return s.syntax("want a value")
		}
		return nil
	}
}

func (s *scanner) literal(word string) error {
	if len(s.b)-s.i < len(word) || string(s.b[s.i:s.i+len(word)]) != word {
		return s.syntax("want " + word)
	}
	s.i += len(word)
	return nil
}

// object skips an object that is of no interest; the next byte is its brace.
func (s *scanner) object(depth int) error {
	base := s.names.len()
	defer s.names.cut(base)
	return s.members(depth, func(key []byte) error {
		if !s.lax && !s.names.add(base, key) {
			return s.fail(ErrDupKey, "", "an object names a member twice")
		}
		return s.value(depth + 1)
	})
}

// members takes an object apart: member is called with each name and must
// take the value. The name is valid until the next string is read.
func (s *scanner) members(depth int, member func(key []byte) error) error {
	if depth > maxDepth {
		return s.syntax("nested more than 32 levels deep")
	}
	s.i++
	if s.peek() == '}' {
		s.i++
		return nil
	}
	for n := 1; ; n++ {
		if n > maxMembers && !s.lax {
			return s.fail(ErrSize, "", "an object has more than 64 members")
		}
		if s.peek() != '"' {
			return s.syntax("want a member name")
		}
		key, err := s.str()
		if err != nil {
			return err
		}
		if s.peek() != ':' {
			return s.syntax("want a colon")
		}
		s.i++
		if err := member(key); err != nil {
			return err
		}
		if more, err := s.next('}'); !more {
			return err
		}
	}
}

// array takes an array apart: element is called with each index and must take
// the element.
func (s *scanner) array(depth int, element func(i int) error) error {
	if depth > maxDepth {
		return s.syntax("nested more than 32 levels deep")
	}
	s.i++
	if s.peek() == ']' {
		s.i++
		return nil
	}
	for i := 0; ; i++ {
		if err := element(i); err != nil {
			return err
		}
		if more, err := s.next(']'); !more {
			return err
		}
	}
}

// next takes a comma, and reports that there is more, or the closing byte.
func (s *scanner) next(closing byte) (more bool, err error) {
	switch s.peek() {
	case ',':
		s.i++
		return true, nil
	case closing:
		s.i++
		return false, nil
	}
	return false, s.syntax("want a comma or the end of an object or array")
}

// str takes a string, the next byte being its quote, and returns its content.
// The bytes belong to the input or the scanner and are valid until the next
// call.
func (s *scanner) str() ([]byte, error) {
	start := s.i + 1
	end := plainEnd(s.b, start)
	if end < len(s.b) && s.b[end] == '"' {
		s.i = end + 1
		return s.b[start:end], nil
	}
	s.scratch = append(s.scratch[:0], s.b[start:end]...)
	s.i = end
	return s.rough()
}

// rough takes the rest of a string that is not plain ASCII.
func (s *scanner) rough() ([]byte, error) {
	for s.i < len(s.b) {
		switch c := s.b[s.i]; {
		case c == '"':
			s.i++
			return s.scratch, nil
		case c == '\\':
			if err := s.escape(); err != nil {
				return nil, err
			}
		case c < ' ':
			return nil, s.syntax("control character in a string")
		case c < utf8.RuneSelf:
			end := plainEnd(s.b, s.i)
			s.scratch = append(s.scratch, s.b[s.i:end]...)
			s.i = end
		default:
			_, size := utf8.DecodeRune(s.b[s.i:])
			if size == 1 && !s.lax {
				return nil, s.fail(ErrUTF8, "", "invalid UTF-8")
			}
			s.scratch = append(s.scratch, s.b[s.i:s.i+size]...)
			s.i += size
		}
	}
	return nil, s.syntax("want a quote")
}

// escape takes an escape sequence, the next byte being its backslash.
func (s *scanner) escape() error {
	if len(s.b)-s.i < 2 {
		s.i = len(s.b)
		return s.syntax("")
	}
	c := s.b[s.i+1]
	switch c {
	case '"', '\\', '/':
	case 'b':
		c = '\b'
	case 'f':
		c = '\f'
	case 'n':
		c = '\n'
	case 'r':
		c = '\r'
	case 't':
		c = '\t'
	case 'u':
		return s.escapeUnicode()
	default:
		return s.syntax("unknown escape sequence")
	}
	s.scratch = append(s.scratch, c)
	s.i += 2
	return nil
}

// escapeUnicode takes \uXXXX, or two of them that make up one character.
func (s *scanner) escapeUnicode() error {
	r, ok := hexRune(s.b[s.i:])
	if !ok {
		return s.syntax("want four hexadecimal digits")
	}
	size := 6
	if utf16.IsSurrogate(r) {
		low, _ := hexRune(s.b[s.i+6:])
		if r = utf16.DecodeRune(r, low); r != utf8.RuneError {
			size = 12
		} else if !s.lax {
			return s.fail(ErrUTF8, "", "lone surrogate")
		}
	}
	s.scratch = utf8.AppendRune(s.scratch, r)
	s.i += size
	return nil
}

// hexRune reads \uXXXX at the start of b.
func hexRune(b []byte) (r rune, ok bool) {
	if len(b) < 6 || b[0] != '\\' || b[1] != 'u' {
		return 0, false
	}
	for _, c := range b[2:6] {
		switch {
		case '0' <= c && c <= '9':
			c -= '0'
		case 'a' <= c && c <= 'f':
			c -= 'a' - 10
		case 'A' <= c && c <= 'F':
			c -= 'A' - 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	return r, true
}

// plainEnd returns the index of the first byte at or after i that does not
// stand for itself in a string (a quote, a backslash, a control character, the
// beginning of a multi-byte character), or len(b). It looks at eight bytes at
// a time: a borrow can mark a byte wrongly only above one marked rightly, so
// the lowest mark is exact.
func plainEnd(b []byte, i int) int {
	const ones, tops = 0x0101010101010101, 0x8080808080808080
	for ; i+8 <= len(b); i += 8 {
		x := binary.LittleEndian.Uint64(b[i:])
		quote, slash := x^ones*'"', x^ones*'\\'
		marks := (quote-ones)&^quote | (slash-ones)&^slash | (x-ones*' ')&^x | x
		if marks &= tops; marks != 0 {
			return i + bits.TrailingZeros64(marks)>>3
		}
	}
	for i < len(b) && b[i] >= ' ' && b[i] < utf8.RuneSelf && b[i] != '"' && b[i] != '\\' {
		i++
	}
	return i
}

// nameStack holds the member names of the objects that are being skipped, the
// outermost first, to find names that occur twice. Objects are small (see
// maxMembers), so a search from name to name is enough.
type nameStack struct {
	buf  []byte
	ends []int
}

func (n *nameStack) len() int { return len(n.ends) }

// add adds a name to the object whose names start at base, and reports false
// if it is there already.
func (n *nameStack) add(base int, name []byte) bool {
	for i := base; i < len(n.ends); i++ {
		if string(n.buf[n.start(i):n.ends[i]]) == string(name) {
			return false
		}
	}
	n.buf = append(n.buf, name...)
	n.ends = append(n.ends, len(n.buf))
	return true
}

// cut drops all names from index base on.
func (n *nameStack) cut(base int) {
	n.buf = n.buf[:n.start(base)]
	n.ends = n.ends[:base]
}

func (n *nameStack) start(i int) int {
	if i == 0 {
		return 0
	}
	return n.ends[i-1]
}
