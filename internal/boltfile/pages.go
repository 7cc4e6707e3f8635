package boltfile

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
)

// The layout of a page: number (8 bytes), kind, number of elements (2 each),
// number of further pages that belong to it (4), then the elements. An element
// of a branch is position, key size (4 each) and the page it leads to (8); one
// of a leaf is flags, position, key size and value size (4 each), where a
// position counts from the element itself. The value of a bucket begins with
// the number of its root page, or with 0 if its only page lies in the value.
const (
	kindBranch     = 1
	kindLeaf       = 2
	kindFree       = 16
	elementSize    = 16
	isBucket       = 1
	bucketHeader   = 16
	kindAt         = 8
	elementsAt     = 10
	furtherAt      = 12
	branchTargetAt = 8
	manyFree       = 0xFFFF    // the number of free pages stands in the first element
	noFreeList     = 1<<64 - 1 // it is found by a search
)

// page is the header of one page.
type page struct {
	kind     uint16
	elements int
	bytes    uint64 // together with the further pages
}

// tree is one walk through a store's pages.
type tree struct {
	file    *os.File
	meta    meta
	visited []uint64 // one bit for each page
}

// checkPages follows every branch of the store at path, which nobody may be
// writing, and returns an error unless each page is where its number says, is
// a branch or a leaf, and is reached once, and the list of free pages fits its
// page and names none that is in use. bbolt itself follows a branch that leads
// back to itself for ever, believes any length of the list, and writes over
// every page that it names. Leaves below a bucket are not read beyond their
// header.
func checkPages(path string) error {
	file, err := os.Open(path)
	if err != nil {
		return translate(path, err)
	}
	defer file.Close()
	newest, valid := newestMeta(file)
	if valid == 0 {
		return Damaged(path, ErrCorrupt, errors.New("both header pages are bad"))
	}
	t := &tree{file: file, meta: newest, visited: make([]uint64, newest.pages/64+1)}
	if err := t.checkFree(); err != nil {
		return Damaged(path, ErrCorrupt, err)
	}
	roots, err := t.walk(newest.root, true)
	for _, root := range roots {
		if err == nil {
			_, err = t.walk(root, false)
		}
	}
	if err != nil {
		return Damaged(path, ErrCorrupt, err)
	}
	return nil
}

// walk visits the pages below root and returns the roots of the buckets that
// stand in its leaves, if they are wanted.
func (t *tree) walk(root uint64, wantBuckets bool) (buckets []uint64, err error) {
	open := []uint64{root}
	for len(open) > 0 {
		id := open[len(open)-1]
		open = open[:len(open)-1]
		p, err := t.visit(id)
		if err == nil && p.kind != kindBranch && p.kind != kindLeaf {
			err = fmt.Errorf("page %d is of kind %#x", id, p.kind)
		}
		if err != nil {
			return nil, err
		}
		if p.kind == kindLeaf && !wantBuckets {
			continue
		}
		content := make([]byte, p.bytes)
		if _, err := t.file.ReadAt(content, int64(id*t.meta.pageSize)); err != nil {
			return nil, fmt.Errorf("page %d: %w", id, err)
		}
		if p.kind == kindBranch {
			open = appendTargets(open, content, p.elements)
			continue
		}
		if buckets, err = appendBuckets(buckets, content, p.elements); err != nil {
			return nil, fmt.Errorf("page %d: %w", id, err)
		}
	}
	return buckets, nil
}

// visit reads the header of a page that must not have been reached before.
func (t *tree) visit(id uint64) (page, error) {
	if id < 2 || id >= t.meta.pages {
		return page{}, fmt.Errorf("there is no page %d among %d", id, t.meta.pages)
	}
	var header [pageHeader]byte
	if _, err := t.file.ReadAt(header[:], int64(id*t.meta.pageSize)); err != nil {
		return page{}, fmt.Errorf("page %d: %w", id, err)
	}
	order := binary.NativeEndian
	p := page{kind: order.Uint16(header[kindAt:]), elements: int(order.Uint16(header[elementsAt:]))}
	further := uint64(order.Uint32(header[furtherAt:]))
	p.bytes = (1 + further) * t.meta.pageSize
	switch number := order.Uint64(header[:]); {
	case number != id:
		return page{}, fmt.Errorf("page %d says that it is page %d", id, number)
	case id+further >= t.meta.pages:
		return page{}, fmt.Errorf("page %d ends beyond the last of %d pages", id, t.meta.pages)
	case p.kind != kindFree && uint64(pageHeader+p.elements*elementSize) > p.bytes:
		return page{}, fmt.Errorf("page %d has no room for %d elements", id, p.elements)
	case p.kind == kindBranch && p.elements == 0:
		return page{}, fmt.Errorf("page %d is a branch that leads nowhere", id)
	}
	for at := id; at <= id+further; at++ {
		if !t.mark(at) {
			return page{}, fmt.Errorf("page %d is reached twice, or is in use and listed as free", at)
		}
	}
	return p, nil
}

// mark reports whether a page is met for the first time.
func (t *tree) mark(id uint64) bool {
	bit := uint64(1) << (id % 64)
	known := t.visited[id/64]&bit != 0
	t.visited[id/64] |= bit
	return !known
}

// checkFree checks the list of free pages, rising numbers of 8 bytes each, and
// marks them.
func (t *tree) checkFree() error {
	if t.meta.free == noFreeList {
		return nil
	}
	p, err := t.visit(t.meta.free)
	if err != nil {
		return err
	}
	start, length := uint64(pageHeader), uint64(p.elements)
	if length == manyFree {
		var first [8]byte
		if _, err := t.file.ReadAt(first[:], int64(t.meta.free*t.meta.pageSize+pageHeader)); err != nil {
			return fmt.Errorf("page %d: %w", t.meta.free, err)
		}
		start, length = start+8, binary.NativeEndian.Uint64(first[:])
	}
	if p.kind != kindFree || length > (p.bytes-start)/8 {
		return fmt.Errorf("page %d is no list of %d free pages", t.meta.free, length)
	}
	list := make([]byte, length*8)
	if _, err := t.file.ReadAt(list, int64(t.meta.free*t.meta.pageSize+start)); err != nil {
		return fmt.Errorf("page %d: %w", t.meta.free, err)
	}
	return t.markFree(list)
}

func (t *tree) markFree(list []byte) error {
	before := uint64(0)
	for ; len(list) > 0; list = list[8:] {
		id := binary.NativeEndian.Uint64(list)
		if id < 2 || id >= t.meta.pages || id <= before || !t.mark(id) {
			return fmt.Errorf("page %d lists page %d of %d as free, which cannot be", t.meta.free, id, t.meta.pages)
		}
		before = id
	}
	return nil
}

func appendTargets(targets []uint64, content []byte, elements int) []uint64 {
	for i := range elements {
		at := pageHeader + i*elementSize
		targets = append(targets, binary.NativeEndian.Uint64(content[at+branchTargetAt:]))
	}
	return targets
}

func appendBuckets(roots []uint64, content []byte, elements int) ([]uint64, error) {
	order := binary.NativeEndian
	for i := range elements {
		at := pageHeader + i*elementSize
		element := content[at:]
		if order.Uint32(element)&isBucket == 0 {
			continue
		}
		value := uint64(at) + uint64(order.Uint32(element[4:])) + uint64(order.Uint32(element[8:]))
		if value+bucketHeader > uint64(len(content)) {
			return nil, fmt.Errorf("bucket %d lies outside of its page", i)
		}
		if root := order.Uint64(content[value:]); root != 0 {
			roots = append(roots, root)
		}
	}
	return roots, nil
}
