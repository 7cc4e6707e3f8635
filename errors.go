package linewatch

import "strconv"

// ErrorCode is the reason for which a data point was refused. It counts and
// labels rejects, and is itself an error, so that errors.Is(err, ErrRange)
// works on whatever the codec returns.
type ErrorCode string

// The reasons for which a data point is refused.
const (
	ErrNotObject ErrorCode = "ERR_NOT_OBJECT" // empty, or JSON but not an object
	ErrSyntax    ErrorCode = "ERR_SYNTAX"     // not JSON, cut off, or nested too deeply
	ErrTrailing  ErrorCode = "ERR_TRAILING"   // something follows the object
	ErrDupKey    ErrorCode = "ERR_DUP_KEY"    // an object names a member twice
	ErrUTF8      ErrorCode = "ERR_UTF8"       // invalid UTF-8 or a lone surrogate
	ErrSize      ErrorCode = "ERR_SIZE"       // more bytes or members than a point may have
	ErrVersion   ErrorCode = "ERR_VERSION"    // version missing or not 1
	ErrTimestamp ErrorCode = "ERR_TIMESTAMP"  // timestamp or createdAt missing or not a 64-bit integer
	ErrID        ErrorCode = "ERR_ID"         // equipmentId or sourceId missing or malformed
	ErrTag       ErrorCode = "ERR_TAG"        // tag missing or malformed
	ErrValue     ErrorCode = "ERR_VALUE"      // value of a type or size that a point cannot have
	ErrRange     ErrorCode = "ERR_RANGE"      // value beyond 64-bit integers and finite floats
	ErrQuality   ErrorCode = "ERR_QUALITY"    // quality is not a string, or not one of the three
	ErrMeta      ErrorCode = "ERR_META"       // meta missing or not an object
	ErrSequence  ErrorCode = "ERR_SEQUENCE"   // sequenceNumber or epoch missing, malformed or out of place
	ErrFlags     ErrorCode = "ERR_FLAGS"      // flags malformed, too many, or at odds with the tag
	ErrCause     ErrorCode = "ERR_CAUSE"      // cause is not a string or too long
)

// Error implements error.
func (c ErrorCode) Error() string { return string(c) }

// PointError says why a data point was refused.
type PointError struct {
	Code   ErrorCode
	Field  string // the member concerned, such as meta.epoch; empty for the whole point
	Offset int    // byte offset in the input; -1 when there was none
	Detail string // for people
}

// Error returns code, field, detail and offset on one line. It never holds
// bytes of the input.
func (e *PointError) Error() string {
	s := string(e.Code)
	if e.Field != "" {
		s += ": " + e.Field
	}
	s += ": " + e.Detail
	if e.Offset >= 0 {
		s += " at byte " + strconv.Itoa(e.Offset)
	}
	return s
}

// Unwrap returns the code, so that errors.Is matches it.
func (e *PointError) Unwrap() error { return e.Code }
