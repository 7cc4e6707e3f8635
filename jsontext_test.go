package linewatch_test

import (
	"encoding/json"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
	"pgregory.net/rapid"

	"linewatch"
)

func TestAppendStringIsReadBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.String().Draw(t, "s")
		b := linewatch.AppendString([]byte("x"), s)
		if got, err := jsontext.AppendUnquote(nil, b[1:]); err != nil || string(got) != s {
			t.Fatalf("%q became %s, read back as %q: %v", s, b, got, err)
		}
	})
	if got := string(linewatch.AppendString(nil, "a\xffb\x00\n")); got != "\"a\uFFFDb\\u0000\\n\"" {
		t.Errorf("got %s", got)
	}
}

func TestParseNumber(t *testing.T) {
	for text, want := range map[string]linewatch.Value{
		"12": linewatch.IntValue(12), "-0.5": linewatch.FloatValue(-0.5), "1.5e3": linewatch.FloatValue(1500),
		"18446744073709551615": linewatch.UintValue(1<<64 - 1),
	} {
		if got, err := linewatch.ParseNumber(text); err != nil || got != want {
			t.Errorf("%s: got %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "-", "+1", "01", "0x10", "0x1.8p1", "1_0", "Inf", "NaN", ".5", "1.", "1e400", "18446744073709551616", "1 "} {
		if got, err := linewatch.ParseNumber(text); err == nil {
			t.Errorf("%q: got %v, want an error", text, got)
		}
	}
}

func TestValueUnmarshalJSON(t *testing.T) {
	for text, want := range map[string]linewatch.Value{
		"null": {}, "true": linewatch.BoolValue(true), " 7 ": linewatch.IntValue(7), "7.0": linewatch.FloatValue(7), `"\u00fc"`: linewatch.StringValue("ü"),
	} {
		v := linewatch.IntValue(99)
		if err := json.Unmarshal([]byte(text), &v); err != nil || v != want {
			t.Errorf("%s: got %v, %v", text, v, err)
		}
	}
	for _, text := range []string{"", "[]", "{}", "nul", "truex", "1e400", "1 2", `"\ud800"`, `"a`} {
		v := linewatch.IntValue(99)
		if err := v.UnmarshalJSON([]byte(text)); err == nil || v != linewatch.IntValue(99) {
			t.Errorf("%s: got %v, %v", text, v, err)
		}
	}
}
