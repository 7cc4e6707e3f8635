package boltfile

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
)

// item is one element of a branch or a leaf. The slices are parts of its page.
type item struct {
	key    []byte
	value  []byte // of a leaf
	target uint64 // of a branch
	flags  uint32 // of a leaf
}

// readItems appends the elements of a page, which must lie within it and have
// keys that rise.
func readItems(items []item, content []byte, kind uint16, elements int) ([]item, error) {
	if pageHeader+elements*elementSize > len(content) {
		return nil, fmt.Errorf("no room for %d elements", elements)
	}
	var before []byte
	for i := range elements {
		it, err := readItem(content[pageHeader+i*elementSize:], kind)
		switch {
		case err != nil:
			return nil, fmt.Errorf("element %d: %w", i, err)
		case bytes.Compare(before, it.key) >= 0: // an empty key is none
			return nil, fmt.Errorf("element %d: the key does not follow on the one before", i)
		}
		before = it.key
		items = append(items, it)
	}
	return items, nil
}

// readItem reads the element that rest, the page from there to its end, begins
// with.
func readItem(rest []byte, kind uint16) (it item, err error) {
	var position, keySize, valueSize uint64
	order := binary.NativeEndian
	if kind == kindBranch {
		position, keySize = uint64(order.Uint32(rest)), uint64(order.Uint32(rest[4:]))
		it.target = order.Uint64(rest[branchTargetAt:])
	} else {
		it.flags, position = order.Uint32(rest), uint64(order.Uint32(rest[4:]))
		keySize, valueSize = uint64(order.Uint32(rest[8:])), uint64(order.Uint32(rest[12:]))
	}
	if position+keySize+valueSize > uint64(len(rest)) {
		return item{}, errors.New("it lies outside of its page")
	}
	it.key = rest[position : position+keySize]
	it.value = rest[position+keySize : position+keySize+valueSize]
	return it, nil
}
