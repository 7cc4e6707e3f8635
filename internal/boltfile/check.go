package boltfile

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"os"
)

// Health is what the header of a sound store says about it.
type Health struct {
	Transaction uint64 // number of the newest transaction
	OneHeader   bool   // one of the two header pages is damaged
}

// The layout of a header page: a page header of 16 bytes, then the fields
// magic, version, page size, flags (4 bytes each), root, sequence, free list,
// page count, transaction and checksum (8 bytes each), in the byte order of
// the machine.
const (
	pageHeader   = 16
	metaSize     = 64
	metaMagic    = 0xED0CDAED
	metaVersion  = 2
	minPageSize  = 1 << 10
	maxPageSize  = 1 << 16
	fewestPages  = 4
	rootOffset   = 16
	freeOffset   = 32
	countOffset  = 40
	txOffset     = 48
	sumOffset    = 56
	pageSizeAt   = 8
	magicAt      = 0
	versionAt    = 4
	headerLength = pageHeader + metaSize
)

// meta is what is needed of a header page.
type meta struct {
	pageSize, root, free, pages, transaction uint64
}

// Check examines size and header of the store at path without opening it. The
// error is an *Error with ErrEmpty, ErrTruncated, ErrCorrupt or
// ErrNotWritable, or one of the file system.
func Check(path string) (Health, error) {
	file, err := os.Open(path)
	if err != nil {
		return Health{}, translate(path, err)
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return Health{}, fmt.Errorf("check store: %w", err)
	}
	if !info.Mode().IsRegular() {
		return Health{}, fmt.Errorf("check store %s: not a regular file", path)
	}
	if info.Size() == 0 {
		return Health{}, Damaged(path, ErrEmpty, nil)
	}
	return checkHeader(path, file, uint64(info.Size()))
}

func checkHeader(path string, file io.ReaderAt, size uint64) (Health, error) {
	newest, valid := newestMeta(file)
	if valid == 0 {
		if size < fewestPages*minPageSize {
			return Health{}, Damaged(path, ErrTruncated, fmt.Errorf("%d bytes", size))
		}
		return Health{}, Damaged(path, ErrCorrupt, errors.New("both header pages are bad"))
	}
	if want := max(newest.pages, fewestPages) * newest.pageSize; size < want {
		return Health{}, Damaged(path, ErrTruncated, fmt.Errorf("%d of at least %d bytes", size, want))
	}
	return Health{Transaction: newest.transaction, OneHeader: valid == 1}, nil
}

// newestMeta returns the header page that is in force, and how many of the
// two are sound.
func newestMeta(file io.ReaderAt) (newest meta, valid int) {
	if first, ok := readMeta(file, 0); ok {
		second, ok := readMeta(file, first.pageSize)
		if !ok {
			return first, 1
		}
		if second.transaction > first.transaction {
			first = second
		}
		return first, 2
	}
	// The page size stands in the header, so that the second page has to be
	// searched for when the first is gone.
	for at := uint64(minPageSize); at <= maxPageSize; at *= 2 {
		if second, ok := readMeta(file, at); ok && second.pageSize == at {
			return second, 1
		}
	}
	return meta{}, 0
}

func readMeta(file io.ReaderAt, at uint64) (meta, bool) {
	var page [headerLength]byte
	if _, err := file.ReadAt(page[:], int64(at)); err != nil {
		return meta{}, false
	}
	body, order := page[pageHeader:], binary.NativeEndian
	sum := fnv.New64a()
	sum.Write(body[:sumOffset])
	m := meta{
		pageSize:    uint64(order.Uint32(body[pageSizeAt:])),
		root:        order.Uint64(body[rootOffset:]),
		free:        order.Uint64(body[freeOffset:]),
		pages:       order.Uint64(body[countOffset:]),
		transaction: order.Uint64(body[txOffset:]),
	}
	ok := order.Uint32(body[magicAt:]) == metaMagic &&
		order.Uint32(body[versionAt:]) == metaVersion &&
		order.Uint64(body[sumOffset:]) == sum.Sum64() &&
		m.pageSize >= minPageSize && m.pageSize <= maxPageSize && m.pages < 1<<48
	return m, ok
}
