package edge

import (
	"context"

	"linewatch"
)

// Source reads one PLC. It is a sender: it has its own clock and sequence.
//
// Run reads until ctx ends and returns nil then; an unreachable PLC is not an
// error but a Scan with Err set, after which Run tries again by itself. It
// calls emit from one goroutine, in time order. emit returns when the scan's
// points are on disk, so that a slow disk slows the reading down instead of
// filling the memory, and soon after the agent has been stopped; if it fails,
// Run returns that error.
type Source interface {
	Run(ctx context.Context, emit func(Scan) error) error
}

// Scan is what one round of reading gave. emit does not keep it.
type Scan struct {
	// Readings holds at most one reading per tag, in any order; a source with
	// times of its own may give several of a tag, in the order of their times.
	// A tag that is missing is unchanged.
	Readings []Reading
	// First says that the connection is new, so that each tag's value is the
	// first one after the connect.
	First bool
	// Err says why the PLC cannot be read. There are no readings then.
	Err error
	// Waiting says why the source cannot be read at the moment though it may yet
	// come back with all that happened meanwhile. Nothing else is said then, and
	// nothing is known to be lost: only people are told.
	Waiting error
	// Missed counts the scans that were due since the last one and left out,
	// because reading or writing took too long.
	Missed int
	// Through is, in the source's own clock, the time up to which it has given
	// everything: a later scan holds later readings only. NoTime says that
	// this cannot be told yet, and 0 that the source has no times of its own.
	// Heartbeats say the newest Through, and none are sent before the first,
	// nor after an Err that comes with none: the source is then silent, and
	// the engine goes on without it.
	Through linewatch.Time
	// Overflows counts readings before which the source had to drop others,
	// and Interrupted says that what happened since the scan before is lost:
	// the subscription did not survive, and each tag's next value is again a
	// first one. How many values that were, nobody knows.
	//
	// A scan of a source with its own times that follows an Err and is neither
	// First nor Interrupted says that nothing was lost: tags that it does not
	// mention are what they were before the Err.
	Overflows   int
	Interrupted bool
}

// Reading is the state of one tag at the time of a scan.
type Reading struct {
	Tag     int // index into SourceConfig.Tags
	Value   linewatch.Value
	Quality linewatch.Quality
	Cause   string // why the quality is not Ok; empty otherwise
	// At is when it became so, in the source's own clock; 0 if the source has
	// no times, which makes it the time of the scan. The first value of a tag
	// after a connect may lie far back: it is moved up to the connect.
	At linewatch.Time
	// Assigned says that At is an estimate of the adapter, because this one
	// reading came without a time that can be used.
	Assigned bool
}
