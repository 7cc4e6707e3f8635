package s7

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"linewatch/internal/strictyaml"
)

// Type is how the bytes of a value are meant. The zero Type is not valid.
type Type struct {
	kind kind
	max  int // characters of a string
}

type kind uint8

const (
	kindNone kind = iota
	kindBool
	kindUint8
	kindInt8
	kindUint16
	kindInt16
	kindUint32
	kindInt32
	kindUint64
	kindInt64
	kindReal
	kindLreal
	kindChar
	kindString
	kindDateAndTime
)

// typeNames lists the names of the types that have a fixed size.
var typeNames = map[string]kind{
	"bool": kindBool,
	"byte": kindUint8, "usint": kindUint8, "sint": kindInt8,
	"word": kindUint16, "uint": kindUint16, "int": kindInt16,
	"dword": kindUint32, "udint": kindUint32, "dint": kindInt32, "time": kindInt32,
	"lword": kindUint64, "ulint": kindUint64, "lint": kindInt64,
	"real": kindReal, "lreal": kindLreal,
	"char": kindChar, "date_and_time": kindDateAndTime,
}

// kindSizes holds the size in bytes of each kind; strings add to theirs.
var kindSizes = [...]int{
	kindBool: 1, kindUint8: 1, kindInt8: 1, kindUint16: 2, kindInt16: 2,
	kindUint32: 4, kindInt32: 4, kindUint64: 8, kindInt64: 8, kindReal: 4, kindLreal: 8,
	kindChar: 1, kindString: 2, kindDateAndTime: 8,
}

// kindNames holds the name that String uses for each kind.
var kindNames = [...]string{
	"none", "bool", "byte", "sint", "word", "int", "dword", "dint", "lword", "lint",
	"real", "lreal", "char", "string", "date_and_time",
}

// maxStringChars is the longest string that the PLC can hold.
const maxStringChars = 254

// ParseType reads a type name as the package comment lists them.
func ParseType(s string) (Type, error) {
	name := strings.ToLower(strings.TrimSpace(s))
	if k, ok := typeNames[name]; ok {
		return Type{kind: k}, nil
	}
	if rest, ok := strings.CutPrefix(name, "string"); ok {
		digits, open := strings.CutPrefix(rest, "[")
		digits, closed := strings.CutSuffix(digits, "]")
		n, err := strconv.Atoi(digits)
		if open && closed && err == nil && n >= 1 && n <= maxStringChars {
			return Type{kind: kindString, max: n}, nil
		}
		return Type{}, fmt.Errorf("type %.40q: write string[N] with the N of the PLC's declaration, 1 to %d", s, maxStringChars)
	}
	names := append(namesOf(0), "bool")
	slices.Sort(names)
	want := "use one of " + strings.Join(names, ", ")
	if near := strictyaml.Nearest(name, names); near != "" {
		want = "did you mean " + near + "? Else " + want
	}
	return Type{}, fmt.Errorf("type %.40q is unknown; %s", s, want)
}

// namesOf returns the names of the types of a size, and of all but bool for 0,
// in order.
func namesOf(size int) (names []string) {
	for name, k := range typeNames {
		if k != kindBool && (size == 0 || kindSizes[k] == size) {
			names = append(names, name)
		}
	}
	if size == 0 {
		names = append(names, "string[N]")
	}
	slices.Sort(names)
	return names
}

// Size returns the number of bytes that a value takes in the PLC.
func (t Type) Size() int { return kindSizes[t.kind] + t.max }

// String returns a name of the type that ParseType reads.
func (t Type) String() string {
	if t.kind == kindString {
		return "string[" + strconv.Itoa(t.max) + "]"
	}
	return kindNames[t.kind]
}
