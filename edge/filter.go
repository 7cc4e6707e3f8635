package edge

import (
	"fmt"

	"linewatch"
)

// Causes that the agent itself gives.
const (
	CauseLost        = "connection lost"      // the PLC was read before and cannot be now
	CauseUnreachable = "source not reachable" // the PLC has not been read since the start
	causeTooLong     = "string longer than 1024 bytes"
)

// filter turns readings into points and lets only changes through: of value,
// quality or cause, and the first of a tag after a connect.
type filter struct {
	source string
	tags   []tagState
	good   int                   // tags of quality Ok
	points []linewatch.DataPoint // reused
}

// tagState is what was last let through of a tag.
type tagState struct {
	equipment, name, cause string
	value                  linewatch.Value
	quality                linewatch.Quality
	known                  bool // there was something
	first                  bool // the next one is the first after a connect
}

func newFilter(c SourceConfig) *filter {
	f := &filter{source: c.ID, tags: make([]tagState, len(c.Tags))}
	for i, t := range c.Tags {
		f.tags[i] = tagState{equipment: t.Equipment, name: t.Name}
	}
	return f
}

// scan returns the points of a scan: what changed, flagged Fst where it is the
// first of its tag after a connect. The slice is valid until the next call.
func (f *filter) scan(s Scan, at, now linewatch.Time) ([]linewatch.DataPoint, error) {
	f.points = f.points[:0]
	if s.First {
		for i := range f.tags {
			f.tags[i].first = true
		}
	}
	for i := range s.Readings {
		r := &s.Readings[i]
		if r.Tag < 0 || r.Tag >= len(f.tags) {
			return nil, fmt.Errorf("reading of tag number %d, and there are %d", r.Tag, len(f.tags))
		}
		t := &f.tags[r.Tag]
		value, quality, cause := r.Value, r.Quality, r.Cause
		if len(value.Str()) > linewatch.MaxString {
			value, quality, cause = linewatch.Value{}, linewatch.Bad, causeTooLong
		}
		if t.known && !t.first && t.value == value && t.quality == quality && t.cause == cause {
			continue
		}
		flags := linewatch.Assigned
		if t.first || !t.known {
			flags |= linewatch.First
		}
		t.first = false
		f.set(t, value, quality, cause)
		f.add(t, flags, at, now)
	}
	return f.points, nil
}

// lost returns a Bad point for each tag that does not say so already. A tag
// that was read before is flagged Lst.
func (f *filter) lost(cause string, at, now linewatch.Time) []linewatch.DataPoint {
	f.points = f.points[:0]
	for i := range f.tags {
		t := &f.tags[i]
		if t.known && t.quality == linewatch.Bad && (t.cause == CauseLost || t.cause == CauseUnreachable) {
			continue
		}
		flags := linewatch.Assigned
		if t.known {
			flags |= linewatch.Last
		}
		f.set(t, linewatch.Value{}, linewatch.Bad, cause)
		f.add(t, flags, at, now)
	}
	return f.points
}

// last returns the last point of each tag once more, flagged Lst.
func (f *filter) last(at, now linewatch.Time) []linewatch.DataPoint {
	f.points = f.points[:0]
	for i := range f.tags {
		if t := &f.tags[i]; t.known {
			f.add(t, linewatch.Assigned|linewatch.Last, at, now)
		}
	}
	return f.points
}

func (f *filter) set(t *tagState, value linewatch.Value, quality linewatch.Quality, cause string) {
	if t.quality == linewatch.Ok {
		f.good--
	}
	if quality == linewatch.Ok {
		f.good++
	}
	t.value, t.quality, t.cause, t.known = value, quality, cause, true
}

func (f *filter) add(t *tagState, flags linewatch.Flags, at, now linewatch.Time) {
	f.points = append(f.points, linewatch.DataPoint{
		Timestamp: at, CreatedAt: now, Equipment: t.equipment, Tag: t.name, Value: t.value,
		Source: f.source, Cause: t.cause, Quality: t.quality, Flags: flags,
	})
}

// trouble describes the tags without a good value; empty if there are none.
func (f *filter) trouble() string {
	for i := range f.tags {
		if t := &f.tags[i]; t.known && t.quality != linewatch.Ok {
			return fmt.Sprintf("tag %s: %s (%d of %d tags are not Ok)", t.name, t.cause, len(f.tags)-f.good, len(f.tags))
		}
	}
	return ""
}
