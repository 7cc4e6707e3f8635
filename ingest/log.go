package ingest

import (
	"context"
	"errors"
	"fmt"

	"linewatch"
)

// Log is a partitioned, durable, append-only log. Its methods may be called
// concurrently.
//
// Order: the records of a partition have the offsets 0, 1, 2, ... in the order
// in which they were stored. The data of one Append are adjacent and in their
// order; two Appends by one caller, the second made after the first returned,
// are stored in that order.
//
// Durability: what Append acknowledged is found again after any crash. What it
// refused with an error may be found or not, all of it or nothing; after
// ErrPartition, ErrTooLarge or ErrClosed nothing was stored.
//
// Stamps: Record.Arrival is given by the log from its clock and is a running
// maximum per partition, whatever the clock does: one that steps back gives
// equal stamps until it has caught up.
//
// Silence: a log says how far each partition is closed, so that the passing of
// time without records is a fact of the log, too. See Batch.ClosedAt. The
// statement holds for ever: it survives a crash, and the first stamp after it
// is later whatever the clock says then.
type Log interface {
	// Partitions returns their number, which never changes.
	Partitions() int

	// Append stores each element of data as one record and returns once all of
	// them are on stable storage. Several callers share one flush. It waits
	// while the queue in front of the storage is full; ctx ends that wait, but
	// not the flush itself. The elements may be reused after the return.
	//
	// Errors: ErrPartition, ErrTooLarge, ErrClosed, ctx's, or one of the
	// storage. It may be retried after the latter, at the risk of storing
	// twice.
	Append(ctx context.Context, partition int, data ...[]byte) error

	// Read returns records from the offset from on, at least one if there is
	// one, and at most limit (or 1, if limit is less). It may return fewer than
	// there are. When there are none it waits for the next one, or about 200 ms
	// so that ClosedAt moves on, whichever is first.
	//
	// Errors: ErrPartition, ErrTrimmed, ErrBeyond, ErrCorrupt, ErrClosed, ctx's,
	// or one of the storage, which is no loss and may go away.
	Read(ctx context.Context, partition int, from uint64, limit int) (Batch, error)
}

// Trimmer is a Log that can forget.
type Trimmer interface {
	// Trim gives up the records of a partition with offsets below before.
	// Their storage is given back some time later; reading them fails with
	// ErrTrimmed at once. What is after the end of the partition stays.
	Trim(ctx context.Context, partition int, before uint64) error
}

// Batch is what one Read found.
type Batch struct {
	Records []linewatch.Record
	// ClosedAt says that every record which is appended to this partition
	// after the last one of this batch is stamped later than ClosedAt. It never
	// goes back. NoTime when the batch does not reach the end of what is
	// stored, for then the next record says more.
	ClosedAt linewatch.Time
}

// MaxRecord is the size of the largest record in bytes.
const MaxRecord = 1 << 20

// The errors of a Log, found with errors.Is.
var (
	// ErrPartition says that there is no such partition.
	ErrPartition = errors.New("no such partition")
	// ErrTooLarge says that a record exceeds MaxRecord.
	ErrTooLarge = errors.New("record is too large")
	// ErrClosed says that the log was closed.
	ErrClosed = errors.New("log is closed")
	// ErrTrimmed says that the offset was given up. The error is a
	// *TrimmedError.
	ErrTrimmed = errors.New("offset is trimmed")
	// ErrBeyond says that the offset lies after the next one to be stored: the
	// reader knows of records that this log does not have. The error is a
	// *BeyondError.
	ErrBeyond = errors.New("offset is beyond the end of the log")
	// ErrCorrupt says that the record asked for is lost. The error is a
	// *CorruptError, which says where to go on.
	ErrCorrupt = errors.New("record is corrupt")
)

// TrimmedError says that an offset was given up by Trim.
type TrimmedError struct {
	Partition int
	Offset    uint64 // what was asked for
	First     uint64 // the lowest that can be read
}

// Error implements error.
func (e *TrimmedError) Error() string {
	return fmt.Sprintf("partition %d: offset %d is trimmed, the log starts at %d", e.Partition, e.Offset, e.First)
}

// Is reports whether target is ErrTrimmed.
func (e *TrimmedError) Is(target error) bool { return target == ErrTrimmed }

// BeyondError says that an offset lies after the end of the log.
type BeyondError struct {
	Partition int
	Offset    uint64 // what was asked for
	Next      uint64 // what the next record will get
}

// Error implements error.
func (e *BeyondError) Error() string {
	return fmt.Sprintf("partition %d: offset %d is beyond the end of the log, which is %d", e.Partition, e.Offset, e.Next)
}

// Is reports whether target is ErrBeyond.
func (e *BeyondError) Is(target error) bool { return target == ErrBeyond }

// CorruptError says which records are lost. A reader that goes on does so at
// Last + 1; it meets the same loss whenever it comes by, so that a replay sees
// what the first pass saw.
type CorruptError struct {
	Partition   int
	First, Last uint64 // the offsets lost, both included
	Path        string // the damaged file
	Cause       error  // what is wrong with it, or nil
}

// Error implements error.
func (e *CorruptError) Error() string {
	text := fmt.Sprintf("partition %d: offsets %d to %d are lost in %s", e.Partition, e.First, e.Last, e.Path)
	if e.Cause != nil {
		text += ": " + e.Cause.Error()
	}
	return text
}

// Is reports whether target is ErrCorrupt.
func (e *CorruptError) Is(target error) bool { return target == ErrCorrupt }

// Unwrap returns the cause.
func (e *CorruptError) Unwrap() error { return e.Cause }

// CheckRecords returns ErrTooLarge, with the place, if one of data exceeds
// MaxRecord.
func CheckRecords(data [][]byte) error {
	for i, d := range data {
		if len(d) > MaxRecord {
			return fmt.Errorf("record %d of %d bytes: %w (at most %d)", i, len(d), ErrTooLarge, MaxRecord)
		}
	}
	return nil
}
