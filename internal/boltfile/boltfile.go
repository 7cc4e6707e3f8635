// Package boltfile opens bbolt files with the checks that bbolt leaves out: a
// file that was emptied or cut short is refused instead of becoming a new
// store or a fault, a second process gets an answer after a second instead of
// never, and whatever is wrong is said with the path and a remedy.
//
// It also holds the errors for damaged, locked and unwritable data that the
// other durable packages share. It knows nothing of what is stored.
package boltfile

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"syscall"
	"time"

	bolt "go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"
)

// Modes of what is created: the data is nobody else's business.
const (
	DirMode  = 0o700
	FileMode = 0o600
)

// lockTimeout is how long Open waits for another process to let go.
const lockTimeout = time.Second

// Options says how a file is opened. The zero value suits a small store.
type Options struct {
	// ReadOnly opens an existing file under a shared lock.
	ReadOnly bool
	// MustExist refuses to create a file that is not there.
	MustExist bool
	// MapSize is how much address space is mapped at once, in bytes. A writer
	// that outgrows it has to wait for all readers.
	MapSize int
	// GrowBy is the step by which a file grows, in bytes; 0 means bbolt's 16 MiB.
	GrowBy int
	// Logger hears of a damaged header page that the other one made up for;
	// nil means slog.Default.
	Logger *slog.Logger
}

// Open opens the store at path, and creates it and its directory unless
// told otherwise. The errors are an *Error with one of the sentinels, or an
// error of the file system that names the path.
func Open(path string, o Options) (*bolt.DB, error) {
	if err := prepare(path, o); err != nil {
		return nil, err
	}
	health, err := Check(path)
	if err != nil {
		return nil, err
	}
	if health.OneHeader {
		logger(o).Warn("one header page of the store is damaged, its newest transaction may be lost", "path", path)
	}
	// A reader loads no list of free pages, so that it is safe to lock with.
	reader := o
	reader.ReadOnly = true
	db, err := open(path, reader)
	if err != nil {
		return nil, err
	}
	if err := checkPages(path, !o.ReadOnly); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	if o.ReadOnly {
		return db, nil
	}
	if err := db.Close(); err != nil {
		return nil, translate(path, err)
	}
	if db, err = open(path, o); err != nil {
		return nil, err
	}
	if o.GrowBy > 0 {
		db.AllocSize = o.GrowBy
	}
	return db, nil
}

func open(path string, o Options) (db *bolt.DB, err error) {
	err = Guard(path, func() error {
		db, err = bolt.Open(path, FileMode, boltOptions(o))
		return err
	})
	if err != nil {
		return nil, translate(path, err)
	}
	return db, nil
}

func boltOptions(o Options) *bolt.Options {
	return &bolt.Options{
		Timeout:         lockTimeout,
		ReadOnly:        o.ReadOnly,
		InitialMmapSize: o.MapSize,
		FreelistType:    bolt.FreelistMapType,
		NoStatistics:    true,
	}
}

// prepare sees to it that there is a file at path, if there may be a new one.
func prepare(path string, o Options) error {
	_, err := os.Stat(path)
	switch {
	case err == nil:
		return nil
	case !errors.Is(err, fs.ErrNotExist):
		return translate(path, err)
	case o.ReadOnly || o.MustExist:
		return fmt.Errorf("open store: %w", err)
	}
	if err := MakeDir(filepath.Dir(path)); err != nil {
		return err
	}
	return create(path)
}

// create puts an empty store at path in one step, so that a crash in between
// does not leave a file of 0 bytes that looks like a loss.
func create(path string) error {
	draft := path + ".new"
	if err := os.Remove(draft); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return translate(path, err)
	}
	defer os.Remove(draft)
	db, err := bolt.Open(draft, FileMode, &bolt.Options{Timeout: lockTimeout})
	if err != nil {
		return translate(path, err)
	}
	if err := db.Close(); err != nil {
		return translate(path, err)
	}
	// A link, unlike a rename, never replaces what another process has put
	// there meanwhile.
	if err := os.Link(draft, path); err != nil && !errors.Is(err, fs.ErrExist) {
		if err := os.Rename(draft, path); err != nil {
			return translate(path, err)
		}
	}
	return SyncDir(filepath.Dir(path))
}

// MakeDir creates a directory for data, with its parents, so that it outlives
// a power cut, and checks that a file can be created in it.
func MakeDir(dir string) error {
	if _, err := os.Stat(dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return noDir(dir, err)
	}
	above := missing(dir)
	if err := os.MkdirAll(dir, DirMode); err != nil {
		return noDir(dir, err)
	}
	for _, parent := range above {
		if err := SyncDir(parent); err != nil {
			return err
		}
	}
	probe, err := os.CreateTemp(dir, ".probe-*")
	if err != nil {
		return Explain(dir, fmt.Errorf("write to data directory: %w", err))
	}
	return errors.Join(probe.Close(), os.Remove(probe.Name()))
}

// noDir is the error of a data directory that is not there and cannot be made.
func noDir(dir string, err error) error {
	if errors.Is(err, syscall.ENOTDIR) || errors.Is(err, fs.ErrNotExist) {
		return &Error{Path: dir, Reason: ErrNoDir, Remedy: remedyChoose, Cause: plain(err)}
	}
	return Explain(dir, fmt.Errorf("create data directory: %w", err))
}

// missing returns the parents of those directories on the way to dir that do
// not exist yet.
func missing(dir string) (parents []string) {
	for at := filepath.Clean(dir); ; at = filepath.Dir(at) {
		if _, err := os.Stat(at); !errors.Is(err, fs.ErrNotExist) || at == filepath.Dir(at) {
			return parents
		}
		parents = append(parents, filepath.Dir(at))
	}
}

// SyncDir makes the entries of a directory durable.
func SyncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return Explain(dir, err)
	}
	return errors.Join(d.Sync(), d.Close())
}

// translate gives bbolt's errors our meaning and the path.
func translate(path string, err error) error {
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	switch {
	case errors.Is(err, berrors.ErrTimeout):
		return Locked(path)
	case errors.Is(err, berrors.ErrInvalid), errors.Is(err, berrors.ErrChecksum), errors.Is(err, berrors.ErrVersionMismatch):
		return Damaged(path, ErrCorrupt, err)
	}
	if known := Explain(path, err); known != err {
		return known
	}
	return fmt.Errorf("open store %s: %w", path, err)
}

func logger(o Options) *slog.Logger {
	if o.Logger == nil {
		return slog.Default()
	}
	return o.Logger
}
