package linewatch

import (
	"math"
	"time"
)

// Time is an instant in milliseconds since 1970-01-01 UTC: event time, arrival
// stamp or watermark, as the context says.
type Time int64

// NoTime means "unknown". It orders before every instant, and no arithmetic
// may be done on it: Add returns it unchanged.
const NoTime Time = math.MinInt64

// MaxTime is the last representable instant.
const MaxTime Time = math.MaxInt64

// Add returns t plus d, saturating at the ends of the range. NoTime stays
// NoTime.
func (t Time) Add(d Duration) Time {
	if t == NoTime {
		return NoTime
	}
	sum := t + Time(d)
	switch {
	case d > 0 && sum < t:
		return MaxTime
	case d < 0 && (sum > t || sum == NoTime):
		return NoTime + 1
	}
	return sum
}

// Sub returns t minus u, saturating at the ends of the range.
func (t Time) Sub(u Time) Duration {
	d := t - u
	switch {
	case t > u && d < 0:
		return Duration(math.MaxInt64)
	case t < u && d > 0:
		return Duration(math.MinInt64)
	}
	return Duration(d)
}

// Known reports whether t is an instant at all.
func (t Time) Known() bool { return t != NoTime }

// String formats t in UTC with milliseconds, or "none" for NoTime.
func (t Time) String() string {
	if t == NoTime {
		return "none"
	}
	return time.UnixMilli(int64(t)).UTC().Format("2006-01-02T15:04:05.000Z")
}

// TimeOf converts a standard library time, cutting it to the millisecond.
func TimeOf(t time.Time) Time { return Time(t.UnixMilli()) }

// Duration is a span in milliseconds.
type Duration int64

// The usual spans.
const (
	Millisecond Duration = 1
	Second               = 1000 * Millisecond
	Minute               = 60 * Second
	Hour                 = 60 * Minute
	Day                  = 24 * Hour
)

// Std converts d for use with the standard library, saturating at its range.
func (d Duration) Std() time.Duration {
	const most = Duration(math.MaxInt64 / int64(time.Millisecond))
	return time.Duration(min(max(d, -most), most)) * time.Millisecond
}

// String formats d as the rule files write it: 500ms, 30s, 5m, 2h, 1d, the
// largest unit that divides it.
func (d Duration) String() string { return formatDuration(d) }
