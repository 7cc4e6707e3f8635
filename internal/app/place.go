package app

import (
	"errors"
	"os"
	"path/filepath"

	"linewatch/internal/boltfile"
)

// checkPlace refuses a data directory on a network file system, unless that is
// asked for: a flush may not reach the disk there, a lock may hold nobody off
// or outlive its process, and what is mapped into memory may be old. Parts of
// the directory may be links, or mounts of their own.
func (a *App) checkPlace() error {
	c := &a.o.Config
	for _, part := range []string{"", spoolDir, pointsDir, controlDir, stateFile, historyFile, shadowFile} {
		path := filepath.Join(c.Data, part)
		name := a.o.network(existing(path))
		switch {
		case name == "":
		case c.DataOnNetwork:
			a.o.Log.Warn("the data is on a network file system: a power cut or a broken connection may damage it, and a second process may not be held off", "path", path, "file_system", name)
			return nil
		default:
			return &boltfile.Error{
				Path: path, Reason: boltfile.ErrNetwork, Cause: errors.New(name),
				Remedy: "name a directory on a disk of this machine, or accept with dataOnNetwork: true in the configuration that the data may be damaged",
			}
		}
	}
	return nil
}

// existing returns path, or the nearest directory above it that is there.
func existing(path string) string {
	for {
		_, err := os.Stat(path)
		above := filepath.Dir(path)
		if !errors.Is(err, os.ErrNotExist) || above == path {
			return path
		}
		path = above
	}
}
