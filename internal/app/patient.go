package app

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"linewatch/rules"
)

// engineStore is what the host keeps its state in.
type engineStore interface {
	rules.Store
	rules.Outbox
}

// patientStore waits for room on the disk, as spool and logs do: the engine
// stands still while there is none, and goes on where it was. A commit is all
// or nothing, so it can be tried again.
type patientStore struct {
	engineStore
	log   *slog.Logger
	waits *engineWait
}

// engineWait is why the engine stands still, for whoever would ask it.
type engineWait struct{ reason atomic.Pointer[string] }

// because returns the reason; empty while it goes on.
func (w *engineWait) because() string {
	if r := w.reason.Load(); r != nil {
		return *r
	}
	return ""
}

// roomEvery is how often a full disk is tried.
const roomEvery = time.Second

// Commit implements rules.Store.
func (s patientStore) Commit(ctx context.Context, bucket int, c rules.Commit) error {
	err := s.engineStore.Commit(ctx, bucket, c)
	if !isFull(err) {
		return err
	}
	s.log.Error("the disk is full and the engine waits; free some space", "error", err)
	reason := "the disk is full and the engine waits; free some space: " + err.Error()
	s.waits.reason.Store(&reason)
	defer s.waits.reason.Store(nil)
	for isFull(err) {
		select {
		case <-ctx.Done():
			return errors.Join(ctx.Err(), err)
		case <-time.After(roomEvery):
		}
		err = s.engineStore.Commit(ctx, bucket, c)
	}
	if err == nil {
		s.log.Info("there is room on the disk again, and the engine goes on")
	}
	return err
}

func isFull(err error) bool { return errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT) }
