package linewatch

import (
	"fmt"
	"strings"
	"testing"
	"unsafe"
)

func TestInternerSharesStrings(t *testing.T) {
	var d Decoder
	for range 2 {
		for i := range 5_000 {
			want := fmt.Sprintf("zone_%d_temperature", i)
			a, ok := d.shareTag([]byte(want))
			b, _ := d.shareTag([]byte(want))
			if !ok || a != want || unsafe.StringData(a) != unsafe.StringData(b) {
				t.Fatalf("%q: got %q and %q", want, a, b)
			}
		}
	}
	if s := d.shareText(nil); s != "" {
		t.Errorf("empty text became %q", s)
	}
}

func TestInternerIsBounded(t *testing.T) {
	var in interner
	for i := range 3*internMost + 5 {
		s := fmt.Sprintf("hostile-%d", i)
		if _, ok := in.get([]byte(s)); ok {
			t.Fatalf("%s is new but known", s)
		}
		in.put(s)
		if got, ok := in.get([]byte(s)); !ok || got != s {
			t.Fatalf("%s was added but is %q", s, got)
		}
		if len(in.all) > internMost {
			t.Fatalf("%d strings after %d", len(in.all), i)
		}
	}
}

func TestRefusedAndLongStringsAreNotKept(t *testing.T) {
	var d Decoder
	d.shareName([]byte("a/b"))
	d.shareTag([]byte("a\nb"))
	d.shareText([]byte(strings.Repeat("x", maxShared+1)))
	if n := len(d.names.all) + len(d.tags.all) + len(d.texts.all); n != 0 {
		t.Errorf("%d strings kept", n)
	}
}

func TestPlainEndFindsTheFirstSpecialByte(t *testing.T) {
	for n := range 20 {
		for at := range n {
			for c := range 256 {
				b := []byte(strings.Repeat("~", n))
				b[at] = byte(c)
				b[n-1] = '"'
				want := at
				if c >= ' ' && c < 0x80 && c != '"' && c != '\\' || at == n-1 {
					want = n - 1
				}
				if got := plainEnd(b, 0); got != want {
					t.Fatalf("%q: got %d, want %d", b, got, want)
				}
			}
		}
	}
}
