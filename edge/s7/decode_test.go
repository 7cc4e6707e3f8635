package s7

import (
	"math"
	"testing"

	"linewatch"
	"linewatch/edge"
)

func TestDecode(t *testing.T) {
	for _, test := range []struct {
		address, typ string
		bytes        []byte
		want         linewatch.Value
		cause        string
	}{
		{"M0.3", "", []byte{0x08}, linewatch.BoolValue(true), ""},
		{"M0.2", "", []byte{0x08}, linewatch.BoolValue(false), ""},
		{"MB0", "byte", []byte{0xFF}, linewatch.IntValue(255), ""},
		{"MB0", "sint", []byte{0xFF}, linewatch.IntValue(-1), ""},
		{"MB0", "word", []byte{0xFF, 0xFE}, linewatch.IntValue(65534), ""},
		{"MB0", "int", []byte{0xFF, 0xFE}, linewatch.IntValue(-2), ""},
		{"MB0", "dword", []byte{0xFF, 0xFF, 0xFF, 0xFD}, linewatch.IntValue(4294967293), ""},
		{"MB0", "dint", []byte{0xFF, 0xFF, 0xFF, 0xFD}, linewatch.IntValue(-3), ""},
		{"MB0", "time", []byte{0, 0, 0x27, 0x10}, linewatch.IntValue(10000), ""},
		{"MB0", "lword", []byte{255, 255, 255, 255, 255, 255, 255, 255}, linewatch.UintValue(math.MaxUint64), ""},
		{"MB0", "lint", []byte{255, 255, 255, 255, 255, 255, 255, 255}, linewatch.IntValue(-1), ""},
		{"MB0", "ulint", []byte{0, 32, 0, 0, 0, 0, 0, 1}, linewatch.IntValue(9007199254740993), ""},
		{"MB0", "real", []byte{0x41, 0x57, 0x33, 0x33}, linewatch.FloatValue(float64(float32(13.45))), ""},
		{"MB0", "real", []byte{0x7F, 0xC0, 0, 0}, linewatch.Value{}, causeNotANumber},
		{"MB0", "real", []byte{0xFF, 0x80, 0, 0}, linewatch.Value{}, causeNotANumber},
		{"MB0", "lreal", []byte{0x3F, 0xF8, 0, 0, 0, 0, 0, 0}, linewatch.FloatValue(1.5), ""},
		{"MB0", "char", []byte{'A'}, linewatch.StringValue("A"), ""},
		{"MB0", "char", []byte{0xFC}, linewatch.StringValue("ü"), ""},
		{"MB0", "string[4]", []byte{4, 2, 'o', 'k', 'x', 'x'}, linewatch.StringValue("ok"), ""},
		{"MB0", "string[4]", []byte{4, 0, 'o', 'k', 'x', 'x'}, linewatch.StringValue(""), ""},
		{"MB0", "string[4]", []byte{10, 4, 'a', 'b', 'c', 0xE4}, linewatch.StringValue("abcä"), ""},
		{"MB0", "string[4]", []byte{10, 5, 'a', 'b', 'c', 'd'}, linewatch.Value{}, causeString},
		{"MB0", "string[4]", []byte{2, 3, 'a', 'b', 'c', 'd'}, linewatch.Value{}, causeString},
		{"MB0", "date_and_time", []byte{0x26, 0x11, 0x22, 0x16, 0x54, 0x00, 0x12, 0x31}, linewatch.StringValue("2026-11-22T16:54:00.123"), ""},
		{"MB0", "date_and_time", []byte{0x90, 0x01, 0x01, 0, 0, 0, 0, 0x02}, linewatch.StringValue("1990-01-01T00:00:00.000"), ""},
		{"MB0", "date_and_time", []byte{0x26, 0x13, 0x22, 0x16, 0x54, 0x00, 0x12, 0x31}, linewatch.Value{}, causeDate},
		{"MB0", "date_and_time", []byte{0x26, 0x02, 0x30, 0x16, 0x54, 0x00, 0x12, 0x31}, linewatch.Value{}, causeDate},
		{"MB0", "date_and_time", []byte{0x26, 0x1A, 0x22, 0x16, 0x54, 0x00, 0x12, 0x31}, linewatch.Value{}, causeDate},
	} {
		a := mustParse(t, test.address, test.typ)
		if a.Type.Size() != len(test.bytes) {
			t.Errorf("%s has %d bytes, the test %d", test.typ, a.Type.Size(), len(test.bytes))
			continue
		}
		if v, cause := a.decode(test.bytes); v != test.want || cause != test.cause {
			t.Errorf("%s % x = %v %q, want %v %q", test.typ, test.bytes, v, cause, test.want, test.cause)
		}
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte{0x41, 0x57, 0x33, 0x33, 1, 2, 3, 4, 5, 6, 7, 8})
	f.Fuzz(func(t *testing.T, b []byte) {
		for k := kindBool; k <= kindDateAndTime; k++ {
			a := Address{Area: Merkers, Type: Type{kind: k}}
			if k == kindString {
				a.Type.max = 10
			}
			if len(b) < a.Type.Size() {
				continue
			}
			v, cause := a.decode(b)
			if v.IsNull() != (cause != "") || len(v.Str()) > linewatch.MaxString {
				t.Fatalf("%v: % x gives %v with cause %q", a.Type, b, v, cause)
			}
		}
	})
}

func BenchmarkDecode(b *testing.B) {
	s := &Source{addresses: reals(b, 1000)}
	s.plan = planner{addresses: s.addresses, pdu: 480}
	s.blocks = s.plan.blocks()
	s.readings = make([]edge.Reading, 1000)
	for b.Loop() {
		s.decode()
	}
	b.ReportMetric(float64(b.N)*1000/b.Elapsed().Seconds(), "tags/s")
}
