package boltstore

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"

	"go.etcd.io/bbolt"

	"linewatch"
	"linewatch/rules"
)

// chunkSize is how a snapshot is cut. Chunks that did not change are not
// written again, and a small hole in the file can take one.
const chunkSize = 128 << 10

// head is what is known of a bucket besides its outputs and chunks.
type head struct {
	emitted   uint64 // outputs up to the snapshot
	next      uint64 // first free output number
	published uint64 // outputs below it are published
	size      uint64 // of the snapshot, in bytes
	sum       uint32 // CRC-32C of the snapshot
	snapshot  bool   // there is one
}

const headSize = 4*8 + 4 + 1

func (h head) append(dst []byte) []byte {
	start := len(dst)
	for _, u := range [...]uint64{h.emitted, h.next, h.published, h.size} {
		dst = binary.BigEndian.AppendUint64(dst, u)
	}
	dst = binary.BigEndian.AppendUint32(dst, h.sum)
	if h.snapshot {
		dst = append(dst, 1)
	} else {
		dst = append(dst, 0)
	}
	return binary.BigEndian.AppendUint32(dst, checksum(dst[start:]))
}

// readHead returns the head of a bucket, the zero one for an unknown bucket.
func readHead(b *bbolt.Bucket) (h head, err error) {
	if b == nil {
		return h, nil
	}
	data := b.Get(headKey)
	if data == nil {
		return h, nil
	}
	if len(data) != headSize+4 || binary.BigEndian.Uint32(data[headSize:]) != checksum(data[:headSize]) {
		return h, fmt.Errorf("head: %w", rules.ErrCorrupt)
	}
	u := func(i int) uint64 { return binary.BigEndian.Uint64(data[8*i:]) }
	return head{
		emitted: u(0), next: u(1), published: u(2), size: u(3),
		sum: binary.BigEndian.Uint32(data[32:]), snapshot: data[36] == 1,
	}, nil
}

// writeSnapshot stores the chunks that differ from what is stored and deletes
// those beyond the end.
func writeSnapshot(b *bbolt.Bucket, h *head, data []byte) error {
	chunks, err := b.CreateBucketIfNotExists(snapshotName)
	if err != nil {
		return err
	}
	h.snapshot, h.size, h.sum = true, uint64(len(data)), checksum(data)
	n := 0
	for ; n*chunkSize < len(data); n++ {
		chunk := data[n*chunkSize : min((n+1)*chunkSize, len(data))]
		key := bucketKey(n)
		if bytes.Equal(chunks.Get(key[:]), chunk) {
			continue
		}
		if err := chunks.Put(key[:], chunk); err != nil {
			return err
		}
	}
	end := bucketKey(n)
	c := chunks.Cursor()
	for k, _ := c.Seek(end[:]); k != nil; k, _ = c.Seek(end[:]) {
		if err := c.Delete(); err != nil {
			return err
		}
	}
	return nil
}

func readSnapshot(b *bbolt.Bucket, h head) ([]byte, error) {
	if !h.snapshot {
		return nil, nil
	}
	data := make([]byte, 0, h.size)
	c := b.Bucket(snapshotName).Cursor()
	for k, v := c.First(); k != nil; k, v = c.Next() {
		data = append(data, v...)
	}
	if uint64(len(data)) != h.size || checksum(data) != h.sum {
		return nil, fmt.Errorf("snapshot: %w", rules.ErrCorrupt)
	}
	return data, nil
}

// record is a stored output: CRC-32C of the rest, length of the facts, then the
// change's JSON with observed, of which the facts are the beginning.
type record struct {
	full []byte
	cut  uint32
}

func appendRecord(dst []byte, c *linewatch.StateChange) []byte {
	start := len(dst)
	dst = append(dst, 0, 0, 0, 0, 0, 0, 0, 0)
	dst = c.AppendCanonical(dst)
	facts := len(dst) - start - 8 - 1 // without the closing brace
	dst = c.AppendJSON(dst[:start+8])
	binary.BigEndian.PutUint32(dst[start+4:], uint32(facts))
	binary.BigEndian.PutUint32(dst[start:], checksum(dst[start+4:]))
	return dst
}

func readRecord(data []byte) (r record, err error) {
	if len(data) < 8 || binary.BigEndian.Uint32(data) != checksum(data[4:]) {
		return r, rules.ErrCorrupt
	}
	r = record{full: data[8:], cut: binary.BigEndian.Uint32(data[4:])}
	if int(r.cut) > len(r.full) {
		return r, rules.ErrCorrupt
	}
	return r, nil
}

// facts returns the canonical form without its closing brace.
func (r record) facts() []byte { return r.full[:r.cut] }

// canonical returns a copy of the canonical form.
func (r record) canonical() []byte { return append(append([]byte(nil), r.facts()...), '}') }

func checksum(b []byte) uint32 { return crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli)) }
