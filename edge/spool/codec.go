package spool

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"math"
	"strconv"

	"linewatch"
)

// A segment is a header and frames. A frame is
//
//	2 bytes  mark
//	2 bytes  length of the payload
//	4 bytes  CRC32C of the segment's number, the length and the payload
//	payload  one point
//
// The segment's number is in the sum so that a frame counts only where it was
// written.
const (
	frameMark  = 0x574C
	frameHead  = 8
	maxPayload = math.MaxUint16
	// pointBound is the most bytes that a frame takes besides its strings.
	pointBound = frameHead + 80
)

var errPayload = errors.New("payload of a frame makes no sense")

// appendFrame appends the frame of p.
func appendFrame(dst []byte, seed uint32, p *linewatch.DataPoint) []byte {
	start := len(dst)
	dst = append(dst, make([]byte, frameHead)...)
	dst = appendPoint(dst, p)
	frame := dst[start:]
	binary.LittleEndian.PutUint16(frame, frameMark)
	binary.LittleEndian.PutUint16(frame[2:], uint16(len(frame)-frameHead))
	binary.LittleEndian.PutUint32(frame[4:], frameSum(seed, frame))
	return dst
}

// frameBound returns the most bytes that the frame of p can take.
func frameBound(p *linewatch.DataPoint) int {
	return pointBound + len(p.Equipment) + len(p.Tag) + len(p.Source) + len(p.Cause) + len(p.Value.Str())
}

func frameSum(seed uint32, frame []byte) uint32 {
	return checksum(checksum(seed, frame[2:4]), frame[frameHead:])
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func checksum(sum uint32, data []byte) uint32 {
	return crc32.Update(sum, castagnoli, data)
}

func appendPoint(dst []byte, p *linewatch.DataPoint) []byte {
	dst = append(dst, byte(p.Quality), byte(p.Flags), byte(p.Value.Kind()))
	dst = binary.AppendUvarint(dst, p.Epoch)
	dst = binary.AppendUvarint(dst, p.Sequence)
	dst = binary.AppendVarint(dst, int64(p.Timestamp))
	// The difference is small; where it overflows it does so both ways.
	dst = binary.AppendVarint(dst, int64(p.CreatedAt-p.Timestamp))
	for _, s := range [...]string{p.Source, p.Equipment, p.Tag, p.Cause} {
		dst = appendText(dst, s)
	}
	return appendValue(dst, p.Value)
}

func appendText(dst []byte, s string) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(s))), s...)
}

func appendValue(dst []byte, v linewatch.Value) []byte {
	switch v.Kind() {
	case linewatch.Bool:
		if v.Bool() {
			return append(dst, 1)
		}
		return append(dst, 0)
	case linewatch.Int:
		i, _ := v.Int()
		return binary.AppendVarint(dst, i)
	case linewatch.Float:
		f, _ := v.Float()
		return binary.LittleEndian.AppendUint64(dst, math.Float64bits(f))
	case linewatch.Uint:
		u, _ := strconv.ParseUint(v.String(), 10, 64) // cannot fail for this kind
		return binary.AppendUvarint(dst, u)
	case linewatch.String:
		return appendText(dst, v.Str())
	}
	return dst
}

// decoder decodes payloads and shares the names that return again and again.
type decoder struct {
	names map[string]string
	data  []byte
	kind  linewatch.Kind // of the value to come
	bad   bool
}

// maxNames bounds the shared names; beyond it they are learned anew.
const maxNames = 100_000

func (d *decoder) point(payload []byte) (p linewatch.DataPoint, err error) {
	if p, err = d.head(payload); err != nil {
		return p, err
	}
	return p, d.rest(&p)
}

// head decodes no more than it takes to know whose point it is, and which.
func (d *decoder) head(payload []byte) (p linewatch.DataPoint, err error) {
	d.data, d.bad = payload, false
	head := d.take(3)
	if d.bad {
		return p, errPayload
	}
	p.Quality, p.Flags = linewatch.Quality(head[0]), linewatch.Flags(head[1])
	d.kind = linewatch.Kind(head[2])
	p.Epoch, p.Sequence = d.uvarint(), d.uvarint()
	p.Timestamp = linewatch.Time(d.varint())
	p.CreatedAt = p.Timestamp + linewatch.Time(d.varint())
	p.Source = d.name()
	if d.bad || p.Quality > linewatch.Ok {
		return p, errPayload
	}
	return p, nil
}

// rest decodes what head has left.
func (d *decoder) rest(p *linewatch.DataPoint) error {
	p.Equipment, p.Tag, p.Cause = d.name(), d.name(), d.name()
	p.Value = d.value(d.kind)
	if d.bad || len(d.data) > 0 {
		return errPayload
	}
	return nil
}

func (d *decoder) value(kind linewatch.Kind) linewatch.Value {
	switch kind {
	case linewatch.Null:
	case linewatch.Bool:
		return linewatch.BoolValue(d.take(1)[0] == 1)
	case linewatch.Int:
		return linewatch.IntValue(d.varint())
	case linewatch.Float:
		return linewatch.FloatValue(math.Float64frombits(binary.LittleEndian.Uint64(d.take(8))))
	case linewatch.Uint:
		return linewatch.UintValue(d.uvarint())
	case linewatch.String:
		return linewatch.StringValue(string(d.take(d.uvarint())))
	default:
		d.bad = true
	}
	return linewatch.Value{}
}

// take returns the next n bytes, or n zeros (at most 8) when there are fewer.
func (d *decoder) take(n uint64) []byte {
	if d.bad || n > uint64(len(d.data)) {
		d.bad = true
		return make([]byte, min(n, 8))
	}
	taken := d.data[:n]
	d.data = d.data[n:]
	return taken
}

func (d *decoder) name() string {
	raw := d.take(d.uvarint())
	if len(raw) == 0 {
		return ""
	}
	if name, ok := d.names[string(raw)]; ok {
		return name
	}
	if d.bad {
		return ""
	}
	if d.names == nil || len(d.names) >= maxNames {
		d.names = map[string]string{}
	}
	name := string(raw)
	d.names[name] = name
	return name
}

func (d *decoder) uvarint() uint64 {
	u, n := binary.Uvarint(d.data)
	return u * d.skip(n)
}

func (d *decoder) varint() int64 {
	i, n := binary.Varint(d.data)
	return i * int64(d.skip(n))
}

// skip passes n bytes and returns 1, or 0 if n says that there was no number.
func (d *decoder) skip(n int) uint64 {
	if d.bad || n <= 0 {
		d.bad = true
		return 0
	}
	d.data = d.data[n:]
	return 1
}
