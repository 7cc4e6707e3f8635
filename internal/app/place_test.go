package app

import (
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"linewatch/internal/boltfile"
)

// Data on another machine's disk is refused before anything is written there,
// wherever in the directory it lies, unless it is asked for.
func TestDataOnNetwork(t *testing.T) {
	for _, part := range []string{"", spoolDir, pointsDir, controlDir, stateFile} {
		t.Run(part, func(t *testing.T) {
			c := DefaultConfig()
			c.Data, c.HTTP, c.MQTT.Embedded = filepath.Join(t.TempDir(), "data"), "127.0.0.1:0", "127.0.0.1:0"
			remote := filepath.Join(c.Data, part)
			if part == "" {
				remote = filepath.Dir(c.Data) // the directory itself is still to be made
			} else if err := os.MkdirAll(remote, 0o700); err != nil {
				t.Fatal(err)
			}
			var said strings.Builder
			o := Options{Config: c, Log: slog.New(slog.NewTextHandler(&said, nil)), network: func(path string) string {
				if path == remote {
					return "NFS"
				}
				return ""
			}}
			_, err := New(t.Context(), o)
			want := filepath.Join(c.Data, part) + ": on a network file system: NFS; name a directory on a disk of this machine"
			if !errors.Is(err, boltfile.ErrNetwork) || !strings.Contains(err.Error(), want) {
				t.Errorf("got %v, want %q", err, want)
			}
			if _, err := os.Stat(filepath.Join(c.Data, lockFile)); err == nil {
				t.Error("something was written there")
			}
			if part == stateFile {
				return // a directory in this test
			}
			o.Config.DataOnNetwork = true
			a, err := New(t.Context(), o)
			if err != nil {
				t.Fatal(err)
			}
			defer a.Close()
			if strings.Count(said.String(), "network file system") != 1 {
				t.Errorf("said %s", &said)
			}
		})
	}
}
