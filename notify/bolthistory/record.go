package bolthistory

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"time"

	"go.etcd.io/bbolt"

	"linewatch"
	"linewatch/notify"
)

// recordHead is CRC-32C of the rest, time of storing in milliseconds, and
// length of the facts; then comes the change's JSON with observed, of which the
// facts are the beginning.
const recordHead = 4 + 8 + 4

// record is a stored change.
type record struct {
	full   []byte // JSON with observed
	cut    uint32
	stored time.Time
}

func appendRecord(dst []byte, c *linewatch.StateChange, now time.Time) []byte {
	start := len(dst)
	dst = append(dst, make([]byte, recordHead)...)
	facts := len(c.AppendCanonical(dst)) - len(dst) - 1 // without the closing brace
	dst = c.AppendJSON(dst)
	binary.BigEndian.PutUint64(dst[start+4:], uint64(now.UnixMilli()))
	binary.BigEndian.PutUint32(dst[start+12:], uint32(facts))
	binary.BigEndian.PutUint32(dst[start:], checksum(dst[start+4:]))
	return dst
}

func readRecord(data []byte) (r record, err error) {
	if len(data) < recordHead || binary.BigEndian.Uint32(data) != checksum(data[4:]) {
		return r, ErrCorrupt
	}
	r = record{
		full: data[recordHead:], cut: binary.BigEndian.Uint32(data[12:]),
		stored: time.UnixMilli(int64(binary.BigEndian.Uint64(data[4:]))),
	}
	if int(r.cut) > len(r.full) {
		return r, ErrCorrupt
	}
	return r, nil
}

// facts returns the canonical form without its closing brace.
func (r record) facts() []byte { return r.full[:r.cut] }

func (r record) entry(ordinal uint64) (notify.Entry, error) {
	e := notify.Entry{Ordinal: ordinal}
	if err := json.Unmarshal(r.full, &e.Change); err != nil {
		return e, fmt.Errorf("entry %d: %w: %w", ordinal, ErrCorrupt, err)
	}
	return e, nil
}

// stored returns the record of an ordinal, from the log or among the kept
// ones. It is valid until the transaction ends.
func stored(tx *bbolt.Tx, ordinal []byte) (record, error) {
	data := tx.Bucket(logName).Get(ordinal)
	if data == nil {
		data = tx.Bucket(keptName).Get(ordinal)
	}
	r, err := readRecord(data)
	if err != nil {
		return r, fmt.Errorf("entry %d: %w", binary.BigEndian.Uint64(ordinal), err)
	}
	return r, nil
}

func ordinalKey(ordinal uint64) []byte { return binary.BigEndian.AppendUint64(nil, ordinal) }

// instancePrefix is the key of an instance. Keys order like (rule, equipment):
// a part ends with 0 1, and a zero byte within it is written 0 255.
func instancePrefix(rule linewatch.RuleID, equipment string) []byte {
	return appendPart(appendPart(nil, string(rule)), equipment)
}

// instanceKey orders like (rule, equipment, seq, id).
func instanceKey(c *linewatch.StateChange) []byte {
	key := instancePrefix(c.Rule, c.Equipment)
	return append(binary.BigEndian.AppendUint64(key, c.Seq), c.ID...)
}

func appendPart(dst []byte, s string) []byte {
	for i := range len(s) {
		dst = append(dst, s[i])
		if s[i] == 0 {
			dst = append(dst, 255)
		}
	}
	return append(dst, 0, 1)
}

func checksum(b []byte) uint32 { return crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli)) }
