package boltfile

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"slices"
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
	leaves  bool     // read the leaves of buckets too
	visited []uint64 // one bit for each page
	open    []branch // still to be walked
	content []byte   // of the page at hand
	items   []item   // of the page at hand
}

// branch leads to a page.
type branch struct {
	page   uint64
	first  []byte // the first key there; nil at a root
	bucket bool   // the page belongs to a bucket, not to the list of buckets
}

// checkPages follows every branch of the store at path, which nobody may be
// writing, and returns an error unless each page is where its number says, is
// a branch or a leaf, and is reached once, what it holds lies within it, its
// keys rise and begin with the one that led to it, and the list of free pages
// fits its page and names none that is in use.
//
// bbolt believes all of this. It follows a branch that leads back to itself
// until the stack is full, which no recover stops, and writes such a branch
// where a page begins with another key than the one above says: the page that
// took its place is entered beside it, and it is free and still in use. Of a
// store that is only read, the leaves of buckets are not read beyond their
// header, as damage there cannot spread.
func checkPages(path string, leaves bool) error {
	file, err := os.Open(path)
	if err != nil {
		return translate(path, err)
	}
	defer file.Close()
	newest, valid := newestMeta(file)
	if valid == 0 {
		return Damaged(path, ErrCorrupt, errors.New("both header pages are bad"))
	}
	t := &tree{file: file, meta: newest, leaves: leaves, visited: make([]uint64, newest.pages/64+1)}
	if err := t.checkFree(); err != nil {
		return Damaged(path, ErrCorrupt, err)
	}
	if err := t.walk(); err != nil {
		return Damaged(path, ErrCorrupt, err)
	}
	return nil
}

// walk visits all pages below the root.
func (t *tree) walk() error {
	t.open = append(t.open, branch{page: t.meta.root})
	for len(t.open) > 0 {
		to := t.open[len(t.open)-1]
		t.open = t.open[:len(t.open)-1]
		p, err := t.visit(to.page)
		if err == nil && p.kind != kindBranch && p.kind != kindLeaf {
			err = fmt.Errorf("page %d is of kind %#x", to.page, p.kind)
		}
		if err != nil {
			return err
		}
		if p.kind == kindLeaf && to.bucket && !t.leaves {
			continue
		}
		if err := t.read(to, p); err != nil {
			return fmt.Errorf("page %d: %w", to.page, err)
		}
	}
	return nil
}

// read checks what a page holds and enters where it leads.
func (t *tree) read(from branch, p page) (err error) {
	t.content = slices.Grow(t.content[:0], int(p.bytes))[:p.bytes]
	if _, err := t.file.ReadAt(t.content, int64(from.page*t.meta.pageSize)); err != nil {
		return err
	}
	if t.items, err = readItems(t.items[:0], t.content, p.kind, p.elements); err != nil {
		return err
	}
	switch {
	case from.first == nil:
	case len(t.items) == 0:
		return errors.New("it is empty, and a branch leads there")
	case !bytes.Equal(t.items[0].key, from.first):
		return errors.New("its first key is not the one that leads there")
	}
	for _, it := range t.items {
		if p.kind == kindBranch {
			t.open = append(t.open, branch{page: it.target, first: bytes.Clone(it.key), bucket: from.bucket})
			continue
		}
		if it.flags&isBucket != 0 {
			if err := t.enter(it.value); err != nil {
				return err
			}
		}
	}
	return nil
}

// enter notes the root of a bucket, or checks its page that lies in the value.
func (t *tree) enter(value []byte) error {
	if len(value) < bucketHeader {
		return fmt.Errorf("a bucket of %d bytes", len(value))
	}
	order := binary.NativeEndian
	if root := order.Uint64(value); root != 0 {
		t.open = append(t.open, branch{page: root, bucket: true})
		return nil
	}
	inline := value[bucketHeader:]
	if len(inline) < pageHeader || order.Uint16(inline[kindAt:]) != kindLeaf {
		return errors.New("a bucket without a page")
	}
	_, err := readItems(nil, inline, kindLeaf, int(order.Uint16(inline[elementsAt:])))
	return err
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
