package s7

import (
	"cmp"
	"slices"
)

// What an answer and a request may hold. The overheads are counted with the
// transport headers in, which leaves a few bytes unused and no doubt.
const (
	maxItems        = 20 // per request
	answerOverhead  = 21 // of a whole answer
	itemOverhead    = 4  // of each item in an answer
	requestOverhead = 19 // of a whole request
	itemRequest     = 12 // of each item in a request
	minPDU          = 64 // below it a PLC is refused

	// maxGap is how many bytes that nobody asked for may lie between two
	// values that are read as one block. A block of its own costs 16 bytes on
	// the wire and one of the 20 places in a request.
	maxGap = 16
)

// block is a contiguous range of the PLC's memory that is read as a whole, and
// the tags whose values lie in it.
type block struct {
	area  Area
	db    int
	start int     // first byte
	tags  []int32 // indexes of the tags, by place
	data  []byte  // what was read last
	cause string  // why data is not valid; empty if it is
}

// item is the part of a block that one item of a request reads: all of it,
// unless the block is one value that is longer than an answer.
type item struct {
	block        *block
	offset, size int
}

// request is what one telegram asks for.
type request []item

// planner turns addresses into blocks and blocks into requests.
type planner struct {
	addresses []Address
	pdu       int // negotiated size, at least minPDU
}

// largest returns the most bytes that one item may have, always an even number.
func (p planner) largest() int { return (p.pdu - answerOverhead - itemOverhead) &^ 1 }

// blocks groups the tags into as few blocks as the gaps and the telegram size
// allow, in order of place. A value is never divided between two blocks.
func (p planner) blocks() []*block {
	order := p.order()
	var blocks []*block
	for from := 0; from < len(order); {
		to := p.extent(order[from:]) + from
		blocks = append(blocks, p.block(order[from:to]))
		from = to
	}
	return blocks
}

// order returns the tags by place.
func (p planner) order() []int32 {
	order := make([]int32, len(p.addresses))
	for i := range order {
		order[i] = int32(i)
	}
	slices.SortFunc(order, func(i, j int32) int { return p.compare(i, j) })
	return order
}

// compare orders two tags by place, the longer value first.
func (p planner) compare(i, j int32) int {
	a, b := &p.addresses[i], &p.addresses[j]
	return cmp.Or(cmp.Compare(a.Area, b.Area), cmp.Compare(a.DB, b.DB), cmp.Compare(a.Byte, b.Byte),
		cmp.Compare(b.Type.Size(), a.Type.Size()), cmp.Compare(i, j))
}

// extent returns how many of the tags, at least one, make up the first block.
func (p planner) extent(order []int32) int {
	first := &p.addresses[order[0]]
	end := first.Byte + first.Type.Size()
	if end-first.Byte > p.largest() {
		return 1 // read in parts, alone
	}
	for n, tag := range order[1:] {
		a := &p.addresses[tag]
		grown := max(end, a.Byte+a.Type.Size())
		if a.Area != first.Area || a.DB != first.DB || a.Byte > end+maxGap || grown-first.Byte > p.largest() {
			return n + 1
		}
		end = grown
	}
	return len(order)
}

// block returns the block that spans the given tags, which are in order of
// place. It keeps the slice.
func (p planner) block(tags []int32) *block {
	first := &p.addresses[tags[0]]
	b := &block{area: first.Area, db: first.DB, start: first.Byte, tags: tags}
	end := 0
	for _, tag := range tags {
		a := &p.addresses[tag]
		end = max(end, a.Byte+a.Type.Size())
	}
	b.data = make([]byte, end-b.start)
	return b
}

// split divides a block of several tags into two, so that a range that the
// PLC does not have spoils only the tags in it.
func (p planner) split(b *block) [2]*block {
	half := len(b.tags) / 2
	return [2]*block{p.block(b.tags[:half:half]), p.block(b.tags[half:])}
}

// requests packs blocks into requests within the limits of the telegram,
// filling a request that still has room before it begins another.
func (p planner) requests(blocks []*block) []request {
	type open struct{ index, room, places int }
	var out []request
	var opens []open
	fullest := min(maxItems, (p.pdu-requestOverhead)/itemRequest)
	put := func(it item) {
		cost := itemOverhead + even(it.size)
		at := slices.IndexFunc(opens, func(o open) bool { return o.room >= cost })
		if at < 0 {
			at = len(opens)
			opens = append(opens, open{index: len(out), room: p.pdu - answerOverhead, places: fullest})
			out = append(out, nil)
		}
		o := &opens[at]
		out[o.index] = append(out[o.index], it)
		o.room -= cost
		o.places--
		if o.places == 0 || o.room < itemOverhead+2 {
			opens = slices.Delete(opens, at, at+1)
		}
		if len(opens) > maxOpen {
			opens = slices.Delete(opens, 0, 1)
		}
	}
	for _, b := range blocks {
		for offset := 0; offset < len(b.data); offset += p.largest() {
			put(item{block: b, offset: offset, size: min(p.largest(), len(b.data)-offset)})
		}
	}
	return out
}

// maxOpen bounds the requests that are tried for room, so that planning 100,000
// tags stays quick.
const maxOpen = 16

func even(n int) int { return n + n&1 }
