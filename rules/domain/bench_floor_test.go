package domain_test

import (
	"bytes"
	"fmt"
	"hash/crc32"
	"sort"
	"time"
)

// floors are the least that each step of the core can cost: a scan of the JSON
// that believes what it reads, map look-ups of the names, a maximum per sender,
// a ring of slots, sorted limits, a copy with a checksum.
type floors struct {
	points  []floorPoint
	texts   []floorText
	ids     map[string]int32
	sources map[string]int32
	highest []int64
	last    []int64
	ring    [][]floorPoint
	next    int64 // slot to be released next
	limits  [][]float64
	ranks   []int
	state   []byte
	copied  []byte
	count   int
	saved   int // points since the last snapshot
	crossed int
	sum     uint32
	spent   [6]time.Duration // wall time, to tell the steps apart
	cpu     time.Duration
}

var floorNames = [...]string{"scan", "intern", "watermark", "reorder", "judge", "snapshot"}

// floorPoint is what has to be kept of a point.
type floorPoint struct {
	at, seq int64
	value   float64
	series  int32
	sender  int32
}

// floorText is what a scan finds of names.
type floorText struct{ equipment, tag, source []byte }

func newFloors(rules, fanOut, snapshot int) *floors {
	f := &floors{
		ids: map[string]int32{}, sources: map[string]int32{}, ring: make([][]floorPoint, 4096),
		state: make([]byte, snapshot), copied: make([]byte, snapshot), limits: make([][]float64, rules/fanOut), ranks: make([]int, rules/fanOut),
	}
	for i := range f.limits {
		for j := range fanOut {
			limit := 100 * float64(j+1) / float64(fanOut+1)
			f.limits[i] = append(f.limits[i], limit-0.5, limit)
		}
		sort.Float64s(f.limits[i])
	}
	return f
}

// run does what the core does with some blocks, a step at a time.
func (f *floors) run(blocks [][]byte) {
	start := cpu()
	defer func() { f.cpu += cpu() - start }()
	for from := 0; from < len(blocks); from += 10 {
		part := blocks[from:min(from+10, len(blocks))]
		f.step(0, func() { f.scan(part) })
		f.step(1, f.intern)
		f.step(2, f.mark)
		f.step(3, f.reorder)
		f.step(4, f.judge)
		f.count += len(f.points)
		if f.saved += len(f.points); f.saved >= benchSnapshot {
			f.saved -= benchSnapshot
			f.step(5, func() { f.sum ^= crc32.ChecksumIEEE(f.copied[:copy(f.copied, f.state)]) })
		}
	}
}

func (f *floors) step(i int, work func()) {
	start := time.Now()
	work()
	f.spent[i] += time.Since(start)
}

func (f *floors) perPoint() float64 { return float64(f.cpu) / float64(max(f.count, 1)) }

func (f *floors) String() (s string) {
	for i, name := range floorNames {
		s += fmt.Sprintf("%s %.1f ns, ", name, float64(f.spent[i])/float64(max(f.count, 1)))
	}
	return s + fmt.Sprintf("%d limits crossed, checksum %x", f.crossed, f.sum)
}

func (f *floors) scan(blocks [][]byte) {
	f.points, f.texts = f.points[:0], f.texts[:0]
	for _, block := range blocks {
		for len(block) > 0 {
			end := bytes.IndexByte(block, '\n')
			var p floorPoint
			var t floorText
			scanPoint(block[:end], &p, &t)
			block = block[end+1:]
			if t.tag[0] != '$' {
				f.points, f.texts = append(f.points, p), append(f.texts, t)
			}
		}
	}
}

// scanPoint walks over the members of a JSON object in any order, nested ones
// included, and keeps those that it knows. It checks nothing.
func scanPoint(b []byte, p *floorPoint, t *floorText) {
	for i := 0; i < len(b); i++ {
		if b[i] != '"' {
			continue
		}
		start := i + 1
		for i = start; b[i] != '"'; i++ {
		}
		key := b[start:i]
		if b[i+1] != ':' {
			continue // a string in an array
		}
		i += 2
		switch {
		case b[i] == '"':
			start = i + 1
			for i = start; b[i] != '"'; i++ {
			}
			t.keep(key, b[start:i])
		case b[i] <= '9':
			i = p.number(key, b, i)
		}
	}
}

func (t *floorText) keep(key, s []byte) {
	switch string(key) {
	case "equipmentId":
		t.equipment = s
	case "tag":
		t.tag = s
	case "sourceId":
		t.source = s
	}
}

var tenths = [...]float64{1, 1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6, 1e-7, 1e-8, 1e-9}

// number reads digits and returns the index of the last one.
func (p *floorPoint) number(key, b []byte, i int) int {
	digits, point := int64(0), 0
	for ; b[i] <= '9' && b[i] != ','; i++ {
		if b[i] == '.' {
			point = i
			continue
		}
		digits = digits*10 + int64(b[i]-'0')
	}
	switch string(key) {
	case "timestamp":
		p.at = digits
	case "sequenceNumber":
		p.seq = digits
	case "value":
		p.value = float64(digits)
		if point > 0 {
			p.value *= tenths[i-1-point]
		}
	}
	return i - 1
}

func (f *floors) intern() {
	var room [256]byte
	for i := range f.points {
		p := &f.points[i]
		t := &f.texts[i]
		key := append(append(room[:0], t.equipment...), t.tag...)
		id, ok := f.ids[string(key)]
		if !ok {
			id = int32(len(f.ids))
			f.ids[string(key)] = id
		}
		p.series = id
		if p.sender, ok = f.sources[string(t.source)]; !ok {
			p.sender = int32(len(f.sources))
			f.sources[string(t.source)] = p.sender
			f.highest, f.last = append(f.highest, 0), append(f.last, 0)
		}
	}
}

func (f *floors) mark() {
	for i := range f.points {
		p := &f.points[i]
		if p.seq == f.last[p.sender]+1 {
			f.last[p.sender] = p.seq
		}
		f.highest[p.sender] = max(f.highest[p.sender], p.at)
	}
}

// reorder drops points into slots of a millisecond, which need no sorting, and
// takes out those below the lowest of the senders.
func (f *floors) reorder() {
	const mask = 4096 - 1
	for i := range f.points {
		p := &f.points[i]
		if f.next == 0 {
			f.next = p.at - 1000
		}
		f.ring[p.at&mask] = append(f.ring[p.at&mask], *p)
	}
	f.points = f.points[:0]
	low := f.highest[0]
	for _, h := range f.highest {
		low = min(low, h)
	}
	for ; f.next < low-200; f.next++ {
		slot := &f.ring[f.next&mask]
		f.points = append(f.points, *slot...)
		*slot = (*slot)[:0]
	}
}

func (f *floors) judge() {
	for i := range f.points {
		p := &f.points[i]
		if int(p.series) >= len(f.limits) {
			continue
		}
		limits, rank := f.limits[p.series], f.ranks[p.series]
		for rank < len(limits) && p.value > limits[rank] {
			rank++
			f.crossed++
		}
		for rank > 0 && p.value <= limits[rank-1] {
			rank--
			f.crossed++
		}
		f.ranks[p.series] = rank
	}
}
