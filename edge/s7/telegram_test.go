package s7

import (
	"bytes"
	"encoding/binary"
	"errors"
	"testing"
)

func twoItems() request {
	return request{
		{block: &block{area: Blocks, db: 1, start: 10, data: make([]byte, 3)}, size: 3},
		{block: &block{area: Merkers, start: 8191, data: make([]byte, 4)}, size: 4},
	}
}

// goodAnswer is the answer to twoItems under the reference 7.
func goodAnswer() []byte {
	return frame(0, 7, 2, []byte{0xFF, 4, 0, 24, 1, 2, 3, 0, 0xFF, 9, 0, 4, 4, 5, 6, 7})
}

func TestReadTelegram(t *testing.T) {
	want := []byte{
		3, 0, 0, 43, 2, 0xF0, 0x80, 0x32, 1, 0, 0, 0x12, 0x34, 0, 26, 0, 0, 4, 2,
		0x12, 10, 0x10, 2, 0, 3, 0, 1, 0x84, 0, 0, 80,
		0x12, 10, 0x10, 2, 0, 4, 0, 0, 0x83, 0, 0xFF, 0xF8,
	}
	if got := appendRead(nil, 0x1234, twoItems()); !bytes.Equal(got, want) {
		t.Errorf("got  % x\nwant % x", got, want)
	}
}

func TestGoodAnswer(t *testing.T) {
	r := twoItems()
	if err := parseRead(goodAnswer(), 7, r); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(r[0].block.data, []byte{1, 2, 3}) || !bytes.Equal(r[1].block.data, []byte{4, 5, 6, 7}) {
		t.Errorf("got % x and % x", r[0].block.data, r[1].block.data)
	}
}

func TestLastItemMayBePadded(t *testing.T) {
	for _, padding := range [][]byte{nil, {0}} {
		r := twoItems()[:1]
		answer := frame(0, 7, 1, append([]byte{0xFF, 4, 0, 24, 1, 2, 3}, padding...))
		if err := parseRead(answer, 7, r); err != nil || r[0].block.data[2] != 3 {
			t.Errorf("padding % x: %v, % x", padding, err, r[0].block.data)
		}
	}
}

func TestItemErrors(t *testing.T) {
	for code, want := range map[byte]string{
		0x01: "S7 hardware error", 0x03: "S7 access not allowed", 0x05: "S7 address out of range",
		0x06: "S7 data type not supported", 0x07: "S7 data type inconsistent", 0x0A: "S7 object does not exist", 0x42: "S7 item error 0x42",
	} {
		r := twoItems()
		err := parseRead(frame(0, 7, 2, []byte{code, 0, 0, 0, 0xFF, 4, 0, 32, 4, 5, 6, 7}), 7, r)
		if err != nil || r[0].block.cause != want || r[1].block.cause != "" || r[1].block.data[3] != 7 {
			t.Errorf("code %#x: %v, causes %q and %q", code, err, r[0].block.cause, r[1].block.cause)
		}
	}
}

func TestDamagedAnswersAreRefused(t *testing.T) {
	change := func(at int, to byte) func([]byte) []byte {
		return func(b []byte) []byte { b[at] = to; return b }
	}
	for name, damage := range map[string]func([]byte) []byte{
		"empty":                   func([]byte) []byte { return nil },
		"transport version":       change(0, 2),
		"transport length":        change(3, 99),
		"connection header":       change(5, 0xD0),
		"more units follow":       change(6, 0),
		"protocol":                change(7, 0x72),
		"a job, not an answer":    change(8, 1),
		"an older reference":      change(12, 6),
		"parameter length":        change(14, 4),
		"data length":             change(16, 17),
		"error class":             change(17, 0x81),
		"error code":              change(18, 4),
		"another function":        change(19, 5),
		"one item":                change(20, 1),
		"three items":             change(20, 3),
		"bits, not bytes":         change(24, 23),
		"transport size":          change(22, 3),
		"more than asked":         change(24, 40),
		"second more than asked":  change(32, 6),
		"second longer than data": func(b []byte) []byte { return resize(b[:len(b)-1]) },
		"bytes behind the last":   func(b []byte) []byte { return resize(append(b, 0)) },
	} {
		r := twoItems()
		if err := parseRead(damage(goodAnswer()), 7, r); err == nil {
			t.Errorf("%s: accepted", name)
		}
		if !bytes.Equal(append(r[0].block.data, r[1].block.data...), make([]byte, 7)) {
			t.Errorf("%s: the refused answer changed a block", name)
		}
	}
}

// resize mends the lengths of a telegram that was cut or extended.
func resize(b []byte) []byte {
	binary.BigEndian.PutUint16(b[2:], uint16(len(b)))
	binary.BigEndian.PutUint16(b[15:], uint16(len(b)-answerSize-2))
	return b
}

func TestShortAnswersNeverPanic(t *testing.T) {
	good := goodAnswer()
	for n := range len(good) {
		for _, b := range [][]byte{bytes.Clone(good[:n]), append(bytes.Clone(good[:n]), make([]byte, 10)...)} {
			if len(b) >= answerSize {
				resize(b)
			}
			if err := parseRead(b, 7, twoItems()); err == nil {
				t.Errorf("an answer cut at %d of %d was accepted", n, len(good))
			}
		}
	}
}

func FuzzParseRead(f *testing.F) {
	f.Add(goodAnswer())
	f.Add(frame(0, 7, 2, []byte{5, 0, 0, 0, 0xFF, 4, 0, 32, 4, 5, 6, 7}))
	f.Add(frame(0, 7, 2, []byte{0xFF, 9, 0, 1, 4, 0, 0xFF, 4, 0, 32, 4, 5, 6, 7}))
	f.Fuzz(func(t *testing.T, answer []byte) {
		r := twoItems()
		err := parseRead(answer, 7, r)
		changed := !bytes.Equal(append(bytes.Clone(r[0].block.data), r[1].block.data...), make([]byte, 7))
		if err != nil && (changed || r[0].block.cause+r[1].block.cause != "") {
			t.Fatalf("% x: %v, and yet a block changed", answer, err)
		}
		if errors.Is(err, errDesync) == false && err != nil && (len(answer) < answerSize || answer[17]|answer[18] == 0) {
			t.Fatalf("% x: unexpected error %v", answer, err)
		}
	})
}
