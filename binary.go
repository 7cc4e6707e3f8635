package linewatch

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
)

// ErrBinary means that the bytes of a snapshot end early or make no sense.
var ErrBinary = errors.New("damaged snapshot")

// ErrSnapshotVersion means that a snapshot has a layout which this program does
// not know.
var ErrSnapshotVersion = errors.New("the snapshot was written by another version of Linewatch")

// SnapshotVersion returns the error of a snapshot with layout got where want is
// known.
func SnapshotVersion(got, want uint64) error {
	return fmt.Errorf("%w: layout %d, this one knows %d", ErrSnapshotVersion, got, want)
}

// AppendText appends the length of s and s, for BinaryReader.Text.
func AppendText(dst []byte, s string) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(s))), s...)
}

// AppendTexts appends some strings with their number.
func AppendTexts(dst []byte, all []string) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(all)))
	for _, s := range all {
		dst = AppendText(dst, s)
	}
	return dst
}

// AppendFloat appends a number in eight bytes.
func AppendFloat(dst []byte, f float64) []byte {
	return binary.LittleEndian.AppendUint64(dst, math.Float64bits(f))
}

// AppendTime appends t, for BinaryReader.Time.
func AppendTime(dst []byte, t Time) []byte { return binary.AppendVarint(dst, int64(t)) }

// AppendFlag appends a boolean, for BinaryReader.Flag.
func AppendFlag(dst []byte, b bool) []byte {
	if b {
		return append(dst, 1)
	}
	return append(dst, 0)
}

// AppendBinary appends v, for BinaryReader.Value.
func (v Value) AppendBinary(dst []byte) []byte {
	dst = append(dst, byte(v.kind))
	if v.kind == String {
		return AppendText(dst, v.str)
	}
	return binary.AppendUvarint(dst, v.bits)
}

// BinaryReader reads what the Append functions and encoding/binary's varints
// wrote. After the first error every method returns a zero value, so that a
// caller checks Err once.
type BinaryReader struct {
	rest []byte
	err  error
}

// NewBinaryReader reads b.
func NewBinaryReader(b []byte) *BinaryReader { return &BinaryReader{rest: b} }

// Err returns ErrBinary if anything read so far was damaged.
func (r *BinaryReader) Err() error { return r.err }

// Rest returns what was not read yet.
func (r *BinaryReader) Rest() []byte { return r.rest }

func (r *BinaryReader) fail() {
	r.err, r.rest = ErrBinary, nil
}

// Uvarint reads an unsigned integer.
func (r *BinaryReader) Uvarint() uint64 {
	v, n := binary.Uvarint(r.rest)
	if n <= 0 {
		r.fail()
		return 0
	}
	r.rest = r.rest[n:]
	return v
}

// Varint reads a signed integer.
func (r *BinaryReader) Varint() int64 {
	v, n := binary.Varint(r.rest)
	if n <= 0 {
		r.fail()
		return 0
	}
	r.rest = r.rest[n:]
	return v
}

// Count reads the length of a list whose entries take at least one byte each,
// and refuses one that cannot be true.
func (r *BinaryReader) Count() int {
	n := r.Uvarint()
	if n > uint64(len(r.rest)) {
		r.fail()
		return 0
	}
	return int(n)
}

// Byte reads one byte.
func (r *BinaryReader) Byte() byte {
	if len(r.rest) == 0 {
		r.fail()
		return 0
	}
	b := r.rest[0]
	r.rest = r.rest[1:]
	return b
}

// Flag reads a boolean.
func (r *BinaryReader) Flag() bool { return r.Byte() == 1 }

// Time reads an instant.
func (r *BinaryReader) Time() Time { return Time(r.Varint()) }

// Float reads a number of eight bytes.
func (r *BinaryReader) Float() float64 {
	if len(r.rest) < 8 {
		r.fail()
		return 0
	}
	f := math.Float64frombits(binary.LittleEndian.Uint64(r.rest))
	r.rest = r.rest[8:]
	return f
}

// Bytes reads a length and that many bytes, which are not copied.
func (r *BinaryReader) Bytes() []byte {
	n := r.Count()
	b := r.rest[:n]
	r.rest = r.rest[n:]
	return b
}

// Text reads a string.
func (r *BinaryReader) Text() string { return string(r.Bytes()) }

// Texts reads some strings; nil for none.
func (r *BinaryReader) Texts() (all []string) {
	for range r.Count() {
		all = append(all, r.Text())
	}
	return all
}

// Value reads a value.
func (r *BinaryReader) Value() Value {
	k := Kind(r.Byte())
	switch {
	case k > String:
		r.fail()
		return Value{}
	case k == String:
		return StringValue(r.Text())
	}
	return Value{kind: k, bits: r.Uvarint()}
}
