package ingest

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/klauspost/compress/zstd"

	"linewatch"
)

// kplMagic begins a record that the Kinesis Producer Library has aggregated.
const kplMagic = "\xf3\x89\x9a\xc2"

// maxGateways is how many gateway ids a Decoder remembers.
const maxGateways = 1024

// Block is what one log record holds.
type Block struct {
	Gateway  string // who sent it; with a point's source it makes up the sender
	Points   []linewatch.DataPoint
	Rejected []Reject
}

// Decoder unpacks log records. It keeps its buffers: once it has seen the
// largest record and the names in use, decoding allocates nothing. Two
// goroutines must not use one at once.
type Decoder struct {
	gateway  string // of records that do not name one
	zstd     *zstd.Decoder
	codec    linewatch.Decoder
	lines    []byte
	gateways map[string]string
	block    Block
}

// NewDecoder returns a Decoder. Points that come as plain JSON, without the
// header of a block, are taken to be sent by the given gateway.
func NewDecoder(gateway string) (*Decoder, error) {
	if !linewatch.ValidName(gateway) {
		return nil, fmt.Errorf("gateway %.200q: want 1 to 128 of A-Z a-z 0-9 . _ : -", gateway)
	}
	// The window is what the sender may make us buffer, and is checked before
	// the memory limit is; the latter bounds the result.
	z, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
		zstd.WithDecoderMaxWindow(MaxBlockBytes), zstd.WithDecoderMaxMemory(MaxBlockBytes), zstd.WithDecodeAllCapLimit(true))
	if err != nil {
		return nil, fmt.Errorf("create zstd decoder: %w", err)
	}
	return &Decoder{gateway: gateway, zstd: z, gateways: make(map[string]string)}, nil
}

// Decode unpacks one log record: a block, or plain JSON, that is one point, an
// array of points, or one point per line. A point that cannot be used is
// rejected alone; a record that cannot be taken apart is one reject. Every
// record gives at least one point or reject, and the same record always gives
// the same ones in the same order.
//
// Points and Rejected are valid until the next call. What they point to (their
// strings, and the Raw of a reject) stays valid.
func (d *Decoder) Decode(data []byte) Block {
	clear(d.block.Rejected)
	d.block = Block{Gateway: d.gateway, Points: d.block.Points[:0], Rejected: d.block.Rejected[:0]}
	switch {
	case hasPrefix(data, blockMagic):
		if err := d.packed(data); err != nil {
			d.refuse(err, data)
		}
	case hasPrefix(data, kplMagic):
		d.refuse(fmt.Errorf("%w: send plain records instead", ErrAggregated), data)
	case len(data) > MaxBlockBytes:
		d.refuse(fmt.Errorf("%w: %d bytes", ErrBlockSize, len(data)), data)
	default:
		d.plain(data)
	}
	return d.block
}

func hasPrefix(b []byte, magic string) bool {
	return len(b) >= len(magic) && string(b[:len(magic)]) == magic
}

// refuse rejects the whole record.
func (d *Decoder) refuse(err error, data []byte) {
	var code linewatch.ErrorCode
	errors.As(err, &code)
	d.block.Rejected = append(d.block.Rejected, reject(code, err, data))
}

// packed unpacks a block. An error concerns all of it, and none of its points
// is used.
func (d *Decoder) packed(data []byte) error {
	h, err := parseHeader(data)
	if err != nil {
		return err
	}
	d.block.Gateway = d.share(h.gateway)
	if cap(d.lines) < h.size {
		d.lines = make([]byte, 0, h.size)
	}
	// The capacity limits what the decompressor writes: no more than the
	// header promised, whatever the frame says.
	lines, err := d.zstd.DecodeAll(h.data, d.lines[:0:h.size])
	if err != nil {
		return fmt.Errorf("%w: %w", ErrBlockData, err)
	}
	if len(lines) != h.size || bytes.Count(lines, []byte("\n")) != h.count || lines[h.size-1] != '\n' {
		return fmt.Errorf("%w: %d bytes are not the %d lines in %d bytes that the header says", ErrBlockData, len(lines), h.count, h.size)
	}
	for len(lines) > 0 {
		end := bytes.IndexByte(lines, '\n')
		d.point(lines[:end])
		lines = lines[end+1:]
	}
	return nil
}

// share returns the gateway id as a string without allocating for one that is
// known. The memory is bounded: it starts afresh when too many ids came by.
func (d *Decoder) share(id []byte) string {
	if s, ok := d.gateways[string(id)]; ok {
		return s
	}
	if len(d.gateways) >= maxGateways {
		clear(d.gateways)
	}
	s := string(id)
	d.gateways[s] = s
	return s
}

// point decodes text that holds one point and nothing else.
func (d *Decoder) point(text []byte) {
	p := d.slot()
	if err := d.codec.Decode(text, p); err != nil {
		d.drop(err, text)
	}
}

// slot adds a place for a point to the result.
func (d *Decoder) slot() *linewatch.DataPoint {
	d.block.Points = append(d.block.Points, linewatch.DataPoint{})
	return &d.block.Points[len(d.block.Points)-1]
}

// drop takes the latest place back and rejects what should have filled it.
func (d *Decoder) drop(err error, raw []byte) {
	d.block.Points = d.block.Points[:len(d.block.Points)-1]
	d.block.Rejected = append(d.block.Rejected, rejectPoint(err, raw))
}
