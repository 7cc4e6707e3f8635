package boltfile

import (
	"errors"
	"io/fs"
	"syscall"
)

// The reasons for which a data file cannot be used. They are found with
// errors.Is in what Open, MakeDir, Explain and Guard return.
var (
	// ErrLocked says that another process has the data open.
	ErrLocked = errors.New("second process on the same data")
	// ErrNotWritable says that the file system or its permissions forbid
	// writing.
	ErrNotWritable = errors.New("not writable")
	// ErrNoDir says that a directory for data cannot be made where it should be.
	ErrNoDir = errors.New("cannot be made")
	// ErrNetwork says that data would lie on another machine's disk, where locks
	// and flushes are not what they are here.
	ErrNetwork = errors.New("on a network file system")
	// ErrEmpty says that a file that should hold a store has 0 bytes.
	ErrEmpty = errors.New("file is empty although it existed before")
	// ErrTruncated says that a file is shorter than its own header demands.
	ErrTruncated = errors.New("file is truncated")
	// ErrCorrupt says that a file's content is not what was written.
	ErrCorrupt = errors.New("file is corrupt")
)

// Error is a reason together with the path it concerns and what to do.
type Error struct {
	Path   string
	Reason error  // one of the sentinels above
	Remedy string // what the operator can do
	Cause  error  // the error below, or nil
}

// Error returns "path: reason: cause; remedy".
func (e *Error) Error() string {
	text := e.Path + ": " + e.Reason.Error()
	if e.Cause != nil {
		text += ": " + e.Cause.Error()
	}
	if e.Remedy != "" {
		text += "; " + e.Remedy
	}
	return text
}

// Unwrap returns the reason and the cause.
func (e *Error) Unwrap() []error {
	if e.Cause == nil {
		return []error{e.Reason}
	}
	return []error{e.Reason, e.Cause}
}

const (
	remedyLocked  = "stop the other process, or give this one its own data directory"
	remedyWrite   = "give this user write permission, or choose another data directory"
	remedyChoose  = "choose another data directory"
	remedyDamaged = "move the file away to keep it for examination, or restore it from a backup"
)

// Locked returns the error for data at path that another process uses.
func Locked(path string) error {
	return &Error{Path: path, Reason: ErrLocked, Remedy: remedyLocked}
}

// Damaged returns the error for a damaged file; reason is one of the
// sentinels.
func Damaged(path string, reason, cause error) error {
	return &Error{Path: path, Reason: reason, Remedy: remedyDamaged, Cause: cause}
}

// Explain turns an error of the file system about path into an Error with
// ErrNotWritable where that is what it means, and returns any other error
// unchanged.
func Explain(path string, err error) error {
	if errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EROFS) {
		return &Error{Path: path, Reason: ErrNotWritable, Remedy: remedyWrite, Cause: plain(err)}
	}
	return err
}

// plain drops the path that an Error names already.
func plain(err error) error {
	if p, ok := errors.AsType[*fs.PathError](err); ok {
		return p.Err
	}
	return err
}
