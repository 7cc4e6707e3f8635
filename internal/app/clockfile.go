package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"time"

	"linewatch"
	"linewatch/ingest/boltlog"
)

// The clock's record is a time that no run on this data directory has reached
// yet, or has just reached when it ended. It lies ahead while the clock differs
// from the machine's, so that after a crash time goes on behind all that was
// given, and is brought up to date every second of real time.
const (
	recordEvery = time.Second
	recordAhead = 2 * time.Second
)

// recordedTime returns the time that was recorded; NoTime if there is none. A
// record that cannot be read is passed over, loudly: the logs tell nearly as
// much.
func (d *dataDir) recordedTime(log *slog.Logger) linewatch.Time {
	text, err := os.ReadFile(d.file(clockFile))
	if errors.Is(err, os.ErrNotExist) {
		return linewatch.NoTime
	}
	var t time.Time
	if err == nil {
		t, err = time.Parse(time.RFC3339Nano, strings.TrimSpace(string(text)))
	}
	if err != nil {
		log.Warn("the time of the last run cannot be read and is taken from the logs", "file", d.file(clockFile), "error", err)
		return linewatch.NoTime
	}
	return linewatch.TimeOf(t)
}

func (d *dataDir) recordTime(t linewatch.Time) error {
	if err := d.write(clockFile, t.String()+"\n"); err != nil {
		return fmt.Errorf("record the time: %w", err)
	}
	return nil
}

// openClockAndLogs takes up the time where the last run left it, as its record
// and its logs say.
func (a *App) openClockAndLogs() error {
	recorded := max(a.data.recordedTime(a.o.Log), earliest)
	a.clock.follow(recorded, linewatch.NoTime) // before a log asks for the time
	if err := a.openLogs(); err != nil {
		return err
	}
	if a.clock.follow(recorded, a.settleTime()) {
		// A log promises as far ahead as it has seen time run, and has seen it
		// jump. Opened again it has not.
		if err := errors.Join(a.controlLog.Close(), a.pointsLog.Close()); err != nil {
			return err
		}
		if err := a.openLogs(); err != nil {
			return err
		}
	}
	a.started = a.clock.now()
	a.onClose(a.closeClock) // when the logs are closed
	a.onClose(a.controlLog.Close)
	a.onClose(a.pointsLog.Close)
	if ahead := a.clock.ahead.Load(); ahead > 0 && a.clock.wall() < earliest {
		a.o.Log.Warn("the machine's clock was never set: times are not the true ones until it is, and linewatch is started again", "ahead_ms", ahead)
	} else if ahead > 0 {
		a.o.Log.Warn("the machine's clock is behind the last run: times go on from the end of that", "ahead_ms", ahead)
	}
	if a.clock.faithful() {
		return nil
	}
	return a.recordAhead()
}

func (a *App) openLogs() (err error) {
	options := boltlog.Options{Partitions: 1, Clock: a.clock.now, Logger: a.o.Log, Silence: logSilence}
	if a.controlLog, err = boltlog.Open(a.data.file(controlDir), options); err != nil {
		return fmt.Errorf("control log: %w", err)
	}
	if a.pointsLog, err = boltlog.Open(a.data.file(pointsDir), options); err != nil {
		return errors.Join(fmt.Errorf("points log: %w", err), a.controlLog.Close())
	}
	return nil
}

// closeClock records exactly where this run has ended.
func (a *App) closeClock() error { return a.data.recordTime(a.clock.now()) }

func (a *App) recordAhead() error {
	return a.data.recordTime(a.clock.now().Add(a.clock.scaled(recordAhead)))
}

// recordClock keeps the clock's record ahead of it until ctx ends. While it
// cannot be written the run goes on: it is wanted only by the next start, and
// the logs tell that one nearly as much.
func (a *App) recordClock(ctx context.Context) error {
	if a.clock.faithful() {
		return nil
	}
	ticks := time.NewTicker(recordEvery)
	defer ticks.Stop()
	failing := false
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticks.C:
		}
		err := a.recordAhead()
		if err != nil && !failing {
			a.o.Log.Warn("the time is not recorded, a crash may set it back", "error", err)
		}
		failing = err != nil
	}
}
