package ingest

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"

	"github.com/klauspost/compress/zstd"

	"linewatch"
)

// The limits of a record, the same for blocks and plain JSON. They bound what
// a hostile record can cost.
const (
	MaxBlockPoints = 1 << 16  // points
	MaxBlockBytes  = 16 << 20 // bytes of JSON
)

// A block is
//
//	magic      4 bytes, the first of which never begins JSON, UTF-8 or zstd
//	version    1 byte
//	checksum   4 bytes, CRC-32C of all that follows
//	count      4 bytes, points
//	size       4 bytes, of the JSON
//	gateway    1 byte length and as many bytes
//	data       one zstd frame: one point per line, each line ended by \n
//
// with integers in little-endian order.
const (
	blockMagic   = "\xc1LWB"
	blockVersion = 1
	checksumAt   = len(blockMagic) + 1
	countAt      = checksumAt + 4
	sizeAt       = countAt + 4
	gatewayAt    = sizeAt + 4
)

// checksum returns the CRC-32C of what it covers in a block.
func checksum(block []byte) uint32 {
	return crc32.Checksum(block[countAt:], crc32.MakeTable(crc32.Castagnoli))
}

// Encoder packs points into blocks. It keeps its buffers, so one Encoder per
// sender of blocks is enough, and two goroutines must not use one at once.
type Encoder struct {
	zstd  *zstd.Encoder
	lines []byte
}

// NewEncoder returns an Encoder. The error is one of the compressor and does
// not depend on input.
func NewEncoder() (*Encoder, error) {
	z, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1),
		zstd.WithEncoderCRC(false), zstd.WithWindowSize(1<<20), zstd.WithLowerEncoderMem(true))
	if err != nil {
		return nil, fmt.Errorf("create zstd encoder: %w", err)
	}
	return &Encoder{zstd: z}, nil
}

// AppendBlock appends one block with the points of one gateway, in their order,
// and returns the extended buffer. The points must be valid: the receiver
// rejects those that are not.
//
// On error nothing is appended. It is an error if gateway is not a valid id,
// if there is no point, and, with ErrBlockSize, if they exceed the limits of a
// block or of a log record; the caller then sends them in two.
func (e *Encoder) AppendBlock(dst []byte, gateway string, points []linewatch.DataPoint) ([]byte, error) {
	if !linewatch.ValidName(gateway) {
		return dst, fmt.Errorf("gateway %.200q: want 1 to 128 of A-Z a-z 0-9 . _ : -", gateway)
	}
	if len(points) == 0 {
		return dst, fmt.Errorf("a block has at least one point")
	}
	if len(points) > MaxBlockPoints {
		return dst, fmt.Errorf("%d points: %w", len(points), ErrBlockSize)
	}
	e.lines = e.lines[:0]
	for i := range points {
		e.lines = append(points[i].AppendJSON(e.lines), '\n')
		if len(e.lines) > MaxBlockBytes {
			return dst, fmt.Errorf("more than %d bytes of JSON: %w", MaxBlockBytes, ErrBlockSize)
		}
	}
	start := len(dst)
	dst = append(dst, blockMagic...)
	dst = append(dst, blockVersion, 0, 0, 0, 0)
	dst = binary.LittleEndian.AppendUint32(dst, uint32(len(points)))
	dst = binary.LittleEndian.AppendUint32(dst, uint32(len(e.lines)))
	dst = append(append(dst, byte(len(gateway))), gateway...)
	dst = e.zstd.EncodeAll(e.lines, dst)
	block := dst[start:]
	if len(block) > MaxRecord {
		return dst[:start], fmt.Errorf("%d bytes for a record: %w", len(block), ErrBlockSize)
	}
	binary.LittleEndian.PutUint32(block[checksumAt:], checksum(block))
	return dst, nil
}

// header is what stands before the data of a block.
type header struct {
	gateway []byte
	count   int
	size    int
	data    []byte
}

// parseHeader takes a block apart and checks all that can be checked without
// decompressing it.
func parseHeader(b []byte) (h header, err error) {
	if len(b) <= gatewayAt {
		return h, fmt.Errorf("%w: cut off after %d bytes", ErrBlockHeader, len(b))
	}
	if v := b[len(blockMagic)]; v != blockVersion {
		return h, fmt.Errorf("%w: version %d, only %d is known", ErrBlockVersion, v, blockVersion)
	}
	if want, got := binary.LittleEndian.Uint32(b[checksumAt:]), checksum(b); want != got {
		return h, fmt.Errorf("%w: header says %08x, content has %08x", ErrBlockCRC, want, got)
	}
	count, size := binary.LittleEndian.Uint32(b[countAt:]), binary.LittleEndian.Uint32(b[sizeAt:])
	if count == 0 || size == 0 {
		return h, fmt.Errorf("%w: no points", ErrBlockHeader)
	}
	if count > MaxBlockPoints || size > MaxBlockBytes {
		return h, fmt.Errorf("%w: %d points in %d bytes", ErrBlockSize, count, size)
	}
	rest := b[gatewayAt+1:]
	length := int(b[gatewayAt])
	if length > len(rest) || !linewatch.ValidName(string(rest[:length])) {
		return h, fmt.Errorf("%w: malformed gateway id", ErrBlockHeader)
	}
	return header{gateway: rest[:length], count: int(count), size: int(size), data: rest[length:]}, nil
}
