package linewatch_test

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"linewatch"
)

var byValue = cmp.AllowUnexported(linewatch.Value{})

// agree fails the test unless decoder and reference accept the same text with
// the same result, or both refuse it.
func agree(t interface {
	Helper()
	Fatalf(string, ...any)
}, d *linewatch.Decoder, b []byte,
) {
	t.Helper()
	want, refusal := referenceDecode(b)
	for _, form := range [][]byte{b, general(b)} {
		got := linewatch.DataPoint{Tag: "left over"}
		err := d.Decode(form, &got)
		if (err == nil) != (refusal == nil) {
			t.Fatalf("%.300q: decoder says %v, reference says %v", form, err, refusal)
		}
		if got != want {
			t.Fatalf("%.300q: %s", form, cmp.Diff(want, got, byValue))
		}
		var pe *linewatch.PointError
		if err != nil && (!errors.As(err, &pe) || !strings.HasPrefix(string(pe.Code), "ERR_") || pe.Offset < 0 || pe.Offset > len(form)) {
			t.Fatalf("%.300q: error %#v", form, err)
		}
	}
	if refusal != nil {
		return
	}
	if err := want.Validate(); err != nil {
		t.Fatalf("%.300q: decoded but not valid: %v", b, err)
	}
	again := want.AppendJSON(nil)
	var got linewatch.DataPoint
	if err := d.Decode(again, &got); err != nil || got != want {
		t.Fatalf("%q: encoded again: %v %s", again, err, cmp.Diff(want, got, byValue))
	}
}

// general puts a space behind the first brace, which keeps the meaning and
// takes the text off the decoder's fast path.
func general(b []byte) []byte {
	return bytes.Replace(b, []byte("{"), []byte("{ "), 1)
}

func FuzzDecode(f *testing.F) {
	for _, p := range linePoints(20) {
		f.Add(p.AppendJSON(nil))
		f.Add(spaced(p.AppendJSON(nil)))
	}
	for _, row := range hostileRows {
		if len(row.text) < 2000 {
			f.Add([]byte(row.text))
		}
	}
	for _, text := range acceptedTexts {
		f.Add([]byte(text))
	}
	var d linewatch.Decoder
	f.Fuzz(func(t *testing.T, b []byte) { agree(t, &d, b) })
}

// TestDecodeAgreesWithReference draws texts that are points in most parts,
// with members missing, doubled, misplaced, misspelt or of a wrong type.
func TestDecodeAgreesWithReference(t *testing.T) {
	var d linewatch.Decoder
	// What is drawn departs from this, which would mean little were it refused.
	usual := "{" + strings.Join(usualMembers("{"+strings.Join(usualMeta, ",")+"}"), ",") + "}"
	if err := d.Decode([]byte(usual), new(linewatch.DataPoint)); err != nil {
		t.Fatalf("%s: %v", usual, err)
	}
	rapid.Check(t, func(t *rapid.T) { agree(t, &d, []byte(drawText(t))) })
}

var usualMeta = []string{`"sequenceNumber":7`, `"sourceId":"plc"`}

func usualMembers(meta string) []string {
	return []string{`"version":1`, `"timestamp":99`, `"equipmentId":"F1"`, `"tag":"t"`, `"value":1.5`, `"quality":"Ok"`, `"meta":` + meta}
}

func drawText(t *rapid.T) string {
	meta := drawMembers(t, map[string][]string{
		"sequenceNumber": numberTexts, "flags": flagTexts, "createdAt": numberTexts,
		"sourceId": nameTexts, "epoch": numberTexts, "cause": stringTexts,
	}, usualMeta)
	return drawMembers(t, map[string][]string{
		"version": numberTexts, "timestamp": numberTexts, "equipmentId": nameTexts, "tag": nameTexts,
		"value": valueTexts, "quality": stringTexts, "meta": {meta},
	}, usualMembers(meta))
}

// drawMembers draws an object: the usual members, some of them left out, and
// some of the given names with any of their values.
func drawMembers(t *rapid.T, odd map[string][]string, usual []string) string {
	var list []string
	for _, m := range usual {
		if rapid.IntRange(0, 15).Draw(t, "keep") < 15 { // small numbers are drawn more often
			list = append(list, m)
		}
	}
	names := []string{"x", "TAG", "seq\\u0075ence", "t\\u0061g", "ü", "version "}
	for name := range odd {
		names = append(names, name)
	}
	slices.Sort(names) // a map has no order, and rapid must draw the same again
	for range rapid.IntRange(0, 3).Draw(t, "odd members") {
		name := rapid.SampledFrom(names).Draw(t, "name")
		texts := odd[name]
		if texts == nil || rapid.IntRange(0, 7).Draw(t, "any") == 0 {
			texts = valueTexts
		}
		member := fmt.Sprintf("%q:%s", name, rapid.SampledFrom(texts).Draw(t, "text"))
		member = strings.ReplaceAll(member, `\\`, `\`)
		place := rapid.IntRange(0, len(list)).Draw(t, "place")
		if rapid.Bool().Draw(t, "replace") && place < len(list) {
			list[place] = member
			continue
		}
		list = append(list[:place:place], append([]string{member}, list[place:]...)...)
	}
	sep := rapid.SampledFrom([]string{",", ",", " ,\n\t"}).Draw(t, "separator")
	return "{" + strings.Join(list, sep) + "}"
}

var (
	numberTexts = []string{
		"0", "1", "-1", "-0", "2", "1.0", "1e3", "01", "1.", ".5", "9223372036854775807", "9223372036854775808",
		"-9223372036854775808", "-9223372036854775809", "18446744073709551615", "18446744073709551616", "1790000000000", `"1"`, "null", "+1", "NaN", "Infinity", "-",
	}
	nameTexts = []string{
		`"F1"`, `"$watermark"`, `"$gap"`, `""`, `"a b"`, `"\u0041"`, `"ü"`, `"a/b"`, `"\u0000"`, `"\n"`, `"<script>"`,
		`"` + strings.Repeat("n", 128) + `"`, `"` + strings.Repeat("n", 129) + `"`, "null", "1", "[]",
	}
	stringTexts = []string{
		`"Ok"`, `"Bad"`, `"Uncertain"`, `"ok"`, `"💥"`, `"\ud83d\ude00"`, `"\ud83d"`, `"\ude00"`, `"\uD83Dx"`, "\"\xff\"", "\"a\tb\"", `"\x"`, `"\u12"`, `"\/\b\f"`, `""`, "null", "1",
		`"` + strings.Repeat("c", 256) + `"`, `"` + strings.Repeat("c", 257) + `"`,
	}
	flagTexts = []string{
		"[]", `["Ats","Uns"]`, `["Fst"]`, `["Wmk"]`, `["Ats","Wmk","Syn"]`, `["Lst","New","Lst"]`, `[1]`, `["Fst",]`, `["Fst"`, `{}`, "null",
		"[" + strings.Repeat(`"a",`, 31) + `"Syn"]`, "[" + strings.Repeat(`"a",`, 32) + `"Syn"]`, `[ "F\u0073t" , "Lst" ]`,
	}
	valueTexts = append([]string{
		"true", "false", "null", "tru", "nul", "1e400", "1e308", "-1e308", "5e-324", "1e-400", "-0.0", "2.0", "9007199254740993", "0.1e1", "123456789012345678901234567890.5",
		"0.000000000000000000001", "1E+2", "1e", "1e+", "[]", "{}", `[{"a":[{}]}]`, `{"a":1,"a":2}`, `{"a":1,"\u0061":2}`, `{"a":{"b":1},"b":1}`, `[1,2`, `{"a"}`,
		strings.Repeat("[", 30) + strings.Repeat("]", 30), strings.Repeat("[", 31) + strings.Repeat("]", 31), strings.Repeat("[", 32) + strings.Repeat("]", 32),
		`"` + strings.Repeat("v", 1024) + `"`, `"` + strings.Repeat("v", 1025) + `"`,
	}, append(numberTexts, stringTexts...)...)
)

// TestDecodeUndoesAppendJSON: what is valid survives the wire unchanged.
func TestDecodeUndoesAppendJSON(t *testing.T) {
	var d linewatch.Decoder
	rapid.Check(t, func(t *rapid.T) {
		want := drawPoint(t)
		if err := want.Validate(); err != nil {
			t.Fatalf("drew an invalid point: %v", err)
		}
		b := want.AppendJSON(nil)
		for _, form := range [][]byte{b, general(b)} {
			var got linewatch.DataPoint
			if err := d.Decode(form, &got); err != nil {
				t.Fatalf("%q: %v", form, err)
			}
			if got != want {
				t.Fatalf("%q: %s", form, cmp.Diff(want, got, byValue))
			}
		}
		if _, err := referenceDecode(b); err != nil {
			t.Fatalf("%q: reference: %v", b, err)
		}
	})
}

func drawPoint(t *rapid.T) linewatch.DataPoint {
	name := rapid.StringMatching(`[A-Za-z0-9._:-]{1,128}`)
	instant := rapid.Int64Range(-1<<63+1, 1<<63-1)
	sequence := rapid.Uint64Range(0, linewatch.MaxSequence)
	p := linewatch.DataPoint{
		Timestamp: linewatch.Time(instant.Draw(t, "timestamp")),
		CreatedAt: linewatch.NoTime,
		Equipment: name.Draw(t, "equipment"),
		Tag:       rapid.StringOf(rapid.RuneFrom([]rune("abcÄß€😀\"\\/ <>%$"))).Filter(linewatch.ValidTag).Draw(t, "tag"),
		Value:     drawValue(t),
		Source:    name.Draw(t, "source"),
		Cause:     rapid.StringN(0, 64, linewatch.MaxCause).Draw(t, "cause"),
		Sequence:  sequence.Draw(t, "sequence"),
		Epoch:     rapid.OneOf(rapid.Just(uint64(0)), sequence).Draw(t, "epoch"),
		Quality:   linewatch.Quality(rapid.IntRange(0, 2).Draw(t, "quality")),
		Flags:     linewatch.Flags(rapid.IntRange(0, 15).Draw(t, "flags")) | rapid.SampledFrom([]linewatch.Flags{0, linewatch.Unsynced}).Draw(t, "unsynced"),
	}
	if rapid.Bool().Draw(t, "created") {
		p.CreatedAt = linewatch.Time(instant.Draw(t, "createdAt"))
	}
	if p.Value.IsNull() {
		p.Quality = linewatch.Bad
	}
	switch rapid.IntRange(0, 5).Draw(t, "kind") {
	case 0:
		p.Tag, p.Equipment, p.Sequence = linewatch.HeartbeatTag, "", 0
		p.Flags |= linewatch.Watermark
		p.Value = linewatch.IntValue(rapid.Int64Min(0).Draw(t, "waiting"))
	case 1:
		p.Tag, p.Equipment = linewatch.GapTag, ""
		p.Value = linewatch.IntValue(rapid.Int64Range(1, int64(min(p.Sequence, 1<<62))+1).Draw(t, "lost"))
	}
	return p
}

func drawValue(t *rapid.T) linewatch.Value {
	return rapid.OneOf(
		rapid.Just(linewatch.Value{}),
		rapid.Map(rapid.Bool(), linewatch.BoolValue),
		rapid.Map(rapid.Int64(), linewatch.IntValue),
		rapid.Map(rapid.Uint64(), linewatch.UintValue),
		rapid.Map(rapid.Float64(), linewatch.FloatValue),
		rapid.Map(rapid.Map(rapid.Uint64(), math.Float64frombits), linewatch.FloatValue),
		rapid.Map(rapid.StringN(0, 300, linewatch.MaxString), linewatch.StringValue),
	).Draw(t, "value")
}
