package linewatch_test

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"linewatch"
)

const documented = `{"version":1,"timestamp":1234,"equipmentId":"84068f2f-3f39-4b9c-a995-d2a84d878689","tag":"water_temperature","value":13.45,"quality":"Ok",` +
	`"meta":{"sequenceNumber":123,"flags":["Fst"],"createdAt":12345690,"sourceId":"filling_machine"}}`

func TestDecodeDocumentedPoint(t *testing.T) {
	want := linewatch.DataPoint{
		Timestamp: 1234, CreatedAt: 12345690, Equipment: "84068f2f-3f39-4b9c-a995-d2a84d878689", Tag: "water_temperature",
		Value: linewatch.FloatValue(13.45), Source: "filling_machine", Sequence: 123, Quality: linewatch.Ok, Flags: linewatch.First,
	}
	var d linewatch.Decoder
	var got linewatch.DataPoint
	if err := d.Decode([]byte(" "+documented+"\r\n"), &got); err != nil {
		t.Fatal(err)
	}
	if got != want {
		t.Error(cmp.Diff(want, got, byValue))
	}
	if got := string(want.AppendJSON(nil)); got != documented {
		t.Errorf("encoded as %s", got)
	}
}

// with returns a valid point with one member replaced: with("tag", `"x"`). An
// empty text leaves the member out.
func with(name, text string) string {
	outer := []string{"version", "1", "timestamp", "1234", "equipmentId", `"F1"`, "tag", `"t"`, "value", "1.5", "quality", `"Ok"`}
	meta := []string{"sequenceNumber", "7", "flags", `["Fst"]`, "createdAt", "1240", "sourceId", `"plc"`, "epoch", "0", "cause", `""`}
	object := func(list []string) string {
		var members []string
		for i := 0; i < len(list); i += 2 {
			if list[i] == name {
				list[i+1] = text
			}
			if list[i+1] != "" {
				members = append(members, fmt.Sprintf("%q:%s", list[i], list[i+1]))
			}
		}
		return "{" + strings.Join(members, ",") + "}"
	}
	return object(append(outer, "meta", object(meta)))
}

func str(c string, n int) string { return `"` + strings.Repeat(c, n) + `"` }

// hostileRows are texts that must be refused for exactly the reason given.
var hostileRows = []struct {
	name, text string
	want       linewatch.ErrorCode
}{
	{"empty", "", linewatch.ErrNotObject},
	{"white space", " \n", linewatch.ErrNotObject},
	{"null", "null", linewatch.ErrNotObject},
	{"array", "[]", linewatch.ErrNotObject},
	{"string", `""`, linewatch.ErrNotObject},
	{"number", "42", linewatch.ErrNotObject},
	{"two documents", documented + documented, linewatch.ErrTrailing},
	{"two lines", documented + "\n" + documented, linewatch.ErrTrailing},
	{"trailing garbage", documented + " x", linewatch.ErrTrailing},
	{"trailing NUL", documented + "\x00", linewatch.ErrTrailing},
	{"100,000 brackets", strings.Repeat("[", 100_000), linewatch.ErrSyntax},
	{"100,000 brackets inside", with("extra", "") + strings.Repeat("[", 100_000), linewatch.ErrTrailing},
	{"deep unknown member", `{"x":` + strings.Repeat("[", 100_000), linewatch.ErrSyntax},
	{"deep unknown objects", strings.Repeat(`{"a":`, 100_000), linewatch.ErrSyntax},
	{"duplicate timestamp", strings.Replace(documented, `"tag"`, `"timestamp":9,"tag"`, 1), linewatch.ErrDupKey},
	{"duplicate in meta", strings.Replace(documented, `"flags"`, `"sequenceNumber":124,"flags"`, 1), linewatch.ErrDupKey},
	{"duplicate, escaped", strings.Replace(documented, `"value"`, `"t\u0061g":"x","value"`, 1), linewatch.ErrDupKey},
	{"duplicate unknown", strings.Replace(documented, `"value"`, `"x":1,"x":2,"value"`, 1), linewatch.ErrDupKey},
	{"duplicate nested", strings.Replace(documented, `"value"`, `"x":[{"y":1,"y":2}],"value"`, 1), linewatch.ErrDupKey},
	{"other case only", strings.Replace(documented, "timestamp", "TIMESTAMP", 1), linewatch.ErrTimestamp},
	{"version missing", with("version", ""), linewatch.ErrVersion},
	{"version 2", with("version", "2"), linewatch.ErrVersion},
	{"version null", with("version", "null"), linewatch.ErrVersion},
	{"version text", with("version", `"1"`), linewatch.ErrVersion},
	{"version 1.0", with("version", `1.0`), linewatch.ErrVersion},
	{"timestamp missing", with("timestamp", ""), linewatch.ErrTimestamp},
	{"timestamp text", with("timestamp", `"1234"`), linewatch.ErrTimestamp},
	{"timestamp 1.5", with("timestamp", "1.5"), linewatch.ErrTimestamp},
	{"timestamp 1e400", with("timestamp", "1e400"), linewatch.ErrTimestamp},
	{"timestamp 2^63", with("timestamp", "9223372036854775808"), linewatch.ErrTimestamp},
	{"timestamp unknown", with("timestamp", "-9223372036854775808"), linewatch.ErrTimestamp},
	{"timestamp 01", with("timestamp", "01"), linewatch.ErrSyntax},
	{"timestamp null", with("timestamp", "null"), linewatch.ErrTimestamp},
	{"createdAt text", with("createdAt", `"now"`), linewatch.ErrTimestamp},
	{"value array", with("value", "[1]"), linewatch.ErrValue},
	{"value object", with("value", `{"v":1}`), linewatch.ErrValue},
	{"value long", with("value", str("x", 1025)), linewatch.ErrValue},
	{"value 2^64", with("value", "18446744073709551616"), linewatch.ErrRange},
	{"value -2^63-1", with("value", "-9223372036854775809"), linewatch.ErrRange},
	{"value 1e400", with("value", "1e400"), linewatch.ErrRange},
	{"value -1e309", with("value", "-1e309"), linewatch.ErrRange},
	{"value NaN", with("value", "NaN"), linewatch.ErrSyntax},
	{"value Infinity", with("value", "-Infinity"), linewatch.ErrSyntax},
	{"value 01", with("value", "01"), linewatch.ErrSyntax},
	{"value .5", with("value", ".5"), linewatch.ErrSyntax},
	{"value 1.", with("value", "1."), linewatch.ErrSyntax},
	{"quality number", with("quality", "192"), linewatch.ErrQuality},
	{"quality null", with("quality", "null"), linewatch.ErrQuality},
	{"equipment missing", with("equipmentId", ""), linewatch.ErrID},
	{"equipment empty", with("equipmentId", `""`), linewatch.ErrID},
	{"equipment 10 kB", with("equipmentId", str("x", 10_000)), linewatch.ErrID},
	{"equipment 129", with("equipmentId", str("x", 129)), linewatch.ErrID},
	{"equipment NUL", with("equipmentId", `"a\u0000"`), linewatch.ErrID},
	{"equipment newline", with("equipmentId", `"a\nb"`), linewatch.ErrID},
	{"equipment ANSI", with("equipmentId", `"\u001b[31mred"`), linewatch.ErrID},
	{"equipment right to left", with("equipmentId", `"a\u202eb"`), linewatch.ErrID},
	{"equipment path", with("equipmentId", `"../../etc"`), linewatch.ErrID},
	{"equipment comma", with("equipmentId", `"a,b=c"`), linewatch.ErrID},
	{"equipment number", with("equipmentId", `1`), linewatch.ErrID},
	{"source missing", with("sourceId", ""), linewatch.ErrID},
	{"source path", with("sourceId", `"a/b"`), linewatch.ErrID},
	{"tag missing", with("tag", ""), linewatch.ErrTag},
	{"tag empty", with("tag", `""`), linewatch.ErrTag},
	{"tag number", with("tag", `7`), linewatch.ErrTag},
	{"tag long", with("tag", str("x", 129)), linewatch.ErrTag},
	{"tag newline", with("tag", `"a\nb"`), linewatch.ErrTag},
	{"tag right to left", with("tag", `"a\u202eb"`), linewatch.ErrTag},
	{"invalid UTF-8", with("tag", "\"a\xffb\""), linewatch.ErrUTF8},
	{"overlong UTF-8", with("tag", "\"a\xc0\xafb\""), linewatch.ErrUTF8},
	{"UTF-8 surrogate", with("tag", "\"\xed\xa0\x80\""), linewatch.ErrUTF8},
	{"invalid UTF-8 as value", with("value", "\"a\xff\""), linewatch.ErrUTF8},
	{"invalid UTF-8 as cause", with("cause", "\"\xc3\""), linewatch.ErrUTF8},
	{"lone high surrogate", with("tag", `"a\ud800"`), linewatch.ErrUTF8},
	{"lone low surrogate", with("tag", `"\udc00b"`), linewatch.ErrUTF8},
	{"surrogates swapped", with("tag", `"\udc00\ud800"`), linewatch.ErrUTF8},
	{"invalid UTF-8, unknown member", strings.Replace(documented, `"value"`, "\"x\":\"\xff\",\"value\"", 1), linewatch.ErrUTF8},
	{"invalid UTF-8, unknown name", strings.Replace(documented, `"value"`, "\"\xff\":1,\"value\"", 1), linewatch.ErrUTF8},
	{"byte order mark", "\ufeff" + documented, linewatch.ErrSyntax},
	{"UTF-16", "\xff\xfe{\x00\"\x00", linewatch.ErrSyntax},
	{"gzip", "\x1f\x8b\x08\x00\x00\x00\x00\x00", linewatch.ErrSyntax},
	{"protobuf aggregate", "\xf3\x89\x9a\xc2\x0a\x01a", linewatch.ErrSyntax},
	{"meta missing", with("meta", ""), linewatch.ErrMeta},
	{"meta null", with("meta", "null"), linewatch.ErrMeta},
	{"meta array", with("meta", "[]"), linewatch.ErrMeta},
	{"sequence missing", with("sequenceNumber", ""), linewatch.ErrSequence},
	{"sequence negative", with("sequenceNumber", "-1"), linewatch.ErrSequence},
	{"sequence 2^63", with("sequenceNumber", "9223372036854775808"), linewatch.ErrSequence},
	{"sequence 1.0", with("sequenceNumber", "1.0"), linewatch.ErrSequence},
	{"sequence text", with("sequenceNumber", `"7"`), linewatch.ErrSequence},
	{"epoch negative", with("epoch", "-1"), linewatch.ErrSequence},
	{"epoch null", with("epoch", "null"), linewatch.ErrSequence},
	{"flags 10,000", with("flags", "["+strings.Repeat(`"Fst",`, 9_999)+`"Fst"]`), linewatch.ErrFlags},
	{"flags 33", with("flags", "["+strings.Repeat(`"Fst",`, 32)+`"Fst"]`), linewatch.ErrFlags},
	{"flags text", with("flags", `"Fst"`), linewatch.ErrFlags},
	{"flags numbers", with("flags", `[1]`), linewatch.ErrFlags},
	{"Wmk on a reading", with("flags", `["Wmk"]`), linewatch.ErrFlags},
	{"cause long", with("cause", str("x", 257)), linewatch.ErrCause},
	{"cause number", with("cause", "1"), linewatch.ErrCause},
	{"65 members", manyMembers(58), linewatch.ErrSize},
	{"64 KiB", strings.Replace(documented, `"value"`, `"x":`+str("x", 64<<10)+`,"value"`, 1), linewatch.ErrSize},
	{"64 KiB of quality", with("quality", str("x", 64<<10)), linewatch.ErrSize},
	{"33 levels", unknownMember(strings.Repeat("[", 32) + strings.Repeat("]", 32)), linewatch.ErrSyntax},
	{"raw control character", with("cause", "\"a\nb\""), linewatch.ErrSyntax},
	{"unknown escape", with("cause", `"\x41"`), linewatch.ErrSyntax},
	{"short escape", with("cause", `"\u12"`), linewatch.ErrSyntax},
	{"trailing comma", `{"version":1,}`, linewatch.ErrSyntax},
	{"single quotes", `{'version':1}`, linewatch.ErrSyntax},
	{"comment", `{/**/"version":1}`, linewatch.ErrSyntax},
	{"heartbeat with a sequence number", `{"version":1,"timestamp":1,"tag":"$watermark","meta":{"sequenceNumber":1,"flags":["Wmk"],"sourceId":"s"}}`, linewatch.ErrSequence},
	{"heartbeat without Wmk", `{"version":1,"timestamp":1,"tag":"$watermark","meta":{"sourceId":"s"}}`, linewatch.ErrFlags},
	{"heartbeat with a text", `{"version":1,"timestamp":1,"tag":"$watermark","value":"1","meta":{"flags":["Wmk"],"sourceId":"s"}}`, linewatch.ErrValue},
	{"heartbeat, negative", `{"version":1,"timestamp":1,"tag":"$watermark","value":-1,"meta":{"flags":["Wmk"],"sourceId":"s"}}`, linewatch.ErrValue},
	{"gap without a count", `{"version":1,"timestamp":1,"tag":"$gap","meta":{"sequenceNumber":5,"sourceId":"s"}}`, linewatch.ErrValue},
	{"gap of nothing", `{"version":1,"timestamp":1,"tag":"$gap","value":0,"meta":{"sequenceNumber":5,"sourceId":"s"}}`, linewatch.ErrValue},
	{"gap beyond its sequence", `{"version":1,"timestamp":1,"tag":"$gap","value":7,"meta":{"sequenceNumber":5,"sourceId":"s"}}`, linewatch.ErrValue},
}

// unknownMember returns a point with a member x that nobody knows.
func unknownMember(text string) string {
	return strings.Replace(documented, `"value"`, `"x":`+text+`,"value"`, 1)
}

// manyMembers returns a point with n unknown members beside its seven.
func manyMembers(n int) string {
	extra := ""
	for i := range n {
		extra += fmt.Sprintf(`"x%d":%d,`, i, i)
	}
	return strings.Replace(documented, `"value"`, extra+`"value"`, 1)
}

func TestDecodeRefuses(t *testing.T) {
	for _, row := range hostileRows {
		t.Run(row.name, func(t *testing.T) {
			var d linewatch.Decoder
			p := linewatch.DataPoint{Tag: "left over"}
			begin := time.Now()
			err := d.Decode([]byte(row.text), &p)
			if took := time.Since(begin); took > 10*time.Second { // what does not end by itself; the rest a busy machine may do
				t.Errorf("took %v", took)
			}
			if !errors.Is(err, row.want) {
				t.Errorf("got %v, want %s", err, row.want)
			}
			if p != (linewatch.DataPoint{}) {
				t.Errorf("left a partial point: %+v", p)
			}
			if _, err := referenceDecode([]byte(row.text)); err == nil {
				t.Error("the reference accepts it")
			}
		})
	}
}

// acceptedTexts are unusual but right.
var acceptedTexts = []string{
	with("", ""), with("createdAt", ""), with("flags", ""), with("epoch", "3"), with("value", ""), with("quality", ""),
	with("timestamp", "0"), with("timestamp", "-1"), with("timestamp", "9223372036854775807"), with("timestamp", "-9223372036854775807"),
	with("sequenceNumber", "0"), with("sequenceNumber", "4294967296"), with("sequenceNumber", "9223372036854775807"),
	with("tag", `"<script>alert(1)</script>"`), with("tag", `"{{.Secret}}"`), with("tag", `"${jndi:ldap://x}"`), with("tag", `"%s%n"`), with("tag", `"'; DROP TABLE points;--"`),
	with("tag", `"F\u00fcllh\u00f6he"`), with("tag", `"Füllhöhe 😀"`), with("tag", `"\ud83d\ude00"`),
	with("quality", str("q", 10_000)), with("flags", `["New","Lst","Fst","Fst"]`), manyMembers(57),
	with("value", `"`+strings.Repeat(`\u00fc`, 512)+`"`), with("value", str("x", 1024)), with("cause", `"a\u0000b\n"`),
	strings.Replace(documented, `"value"`, `"x":[{"y":{"z":null}},true,[[]]],"Value":7,"value"`, 1),
	unknownMember(strings.Repeat("[", 31) + strings.Repeat("]", 31)), unknownMember(`{"y":1},"y":2,"z":{"y":3,"z":4}`),
	unknownMember(strings.Repeat(`{"a":`, 31) + "1" + strings.Repeat("}", 31)),
	strings.Replace(strings.Replace(documented, `"flags"`, `"x":1,"flags"`, 1), "}}", `},"x":2}`, 1),
	strings.Replace(documented, `"flags"`, `"tag":"another place","version":9,"flags"`, 1),
	`{"meta":{"sourceId":"s","sequenceNumber":1},"tag":"t","equipmentId":"e","timestamp":5,"version":1}`,
	`{"version":1,"timestamp":5,"tag":"$watermark","value":3,"quality":"Ok","meta":{"flags":["Wmk"],"sourceId":"s"}}`,
	`{"version":1,"timestamp":5,"tag":"$watermark","quality":"Ok","meta":{"sequenceNumber":0,"flags":["Wmk"],"sourceId":"s","epoch":2}}`,
	`{"version":1,"timestamp":5,"tag":"$gap","value":6,"quality":"Bad","meta":{"sequenceNumber":5,"sourceId":"s","cause":"spool full"}}`,
}

func TestDecodeAccepts(t *testing.T) {
	var d linewatch.Decoder
	for _, text := range acceptedTexts {
		var p linewatch.DataPoint
		if err := d.Decode([]byte(text), &p); err != nil {
			t.Errorf("%.200s: %v", text, err)
		}
		agree(t, &d, []byte(text))
	}
}

func TestDecodeTruncatedAnywhere(t *testing.T) {
	long := with("cause", `"a \"quoted\" \u00fc \ud83d\ude00 ü"`)
	for _, text := range []string{documented, string(general([]byte(documented))), long} {
		var d linewatch.Decoder
		for n := 1; n < len(text); n++ {
			p := linewatch.DataPoint{Tag: "left over"}
			if err := d.Decode([]byte(text[:n]), &p); !errors.Is(err, linewatch.ErrSyntax) {
				t.Errorf("%q: got %v, want ERR_SYNTAX", text[:n], err)
			}
			if p != (linewatch.DataPoint{}) {
				t.Errorf("%q: left a partial point", text[:n])
			}
		}
	}
}

func generalText(s string) string { return string(general([]byte(s))) }

func TestDecodeValuesExactly(t *testing.T) {
	for _, tt := range []struct {
		text string
		want linewatch.Value
	}{
		{"9007199254740993", linewatch.IntValue(9007199254740993)},
		{"-9223372036854775808", linewatch.IntValue(math.MinInt64)},
		{"9223372036854775808", linewatch.UintValue(1 << 63)},
		{"18446744073709551615", linewatch.UintValue(math.MaxUint64)},
		{"-0", linewatch.IntValue(0)},
		{"2", linewatch.IntValue(2)},
		{"2.0", linewatch.FloatValue(2)},
		{"2e0", linewatch.FloatValue(2)},
		{"-0.0", linewatch.FloatValue(0)},
		{"1e308", linewatch.FloatValue(1e308)},
		{"-1e308", linewatch.FloatValue(-1e308)},
		{"5e-324", linewatch.FloatValue(5e-324)},
		{"1e-400", linewatch.FloatValue(0)},
		{"1e-22", linewatch.FloatValue(1e-22)},
		{"1e-23", linewatch.FloatValue(1e-23)},
		{"1e22", linewatch.FloatValue(1e22)},
		{"1e23", linewatch.FloatValue(1e23)},
		{"0.1", linewatch.FloatValue(0.1)},
		{"9007199254740993.0", linewatch.FloatValue(9007199254740992)},
		{"179769313486231570000e288", linewatch.FloatValue(math.MaxFloat64)},
		{"null", linewatch.Value{}},
		{"true", linewatch.BoolValue(true)},
		{`"13.45"`, linewatch.StringValue("13.45")},
	} {
		var d linewatch.Decoder
		var p linewatch.DataPoint
		if err := d.Decode([]byte(with("value", tt.text)), &p); err != nil {
			t.Errorf("%s: %v", tt.text, err)
			continue
		}
		if p.Value != tt.want {
			t.Errorf("%s: got %v, want %v", tt.text, p.Value, tt.want)
		}
		f, _ := p.Value.Float()
		if math.Signbit(f) && f == 0 {
			t.Errorf("%s: negative zero", tt.text)
		}
	}
}

func TestDecodeQuality(t *testing.T) {
	for _, tt := range []struct {
		quality, value string
		want           linewatch.Quality
	}{
		{`"Ok"`, "1", linewatch.Ok},
		{`"Bad"`, "1", linewatch.Bad},
		{`"Uncertain"`, "1", linewatch.Uncertain},
		{"", "1", linewatch.Bad},
		{`"ok"`, "1", linewatch.Uncertain},
		{`"💥"`, "1", linewatch.Uncertain},
		{str("x", 10_000), "1", linewatch.Uncertain},
		{`"Ok"`, "null", linewatch.Bad},
		{`"Ok"`, "", linewatch.Bad},
		{`"ok"`, "", linewatch.Bad},
	} {
		text := with("quality", tt.quality)
		text = strings.Replace(text, `"value":1.5`, `"value":`+tt.value, 1)
		if tt.value == "" {
			text = strings.Replace(text, `"value":,`, "", 1)
		}
		for _, form := range []string{text, generalText(text)} {
			var d linewatch.Decoder
			var p linewatch.DataPoint
			if err := d.Decode([]byte(form), &p); err != nil || p.Quality != tt.want {
				t.Errorf("%.300s: got %v, %v, want %v", form, p.Quality, err, tt.want)
			}
		}
	}
}

func TestDecodeNextGoesOn(t *testing.T) {
	var d linewatch.Decoder
	var p linewatch.DataPoint
	for _, tt := range []struct {
		text string
		n    int // where to go on, relative to the end; -1: nowhere
		want error
	}{
		{documented, 0, nil},
		{"\n " + documented, 0, nil},
		{with("version", "2"), 0, linewatch.ErrVersion},
		{with("tag", `"\ud800"`), 0, linewatch.ErrUTF8},
		{`{"x":{"y":1,"y":1}}`, 0, linewatch.ErrDupKey},
		{manyMembers(100), 0, linewatch.ErrSize},
		{"[1,[2]]", 0, linewatch.ErrNotObject},
		{`{"version":3,"x":[}`, -1, linewatch.ErrSyntax},
		{`{"version":3`, -1, linewatch.ErrSyntax},
	} {
		n, err := d.DecodeNext([]byte(tt.text+"  ]"), &p)
		if !errors.Is(err, tt.want) {
			t.Errorf("%.100s: got %v, want %v", tt.text, err, tt.want)
		}
		want := len(tt.text)
		if tt.n < 0 {
			want = 0
		}
		if n != want {
			t.Errorf("%.100s: go on at %d, want %d", tt.text, n, want)
		}
	}
}

func TestDecodeAllocatesNothing(t *testing.T) {
	var d linewatch.Decoder
	var p linewatch.DataPoint
	for _, text := range []string{
		documented, generalText(documented), with("tag", `"F\u00fcllh\u00f6he"`), with("value", "0.12345678901234567"),
		strings.Replace(documented, `"value"`, `"x":[{"y":{"z":null}},true,[[]]],"value"`, 1), with("cause", `"source offline"`),
	} {
		b := []byte(text)
		if n := testing.AllocsPerRun(100, func() {
			if err := d.Decode(b, &p); err != nil {
				t.Fatal(err)
			}
		}); n != 0 {
			t.Errorf("%s: %v allocations", text, n)
		}
	}
}

func TestPointErrorText(t *testing.T) {
	var d linewatch.Decoder
	var p linewatch.DataPoint
	err := d.Decode([]byte(with("timestamp", `"\u001b[31m"`)), &p)
	if got, want := err.Error(), "ERR_TIMESTAMP: timestamp: want milliseconds as a 64-bit integer at byte 25"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got, want := (&linewatch.DataPoint{}).Validate().Error(), `ERR_TAG: tag: want 1 to 128 bytes of printable UTF-8`; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
