package s7

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Area is a memory area of the PLC, by its code in the protocol.
type Area uint8

// The areas.
const (
	Inputs  Area = 0x81
	Outputs Area = 0x82
	Merkers Area = 0x83
	Blocks  Area = 0x84 // data blocks
)

// areaLetters maps the area letters in English and German to areas.
var areaLetters = map[byte]Area{'I': Inputs, 'E': Inputs, 'Q': Outputs, 'A': Outputs, 'M': Merkers}

// Address says where a value lies in the PLC and how its bytes are meant.
type Address struct {
	Area Area
	DB   int // number of the data block; 0 in the other areas
	Byte int // first byte
	Bit  int // 0 to 7, for bool only
	Type Type
}

// maxByte is the highest byte of an area that may be named: blocks hold at
// most 64 KiB.
const maxByte = 1<<16 - 1

// ParseAddress reads an address and a type as the package comment describes
// them. The type may be empty for a bit; anything else could be read in several
// ways, each of which gives a number. The error names what is wrong and what
// would be right; errNoType is of a type that is missing.
func ParseAddress(address, typ string) (Address, error) {
	var a Address
	letter, err := a.parsePlace(strings.ToUpper(strings.TrimSpace(address)))
	if err != nil {
		return Address{}, fmt.Errorf("address %.80q: %w", address, err)
	}
	if typ = strings.TrimSpace(typ); typ == "" {
		if letter != 'X' {
			return Address{}, noType(a, letter)
		}
		typ = "bool"
	}
	if a.Type, err = ParseType(typ); err != nil {
		return Address{}, err
	}
	if err := a.check(letter); err != nil {
		return Address{}, fmt.Errorf("address %.80q with type %s: %w", address, a.Type, err)
	}
	return a, nil
}

var errNoType = errors.New("missing")

func noType(a Address, letter byte) error {
	size, bytes := 0, ""
	switch letter {
	case 'W':
		size, bytes = 2, " of two bytes"
	case 'D':
		size, bytes = 4, " of four bytes"
	}
	names := namesOf(size)
	last := len(names) - 1
	return fmt.Errorf("%w, and %s may be read as any%s; give the type that the PLC declares: %s or %s",
		errNoType, a.named(string(letter)), bytes, strings.Join(names[:last], ", "), names[last])
}

// parsePlace reads the upper-case address s into a and returns the letter that
// stands for the width.
func (a *Address) parsePlace(s string) (letter byte, err error) {
	if db, ok := strings.CutPrefix(s, "DB"); ok {
		number, rest, found := strings.Cut(db, ".DB")
		if !found {
			return 0, fmt.Errorf("want a data block address such as DB1.DBW4 or DB1.DBX0.3")
		}
		if a.DB, err = parseNumber("data block", number, 1, 1<<16-1); err != nil {
			return 0, err
		}
		a.Area = Blocks
		if rest == "" || rest[0] >= '0' && rest[0] <= '9' {
			return 0, fmt.Errorf("want X, B, W or D before the byte number, as in DB1.DBW4")
		}
		return a.parseBytes(rest)
	}
	if s == "" {
		return 0, fmt.Errorf("missing; want for example DB1.DBW4 or M10.3")
	}
	var known bool
	if a.Area, known = areaLetters[s[0]]; !known {
		return 0, fmt.Errorf("unknown area; want DB, M, I or Q, as in DB1.DBW4 or M10.3")
	}
	rest := s[1:]
	if rest != "" && rest[0] >= '0' && rest[0] <= '9' { // M10.3
		rest = "X" + rest
	}
	return a.parseBytes(rest)
}

// parseBytes reads the width letter, the byte and the bit.
func (a *Address) parseBytes(s string) (letter byte, err error) {
	if s == "" || !strings.ContainsRune("XBWD", rune(s[0])) {
		return 0, fmt.Errorf("want X, B, W or D before the byte number")
	}
	number, bit, hasBit := strings.Cut(s[1:], ".")
	if a.Byte, err = parseNumber("byte", number, 0, maxByte); err != nil {
		return 0, err
	}
	switch {
	case s[0] == 'X' && !hasBit:
		return 0, fmt.Errorf("the bit is missing; add .0 to .7, or write B, W or D for a whole value")
	case s[0] != 'X' && hasBit:
		return 0, fmt.Errorf("only bits (X) have a number behind the second dot")
	case hasBit:
		a.Bit, err = parseNumber("bit", bit, 0, 7)
	}
	return s[0], err
}

func parseNumber(what, s string, low, high int) (int, error) {
	n, err := strconv.ParseUint(s, 10, 32)
	if err != nil || int(n) < low || int(n) > high || s[0] == '+' {
		return 0, fmt.Errorf("%s number %.20q; want %d to %d", what, s, low, high)
	}
	return int(n), nil
}

// check reports whether the width letter, the type and the place fit together.
func (a Address) check(letter byte) error {
	size := a.Type.Size()
	switch {
	case (letter == 'X') != (a.Type.kind == kindBool):
		return fmt.Errorf("a bool has a bit address (X, such as DB1.DBX0.3), and nothing else has")
	case letter == 'W' && size != 2:
		return fmt.Errorf("letter W is two bytes and the type has %d; write B for the first byte of any type", size)
	case letter == 'D' && size != 4:
		return fmt.Errorf("letter D is four bytes and the type has %d; write B for the first byte of any type", size)
	case a.Byte+size-1 > maxByte:
		return fmt.Errorf("ends beyond byte %d", maxByte)
	}
	return nil
}

// String returns the address in the form that ParseAddress reads, without the
// type.
func (a Address) String() string {
	letter := "B"
	switch {
	case a.Type.kind == kindBool:
		letter = "X"
	case a.Type.Size() == 2:
		letter = "W"
	case a.Type.Size() == 4:
		letter = "D"
	}
	s := a.named(letter)
	if a.Type.kind == kindBool {
		s += "." + strconv.Itoa(a.Bit)
	}
	return s
}

// named returns the address with a letter for the width, without the bit.
func (a Address) named(letter string) string {
	s := letter + strconv.Itoa(a.Byte)
	switch a.Area {
	case Inputs:
		return "I" + s
	case Outputs:
		return "Q" + s
	case Merkers:
		return "M" + s
	}
	return "DB" + strconv.Itoa(a.DB) + ".DB" + s
}
