package spool

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"linewatch/internal/boltfile"
)

// acknowledgement says that a batch has arrived.
type acknowledgement struct {
	batch *batch
	done  chan error // holds one
}

// rollIfFull begins a new segment if bound bytes no longer fit.
func (s *Spool) rollIfFull(bound int64) error {
	s.mu.Lock()
	size := s.segments[len(s.segments)-1].size
	s.mu.Unlock()
	if size == segmentHead || size+bound <= s.options.SegmentBytes {
		return nil
	}
	return s.roll()
}

// roll begins a new segment.
func (s *Spool) roll() error {
	s.mu.Lock()
	last := s.segments[len(s.segments)-1]
	index := last.index + 1
	s.mu.Unlock()
	if err := s.cutTail(last.size); err != nil {
		return err
	}
	if err := s.begin(index); err != nil {
		return err
	}
	if s.noted == nil {
		return nil
	}
	if err := s.saveState(true); err != nil {
		return err
	}
	s.noteMark()
	return nil
}

// begin creates a segment and makes it the active one.
func (s *Spool) begin(index uint64) error {
	path := segmentPath(s.dir, index)
	file, err := s.options.disk.open(path, os.O_RDWR|os.O_CREATE|os.O_TRUNC)
	if err != nil {
		return boltfile.Explain(path, fmt.Errorf("begin segment: %w", err))
	}
	_, err = file.WriteAt(newHead(index), 0)
	if err = errors.Join(err, file.flush(), s.options.disk.syncDir(s.dir)); err != nil {
		return errors.Join(fmt.Errorf("begin segment %s: %w", path, err), file.Close(), s.options.disk.remove(path))
	}
	if s.active != nil {
		err = s.active.Close() // it is flushed; nothing can be lost here
	}
	s.active = file
	s.mu.Lock()
	defer s.mu.Unlock()
	s.segments = append(s.segments, segment{index: index, size: segmentHead})
	return err
}

// settleAcks notes what was sent, and removes the segments that are sent as a
// whole.
func (s *Spool) settleAcks(saved *time.Time) {
	s.mu.Lock()
	acks := s.acks
	s.acks = nil
	for _, a := range acks {
		s.apply(a.batch)
	}
	last := s.segments[len(s.segments)-1]
	spent := s.floor() == (position{last.index, last.size}) && last.size > s.options.SegmentBytes/2
	s.mu.Unlock()
	if len(acks) == 0 && !s.owed {
		return
	}
	if spent { // another segment, so that this one can go
		if err := s.roll(); err != nil {
			s.options.Logger.Warn("disk space of the spool cannot be given back yet", "error", err)
		}
	}
	err := s.settleState(saved)
	s.owed = err != nil
	for _, a := range acks {
		a.done <- err
	}
}

func (s *Spool) settleState(saved *time.Time) error {
	s.mu.Lock()
	left := s.left()
	s.mu.Unlock()
	if left == 0 {
		return s.saveState(time.Since(*saved) >= stateEvery)
	}
	*saved = time.Now()
	return s.dropSent(left)
}

// apply moves the cursor behind a batch. Spool.mu is held.
func (s *Spool) apply(b *batch) {
	s.stats.Sent += uint64(b.points)
	s.stats.Lost += uint64(b.lost)
	for _, t := range b.takers {
		t.sender.pending -= t.taken
		t.sender.served = b.number
		t.sender.acknowledge(t.trail.at, t.end)
	}
}

// left returns how many of the leading segments were sent as a whole.
// Spool.mu is held.
func (s *Spool) left() (n int) {
	floor := s.floor()
	for n+1 < len(s.segments) && s.segments[n].index < floor.segment {
		n++
	}
	return n
}

// dropSent removes leading segments that were sent as a whole, once the state
// says so.
func (s *Spool) dropSent(n int) error {
	if err := s.state.saveTwice(s.current()); err != nil {
		return err
	}
	s.mu.Lock()
	gone := slices.Clone(s.segments[:n])
	s.segments = slices.Delete(s.segments, 0, n)
	s.freed()
	s.mu.Unlock()
	for _, segment := range gone {
		if err := s.options.disk.remove(segmentPath(s.dir, segment.index)); err != nil {
			return fmt.Errorf("remove sent segment: %w", err)
		}
	}
	return nil
}

// saveState writes epoch, numbers and cursor to the second file.
func (s *Spool) saveState(flush bool) error { return s.state.save(s.current(), flush) }

// current returns the state as of now.
func (s *Spool) current() state {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := state{epoch: s.epoch, floor: s.floor(), senders: make(map[string]mark, len(s.senders))}
	for name, sender := range s.senders {
		st.senders[name] = sender.mark
	}
	return st
}

// keepState saves the state; that it cannot be is logged once.
func (s *Spool) keepState(flush bool) {
	err := s.saveState(flush)
	if err != nil && !s.unkept {
		s.options.Logger.Error("the state of the spool cannot be written: what a crash and damage take together may go uncounted", "error", err)
	}
	s.unkept = err != nil
}
