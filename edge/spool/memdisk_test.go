package spool

import (
	"io"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

// memDisk is a disk in memory that knows what of it is on stable storage. What
// a power cut leaves of it is: everything flushed, and of the rest any sectors
// of any writes, any truncations, and any changes of the directory.
type memDisk struct {
	mu      sync.Mutex
	entries map[string]*inode // as programs see it
	stable  map[string]*inode // after a power cut
	pending []entryOp         // of the directory
	ops     int
	written int64
	hook    func() // called under mu before each change; may cut

	lieFlush func(path string) bool // says of whom flush does nothing
	lieDir   bool                   // syncDir does nothing
	slow     time.Duration          // of each flush
	fail     func(op, path string) error
	torn     bool                                   // half of a write that fails is there all the same
	bad      func(path string, from, to int64) bool // cannot be read
}

type inode struct {
	name    string
	data    []byte // as programs see it
	stable  []byte
	pending []write
}

// write is one that is not flushed; a truncation if data is nil.
type write struct {
	at   int64
	data []byte
}

type entryOp struct {
	path string
	node *inode // nil: removed
}

const sector = 512

func newMemDisk() *memDisk {
	return &memDisk{entries: map[string]*inode{}, stable: map[string]*inode{}}
}

// change begins a change of the disk. memDisk.mu is held.
func (d *memDisk) change(op, path string) error {
	d.ops++
	if d.hook != nil {
		d.hook()
	}
	if d.fail != nil {
		if err := d.fail(op, path); err != nil {
			return &fs.PathError{Op: op, Path: path, Err: err}
		}
	}
	return nil
}

func (d *memDisk) open(path string, flag int) (file, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	node := d.entries[path]
	if node == nil {
		if flag&os.O_CREATE == 0 {
			return nil, &fs.PathError{Op: "open", Path: path, Err: fs.ErrNotExist}
		}
		if err := d.change("create", path); err != nil {
			return nil, err
		}
		node = &inode{name: path}
		d.entries[path] = node
		d.pending = append(d.pending, entryOp{path, node})
	} else if flag&os.O_TRUNC != 0 {
		if err := d.change("truncate", path); err != nil {
			return nil, err
		}
		node.apply(write{})
	}
	return &memFile{d, node}, nil
}

func (d *memDisk) remove(path string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.change("remove", path); err != nil {
		return err
	}
	if d.entries[path] == nil {
		return &fs.PathError{Op: "remove", Path: path, Err: fs.ErrNotExist}
	}
	delete(d.entries, path)
	d.pending = append(d.pending, entryOp{path: path})
	return nil
}

func (d *memDisk) makeDir(string) error { return nil }

func (d *memDisk) syncDir(string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.change("syncdir", ""); err != nil || d.lieDir {
		return err
	}
	for _, op := range d.pending {
		op.apply(d.stable)
	}
	d.pending = nil
	return nil
}

func (op entryOp) apply(entries map[string]*inode) {
	if op.node == nil {
		delete(entries, op.path)
		return
	}
	entries[op.path] = op.node
}

func (d *memDisk) list(dir string) (names []string, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for path := range d.entries {
		if name, ok := strings.CutPrefix(path, dir+string(filepath.Separator)); ok {
			names = append(names, name)
		}
	}
	return names, nil
}

// cut returns what a power cut at this moment leaves. memDisk.mu is held.
func (d *memDisk) cut(random *rand.Rand) *memDisk {
	image := newMemDisk()
	entries := maps.Clone(d.stable)
	keep := random.Float64()
	for _, op := range d.pending {
		if random.Float64() < keep {
			op.apply(entries)
		}
	}
	for _, path := range slices.Sorted(maps.Keys(entries)) {
		content := entries[path].cut(random)
		image.entries[path] = &inode{name: path, data: content, stable: slices.Clone(content)}
	}
	image.stable = maps.Clone(image.entries)
	return image
}

// cut returns the flushed content with some of the rest.
func (n *inode) cut(random *rand.Rand) []byte {
	out := slices.Clone(n.stable)
	keep := [...]float64{0, 1, random.Float64()}[random.IntN(3)]
	for _, w := range n.pending {
		if w.data == nil {
			if random.Float64() < keep {
				out = resize(out, w.at)
			}
			continue
		}
		for from := int64(0); from < int64(len(w.data)); {
			to := min((w.at+from)/sector*sector+sector-w.at, int64(len(w.data)))
			if random.Float64() < keep {
				out = overlay(out, w.at+from, w.data[from:to])
			}
			from = to
		}
		if random.IntN(4) == 0 { // the length came, the content did not
			out = resize(out, max(int64(len(out)), w.at+int64(len(w.data))))
		}
	}
	return out
}

// clone returns a copy with everything on stable storage.
func (d *memDisk) clone() *memDisk {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.asWritten()
}

// asWritten is clone with memDisk.mu held: what the end of a process leaves.
func (d *memDisk) asWritten() *memDisk {
	image := newMemDisk()
	for path, node := range d.entries {
		image.entries[path] = &inode{name: path, data: slices.Clone(node.data), stable: slices.Clone(node.data)}
	}
	image.stable = maps.Clone(image.entries)
	return image
}

func resize(data []byte, size int64) []byte {
	if size <= int64(len(data)) {
		return data[:size]
	}
	return append(data, make([]byte, size-int64(len(data)))...)
}

func overlay(data []byte, at int64, part []byte) []byte {
	data = resize(data, max(int64(len(data)), at+int64(len(part))))
	copy(data[at:], part)
	return data
}

func (n *inode) apply(w write) {
	n.data = w.on(n.data)
	n.pending = append(n.pending, w)
}

// on returns data after the write.
func (w write) on(data []byte) []byte {
	if w.data == nil {
		return resize(data, w.at)
	}
	return overlay(data, w.at, w.data)
}

type memFile struct {
	disk *memDisk
	node *inode
}

func (f *memFile) ReadAt(p []byte, at int64) (int, error) {
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	if f.disk.bad != nil && f.disk.bad(f.node.name, at, at+int64(len(p))) {
		return 0, &fs.PathError{Op: "read", Path: f.node.name, Err: syscall.EIO}
	}
	if at >= int64(len(f.node.data)) {
		return 0, io.EOF
	}
	n := copy(p, f.node.data[at:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

func (f *memFile) WriteAt(p []byte, at int64) (int, error) {
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	if err := f.disk.change("write", f.node.name); err != nil {
		if f.disk.torn {
			f.node.apply(write{at, slices.Clone(p[:len(p)/2])})
		}
		return 0, err
	}
	f.disk.written += int64(len(p))
	f.node.apply(write{at, slices.Clone(p)})
	return len(p), nil
}

func (f *memFile) Truncate(size int64) error {
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	if err := f.disk.change("truncate", f.node.name); err != nil {
		return err
	}
	f.node.apply(write{at: size})
	return nil
}

func (f *memFile) flush() error {
	if f.disk.slow > 0 {
		time.Sleep(f.disk.slow)
	}
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	if err := f.disk.change("flush", f.node.name); err != nil {
		return err
	}
	if lie := f.disk.lieFlush; lie != nil && lie(f.node.name) {
		return nil
	}
	for _, w := range f.node.pending {
		f.node.stable = w.on(f.node.stable)
	}
	f.node.pending = nil
	return nil
}

func (f *memFile) size() (int64, error) {
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	return int64(len(f.node.data)), nil
}

func (f *memFile) lock() error { return nil }

func (f *memFile) Close() error { return nil }
