package ingest

import (
	"bytes"

	"linewatch"
)

// The reasons for which a whole record is refused; those that concern a single
// point are in package linewatch.
const (
	ErrAggregated   linewatch.ErrorCode = "ERR_KPL_AGGREGATE" // packed by the Kinesis Producer Library, which is not supported
	ErrBlockHeader  linewatch.ErrorCode = "ERR_BLOCK_HEADER"  // cut off, or with a malformed gateway id
	ErrBlockVersion linewatch.ErrorCode = "ERR_BLOCK_VERSION" // a block format that is not known here
	ErrBlockCRC     linewatch.ErrorCode = "ERR_BLOCK_CRC"     // damaged on the way
	ErrBlockData    linewatch.ErrorCode = "ERR_BLOCK_DATA"    // does not decompress to what its header says
	ErrBlockSize    linewatch.ErrorCode = "ERR_BLOCK_SIZE"    // more bytes or points than a record may hold
)

// maxRaw is how much of a refused item is kept.
const maxRaw = 4 << 10

// Reject is something that was refused, a single point or a whole record.
type Reject struct {
	Code linewatch.ErrorCode // the one reason under which it is counted
	Err  error               // the details, for people; matches Code under errors.Is
	Raw  []byte              // a copy of its first 4 KiB
}

// reject returns a Reject that holds a copy of raw.
func reject(code linewatch.ErrorCode, err error, raw []byte) Reject {
	return Reject{Code: code, Err: err, Raw: bytes.Clone(raw[:min(len(raw), maxRaw)])}
}

// rejectPoint returns a Reject for an error of the point decoder.
func rejectPoint(err error, raw []byte) Reject {
	code := linewatch.ErrSyntax
	if pe, ok := err.(*linewatch.PointError); ok {
		code = pe.Code
	}
	return reject(code, err, raw)
}
