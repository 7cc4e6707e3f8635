package opcua

import (
	"bytes"
	"encoding/binary"
	"math"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/gopcua/opcua/ua"
	"pgregory.net/rapid"

	"linewatch"
)

// encodedPublication is an answer to Publish as the library encodes it, which
// makes it a judge of our reader.
func encodedPublication(t fataler, sequence uint32, values ...*ua.DataValue) []byte {
	t.Helper()
	change := &ua.DataChangeNotification{DiagnosticInfos: []*ua.DiagnosticInfo{}}
	for i, v := range values {
		change.MonitoredItems = append(change.MonitoredItems, &ua.MonitoredItemNotification{ClientHandle: uint32(i), Value: v})
	}
	res := &ua.PublishResponse{
		ResponseHeader: okHeader(), SubscriptionID: 5, AvailableSequenceNumbers: []uint32{1, 2}, MoreNotifications: true,
		NotificationMessage: &ua.NotificationMessage{
			SequenceNumber: sequence, PublishTime: time.UnixMilli(1_700_000_000_123).UTC(),
			NotificationData: []*ua.ExtensionObject{ua.NewExtensionObject(change)},
		},
		Results: []ua.StatusCode{}, DiagnosticInfos: []*ua.DiagnosticInfo{},
	}
	b, err := ua.Encode(res)
	if err != nil {
		t.Fatal(err)
	}
	return append(binary.LittleEndian.AppendUint16([]byte{1, 0}, ua.ServiceTypeID(res)), b...)
}

type fataler interface {
	Helper()
	Fatal(args ...any)
}

func good(v any) *ua.DataValue {
	return &ua.DataValue{EncodingMask: ua.DataValueValue, Value: ua.MustVariant(v)}
}

func TestEveryTypeIsRead(t *testing.T) {
	rows := []struct {
		in   any
		want string // the value, or why there is none
	}{
		{true, "true"},
		{false, "false"},
		{int8(-128), "-128"},
		{uint8(255), "255"},
		{int16(-32768), "-32768"},
		{uint16(65535), "65535"},
		{int32(math.MinInt32), "-2147483648"},
		{uint32(math.MaxUint32), "4294967295"},
		{int64(math.MinInt64), "-9223372036854775808"},
		{int64(9007199254740993), "9007199254740993"},
		{uint64(math.MaxUint64), "18446744073709551615"},
		{float32(13.45), "13.449999809265137"},
		{2.0, "2.0"},
		{math.Copysign(0, -1), "0.0"},
		{5e-324, "5e-324"},
		{math.NaN(), "not a number"},
		{float32(math.Inf(1)), "infinite number"},
		{math.Inf(-1), "infinite number"},
		{"PET-1L ü", "PET-1L ü"},
		{"", ""},
		{"\xff", "OPC UA string is not UTF-8"},
		{time.Date(2026, 11, 22, 16, 54, 0, 123_000_000, time.UTC), "2026-11-22T16:54:00.123Z"},
		{time.Date(1969, 7, 20, 20, 17, 40, 0, time.UTC), "1969-07-20T20:17:40.000Z"},
		{time.Time{}, "1601-01-01T00:00:00.000Z"},
		{ua.NewGUID("09087E75-8E5E-499B-954F-F2A9603DB28A"), "09087e75-8e5e-499b-954f-f2a9603db28a"},
		{[]byte{0, 255}, "00ff"},
		{bytes.Repeat([]byte{1}, 513), "OPC UA byte string longer than 512 bytes"},
		{ua.XMLElement("<a/>"), "OPC UA structure in XML"},
		{ua.NewStringNodeID(2, "x"), "OPC UA NodeId"},
		{ua.NewTwoByteNodeID(7), "OPC UA NodeId"},
		{ua.NewGUIDNodeID(7, "09087E75-8E5E-499B-954F-F2A9603DB28A"), "OPC UA NodeId"},
		{ua.NewStringExpandedNodeID(7, "abc"), "OPC UA ExpandedNodeId"},
		{ua.StatusBadTimeout, "BadTimeout"},
		{&ua.QualifiedName{NamespaceIndex: 3, Name: "Speed"}, "Speed"},
		{ua.NewLocalizedTextWithLocale("Füller", "de"), "Füller"},
		{ua.NewLocalizedText(""), ""},
		{ua.NewExtensionObject(&ua.Range{Low: 1, High: 2}), "OPC UA structure; name one of its elements"},
		{good(1.5), "OPC UA value within a value"},
		{[]float64{1, 2}, "OPC UA array of Double; name one of its elements"},
		{[][]int32{{1, 2}, {3, 4}}, "OPC UA array of Int32; name one of its elements"},
		{[]string{"a", "b"}, "OPC UA array of String; name one of its elements"},
		{[]bool{}, "OPC UA array of Boolean; name one of its elements"},
		{[]*ua.LocalizedText{ua.NewLocalizedText("a")}, "OPC UA array of LocalizedText; name one of its elements"},
		{[]*ua.Variant{ua.MustVariant(int32(1)), ua.MustVariant("x")}, "OPC UA array of Variant; name one of its elements"},
	}
	var all []*ua.DataValue
	for _, row := range rows {
		all = append(all, good(row.in))
	}
	last := good(int32(77)) // what follows is read right whatever came before
	p, err := parsePublication(encodedPublication(t, 9, append(all, last)...))
	if err != nil {
		t.Fatal(err)
	}
	if p.sequence != 9 || p.subscription != 5 || !p.more || p.published != 1_700_000_000_123 || len(p.items) != len(rows)+1 {
		t.Fatalf("read sequence %d, subscription %d, more %v, published %v, %d items", p.sequence, p.subscription, p.more, p.published, len(p.items))
	}
	for i, row := range rows {
		it := p.items[i]
		got := it.cause
		if got == "" {
			got = it.value.String()
		} else if !it.value.IsNull() {
			t.Errorf("%v: the value %v and a cause, %s", row.in, it.value, it.cause)
		}
		if got != row.want || it.handle != uint32(i) {
			t.Errorf("%T %v is read as %q for item %d, want %q for %d", row.in, row.in, got, it.handle, row.want, i)
		}
	}
	if got := p.items[len(rows)].value; got != linewatch.IntValue(77) {
		t.Errorf("the last one is %v, want 77", got)
	}
}

func TestStatusAndTimesAreRead(t *testing.T) {
	source, server := time.UnixMilli(1_600_000_000_001).UTC(), time.UnixMilli(1_600_000_000_002).UTC()
	full := good(int32(1))
	full.EncodingMask |= ua.DataValueStatusCode | ua.DataValueSourceTimestamp | ua.DataValueServerTimestamp |
		ua.DataValueSourcePicoseconds | ua.DataValueServerPicoseconds
	full.Status, full.SourceTimestamp, full.ServerTimestamp = 0x40000480, source, server
	empty := &ua.DataValue{EncodingMask: ua.DataValueStatusCode, Status: ua.StatusBadNoCommunication}
	p, err := parsePublication(encodedPublication(t, 1, full, empty, &ua.DataValue{}))
	if err != nil {
		t.Fatal(err)
	}
	it := p.items[0]
	if at, ok := timeOf(it.source); !ok || at != linewatch.TimeOf(source) {
		t.Errorf("source time %v, %v", at, ok)
	}
	if at, ok := timeOf(it.server); !ok || at != linewatch.TimeOf(server) {
		t.Errorf("server time %v, %v", at, ok)
	}
	if it.status != 0x40000480 || !overflowed(it.status) || it.value != linewatch.IntValue(1) {
		t.Errorf("got %+v", it)
	}
	if it := p.items[1]; it.status != ua.StatusBadNoCommunication || it.cause != causeNoValue {
		t.Errorf("got %+v, want a status alone", it)
	}
	if it := p.items[2]; it.cause != causeNoValue {
		t.Errorf("got %+v, want nothing", it)
	}
}

// publicationOf wraps the bytes of one DataValue.
func publicationOf(t fataler, value []byte) []byte {
	t.Helper()
	b := encodedPublication(t, 1)
	// An empty notification's body is two empty arrays; what the library writes
	// for them is found by its size, 8, and replaced.
	marker := append([]byte{1, 0, 0x2b, 0x03, 1}, words(8)...)
	at := bytes.Index(b, marker)
	if at < 0 {
		t.Fatal("no notification in the library's encoding")
	}
	body := append(words(1, 0), value...)
	out := append([]byte{}, b[:at+5]...)
	out = append(append(out, words(uint32(len(body)))...), body...)
	return append(out, b[at+len(marker)+8:]...)
}

func TestSizesInAMessageAreNotBelieved(t *testing.T) {
	huge := words(100_000_000)
	nested := func(unit string, n int) []byte { return append([]byte{1}, strings.Repeat(unit, n)...) }
	items := publicationOf(t, []byte{1, 1, 1})
	at := bytes.Index(items, append(words(11), words(1, 0)...)) // size of the body, number of items, handle
	copy(items[at+4:], huge)
	if _, err := parsePublication(items); err == nil || testing.AllocsPerRun(1, func() { parsePublication(items) }) > 20 {
		t.Errorf("100 million items in %d bytes: got %v", len(items), err)
	}
	for _, row := range []struct {
		name  string
		value []byte
	}{
		{"array of 100 million doubles", append([]byte{1, 0x8b}, huge...)},
		{"array of 100 million booleans", append([]byte{1, 0x81}, huge...)},
		{"string of 100 million bytes", append([]byte{1, 12}, huge...)},
		{"100 million dimensions", append(append([]byte{1, 0xc1}, words(0)...), huge...)},
		{"variants in variants", nested("\x18", 500_000)},
		{"variants in arrays of variants", nested("\x98\x01\x00\x00\x00", 100_000)},
		{"values in values", nested("\x17\x01", 250_000)},
		{"diagnostics in diagnostics", append([]byte{1, 25}, strings.Repeat("\x40", 500_000)...)},
		{"nulls in an array, which take no bytes", append([]byte{1, 0x80}, words(4, 0)...)},
		{"a reserved type", []byte{1, 63, 0, 0, 0, 0}},
	} {
		t.Run(row.name, func(t *testing.T) {
			body := publicationOf(t, row.value)
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, err := parsePublication(body)
			runtime.ReadMemStats(&after)
			if err == nil {
				t.Error("it was taken")
			}
			if used := after.TotalAlloc - before.TotalAlloc; used > 1<<20 {
				t.Errorf("it took %d bytes of memory", used)
			}
		})
	}
}

func TestTruncatedPublicationsAreRefused(t *testing.T) {
	// Behind the notification follow results and diagnostics, 4 bytes each when
	// empty, which do not matter.
	body := encodedPublication(t, 1, good("abc"), good([]int32{1, 2}), good(ua.NewLocalizedTextWithLocale("a", "b")))
	for n := range len(body) - 8 {
		if _, err := parsePublication(body[:n]); err == nil {
			t.Errorf("the first %d of %d bytes were taken", n, len(body))
		}
	}
	if _, err := parsePublication(body); err != nil {
		t.Error(err)
	}
}

func TestRefusalsAndEndsAreRead(t *testing.T) {
	encode := func(v any) []byte {
		b, err := ua.Encode(v)
		if err != nil {
			t.Fatal(err)
		}
		return append(binary.LittleEndian.AppendUint16([]byte{1, 0}, ua.ServiceTypeID(v)), b...)
	}
	fault := okHeader()
	fault.ServiceResult = ua.StatusBadNoSubscription
	if _, err := parsePublication(encode(&ua.ServiceFault{ResponseHeader: fault})); !isStatus(err, ua.StatusBadNoSubscription) {
		t.Errorf("got %v, want BadNoSubscription", err)
	}
	ended := &ua.RepublishResponse{ResponseHeader: okHeader(), NotificationMessage: &ua.NotificationMessage{
		SequenceNumber: 3, NotificationData: []*ua.ExtensionObject{ua.NewExtensionObject(&ua.StatusChangeNotification{
			Status: ua.StatusBadTimeout, DiagnosticInfo: &ua.DiagnosticInfo{},
		})},
	}}
	n, err := parseRepublication(encode(ended))
	if err != nil || n.sequence != 3 || !isStatus(n.ended, ua.StatusBadTimeout) || n.published.Known() {
		t.Errorf("got %+v, %v, want the end of the subscription", n, err)
	}
	if _, err := parsePublication(encode(ended)); err == nil {
		t.Error("a republication was taken for a publication")
	}
}

func TestConversions(t *testing.T) {
	i, f, s, b := linewatch.IntValue, linewatch.FloatValue, linewatch.StringValue, linewatch.BoolValue
	top := linewatch.UintValue(math.MaxUint64)
	bad := linewatch.Value{}
	for _, row := range []struct {
		typ  string
		in   linewatch.Value
		want linewatch.Value
	}{
		{"", f(1.5), f(1.5)},
		{"bool", b(true), b(true)},
		{"bool", i(1), bad},
		{"sbyte", i(-128), i(-128)},
		{"sbyte", i(128), bad},
		{"byte", i(-1), bad},
		{"Byte", i(255), i(255)},
		{"int16", f(7), i(7)},
		{"int16", f(7.5), bad},
		{"uint32", i(math.MaxUint32), i(math.MaxUint32)},
		{"uint32", i(math.MaxUint32 + 1), bad},
		{"int64", i(math.MinInt64), i(math.MinInt64)},
		{"int64", top, bad},
		{"int64", f(1e19), bad},
		{"int64", f(math.MinInt64), i(math.MinInt64)},
		{"uint64", top, top},
		{"uint64", i(-1), bad},
		{"uint64", s("1"), bad},
		{"float", i(3), f(3)},
		{"float", f(1e300), bad},
		{"double", f(1e300), f(1e300)},
		{"double", s("1"), bad},
		{"string", i(3), s("3")},
		{"string", f(2), s("2.0")},
		{"string", b(true), s("true")},
	} {
		typ, err := ParseType(row.typ)
		if err != nil {
			t.Fatal(err)
		}
		got, cause := typ.convert(row.in, double)
		if got != row.want || (cause != "") != (row.want == bad) {
			t.Errorf("%v as %q is %v, %q; want %v", row.in, row.typ, got, cause, row.want)
		}
	}
	if _, err := ParseType("real"); err == nil || !strings.Contains(err.Error(), "use one of bool, byte, double") {
		t.Errorf("got %v, want the types there are", err)
	}
}

// Whatever the library can encode of the types that tags have is read as the
// same values, in the same order.
func TestReaderAgreesWithTheLibrary(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var all []*ua.DataValue
		var want []linewatch.Value
		for range rapid.IntRange(0, 20).Draw(t, "items") {
			var in any
			var out linewatch.Value
			switch rapid.IntRange(0, 5).Draw(t, "type") {
			case 0:
				n := rapid.Int64().Draw(t, "int64")
				in, out = n, linewatch.IntValue(n)
			case 1:
				n := rapid.Uint64().Draw(t, "uint64")
				in, out = n, linewatch.UintValue(n)
			case 2:
				n := rapid.Float64().Draw(t, "double")
				in, out = n, linewatch.FloatValue(n)
			case 3:
				n := rapid.String().Draw(t, "string")
				in, out = n, linewatch.StringValue(n)
			case 4:
				n := rapid.SliceOf(rapid.Uint16()).Draw(t, "array")
				in, out = n, linewatch.Value{}
			case 5:
				n := rapid.Bool().Draw(t, "bool")
				in, out = n, linewatch.BoolValue(n)
			}
			all, want = append(all, good(in)), append(want, out)
		}
		p, err := parsePublication(encodedPublication(t, 1, all...))
		if err != nil || len(p.items) != len(want) {
			t.Fatalf("%d items and %v, want %d", len(p.items), err, len(want))
		}
		for i, it := range p.items {
			if it.value != want[i] {
				t.Fatalf("item %d is %v, want %v", i, it.value, want[i])
			}
		}
	})
}

// Nothing that a server publishes makes the reader panic, hang or use much
// memory, and every reading makes a point that may travel.
func FuzzPublication(f *testing.F) {
	types := []string{"", "bool", "sbyte", "byte", "int16", "uint32", "int64", "uint64", "float", "double", "string"}
	t := &testing.T{}
	f.Add(encodedPublication(t, 1, good(1.5), good("x"), good([]int32{1})))
	f.Add(publicationOf(t, []byte("\x01\x18\x18\x18")))
	f.Add(publicationOf(t, append([]byte{63, 23, 1, 6}, words(1, 2, 3, 4, 5, 6, 7, 8)...)))
	f.Fuzz(func(t *testing.T, body []byte) {
		p, err := parsePublication(body)
		if err != nil {
			return
		}
		if len(p.items) > len(body) {
			t.Fatalf("%d items in %d bytes", len(p.items), len(body))
		}
		s := &Source{types: make([]Type, len(types)), sub: &subscription{}}
		for i, name := range types {
			if s.types[i], err = ParseType(name); err != nil {
				t.Fatal(err)
			}
		}
		for i := range p.items {
			p.items[i].handle = uint32(i % len(types))
			r := s.reading(&p.items[i], p.published)
			if len(r.Value.Str()) > linewatch.MaxString {
				continue // the agent's filter sees to that
			}
			point := linewatch.DataPoint{
				Timestamp: r.At, Equipment: "F1", Tag: "t", Source: "s", Value: r.Value, Quality: r.Quality, Cause: r.Cause,
			}
			if err := point.Validate(); err != nil {
				t.Fatalf("%+v: %v", r, err)
			}
			if (r.Quality == linewatch.Ok) != (r.Cause == "") {
				t.Fatalf("quality %v with cause %q", r.Quality, r.Cause)
			}
		}
	})
}
