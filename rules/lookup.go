package rules

import "encoding/binary"

// recent finds a series again without hashing its names whole: most points are
// of tags that were seen just before. It is a direct-mapped table with twice as
// many places as there are series; a place holds the handle plus 1, 0 for none.
type recent []SeriesID

// Lookup returns the handle of a tag that is known already.
func (e *Engine) Lookup(equipment, tag string) (SeriesID, bool) {
	if len(e.recent) == 0 {
		return 0, false
	}
	key := seriesKey{equipment, tag}
	place := &e.recent[key.spread()&uint64(len(e.recent)-1)]
	if id := *place - 1; id >= 0 && e.series[id].key == key {
		return id, true
	}
	id, ok := e.seriesIDs[key]
	if ok {
		*place = id + 1
	}
	return id, ok
}

// grow makes room for n series.
func (r *recent) grow(n int) {
	if 2*n > len(*r) {
		*r = make(recent, max(64, 2*len(*r)))
	}
}

// spread mixes the ends of both names. It need not tell all of them apart: a
// collision costs one look into the map.
func (k *seriesKey) spread() uint64 {
	const k1, k2 = 0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F
	h := (ending(k.equipment)*k1 ^ ending(k.tag) ^ uint64(len(k.tag))<<56) * k2
	return h >> 32
}

// ending returns the last eight bytes of s, or what there is.
func ending(s string) uint64 {
	if len(s) >= 8 {
		return binary.LittleEndian.Uint64([]byte(s[len(s)-8:]))
	}
	var h uint64
	for i := range len(s) {
		h = h<<8 | uint64(s[i])
	}
	return h
}
