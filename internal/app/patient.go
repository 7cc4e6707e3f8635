package app

import (
	"context"
	"errors"
	"log/slog"
	"sync"
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
type engineWait struct {
	mu     sync.Mutex
	reason string
	parts  int // how many parts of it wait
}

// because returns the reason; empty while all of it goes on.
func (w *engineWait) because() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.reason
}

func (w *engineWait) begin(reason string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.parts++
	w.reason = reason
}

func (w *engineWait) end() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.parts--; w.parts == 0 {
		w.reason = ""
	}
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
	s.waits.begin("the disk is full and the engine waits; free some space: " + err.Error())
	defer s.waits.end()
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
