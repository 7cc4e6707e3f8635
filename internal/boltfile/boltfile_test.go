package boltfile

import (
	"bytes"
	"encoding/binary"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	bolt "go.etcd.io/bbolt"
)

// fill creates a store with some hundred pages.
func fill(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "data", "store.db")
	db, err := Open(path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		err := db.Update(func(tx *bolt.Tx) error {
			b, err := tx.CreateBucketIfNotExists([]byte("b"))
			if err != nil {
				return err
			}
			for k := range 100 {
				if err := b.Put([]byte{byte(i), byte(k)}, make([]byte, 3000)); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestCreateModes(t *testing.T) {
	path := fill(t)
	dir, err := os.Stat(filepath.Dir(path))
	if err != nil || dir.Mode().Perm() != DirMode {
		t.Errorf("directory mode %v, %v", dir.Mode(), err)
	}
	file, err := os.Stat(path)
	if err != nil || file.Mode().Perm() != FileMode {
		t.Errorf("file mode %v, %v", file.Mode(), err)
	}
	entries, _ := os.ReadDir(filepath.Dir(path))
	if len(entries) != 1 {
		t.Errorf("leftovers beside the store: %v", entries)
	}
}

func TestReopen(t *testing.T) {
	path := fill(t)
	db, err := Open(path, Options{MustExist: true})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	err = db.View(func(tx *bolt.Tx) error {
		if n := tx.Bucket([]byte("b")).Stats().KeyN; n != 300 {
			t.Errorf("%d keys, want 300", n)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestDamaged(t *testing.T) {
	truncate := func(size int64) func(string) error {
		return func(path string) error { return os.Truncate(path, size) }
	}
	tests := []struct {
		name   string
		damage func(path string) error
		want   error
	}{
		{"0 bytes", truncate(0), ErrEmpty},
		{"10 bytes", truncate(10), ErrTruncated},
		{"one page", truncate(4096), ErrTruncated},
		{"half", func(path string) error {
			info, err := os.Stat(path)
			if err != nil {
				return err
			}
			return os.Truncate(path, info.Size()/2)
		}, ErrTruncated},
		{"both headers", func(path string) error { return overwrite(path, 0, make([]byte, 2*os.Getpagesize())) }, ErrCorrupt},
		{"another format", func(path string) error {
			return os.WriteFile(path, []byte(strings.Repeat("hello ", 10000)), 0o600)
		}, ErrCorrupt},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			path := fill(t)
			if err := test.damage(path); err != nil {
				t.Fatal(err)
			}
			db, err := Open(path, Options{})
			if err == nil {
				db.Close()
			}
			if !errors.Is(err, test.want) || !strings.Contains(err.Error(), path) {
				t.Errorf("got %v, want %v with the path", err, test.want)
			}
		})
	}
}

// bbolt follows a branch that leads back to itself until the memory is gone.
func TestBranchThatLeadsBack(t *testing.T) {
	good, err := os.ReadFile(fill(t))
	if err != nil {
		t.Fatal(err)
	}
	order, size := binary.NativeEndian, os.Getpagesize()
	branches, refused := 0, map[string]bool{}
	for at := 2 * size; at < len(good); at += size {
		if order.Uint16(good[at+kindAt:]) != kindBranch || order.Uint64(good[at:]) != uint64(at/size) {
			continue
		}
		branches++
		last := at + pageHeader + (int(order.Uint16(good[at+elementsAt:]))-1)*elementSize
		for _, damage := range []struct {
			name string
			at   int
			to   uint64
		}{
			{"to itself", last + branchTargetAt, uint64(at / size)},
			{"out of the file", last + branchTargetAt, 1 << 40},
			{"to a header", last + branchTargetAt, 1},
			{"another number", at, 3},
		} {
			path := filepath.Join(t.TempDir(), "store.db")
			bad := bytes.Clone(good)
			order.PutUint64(bad[damage.at:], damage.to)
			if err := os.WriteFile(path, bad, FileMode); err != nil {
				t.Fatal(err)
			}
			db, err := Open(path, Options{})
			if err == nil {
				// A page that was given up may say what it likes.
				db.Close()
				continue
			}
			if !errors.Is(err, ErrCorrupt) || !strings.Contains(err.Error(), path) {
				t.Errorf("%s: got %v, want %v with the path", damage.name, err, ErrCorrupt)
			}
			refused[damage.name] = true
		}
	}
	t.Logf("%d branches", branches)
	if len(refused) != 4 {
		t.Errorf("only %v was refused", refused)
	}
}

func TestAbsurdListOfFreePages(t *testing.T) {
	path := fill(t)
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	order, size := binary.NativeEndian, os.Getpagesize()
	damaged := 0
	for at := 2 * size; at < len(content); at += size {
		if order.Uint16(content[at+kindAt:]) == kindFree {
			order.PutUint16(content[at+elementsAt:], manyFree)
			order.PutUint64(content[at+pageHeader:], 1<<32)
			damaged++
		}
	}
	if err := os.WriteFile(path, content, FileMode); err != nil {
		t.Fatal(err)
	}
	db, err := Open(path, Options{})
	if err == nil {
		db.Close()
	}
	if damaged == 0 || !errors.Is(err, ErrCorrupt) {
		t.Errorf("got %v for %d lists, want %v", err, damaged, ErrCorrupt)
	}
}

// Behind each of these, bbolt would read beyond a page or go on with a tree
// that may lead back to itself.
func TestDamagedElements(t *testing.T) {
	path := fill(t)
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	order, size := binary.NativeEndian, os.Getpagesize()
	newest, _ := newestMeta(bytes.NewReader(good))
	first := func(at int) int { return at + pageHeader } // element
	key := func(at int) int { return first(at) + int(order.Uint32(good[first(at)+4:])) }
	damage := []struct {
		name string
		to   func(bad []byte, at int)
	}{
		{"first key", func(bad []byte, at int) { bad[key(at)+1]-- }},
		{"order of keys", func(bad []byte, at int) { order.PutUint16(bad[key(at):], 0xFFFF) }},
		{"position", func(bad []byte, at int) { order.PutUint32(bad[first(at)+4:], 1<<31) }},
		{"key size", func(bad []byte, at int) { order.PutUint32(bad[first(at)+8:], 0xFFFFFFFF) }},
		{"empty key", func(bad []byte, at int) { order.PutUint32(bad[first(at)+8:], 0) }},
		{"value size", func(bad []byte, at int) { order.PutUint32(bad[first(at)+12:], 0xFFFFFFFF) }},
		{"elements", func(bad []byte, at int) { order.PutUint16(bad[at+elementsAt:], 0xFFFF) }},
		{"no elements", func(bad []byte, at int) { order.PutUint16(bad[at+elementsAt:], 0) }},
	}
	leaves := 0
	for at := 2 * size; at < len(good); at += size {
		id := order.Uint64(good[at:])
		if order.Uint16(good[at+kindAt:]) != kindLeaf || id != uint64(at/size) || !inUse(good, newest, id) {
			continue
		}
		leaves++
		for _, d := range damage {
			bad := bytes.Clone(good)
			d.to(bad, at)
			if err := os.WriteFile(path, bad, FileMode); err != nil {
				t.Fatal(err)
			}
			db, err := Open(path, Options{})
			if err == nil {
				db.Close()
			}
			if !errors.Is(err, ErrCorrupt) {
				t.Errorf("page %d, %s: got %v, want %v", id, d.name, err, ErrCorrupt)
			}
		}
		bad := bytes.Clone(good)
		order.PutUint16(bad[at+elementsAt:], 0xFFFF)
		if err := os.WriteFile(path, bad, FileMode); err != nil {
			t.Fatal(err)
		}
		db, err := Open(path, Options{ReadOnly: true})
		if err == nil {
			db.Close()
		}
		if !errors.Is(err, ErrCorrupt) {
			t.Errorf("page %d, too many elements, only read: got %v, want %v", id, err, ErrCorrupt)
		}
	}
	if leaves < 100 {
		t.Errorf("only %d leaves are in use", leaves)
	}
}

// inUse reports whether a page is a leaf that the store still uses: no list of
// free pages names it.
func inUse(content []byte, newest meta, id uint64) bool {
	order := binary.NativeEndian
	list := content[newest.free*newest.pageSize:]
	for i := range int(order.Uint16(list[elementsAt:])) {
		if order.Uint64(list[pageHeader+8*i:]) == id {
			return false
		}
	}
	return id < newest.pages && id != newest.root
}

// bbolt would write over a page that is in use, and panic at some later commit.
func TestListOfFreePagesNamesOneInUse(t *testing.T) {
	path := fill(t)
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	order, size := binary.NativeEndian, os.Getpagesize()
	newest, _ := newestMeta(bytes.NewReader(content))
	at := int(newest.free) * size
	elements := int(order.Uint16(content[at+elementsAt:]))
	if elements == 0 {
		t.Fatal("the store has no free pages")
	}
	for _, id := range []uint64{0, 1, newest.root, newest.free, newest.pages, 1 << 40} {
		for i := range elements {
			damaged := bytes.Clone(content)
			order.PutUint64(damaged[at+pageHeader+8*i:], id)
			if err := os.WriteFile(path, damaged, FileMode); err != nil {
				t.Fatal(err)
			}
			db, err := Open(path, Options{})
			if err == nil {
				db.Close()
			}
			if !errors.Is(err, ErrCorrupt) {
				t.Errorf("page %d as number %d of the list: got %v, want %v", id, i, err, ErrCorrupt)
			}
		}
	}
}

func TestOneHeaderIsEnough(t *testing.T) {
	for page := range int64(2) {
		path := fill(t)
		if err := overwrite(path, page*int64(os.Getpagesize()), make([]byte, 128)); err != nil {
			t.Fatal(err)
		}
		health, err := Check(path)
		if err != nil || !health.OneHeader {
			t.Errorf("page %d: %+v, %v; want one header", page, health, err)
		}
		db, err := Open(path, Options{})
		if err != nil {
			t.Fatal(err)
		}
		db.Close()
	}
}

func TestLocked(t *testing.T) {
	path := fill(t)
	db, err := Open(path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	start := time.Now()
	_, err = Open(path, Options{})
	if !errors.Is(err, ErrLocked) || !strings.Contains(err.Error(), path) {
		t.Errorf("got %v, want %v with the path", err, ErrLocked)
	}
	if took := time.Since(start); took > 5*time.Second {
		t.Errorf("took %v", took)
	}
}

func TestMustExist(t *testing.T) {
	path := filepath.Join(t.TempDir(), "missing.db")
	if _, err := Open(path, Options{MustExist: true}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v, want %v", err, os.ErrNotExist)
	}
}

func TestDirectoryIsAFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(filepath.Join(file, "store.db"), Options{}); err == nil || !strings.Contains(err.Error(), file) {
		t.Errorf("got %v, want an error with the path", err)
	}
}

// As root every directory is writable, so that another user has to try.
func TestNotWritable(t *testing.T) {
	if path := os.Getenv("BOLTFILE_TRY"); path != "" {
		_, err := Open(path, Options{})
		if errors.Is(err, ErrNotWritable) && strings.Contains(err.Error(), filepath.Dir(path)) {
			return
		}
		t.Fatalf("got %v, want %v with the path", err, ErrNotWritable)
	}
	dir, err := os.MkdirTemp("", "boltfile")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	if err := os.Chmod(dir, 0o555); err != nil {
		t.Fatal(err)
	}
	args := []string{os.Args[0], "-test.run=^TestNotWritable$"}
	if os.Geteuid() == 0 {
		binary, err := os.ReadFile(os.Args[0])
		if err != nil {
			t.Fatal(err)
		}
		// The test binary may lie where the other user cannot go.
		copied := filepath.Join(dir, "try")
		if err := os.WriteFile(copied, binary, 0o755); err != nil {
			t.Fatal(err)
		}
		args[0] = copied
		setpriv, err := exec.LookPath("setpriv")
		if err != nil {
			t.Skip("SKIPPED: running as root and there is no setpriv to become another user")
		}
		args = append([]string{setpriv, "--reuid=65534", "--regid=65534", "--clear-groups"}, args...)
	}
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Dir = "/"
	cmd.Env = append(os.Environ(), "BOLTFILE_TRY="+filepath.Join(dir, "store.db"))
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestGuardTurnsFaultsIntoErrors(t *testing.T) {
	path := fill(t)
	db, err := Open(path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := os.Truncate(path, 8192); err != nil {
		t.Fatal(err)
	}
	err = Guard(path, func() error {
		return db.View(func(tx *bolt.Tx) error {
			return tx.Bucket([]byte("b")).ForEach(func(k, v []byte) error { return nil })
		})
	})
	if !errors.Is(err, ErrCorrupt) {
		t.Errorf("got %v, want %v", err, ErrCorrupt)
	}
}

func overwrite(path string, at int64, data []byte) error {
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer file.Close()
	_, err = file.WriteAt(data, at)
	return err
}
