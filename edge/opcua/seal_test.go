package opcua

import (
	"bytes"
	"errors"
	"testing"

	"github.com/gopcua/opcua/ua"
	"github.com/gopcua/opcua/uapolicy"
)

// secureChannel returns a channel without a connection whose keys are the same
// in both directions, so that it reads what it has sealed.
func secureChannel(t fataler) *channel {
	t.Helper()
	nonce := bytes.Repeat([]byte{7}, 32)
	algo, err := uapolicy.Symmetric(ua.SecurityPolicyURIBasic256Sha256, nonce, nonce)
	if err != nil {
		t.Fatal(err)
	}
	return &channel{
		wire:     &wire{sendChunk: maxChunk, sendMessage: maxMessage, sendChunks: maxChunks},
		security: security{policy: ua.SecurityPolicyURIBasic256Sha256, mode: ua.MessageSecurityModeSignAndEncrypt},
		id:       1, tokens: [2]token{{id: 1, algo: algo}},
	}
}

// sealed returns a chunk with body, by a fresh channel's keys.
func sealed(t *testing.T, c *channel, body []byte) []byte {
	t.Helper()
	b := append([]byte("MSGF\x00\x00\x00\x00"), words(1, 1)...)
	chunk, err := c.seal(b, 1, body, c.tokens[0].algo, c.mode == ua.MessageSecurityModeSignAndEncrypt)
	if err != nil {
		t.Fatal(err)
	}
	return chunk
}

// Every length of a body comes out as it went in, and the longest fits a chunk.
func TestSealedChunksAreReadAgain(t *testing.T) {
	for _, mode := range []ua.MessageSecurityMode{ua.MessageSecurityModeSign, ua.MessageSecurityModeSignAndEncrypt} {
		c := secureChannel(t)
		c.mode = mode
		most := c.bodySize(c.tokens[0].algo)
		sizes := []int{most - 1, most}
		for n := range 70 {
			sizes = append(sizes, n)
		}
		for _, n := range sizes {
			body := bytes.Repeat([]byte{0xa5}, n)
			chunk := sealed(t, c, body)
			if len(chunk) > maxChunk {
				t.Fatalf("%v: a body of %d makes a chunk of %d bytes", mode, n, len(chunk))
			}
			part, err := c.unsealMessage(chunk)
			if err != nil || !bytes.Equal(part[8:], body) {
				t.Fatalf("%v: a body of %d comes back with %d bytes, %v", mode, n, len(part), err)
			}
		}
	}
}

// Whatever bit is changed on the way, the chunk is refused.
func TestChangedChunksAreRefused(t *testing.T) {
	for _, mode := range []ua.MessageSecurityMode{ua.MessageSecurityModeSign, ua.MessageSecurityModeSignAndEncrypt} {
		c := secureChannel(t)
		c.mode = mode
		chunk := sealed(t, c, []byte("a value of some length, so that there are several blocks"))
		for i := range chunk {
			for bit := range 8 {
				changed := bytes.Clone(chunk)
				changed[i] ^= 1 << bit
				c.received = 0
				if _, err := c.unsealMessage(changed); err == nil {
					t.Fatalf("%v: bit %d of byte %d was changed and nobody noticed", mode, bit, i)
				} else if i >= 16 && !errors.Is(err, errUntrue) {
					t.Fatalf("%v: byte %d: %v tells more than it should", mode, i, err)
				}
			}
		}
		for n := headerSize; n < len(chunk); n++ {
			if _, err := c.unsealMessage(chunk[:n]); err == nil {
				t.Fatalf("%v: the first %d bytes were taken", mode, n)
			}
		}
		c.received = 0
		if _, err := c.unsealMessage(chunk); err != nil {
			t.Error(err)
		}
		if _, err := c.unsealMessage(chunk); err == nil {
			t.Error("the same chunk was taken twice")
		}
	}
}

func TestSequenceNumbersStartAgain(t *testing.T) {
	c := secureChannel(t)
	c.sent = highSequence - 1
	for _, want := range []uint32{highSequence, 1, 2} {
		if _, err := c.unsealMessage(sealed(t, c, nil)); err != nil || c.received != want {
			t.Errorf("received %d, %v, want %d", c.received, err, want)
		}
	}
	c.sent = 4000
	if _, err := c.unsealMessage(sealed(t, c, nil)); err == nil {
		t.Error("4001 was taken after 2")
	}
}
