package app

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"linewatch/internal/boltfile"
)

func open(t *testing.T, path string) *dataDir {
	t.Helper()
	d, err := openData(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.close() })
	return d
}

func TestDataIsNobodyElsesBusiness(t *testing.T) {
	path := filepath.Join(t.TempDir(), "data")
	d := open(t, path)
	if _, err := d.token(); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]fs.FileMode{"": 0o700, tokenFile: 0o600, lockFile: 0o600} {
		if info, err := os.Stat(d.file(name)); err != nil || info.Mode().Perm() != want {
			t.Errorf("%q: mode %v, %v, want %v", name, info.Mode().Perm(), err, want)
		}
	}
}

func TestTokenIsKeptAndSecret(t *testing.T) {
	d := open(t, t.TempDir())
	first, err := d.token()
	if err != nil || len(first) != 64 {
		t.Fatalf("token %q, %v", first, err)
	}
	if again, err := d.token(); err != nil || again != first {
		t.Errorf("the second time it is %q, %v", again, err)
	}
	for _, mode := range []fs.FileMode{0o640, 0o604, 0o620, 0o666} {
		if err := os.Chmod(d.file(tokenFile), mode); err != nil {
			t.Fatal(err)
		}
		if got, err := d.token(); !errors.Is(err, ErrSecret) || got != "" {
			t.Errorf("mode %v: got %q, %v", mode, got, err)
		}
	}
	for _, damaged := range []string{"", "short\n", first[:32], first + "00\n", strings.Repeat("\x00", 65), first[:63] + "\n", first[:63] + "\xff\n"} {
		if err := d.write(tokenFile, damaged); err != nil {
			t.Fatal(err)
		}
		_, err := d.token()
		if !errors.Is(err, ErrSecret) || !strings.Contains(err.Error(), "token holds none of 64 hex digits; remove it while nothing runs") {
			t.Errorf("%q gives %v", damaged, err)
		}
	}
	if err := errors.Join(os.Remove(d.file(tokenFile)), os.Mkdir(d.file(tokenFile), 0o700)); err != nil {
		t.Fatal(err)
	}
	if _, err := d.token(); !errors.Is(err, ErrSecret) {
		t.Errorf("a directory gives %v", err)
	}
}

func TestOneProcessPerData(t *testing.T) {
	path := t.TempDir()
	if used, err := inUse(path); used || err != nil {
		t.Errorf("before: in use %v, %v", used, err)
	}
	d := open(t, path)
	if err := d.write(addressFile, "127.0.0.1:1\n"); err != nil {
		t.Fatal(err)
	}
	if _, err := openData(path); !errors.Is(err, boltfile.ErrLocked) {
		t.Errorf("a second one gets %v", err)
	}
	if address, err := findProcess(path); address != "127.0.0.1:1" || err != nil {
		t.Errorf("found %q, %v", address, err)
	}
	if err := d.close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(d.file(addressFile)); err == nil {
		t.Error("the address stays behind")
	}
	if _, err := findProcess(path); !errors.Is(err, ErrNoData) {
		t.Errorf("after: %v", err)
	}
	open(t, path)
}

// An address that a crash left is worth nothing, neither before nor after the
// next start.
func TestStaleAddress(t *testing.T) {
	path := t.TempDir()
	d := open(t, path)
	d.close()
	if err := d.write(addressFile, "127.0.0.1:1\n"); err != nil {
		t.Fatal(err)
	}
	if _, err := findProcess(path); !errors.Is(err, ErrNoData) {
		t.Errorf("before the next start: %v", err)
	}
	open(t, path)
	if _, err := findProcess(path); !errors.Is(err, ErrNoData) {
		t.Errorf("after it: %v", err)
	}
}
