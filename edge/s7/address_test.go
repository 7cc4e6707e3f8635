package s7

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestAddresses(t *testing.T) {
	for _, test := range []struct {
		address, typ string
		want         Address
	}{
		{"DB1.DBX0.3", "", Address{Blocks, 1, 0, 3, Type{kind: kindBool}}},
		{"db65535.dbx65535.7", "BOOL", Address{Blocks, 65535, 65535, 7, Type{kind: kindBool}}},
		{"DB1.DBB2", "byte", Address{Blocks, 1, 2, 0, Type{kind: kindUint8}}},
		{"DB1.DBW4", "int", Address{Blocks, 1, 4, 0, Type{kind: kindInt16}}},
		{" DB1.DBD8 ", " Real ", Address{Blocks, 1, 8, 0, Type{kind: kindReal}}},
		{"DB1.DBB20", "lreal", Address{Blocks, 1, 20, 0, Type{kind: kindLreal}}},
		{"DB1.DBB8", "real", Address{Blocks, 1, 8, 0, Type{kind: kindReal}}},
		{"DB1.DBB40", "string[20]", Address{Blocks, 1, 40, 0, Type{kindString, 20}}},
		{"M10.3", "", Address{Merkers, 0, 10, 3, Type{kind: kindBool}}},
		{"MX10.3", "bool", Address{Merkers, 0, 10, 3, Type{kind: kindBool}}},
		{"MW10", "word", Address{Merkers, 0, 10, 0, Type{kind: kindUint16}}},
		{"IB0", "char", Address{Inputs, 0, 0, 0, Type{kind: kindChar}}},
		{"E0.1", "", Address{Inputs, 0, 0, 1, Type{kind: kindBool}}},
		{"QD4", "time", Address{Outputs, 0, 4, 0, Type{kind: kindInt32}}},
		{"AB4", "date_and_time", Address{Outputs, 0, 4, 0, Type{kind: kindDateAndTime}}},
	} {
		got, err := ParseAddress(test.address, test.typ)
		if err != nil {
			t.Errorf("%q %q: %v", test.address, test.typ, err)
			continue
		}
		if diff := cmp.Diff(test.want, got, cmp.AllowUnexported(Type{})); diff != "" {
			t.Errorf("%q %q (-want +got):\n%s", test.address, test.typ, diff)
		}
	}
}

func TestAddressMistakesNameTheRemedy(t *testing.T) {
	for _, test := range []struct{ address, typ, want string }{
		{"", "", "want for example DB1.DBW4"},
		{"X1", "", "unknown area; want DB, M, I or Q"},
		{"DB1", "", "want a data block address such as DB1.DBW4"},
		{"DB0.DBW4", "", `data block number "0"; want 1 to 65535`},
		{"DB70000.DBW4", "", `data block number "70000"; want 1 to 65535`},
		{"DB1.DB4", "", "want X, B, W or D before the byte number, as in DB1.DBW4"},
		{"DB1.DBR4", "", "want X, B, W or D before the byte number"},
		{"DB1.DBW-4", "", `byte number "-4"; want 0 to 65535`},
		{"DB1.DBW+4", "", `byte number "+4"`},
		{"DB1.DBW65536", "", `byte number "65536"; want 0 to 65535`},
		{"DB1.DBW65535", "word", "ends beyond byte 65535"},
		{"DB1.DBX4", "", "the bit is missing; add .0 to .7"},
		{"DB1.DBX4.8", "", `bit number "8"; want 0 to 7`},
		{"DB1.DBW4.1", "", "only bits (X)"},
		{"DB1.DBW4", "real", "letter W is two bytes and the type has 4; write B"},
		{"DB1.DBD4", "lreal", "letter D is four bytes and the type has 8; write B"},
		{"DB1.DBB4", "bool", "a bool has a bit address"},
		{"DB1.DBX4.0", "int", "a bool has a bit address"},
		{"DB1.DBW4", "", `missing, and DB1.DBW4 may be read as any of two bytes; give the type that the PLC declares: int, uint or word`},
		{"MD10", " ", `missing, and MD10 may be read as any of four bytes; give the type that the PLC declares: dint, dword, real, time or udint`},
		{"IB10", "", `missing, and IB10 may be read as any; give the type that the PLC declares: byte, char, date_and_time, dint, dword, int, lint, lreal, lword, real, sint, string[N], time, udint, uint, ulint, usint or word`},
		{"DB1.DBW4", "float", `type "float" is unknown; use one of bool, byte,`},
		{"DB1.DBB4", "string", "write string[N]"},
		{"DB1.DBB4", "string[255]", "1 to 254"},
		{"DB1.DBB4", "string[0]", "1 to 254"},
	} {
		_, err := ParseAddress(test.address, test.typ)
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%q %q: got %v, want %q in it", test.address, test.typ, err, test.want)
		}
	}
}

func FuzzParseAddress(f *testing.F) {
	for _, seed := range [][2]string{{"DB1.DBX0.3", ""}, {"DB1.DBW4", "int"}, {"M10.3", "bool"}, {"DB1.DBB40", "string[20]"}, {"DB.DB", "time"}, {"ED65533", "dint"}} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, address, typ string) {
		a, err := ParseAddress(address, typ)
		if err != nil {
			return
		}
		if a.Byte < 0 || a.Byte+a.Type.Size() > maxByte+1 || a.Bit < 0 || a.Bit > 7 || a.Type.Size() < 1 || (a.Area == Blocks) != (a.DB != 0) {
			t.Fatalf("%q %q gives %+v", address, typ, a)
		}
		again, err := ParseAddress(a.String(), a.Type.String())
		if err != nil || again != a {
			t.Fatalf("%q %q prints as %q %q, which reads as %+v, %v", address, typ, a, a.Type, again, err)
		}
	})
}
