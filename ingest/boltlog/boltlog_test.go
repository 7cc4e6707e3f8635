package boltlog

import (
	"log/slog"
	"os"
	"testing"

	"linewatch"
	"linewatch/ingest/logtest"
)

func quietLogger() *slog.Logger { return slog.New(slog.DiscardHandler) }

func TestLog(t *testing.T) {
	logtest.Run(t, setup(Options{}))
}

// With tiny segments every test crosses their borders.
func TestLogInSmallSegments(t *testing.T) {
	logtest.Run(t, setup(Options{SegmentBytes: 40 << 10, QueueBytes: 10}))
}

func setup(o Options) logtest.Setup {
	return logtest.Setup{
		Open: func(t testing.TB, dir string, partitions int, clock func() linewatch.Time) logtest.Log {
			t.Helper()
			o := o
			o.Partitions, o.Clock, o.Logger = partitions, clock, quietLogger()
			log, err := Open(dir, o)
			if err != nil {
				t.Fatal(err)
			}
			return log
		},
		Copy: func(t testing.TB, from, dir string) {
			t.Helper()
			if err := os.CopyFS(dir, os.DirFS(from)); err != nil {
				t.Fatal(err)
			}
		},
	}
}
