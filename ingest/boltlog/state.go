package boltlog

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"

	bolt "go.etcd.io/bbolt"

	"linewatch"
	"linewatch/internal/boltfile"
)

// state is what meta.db holds.
type state struct {
	clean   bool           // the log was closed; each closed is exact
	promise linewatch.Time // otherwise no partition was said to be closed later
	parts   []partitionState
}

type partitionState struct {
	first  uint64 // as of now
	next   uint64 // at the time of writing; there may be more records
	closed linewatch.Time
}

const (
	stateFormat   = 1
	stateHead     = 1 + 1 + 8 + 4 // format, clean, promise, number of partitions
	statePart     = 24
	maxPartitions = 4096
)

// names returns the bucket and the key of the state.
func stateNames() (bucket, key []byte) { return []byte("log"), []byte("state") }

// loadState returns nil if there is none.
func loadState(db *bolt.DB) (s *state, err error) {
	bucket, key := stateNames()
	err = boltfile.Guard(db.Path(), func() error {
		return db.View(func(tx *bolt.Tx) error {
			b := tx.Bucket(bucket)
			if b == nil {
				return nil
			}
			var err error
			s, err = decodeState(b.Get(key))
			return err
		})
	})
	if err != nil && !errors.Is(err, boltfile.ErrCorrupt) {
		err = boltfile.Damaged(db.Path(), boltfile.ErrCorrupt, err)
	}
	return s, err
}

func saveState(db *bolt.DB, s state) error {
	bucket, key := stateNames()
	err := boltfile.Guard(db.Path(), func() error {
		return db.Update(func(tx *bolt.Tx) error {
			b, err := tx.CreateBucketIfNotExists(bucket)
			if err != nil {
				return err
			}
			return b.Put(key, encodeState(s))
		})
	})
	if err != nil {
		return fmt.Errorf("write %s: %w", db.Path(), err)
	}
	return nil
}

func encodeState(s state) []byte {
	out := []byte{stateFormat, 0}
	if s.clean {
		out[1] = 1
	}
	order := binary.BigEndian
	out = order.AppendUint64(out, uint64(s.promise))
	out = order.AppendUint32(out, uint32(len(s.parts)))
	for _, p := range s.parts {
		out = order.AppendUint64(out, p.first)
		out = order.AppendUint64(out, p.next)
		out = order.AppendUint64(out, uint64(p.closed))
	}
	return order.AppendUint32(out, checksum(0, out))
}

func decodeState(data []byte) (*state, error) {
	order := binary.BigEndian
	if len(data) < stateHead+4 {
		return nil, fmt.Errorf("state of %d bytes", len(data))
	}
	body, sum := data[:len(data)-4], order.Uint32(data[len(data)-4:])
	if checksum(0, body) != sum {
		return nil, errors.New("state has a wrong checksum")
	}
	if body[0] != stateFormat {
		return nil, fmt.Errorf("state has format %d, this program knows %d", body[0], stateFormat)
	}
	n := int(order.Uint32(body[10:]))
	if n < 1 || n > maxPartitions || len(body) != stateHead+n*statePart {
		return nil, fmt.Errorf("state of %d bytes for %d partitions", len(body), n)
	}
	s := &state{clean: body[1] == 1, promise: linewatch.Time(order.Uint64(body[2:])), parts: make([]partitionState, n)}
	for i := range s.parts {
		part := body[stateHead+i*statePart:]
		s.parts[i] = partitionState{
			first:  order.Uint64(part),
			next:   order.Uint64(part[8:]),
			closed: linewatch.Time(order.Uint64(part[16:])),
		}
	}
	return s, nil
}

// checksum continues the CRC32C sum over data.
func checksum(sum uint32, data []byte) uint32 {
	return crc32.Update(sum, crc32.MakeTable(crc32.Castagnoli), data)
}
