package spool

import (
	"io"
	"os"

	"linewatch/internal/boltfile"
)

// disk is the file system as the spool uses it. Tests record what is done to
// it, to make what a power cut leaves, and make it slow or fail.
type disk interface {
	open(path string, flag int) (file, error)
	remove(path string) error
	makeDir(dir string) error
	// syncDir makes the entries of a directory durable.
	syncDir(dir string) error
	// list returns the names in a directory.
	list(dir string) ([]string, error)
}

// file is one that is open.
type file interface {
	io.ReaderAt
	io.WriterAt
	io.Closer
	Truncate(size int64) error
	// flush makes content and length durable, and returns then.
	flush() error
	size() (int64, error)
	// lock takes the file for this process alone; EWOULDBLOCK says that
	// another one has it.
	lock() error
}

type osDisk struct{}

func (osDisk) open(path string, flag int) (file, error) {
	f, err := os.OpenFile(path, flag, boltfile.FileMode)
	if err != nil {
		return nil, err
	}
	return osFile{f}, nil
}

func (osDisk) remove(path string) error { return os.Remove(path) }

func (osDisk) makeDir(dir string) error { return boltfile.MakeDir(dir) }

func (osDisk) list(dir string) (names []string, err error) {
	entries, err := os.ReadDir(dir)
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names, err
}

func (osDisk) syncDir(dir string) error { return boltfile.SyncDir(dir) }

type osFile struct{ *os.File }

func (f osFile) flush() error { return flushData(f.File) }

func (f osFile) lock() error { return lock(f.File) }

func (f osFile) size() (int64, error) {
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}
