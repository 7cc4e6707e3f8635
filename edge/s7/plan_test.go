package s7

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"
)

func mustParse(t testing.TB, address, typ string) Address {
	t.Helper()
	a, err := ParseAddress(address, typed(address, typ))
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func reals(t testing.TB, n int) (list []Address) {
	for i := range n {
		list = append(list, mustParse(t, fmt.Sprintf("DB1.DBD%d", 4*i), "real"))
	}
	return list
}

func TestContiguousRealsTakeFewRequests(t *testing.T) {
	p := planner{addresses: reals(t, 1000), pdu: 480}
	if got := len(p.requests(p.blocks())); got != 9 {
		t.Errorf("1,000 contiguous REALs at PDU 480 take %d requests, want 9", got)
	}
}

func TestNearRangesAreMergedAndFarOnesAreNot(t *testing.T) {
	for _, test := range []struct {
		addresses []string
		want      int
	}{
		{[]string{"DB1.DBW0", "DB1.DBW18"}, 1}, // 16 bytes between them
		{[]string{"DB1.DBW0", "DB1.DBW19"}, 2},
		{[]string{"DB1.DBW0", "DB2.DBW2"}, 2},
		{[]string{"MW0", "IW2"}, 2},
		{[]string{"DB1.DBX0.0", "DB1.DBX0.7", "DB1.DBB0", "DB1.DBD0", "DB1.DBW2"}, 1},
		{[]string{"DB1.DBW400", "DB1.DBW0", "DB1.DBW2"}, 2},
	} {
		p := planner{pdu: 480}
		for _, a := range test.addresses {
			p.addresses = append(p.addresses, mustParse(t, a, ""))
		}
		if got := len(p.blocks()); got != test.want {
			t.Errorf("%q: %d blocks, want %d", test.addresses, got, test.want)
		}
	}
}

func TestPlanProperties(t *testing.T) {
	types := []string{"byte", "int", "real", "lreal", "string[10]", "string[254]", "date_and_time"}
	rapid.Check(t, func(t *rapid.T) {
		p := planner{pdu: rapid.OneOf(rapid.IntRange(minPDU, requestedPDU), rapid.SampledFrom([]int{240, 480})).Draw(t, "pdu")}
		reach := rapid.SampledFrom([]int{50, 500, 60000}).Draw(t, "reach")
		for range rapid.IntRange(1, 120).Draw(t, "tags") {
			a := fmt.Sprintf("DB%d.DBB%d", rapid.IntRange(1, 3).Draw(t, "db"), rapid.IntRange(0, reach).Draw(t, "byte"))
			address, err := ParseAddress(a, rapid.SampledFrom(types).Draw(t, "type"))
			if err != nil {
				t.Fatal(err)
			}
			p.addresses = append(p.addresses, address)
		}
		blocks := p.blocks()
		checkBlocks(t, p, blocks)
		checkRequests(t, p, blocks, p.requests(blocks))
	})
}

// checkBlocks checks that each tag lies in exactly one block, as a whole, and
// that only a value longer than an answer makes a block so long.
func checkBlocks(t *rapid.T, p planner, blocks []*block) {
	seen := map[int32]int{}
	for _, b := range blocks {
		for _, tag := range b.tags {
			a := p.addresses[tag]
			seen[tag]++
			if a.Area != b.area || a.DB != b.db || a.Byte < b.start || a.Byte+a.Type.Size() > b.start+len(b.data) {
				t.Fatalf("tag %v of %d bytes is not in block DB%d %d+%d", a, a.Type.Size(), b.db, b.start, len(b.data))
			}
		}
		if len(b.data) > p.largest() && len(b.tags) > 1 {
			t.Fatalf("a block of %d tags has %d bytes, more than the %d of an item", len(b.tags), len(b.data), p.largest())
		}
	}
	for i := range p.addresses {
		if seen[int32(i)] != 1 {
			t.Fatalf("tag %d is read %d times", i, seen[int32(i)])
		}
	}
}

// checkRequests checks that the requests read each byte of each block once and
// keep the limits of the telegram in both directions.
func checkRequests(t *rapid.T, p planner, blocks []*block, requests []request) {
	read := map[*block]int{}
	type part struct {
		b      *block
		offset int
	}
	seen := map[part]bool{}
	for _, r := range requests {
		answer := 21
		for _, it := range r {
			answer += 4 + even(it.size)
			if at := (part{it.block, it.offset}); seen[at] || it.offset%p.largest() != 0 || it.offset+it.size > len(it.block.data) {
				t.Fatalf("an item reads %d+%d of %d bytes, again: %v", it.offset, it.size, len(it.block.data), seen[at])
			} else {
				seen[at] = true
			}
			read[it.block] += it.size
		}
		if asked := len(appendRead(nil, 1, r)); len(r) == 0 || len(r) > 20 || answer > p.pdu || asked > p.pdu {
			t.Fatalf("%d items, request of %d, answer of %d bytes at PDU %d", len(r), asked, answer, p.pdu)
		}
	}
	for _, b := range blocks {
		if read[b] != len(b.data) {
			t.Fatalf("%d of %d bytes of a block are read", read[b], len(b.data))
		}
	}
}

func TestSplitKeepsEveryTag(t *testing.T) {
	p := planner{addresses: reals(t, 7), pdu: 480}
	b := p.blocks()[0]
	halves := p.split(b)
	if got := len(halves[0].tags) + len(halves[1].tags); got != 7 || len(halves[0].data) != 12 || halves[1].start != 12 || len(halves[1].data) != 16 {
		t.Errorf("halves have %d tags, bytes 0+%d and %d+%d", got, len(halves[0].data), halves[1].start, len(halves[1].data))
	}
}
