package linewatch

import (
	"encoding/binary"
	"math/bits"
)

const (
	internSlots = 512     // direct-mapped cache in front of the map; a power of two
	internMost  = 1 << 16 // strings per generation
)

// interner gives equal byte strings one shared string, so that decoding a
// known name allocates nothing. It holds at most internMost strings and then
// starts a fresh generation: a stream of ever new names costs time, not
// memory. Strings handed out stay valid. The zero value is ready for use.
type interner struct {
	slots [internSlots]string
	all   map[string]string
}

// get returns the string with the bytes b if the interner holds it.
func (t *interner) get(b []byte) (string, bool) {
	slot := &t.slots[internHash(b)%internSlots]
	if *slot == string(b) && len(b) > 0 {
		return *slot, true
	}
	s, ok := t.all[string(b)]
	if ok {
		*slot = s
	}
	return s, ok
}

// put adds s, which get did not find.
func (t *interner) put(s string) {
	if t.all == nil || len(t.all) >= internMost {
		t.all = make(map[string]string)
		t.slots = [internSlots]string{}
	}
	t.all[s] = s
}

// internHash mixes the length and three samples of b. It only has to spread
// the names of a plant; a collision costs one look into the map.
func internHash(b []byte) uint64 {
	const k1, k2 = 0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F
	n := len(b)
	h := uint64(n)
	switch {
	case n >= 8:
		h ^= binary.LittleEndian.Uint64(b)
		h = h*k1 ^ binary.LittleEndian.Uint64(b[n/2-4:])
		h = h*k2 ^ binary.LittleEndian.Uint64(b[n-8:])
	case n >= 4:
		h ^= uint64(binary.LittleEndian.Uint32(b))<<32 ^ uint64(binary.LittleEndian.Uint32(b[n-4:]))
	case n > 0:
		h ^= uint64(b[0])<<32 ^ uint64(b[n/2])<<16 ^ uint64(b[n-1])<<8
	}
	hi, lo := bits.Mul64(h, k1)
	return hi ^ lo
}
