package strictyaml_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"linewatch"
	"linewatch/internal/strictyaml"
)

type inner struct {
	Port int16   `yaml:"port"`
	Rate float64 `json:"rate,omitempty"`
}

type config struct {
	Name     string                     `yaml:"name"`
	Password string                     `yaml:"password"`
	On       bool                       `yaml:"on"`
	Wait     linewatch.Duration         `yaml:"wait"`
	Std      time.Duration              `yaml:"std"`
	Limit    linewatch.Value            `yaml:"limit"`
	List     []inner                    `yaml:"list"`
	Map      map[string]linewatch.Value `yaml:"map"`
	Ptr      *inner                     `yaml:"ptr"`
	Truth    linewatch.Truth            `yaml:"truth"`
	Words    []string                   `yaml:"words" remedy:"write words: [a, b]" also:"terms phrases"`
	Size     uint8                      `yaml:"size"`
	inner
}

func TestDecode(t *testing.T) {
	const yaml = `# a comment
name: "line 1"   # and another
on: true
wait: 1h30m
std: 250ms
limit: 2.0
list:
- {port: 80, rate: 2}
-   port: 443
    rate: 1e3
map: {4711: 5, "a b": 5.0, c: PET-1L}
ptr:
  port: -1
truth: unknown
words:
  - plain text, with a comma
  - >-
    folded
    text
  - |
    two
      lines
size: 255
port: 7
`
	const json = "{\n\t\"name\": \"line 1\", \"on\": true, \"wait\": \"1h30m\", \"std\": \"250ms\", \"limit\": 2.0,\n" +
		`"list":[{"port":80,"rate":2},{"port":443,"rate":1e3}],"map":{"4711":5,"a b":5.0,"c":"PET-1L"},"ptr":{"port":-1},` +
		`"truth":"unknown","words":["plain text, with a comma","folded text","two\n  lines\n"],"size":255,"port":7}`
	want := config{
		Name: "line 1", On: true, Wait: 90 * linewatch.Minute, Std: 250 * time.Millisecond, Limit: linewatch.FloatValue(2),
		List:  []inner{{80, 2}, {443, 1000}},
		Map:   map[string]linewatch.Value{"4711": linewatch.IntValue(5), "a b": linewatch.FloatValue(5), "c": linewatch.StringValue("PET-1L")},
		Ptr:   &inner{Port: -1},
		Truth: linewatch.Undecided, Words: []string{"plain text, with a comma", "folded text", "two\n  lines\n"},
		Size: 255, inner: inner{Port: 7},
	}
	for name, text := range map[string]string{"yaml": yaml, "json": json, "bom": "\ufeff" + yaml, "crlf": strings.ReplaceAll(yaml, "\n", "\r\n"), "marks": "---\n" + yaml + "...\n"} {
		var got config
		if err := strictyaml.Decode("f", []byte(text), &got); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if diff := cmp.Diff(want, got, cmp.AllowUnexported(config{}), cmp.Comparer(func(a, b linewatch.Value) bool { return a == b })); diff != "" {
			t.Errorf("%s: (-want +got)\n%s", name, diff)
		}
	}
}

func TestDecodeKeepsDefaults(t *testing.T) {
	got := config{Name: "default", Size: 3, Ptr: &inner{Port: 9}}
	if err := strictyaml.Decode("f", []byte("size: 4\n"), &got); err != nil {
		t.Fatal(err)
	}
	if got.Name != "default" || got.Size != 4 || got.Ptr.Port != 9 {
		t.Errorf("got %+v", got)
	}
}

func TestRefusals(t *testing.T) {
	tests := []struct{ text, want string }{
		{"", "f: is empty"},
		{"# only a comment\n", "f: is empty"},
		{"---\n", "f: is empty"},
		{"nmae: x\n", `f:1:1: unknown key "nmae"; did you mean name?`},
		{"Name: x\n", `f:1:1: unknown key "Name"; did you mean name?`},
		{"list:\n  - {prot: 1}\n", `f:2:6: list[0]: unknown key "prot"; did you mean port?`},
		{"ptr: {zzzzzz: 1}\n", `f:1:7: ptr: unknown key "zzzzzz"; valid here: port, rate`},
		{"name: x\non: true\nname: y\n", `f:3:1: the key "name" is repeated, first on line 1; remove one of them`},
		{"map: {a: 1, a: 2}\n", `f:1:13: the key "a" is repeated, first on line 1; remove one of them`},
		{"name: 5\n", "f:1:7: name: want text, have a number; put it into quotes"},
		{"name: true\n", "f:1:7: name: want text, have true or false; put it into quotes"},
		{"name: 0815\n", "f:1:7: name: looks like a number but is not in plain decimal form; write it like 12, -0.5 or 1.5e3, or put it into quotes if it is text"},
		{"name:\n", "f:1:5: name: is empty; want text; give one or remove the key"},
		{"name: [a]\n", "f:1:7: name: want text, have a list"},
		{"on: yes\n", "f:1:5: on: want true or false, have text"},
		{"size: 1.5\n", "f:1:7: size: want a whole number, have one with a fraction; write it without a point or exponent"},
		{"size: 2.0\n", "f:1:7: size: want a whole number, have one with a fraction; write it without a point or exponent"},
		{"size: 256\n", "f:1:7: size: the number is out of range; want 0 to 255"},
		{"size: -1\n", "f:1:7: size: the number is out of range; want 0 to 255"},
		{"port: 32768\n", "f:1:7: port: the number is out of range; want -32768 to 32767"},
		{"size: 0x10\n", "f:1:7: size: looks like a number but is not in plain decimal form; write it like 12, -0.5 or 1.5e3, or put it into quotes if it is text"},
		{"limit: 1e999\n", "f:1:8: limit: the number does not fit 64 bits; put it into quotes if it is text"},
		{"limit: .nan\n", "f:1:8: limit: looks like a number but is not in plain decimal form; write it like 12, -0.5 or 1.5e3, or put it into quotes if it is text"},
		{"limit: [1]\n", "f:1:8: limit: want a number, true, false or text, have a list"},
		{"wait: 5\n", "f:1:7: wait: a span of time without a unit; write a number and ms, s, m, h or d, such as 30s or 1h30m, at most 366d"},
		{"wait: -5s\n", "f:1:7: wait: not a span of time; write a number and ms, s, m, h or d, such as 30s or 1h30m, at most 366d"},
		{"wait: 1e9h\n", "f:1:7: wait: not a span of time; write a number and ms, s, m, h or d, such as 30s or 1h30m, at most 366d"},
		{"wait: 367d\n", "f:1:7: wait: is longer than 366d; give a shorter span"},
		{"wait: 8000d\n", "f:1:7: wait: is longer than 366d; give a shorter span"},
		{"std: 8000d\n", "f:1:6: std: is longer than 10 years; give a shorter span"},
		{"words: text\n", "f:1:8: words: want a list, have text; write words: [a, b]"},
		{"words: [[a]]\n", "f:1:9: words[0]: want text, have a list"},
		{"Terms: [a]\n", `f:1:1: unknown key "Terms"; did you mean words?`},
		{"map: {a: 1, >: 5}\n", "f:1:13: | or > with something behind it; put text that begins with | or > into quotes"},
		{"truth: maybe\n", `f:1:8: truth: truth "maybe": want true, false or unknown`},
		{"list: {port: 1}\n", "f:1:7: list: want a list, have a map"},
		{"map: 5\n", "f:1:6: map: want a map of keys and values, have a number"},
		{"- a\n", "f:1:1: want a map of keys and values, have a list"},
		{"just text\n", "f:1:1: want a map of keys and values, have text"},
		{"name: a\n---\nname: b\n", "f:2:1: a second document; put one document into a file"},
		{"name: a\n...\nname: b\n", "f:3:1: does not belong to anything before it; check the indentation of this line and the lines above"},
		{"ptr:\n\tport: 1\n", "f:2:1: a tab in the indentation; indent with spaces"},
		{"\tname: a\n", "f:1:1: a tab in the indentation; indent with spaces"},
		{"ptr:\n    port: 1\n  rate: 2\n", "f:3:3: does not belong to anything before it; check the indentation of this line and the lines above"},
		{"name: a: b\n", "f:1:7: a key beside another key; begin it on the next line, or put text that holds a colon and a space into quotes"},
		{"words: - a\n", "f:1:8: a list that begins beside its key; begin it on the next line, or write [a, b]"},
		{"name: \"open\n", "f:1:7: could not find end character of double-quoted text"},
		{"words: [a, b\n", "f:1:8: is never closed; add the missing ]"},
		{"map: {a: 1\n", "f:1:6: is never closed; add the missing }"},
		{"map: {a: 1 b: 2}\n", "f:1:10: text that holds a colon and a space; put a comma before the next key, or put the text into quotes"},
		{"map: {a: x is: b}\n", "f:1:10: text that holds a colon and a space; put a comma before the next key, or put the text into quotes"},
		{"map: {a: 'x' b: 2}\n", "f:1:14: a comma or } is missing before text"},
		{"map: {a: 60,5}\n", "f:1:13: a key without a value inside { }; if it belongs to the number before it, write a decimal point instead of the comma"},
		{"map: {a}\n", "f:1:7: a key without a value inside { }; write it as key: value, with a space after the colon"},
		{"map: {words: [a:b]}\n", "f:1:15: text with a colon inside [ ]; put it into quotes"},
		{"words: [a: 1]\n", "f:1:9: a key inside [ ]; put braces around it: [{key: value}]"},
		{"name:x\n", "f:1:1: want a map of keys and values, have text"},
		{"on: true\nname:x\n", "f:2:1: a key without a value; write it as key: value, with a space after the colon"},
		{"name: &a x\n", "f:1:7: anchors, aliases and merge keys (& * <<) are not supported; write it out, or put the text into quotes"},
		{"name: *a\n", "f:1:7: anchors, aliases and merge keys (& * <<) are not supported; write it out, or put the text into quotes"},
		{"ptr: {<<: {port: 1}}\n", "f:1:7: anchors, aliases and merge keys (& * <<) are not supported; write it out, or put the text into quotes"},
		{"name: !!str 5\n", "f:1:7: tags (!) are not supported; remove it, or put the text into quotes"},
		{"%YAML 1.2\n---\nname: x\n", "f:1:1: directives (%) are not supported; remove it, or put the text into quotes"},
		{"? name\n: x\n", "f:1:1: the ? form of a key is not supported; write key: value"},
		{"words:\n  - |\n\n  - b\n", `f:2:5: an empty block of text; write "" for no text`},
		{"name: >\non: true\n", `f:1:7: an empty block of text; write "" for no text`},
		{"name: @x\n", "f:1:7: '@' is a reserved character"},
		{"on: true\nname: \xff\n", "f:2:7: is not UTF-8 text; save the file as UTF-8"},
		{"name: a\x00b\n", "f:1:8: holds the control character U+0000; remove it"},
		{"name: \"\\ud800\"\n", `f:1:8: an escape that names no character; check the \u escapes; surrogates go in pairs`},
	}
	for _, test := range tests {
		var into config
		err := strictyaml.Decode("f", []byte(test.text), &into)
		if got := fmt.Sprint(err); got != test.want {
			t.Errorf("%q\n got  %s\n want %s", test.text, got, test.want)
		}
		if e := (*strictyaml.Error)(nil); err != nil && !errors.As(err, &e) {
			t.Errorf("%q: %T is no *Error", test.text, err)
		}
	}
}

func TestEveryMistakeIsReported(t *testing.T) {
	err := strictyaml.Decode("f", []byte("nmae: x\nsize: x\non: 5\n"), &config{})
	want := "f:1:1: unknown key \"nmae\"; did you mean name?\n" +
		"f:2:7: size: want a whole number, have text\n" +
		"f:3:5: on: want true or false, have a number"
	if got := fmt.Sprint(err); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	many := strings.Repeat("x", 30)
	text := ""
	for i := range many {
		text += fmt.Sprintf("zz%d: 1\n", i)
	}
	lines := strings.Split(fmt.Sprint(strictyaml.Decode("f", []byte(text), &config{})), "\n")
	if len(lines) != 21 || !strings.HasSuffix(lines[20], "and 10 more mistakes") {
		t.Errorf("got %d lines, the last %q", len(lines), lines[len(lines)-1])
	}
}

func TestMessagesKeepSecrets(t *testing.T) {
	for _, text := range []string{
		"name: [\npassword: hunter2\n", "password: 12345\n", "password: hunter2\n x: y\n", "password: [hunter2]\n",
		"name: x\npassword: \"hunter2\n", "password: hunter2\npassword: hunter2\n", "password: {hunter2}\n", "size: hunter2\n", "wait: hunter2\n",
	} {
		err := strictyaml.Decode("f", []byte(text), &config{})
		if err == nil {
			t.Errorf("%q is accepted", text)
			continue
		}
		if msg := err.Error(); strings.Contains(msg, "hunter2") || strings.Contains(msg, "12345") {
			t.Errorf("%q: the message repeats the secret: %s", text, msg)
		}
	}
}

// Hostile documents are refused within 100 ms and 50 MiB on an idle machine.
// Tests share theirs, so the quickest of ten tries counts and has ten times as
// long; what grows with the square of the document takes longer still.
func TestHostileDocumentsAreCheap(t *testing.T) {
	bomb := "a: &a [x,x,x,x,x,x,x,x,x]\n"
	for c := 'b'; c < 'j'; c++ {
		bomb += fmt.Sprintf("%c: &%c [%s]\n", c, c, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*%c,", c-1), 9), ","))
	}
	for name, text := range map[string]string{
		"alias bomb": bomb,
		"100 MB":     strings.Repeat("a", 100<<20),
		"brackets":   strings.Repeat("[", 100_000),
		"braces":     strings.Repeat("{a: ", 100_000),
		"dashes":     strings.Repeat("- ", 100_000),
		"closed":     strings.Repeat("[", 300) + strings.Repeat("]", 300),
		"flat keys":  strings.Repeat("a:\n", 50_000),
		"quotes":     strings.Repeat("\"\" ", 50_000),
		"comments":   strings.Repeat("a: 1 # x\n", 20_000),
		"question":   strings.Repeat("? ", 50_000),
	} {
		data := []byte(text)
		quickest := time.Hour
		for range 10 {
			took, spent := decodeHostile(t, name, data)
			if spent > 50<<20 {
				t.Errorf("%s: took %d MiB", name, spent>>20)
			}
			if quickest = min(quickest, took); quickest < time.Second {
				break
			}
		}
		if quickest >= time.Second {
			t.Errorf("%s: took %v", name, quickest)
		}
	}
}

// decodeHostile returns the time and memory that it takes to refuse a document.
func decodeHostile(t *testing.T, name string, data []byte) (took time.Duration, spent uint64) {
	t.Helper()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	start := time.Now()
	err := strictyaml.Decode("f", data, &config{})
	took = time.Since(start)
	runtime.ReadMemStats(&after)
	if err == nil {
		t.Errorf("%s: accepted", name)
	}
	return took, after.TotalAlloc - before.TotalAlloc
}

func TestReadFileRefusesWhatIsNoDocument(t *testing.T) {
	dir := t.TempDir()
	big, fifo, small := filepath.Join(dir, "big"), filepath.Join(dir, "fifo"), filepath.Join(dir, "small")
	if err := os.WriteFile(big, make([]byte, strictyaml.MaxBytes+1), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(small, []byte("a: 1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{big, fifo, "/dev/zero", dir, filepath.Join(dir, "absent")} {
		if _, err := strictyaml.ReadFile(name); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: got %v, want an error that names it", name, err)
		}
	}
	if data, err := strictyaml.ReadFile(small); err != nil || string(data) != "a: 1\n" {
		t.Errorf("got %q, %v", data, err)
	}
}

func TestFaultPointsAtTheNearestThing(t *testing.T) {
	d, err := strictyaml.Parse("f", []byte("groups:\n  - id: a\n    cases:\n      - {above: 5}\n\"x.y\": {z: 1}\n"))
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		"groups[0].id":               "f:2:9: groups[0].id: m",
		"groups[0].cases[0].above":   "f:4:17: groups[0].cases[0].above: m",
		"groups[0].cases[0].for":     "f:4:9: groups[0].cases[0].for: m",
		"groups[0].cases":            "f:3:5: groups[0].cases: m",
		"groups[1].id":               "f:1:1: groups[1].id: m",
		`["x.y"].z`:                  "f:5:12: [\"x.y\"].z: m",
		"nothing":                    "f:1:1: nothing: m",
		"groups[99999999999999999]]": "f:1:1: groups[99999999999999999]]: m",
	} {
		if got := d.Fault(path, "m", "").Error(); got != want {
			t.Errorf("%s:\n got  %s\n want %s", path, got, want)
		}
	}
}

// A character of a text has a place as far as YAML leaves it one.
func TestTextPlace(t *testing.T) {
	d, err := strictyaml.Parse("f", []byte("block: |\n\n   # ü\n     a b\nfolded: >\n  a\n  b\nquoted: \"a b\"\nplain:\n  a b\nlist:\n  - |2\n    a\n"))
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		path               string
		i, character       int
		line, column       int
		withinLine, within int
	}{
		{"block", 2, 4, 4, 8, 1, 8},
		{"folded", 0, 2, 5, 9, 5, 9},
		{"quoted", 0, 2, 8, 12, 8, 12},
		{"plain", 0, 2, 10, 5, 10, 5},
		{"none", 0, 2, 1, 1, 1, 1},
	} {
		if line, column := d.TextPlace(tt.path, tt.i, tt.character); line != tt.line || column != tt.column {
			t.Errorf("%s: got %d:%d, want %d:%d", tt.path, line, column, tt.line, tt.column)
		}
		if e := d.FaultWithin(tt.path, tt.character, "m", ""); e.Line != tt.withinLine || e.Column != tt.within {
			t.Errorf("%s: got %v, want %d:%d", tt.path, e, tt.withinLine, tt.within)
		}
	}
	if !d.IsBlock("block") || d.IsBlock("folded") || d.IsBlock("none") {
		t.Error("what is a block is not told")
	}
}

func TestNearest(t *testing.T) {
	keys := []string{"equipment", "state", "above", "atLeast", "for", "clear"}
	for word, want := range map[string]string{
		"equipement": "equipment", "atleast": "atLeast", "abvoe": "above", "fro": "for", "clera": "clear", "avobe": "above", "priority": "", "x": "", strings.Repeat("a", 1000): "",
	} {
		if got := strictyaml.Nearest(word, keys); got != want {
			t.Errorf("Nearest(%q) = %q, want %q", word, got, want)
		}
	}
}

// A whole word in the place of another is no spelling mistake, and neither is
// a word more.
func TestNearestKeepsWordsApart(t *testing.T) {
	tags := []string{"water_temperature", "fill_level", "machine_state", "max_temp", "maxPressure", "rinse-water", "F1", "layer_10", "speed"}
	for word, want := range map[string]string{
		"product_temperature": "", "bowl_level": "", "min_temp": "", "minPressure": "", "temperature": "", "layer_2": "", "level": "", "air_pressure": "",
		"water_temprature": "water_temperature", "wter_temperture": "water_temperature", "fil_level": "fill_level", "machnie_stat": "machine_state",
		"maxPresure": "maxPressure", "rinsewater": "rinse-water", "max-temp": "max_temp", "MAX_TEMP": "max_temp", "F9": "F1", "sped": "speed", "feed": "", "spd": "",
	} {
		if got := strictyaml.Nearest(word, tags); got != want {
			t.Errorf("Nearest(%q) = %q, want %q", word, got, want)
		}
	}
}
