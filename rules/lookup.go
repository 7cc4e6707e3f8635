package rules

import "hash/maphash"

// index finds series by name: a hash table with open addressing, at most half
// full. It stands where a map could, because every point passes here: hash and
// handle lie side by side, and a name is compared once.
//
// The seed differs from run to run, so that nobody can choose names that
// collide; nothing but the time to find a series depends on it.
type index struct {
	seed   maphash.Seed
	places []place
}

// place is one entry of the table.
type place struct {
	hash uint32
	id   SeriesID // plus 1; 0: empty
}

const fewestPlaces = 64

func newIndex() index { return index{seed: maphash.MakeSeed(), places: make([]place, fewestPlaces)} }

func (x *index) hash(k *seriesKey) uint32 {
	const odd = 0x9E3779B97F4A7C15
	h := maphash.String(x.seed, k.equipment)*odd ^ maphash.String(x.seed, k.tag)
	return uint32(h ^ h>>32)
}

// Lookup returns the handle of a tag that is known already.
func (e *Engine) Lookup(equipment, tag string) (SeriesID, bool) {
	key := seriesKey{equipment, tag}
	hash, mask := e.index.hash(&key), uint32(len(e.index.places)-1)
	for i := hash & mask; ; i = (i + 1) & mask {
		p := e.index.places[i]
		if p.id == 0 {
			return 0, false
		}
		if p.hash != hash {
			continue
		}
		if sr := &e.series[p.id-1]; sr.key == key {
			if !sr.adopted {
				// Names that share their bytes compare at a glance, and the
				// next point's are most likely this one's.
				sr.key, sr.adopted = key, true
			}
			return p.id - 1, true
		}
	}
}

// add enters the newest series, whose name is not in the table yet.
func (x *index) add(all []series) {
	if 2*len(all) > len(x.places) {
		x.places = make([]place, 2*len(x.places))
		for i := range all {
			x.enter(x.hash(&all[i].key), SeriesID(i))
		}
		return
	}
	x.enter(x.hash(&all[len(all)-1].key), SeriesID(len(all)-1))
}

func (x *index) enter(hash uint32, id SeriesID) {
	mask := uint32(len(x.places) - 1)
	i := hash & mask
	for x.places[i].id != 0 {
		i = (i + 1) & mask
	}
	x.places[i] = place{hash, id + 1}
}
