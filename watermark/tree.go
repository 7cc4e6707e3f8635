package watermark

import (
	"math"

	"linewatch"
)

// tree finds the lowest of many keys that change one at a time: a tournament
// whose leaves are the IDs of buckets. A change climbs only as far as it
// matters, which is most often a step or two and never more than the height.
type tree struct {
	keys   []int64 // 1-based: the root at 1, the children of i at 2i and 2i+1
	leaves int     // a power of two; leaf i is at leaves+i
}

// absent is the key of a leaf that takes no part. It is above the key of any
// watermark.
const absent = math.MaxInt64

// ascending is the key that finds the lowest watermark, descending the one
// that finds the highest. Both need a known one, which leaves absent free.
func ascending(wm linewatch.Time) int64  { return int64(wm) - 1 }
func descending(wm linewatch.Time) int64 { return ^int64(wm) }

func fromAscending(key int64) linewatch.Time  { return linewatch.Time(key + 1) }
func fromDescending(key int64) linewatch.Time { return linewatch.Time(^key) }

// grow makes room for n leaves.
func (t *tree) grow(n int) {
	if n <= t.leaves {
		return
	}
	leaves := max(1, t.leaves)
	for leaves < n {
		leaves *= 2
	}
	keys := make([]int64, 2*leaves)
	for i := range leaves {
		keys[leaves+i] = absent
	}
	if t.leaves > 0 {
		copy(keys[leaves:], t.keys[t.leaves:])
	}
	for i := leaves - 1; i > 0; i-- {
		keys[i] = min(keys[2*i], keys[2*i+1])
	}
	t.keys, t.leaves = keys, leaves
}

// set changes the key of leaf i.
func (t *tree) set(i ID, key int64) {
	keys, at := t.keys, uint(t.leaves)+uint(i)
	if keys[at] == key {
		return
	}
	keys[at] = key
	for ; at > 1; at /= 2 {
		lowest := min(keys[at], keys[at^1])
		if keys[at/2] == lowest {
			return
		}
		keys[at/2] = lowest
	}
}

// lowest returns the lowest key, or absent.
func (t *tree) lowest() int64 {
	if t.leaves == 0 {
		return absent
	}
	return t.keys[1]
}

// first returns the first leaf with the lowest key. The tree must not be
// empty.
func (t *tree) first() ID {
	at, key := 1, t.keys[1]
	for at < t.leaves {
		at *= 2
		if t.keys[at] != key {
			at++
		}
	}
	return ID(at - t.leaves)
}
