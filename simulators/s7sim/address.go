package s7sim

import (
	"encoding/binary"
	"fmt"
	"math"
)

// Type is the type of a value in the PLC, by its lower-case name. A string is
// "string"; its room stands in Address.Chars.
type Type string

// The types that an address table may use.
const (
	TypeBool   Type = "bool"
	TypeByte   Type = "byte"
	TypeUSInt  Type = "usint"
	TypeSInt   Type = "sint"
	TypeWord   Type = "word"
	TypeUInt   Type = "uint"
	TypeInt    Type = "int"
	TypeDWord  Type = "dword"
	TypeUDInt  Type = "udint"
	TypeDInt   Type = "dint"
	TypeTime   Type = "time" // milliseconds
	TypeULInt  Type = "ulint"
	TypeLInt   Type = "lint"
	TypeReal   Type = "real"
	TypeLReal  Type = "lreal"
	TypeString Type = "string"
)

// Address says where a tag lies and how it is written there.
type Address struct {
	Tag   string
	Area  Area
	DB    int // of a data block
	Start int // first byte
	Bit   int // of a bool
	Type  Type
	Chars int // room of a string
}

// Size returns the length in bytes, 0 for an unknown type.
func (a Address) Size() int {
	switch a.Type {
	case TypeBool, TypeByte, TypeUSInt, TypeSInt:
		return 1
	case TypeWord, TypeUInt, TypeInt:
		return 2
	case TypeDWord, TypeUDInt, TypeDInt, TypeTime, TypeReal:
		return 4
	case TypeULInt, TypeLInt, TypeLReal:
		return 8
	case TypeString:
		return 2 + a.Chars
	}
	return 0
}

// String returns the place as engineers write it: DB1.DBX0.3, DB1.DBW2,
// DB1.DBB52, MD4. Values of 8 bytes and strings are named by their first byte.
func (a Address) String() string {
	place := ""
	switch {
	case a.Type == TypeBool:
		place = fmt.Sprintf("X%d.%d", a.Start, a.Bit)
	case a.Type != TypeString && a.Size() == 2:
		place = fmt.Sprintf("W%d", a.Start)
	case a.Type != TypeString && a.Size() == 4:
		place = fmt.Sprintf("D%d", a.Start)
	default:
		place = fmt.Sprintf("B%d", a.Start)
	}
	if a.Area == DataBlock {
		return fmt.Sprintf("DB%d.DB%s", a.DB, place)
	}
	return a.Area.String() + place
}

// TypeName returns the type with the room of a string, as in string[16].
func (a Address) TypeName() string {
	if a.Type == TypeString {
		return fmt.Sprintf("string[%d]", a.Chars)
	}
	return string(a.Type)
}

// put writes a tag's value into memory. The value is a bool, int64, float64 or
// string that suits the type; an integer beyond the type's range wraps as in
// the PLC, a string is cut to its room.
func (m *Memory) put(a Address, value any) error {
	area := m.Bytes(a.Area, a.DB)
	if a.Size() == 0 || a.Start < 0 || a.Start+a.Size() > len(area) {
		return fmt.Errorf("tag %s: no room at %s for a %s", a.Tag, a, a.TypeName())
	}
	b := area[a.Start:][:a.Size()]
	suits := false
	switch v := value.(type) {
	case bool:
		suits = putBool(b, a, v)
	case int64:
		suits = putInt(b, a.Type, v)
	case float64:
		suits = putFloat(b, a.Type, v)
	case string:
		suits = putString(b, a.Type, v)
	}
	if !suits {
		return fmt.Errorf("tag %s: a %T does not suit the type %s at %s", a.Tag, value, a.TypeName(), a)
	}
	return nil
}

func putBool(b []byte, a Address, v bool) bool {
	if a.Type != TypeBool {
		return false
	}
	mask := byte(1) << a.Bit
	b[0] &^= mask
	if v {
		b[0] |= mask
	}
	return true
}

func putInt(b []byte, t Type, v int64) bool {
	switch t {
	case TypeByte, TypeUSInt, TypeSInt:
		b[0] = byte(v)
	case TypeWord, TypeUInt, TypeInt:
		binary.BigEndian.PutUint16(b, uint16(v))
	case TypeDWord, TypeUDInt, TypeDInt, TypeTime:
		binary.BigEndian.PutUint32(b, uint32(v))
	case TypeULInt, TypeLInt:
		binary.BigEndian.PutUint64(b, uint64(v))
	default:
		return false
	}
	return true
}

func putFloat(b []byte, t Type, v float64) bool {
	switch t {
	case TypeReal:
		binary.BigEndian.PutUint32(b, math.Float32bits(float32(v)))
	case TypeLReal:
		binary.BigEndian.PutUint64(b, math.Float64bits(v))
	default:
		return false
	}
	return true
}

// putString writes the room, the length and the characters; the rest of the
// room keeps what it held, as in a PLC.
func putString(b []byte, t Type, v string) bool {
	if t != TypeString {
		return false
	}
	b[0] = byte(len(b) - 2)
	b[1] = byte(copy(b[2:], v))
	return true
}
