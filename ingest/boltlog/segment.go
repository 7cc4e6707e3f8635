package boltlog

import (
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"strconv"
	"strings"

	bolt "go.etcd.io/bbolt"

	"linewatch"
	"linewatch/internal/boltfile"
)

// segment is one file of the chain. The fields below path are guarded by
// chain.mu; head does not change.
type segment struct {
	index   uint64
	path    string
	head    []base
	db      *bolt.DB      // nil while closed
	opening chan struct{} // not nil while somebody opens it
	users   int
	used    uint64 // when it was last used, in uses of the chain
	gone    bool   // close it when the last user leaves
}

// base is what a segment notes about a partition when it is begun.
type base struct {
	offset uint64         // of the first record that it may hold
	last   linewatch.Time // highest stamp before it
}

// A segment has a bucket for each partition, named by its number, from offset
// to value, and one for itself.
const (
	headBucket = "head"
	headKey    = "bases"
	valueHead  = 12 // stamp, checksum
)

var errNoHead = errors.New("segment has no head")

func segmentPath(dir string, index uint64) string {
	return filepath.Join(dir, fmt.Sprintf("segment-%012d.db", index))
}

// segmentIndex returns the number in the name of a segment file.
func segmentIndex(name string) (uint64, bool) {
	digits, ok := strings.CutPrefix(strings.TrimSuffix(name, ".db"), "segment-")
	if !ok || !strings.HasSuffix(name, ".db") || len(digits) != 12 {
		return 0, false
	}
	index, err := strconv.ParseUint(digits, 10, 64)
	return index, err == nil
}

// openWritable opens a segment to append to it.
func openWritable(path string, size int, create bool, logger *slog.Logger) (*bolt.DB, error) {
	return boltfile.Open(path, boltfile.Options{
		MustExist: !create, MapSize: size + size/4 + 32<<20, GrowBy: min(4<<20, max(size/4, 64<<10)), Logger: logger,
	})
}

func openReadable(path string, logger *slog.Logger) (*bolt.DB, error) {
	return boltfile.Open(path, boltfile.Options{ReadOnly: true, Logger: logger})
}

// begin writes the head of a new segment.
func begin(db *bolt.DB, head []base) error {
	return boltfile.Guard(db.Path(), func() error {
		return db.Update(func(tx *bolt.Tx) error {
			for p := range head {
				if _, err := tx.CreateBucketIfNotExists(partitionName(p)); err != nil {
					return err
				}
			}
			b, err := tx.CreateBucketIfNotExists([]byte(headBucket))
			if err != nil {
				return err
			}
			return b.Put([]byte(headKey), encodeHead(head))
		})
	})
}

// readHead returns errNoHead for a segment that was never begun.
func readHead(db *bolt.DB) (head []base, err error) {
	err = boltfile.Guard(db.Path(), func() error {
		return db.View(func(tx *bolt.Tx) error {
			b := tx.Bucket([]byte(headBucket))
			if b == nil {
				return errNoHead
			}
			var err error
			head, err = decodeHead(b.Get([]byte(headKey)))
			if err != nil {
				return boltfile.Damaged(db.Path(), boltfile.ErrCorrupt, err)
			}
			return nil
		})
	})
	return head, err
}

// lastRecord returns the highest offset of a partition in the segment, and the
// stamp of the newest record that is sound, or NoTime. ok is false if there is
// no record.
func lastRecord(db *bolt.DB, partition int) (offset uint64, stamp linewatch.Time, ok bool, err error) {
	stamp = linewatch.NoTime
	err = boltfile.Guard(db.Path(), func() error {
		return db.View(func(tx *bolt.Tx) error {
			b := tx.Bucket(partitionName(partition))
			if b == nil {
				return boltfile.Damaged(db.Path(), boltfile.ErrCorrupt, fmt.Errorf("partition %d is missing", partition))
			}
			cursor := b.Cursor()
			for key, value := cursor.Last(); len(key) == 8; key, value = cursor.Prev() {
				at := binary.BigEndian.Uint64(key)
				if !ok {
					offset, ok = at, true
				}
				if s, _, err := decodeValue(partition, at, value); err == nil {
					stamp = s
					return nil
				}
			}
			return nil
		})
	})
	return offset, stamp, ok, err
}

func partitionName(partition int) []byte {
	return binary.BigEndian.AppendUint32(nil, uint32(partition))
}

// newValue returns a value with room for its head in front of data.
func newValue(data []byte) []byte {
	value := make([]byte, valueHead+len(data))
	copy(value[valueHead:], data)
	return value
}

// seal fills in the head of a value.
func seal(value []byte, partition int, offset uint64, stamp linewatch.Time) {
	binary.BigEndian.PutUint64(value, uint64(stamp))
	binary.BigEndian.PutUint32(value[8:], valueSum(value, partition, offset))
}

// valueSum covers the place, too: a value that turns up elsewhere is wrong.
func valueSum(value []byte, partition int, offset uint64) uint32 {
	var place [12]byte
	binary.BigEndian.PutUint64(place[:], offset)
	binary.BigEndian.PutUint32(place[8:], uint32(partition))
	return checksum(checksum(checksum(0, place[:]), value[:8]), value[valueHead:])
}

// decodeValue returns the stamp and the data, which alias value.
func decodeValue(partition int, offset uint64, value []byte) (linewatch.Time, []byte, error) {
	if len(value) < valueHead {
		return 0, nil, fmt.Errorf("value of %d bytes", len(value))
	}
	if binary.BigEndian.Uint32(value[8:]) != valueSum(value, partition, offset) {
		return 0, nil, errors.New("wrong checksum")
	}
	return linewatch.Time(binary.BigEndian.Uint64(value)), value[valueHead:], nil
}

func encodeHead(head []base) []byte {
	var out []byte
	for _, b := range head {
		out = binary.BigEndian.AppendUint64(out, b.offset)
		out = binary.BigEndian.AppendUint64(out, uint64(b.last))
	}
	return binary.BigEndian.AppendUint32(out, checksum(0, out))
}

func decodeHead(data []byte) ([]base, error) {
	if len(data) < 4 || len(data)%16 != 4 {
		return nil, fmt.Errorf("head of %d bytes", len(data))
	}
	body := data[:len(data)-4]
	if checksum(0, body) != binary.BigEndian.Uint32(data[len(body):]) {
		return nil, errors.New("head has a wrong checksum")
	}
	head := make([]base, len(body)/16)
	for i := range head {
		head[i].offset = binary.BigEndian.Uint64(body[i*16:])
		head[i].last = linewatch.Time(binary.BigEndian.Uint64(body[i*16+8:]))
	}
	return head, nil
}
