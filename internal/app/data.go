package app

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"linewatch/internal/boltfile"
)

// What the data directory holds.
const (
	lockFile       = "lock"
	tokenFile      = "token"
	addressFile    = "address" // where the API of the running process listens
	spoolDir       = "spool"
	spoolMark      = "spool.mark" // by which a spool from a backup is noticed
	pointsDir      = "points"
	controlDir     = "control"
	stateFile      = "state.db"
	historyFile    = "history.db"
	shadowFile     = "shadow.db" // history of versions that are only tried
	quarantineFile = "quarantine.ndjson"
	lateFile       = "late.ndjson"
	clockFile      = "clock" // the time that the last run has reached
	opcuaDir       = "opcua" // our certificate and its key
)

// dataDir is a data directory that this process alone uses.
type dataDir struct {
	path string
	lock *os.File
}

// openData creates the directory if need be and takes its lock.
//
// Errors: ErrNoData, boltfile.ErrNotWritable and boltfile.ErrLocked, with path and
// remedy.
func openData(path string) (*dataDir, error) {
	err := boltfile.MakeDir(path)
	if errors.Is(err, unix.ENOTDIR) {
		return nil, noData("%s: is not a directory; name another data directory", path)
	}
	if err != nil {
		return nil, err
	}
	name := filepath.Join(path, lockFile)
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, boltfile.FileMode)
	if err != nil {
		return nil, boltfile.Explain(name, err)
	}
	if err := takeLock(f); err != nil {
		f.Close()
		if errors.Is(err, unix.EWOULDBLOCK) {
			return nil, boltfile.Locked(path)
		}
		return nil, fmt.Errorf("lock %s: %w", name, err)
	}
	d := &dataDir{path: path, lock: f}
	os.Remove(d.file(addressFile)) // a crash may have left one
	return d, nil
}

// takeLock locks f for this process alone. It tries for a moment, since
// whoever asks inUse holds the lock for a few microseconds.
func takeLock(f *os.File) (err error) {
	for range 10 {
		if err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err == nil {
			return nil
		}
		time.Sleep(5 * time.Millisecond)
	}
	return err
}

// inUse reports whether a process uses the data directory at path.
func inUse(path string) (bool, error) {
	f, err := os.Open(filepath.Join(path, lockFile))
	if errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	if errors.Is(err, os.ErrPermission) {
		return false, noData("%s: permission denied; do this as the user that runs linewatch", path)
	}
	if err != nil {
		return false, err
	}
	defer f.Close()
	err = unix.Flock(int(f.Fd()), unix.LOCK_SH|unix.LOCK_NB)
	return err != nil, nil
}

// file returns the path of something in the directory.
func (d *dataDir) file(name string) string { return filepath.Join(d.path, name) }

// close gives the directory free.
func (d *dataDir) close() error {
	os.Remove(d.file(addressFile)) // it is only a hint
	return d.lock.Close()
}

// tokenBytes is how much chance is in a token.
const tokenBytes = 32

// token returns the secret that changes must carry, making one at the first
// start.
func (d *dataDir) token() (string, error) {
	token, err := readToken(d.path)
	if err == nil || !errors.Is(err, os.ErrNotExist) {
		return token, err
	}
	var secret [tokenBytes]byte
	if _, err := rand.Read(secret[:]); err != nil {
		return "", fmt.Errorf("make token: %w", err)
	}
	token = hex.EncodeToString(secret[:])
	return token, d.write(tokenFile, token+"\n")
}

// write replaces a small file as a whole.
func (d *dataDir) write(name, content string) error {
	path := d.file(name)
	if err := writeSynced(path+".new", []byte(content)); err != nil {
		return boltfile.Explain(path, err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		return boltfile.Explain(path, err)
	}
	return boltfile.SyncDir(d.path)
}

// writeSynced writes a file and returns when it is on disk.
func writeSynced(path string, content []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, boltfile.FileMode)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	return errors.Join(err, f.Sync(), f.Close())
}

// readToken reads the token file and refuses one that others can read, or that
// is not as token makes it.
func readToken(dir string) (string, error) {
	path := filepath.Join(dir, tokenFile)
	info, err := os.Stat(path)
	if err != nil {
		return "", err
	}
	if !info.Mode().IsRegular() {
		return "", fmt.Errorf("%w: %s is not a file; remove it while nothing runs, and the next start makes one", ErrSecret, path)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return "", fmt.Errorf("%w: others may read %s (mode %04o); run: chmod 600 %s", ErrSecret, path, info.Mode().Perm(), path)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	token := strings.TrimSpace(string(b))
	if made, err := hex.DecodeString(token); err != nil || len(made) != tokenBytes { // damaged, or nothing that a header may hold
		return "", fmt.Errorf("%w: %s holds none of %d hex digits; remove it while nothing runs, and the next start makes one", ErrSecret, path, 2*tokenBytes)
	}
	return token, nil
}
