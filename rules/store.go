package rules

import (
	"context"
	"errors"
	"fmt"

	"linewatch"
)

// Store keeps what a bucket needs to survive a crash: the snapshot of its
// state, which holds its position too, and the changes it has emitted.
//
// A bucket numbers its outputs 0, 1, 2, ... in the order in which it emits
// them, and emits the same ones again whenever it starts from the same
// snapshot and reads the same records. The contract:
//
//   - A Commit is atomic and durable: when it has returned, its outputs and its
//     snapshot, if it brought one, are on disk together; after a crash at any
//     moment either all of it is there or nothing.
//   - After a crash the bucket starts from Load's snapshot and emits again from
//     output number Checkpoint.Emitted on. An output whose number is stored
//     already is compared by its canonical bytes: the same bytes change
//     nothing; other bytes are a divergence, in which case the first output
//     stays, and Commit reports it (see DivergedError).
//   - Numbers leave no gap: a Commit whose First is beyond the next free number
//     is refused with ErrOutputGap, and one whose snapshot goes back behind the
//     stored one, or ahead of the outputs, with ErrSnapshotOrder. A refused
//     Commit changes nothing.
//   - Buckets are independent of one another and may be used concurrently; the
//     calls of one bucket come one after the other.
//   - The snapshot of a Commit is the caller's again when that has returned.
//
// A call that finds damage returns ErrCorrupt. Calls return when the work is
// done; a Commit that has begun is not abandoned when ctx ends.
type Store interface {
	// Load returns the last committed checkpoint of a bucket; the zero
	// Checkpoint for one that is not known.
	Load(ctx context.Context, bucket int) (Checkpoint, error)
	// Commit stores outputs and, when there is one, a snapshot.
	Commit(ctx context.Context, bucket int, c Commit) error
	// Buckets lists the buckets that were ever committed, in ascending order.
	Buckets(ctx context.Context) ([]int, error)
}

// Outbox hands out what was committed and not yet published. Publishing may
// repeat: the mark that Published sets becomes durable with the bucket's next
// Commit or an orderly close, and a crash before that shows the outputs again.
// An output is deleted when it is published and lies below the Emitted of the
// stored snapshot, so that it cannot be emitted again.
type Outbox interface {
	// Pending returns outputs of a bucket in the order of their numbers, at
	// most max, beginning with the first that is neither published nor below
	// from.
	Pending(ctx context.Context, bucket int, from uint64, max int) ([]Output, error)
	// Published says that all outputs below upTo have reached every reader that
	// must not miss them. A lower upTo than before changes nothing; one beyond
	// the last output is refused with ErrOutputGap.
	Published(ctx context.Context, bucket int, upTo uint64) error
}

// Checkpoint is where a bucket starts.
type Checkpoint struct {
	Snapshot []byte // nil: none was committed yet
	Emitted  uint64 // number of outputs up to the snapshot: the next one gets this number
}

// Commit is one step of a bucket.
type Commit struct {
	Snapshot []byte                  // nil: keep the stored one
	Emitted  uint64                  // belongs to Snapshot, see Checkpoint; ignored without one
	First    uint64                  // output number of Changes[0]; ignored without changes
	Changes  []linewatch.StateChange // in the order of emission
}

// Output is one committed change.
type Output struct {
	Number uint64
	Change []byte // JSON with observed, as StateChange.AppendJSON wrote it
}

// What a Store refuses.
var (
	// ErrOutputGap: an output number lies beyond the next free one.
	ErrOutputGap = errors.New("output numbers leave a gap")
	// ErrSnapshotOrder: a snapshot is older than the stored one, or claims
	// outputs that were never committed.
	ErrSnapshotOrder = errors.New("snapshot does not fit the stored outputs")
	// ErrCorrupt: what is stored fails its checksum.
	ErrCorrupt = errors.New("stored state is damaged")
)

// DivergedError reports that outputs were emitted again with other bytes. It
// is not fatal: the commit has taken effect, with the outputs that were stored
// first. Find it with errors.As; it never comes together with another error.
type DivergedError struct {
	Bucket  int
	Numbers []uint64 // of the outputs that differ
	Stored  []byte   // canonical bytes of the first of them, as stored
	Emitted []byte   // and as emitted now
}

// Error implements error.
func (e *DivergedError) Error() string {
	return fmt.Sprintf("bucket %d: %d outputs, first number %d, were emitted again with other bytes; the stored ones stay",
		e.Bucket, len(e.Numbers), e.Numbers[0])
}
