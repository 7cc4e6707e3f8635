package spool

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"time"

	"linewatch"
	"linewatch/internal/boltfile"
)

func wallClock() linewatch.Time { return linewatch.TimeOf(time.Now()) }

// recover takes up what an earlier run left, and begins a new segment. When
// points that were durable are gone, numbers may have been given out that
// nobody remembers: a new epoch begins, and gap records say what is lost.
func (s *Spool) recover(saved *state) error {
	list, err := listSegments(s.dir)
	if err != nil {
		return err
	}
	found := &finding{tracker: tracker{seen: map[string]place{}, lenient: saved == nil}}
	if saved != nil {
		s.adopt(saved, found)
	}
	for i, index := range list {
		if index < s.cursor.segment {
			if err := os.Remove(segmentPath(s.dir, index)); err != nil {
				return fmt.Errorf("remove sent segment: %w", err)
			}
			continue
		}
		if err := s.examine(found, index, i == len(list)-1); err != nil {
			return err
		}
	}
	losses := s.judge(saved, found, len(list) > 0)
	if err := s.roll(); err != nil {
		return err
	}
	return s.start(losses)
}

// adopt takes over the saved state.
func (s *Spool) adopt(saved *state, found *finding) {
	s.epoch, s.cursor = saved.epoch, saved.cursor
	for name, m := range saved.senders {
		s.senders[name] = &sender{mark: m}
	}
	found.tracker.seen = marksOf(saved)
}

// finding is what the segments turned out to hold.
type finding struct {
	decoder decoder
	tracker tracker
	epoch   uint64 // the highest
	short   bool   // a segment ends before the cursor
	// begun says that a start wrote gap records for the epoch that ended, and
	// did not live to note the new one.
	begun bool
}

// examine reads a segment from the cursor on, counts what waits in it, and
// cuts off a torn end of the last one.
func (s *Spool) examine(found *finding, index uint64, last bool) error {
	path := segmentPath(s.dir, index)
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return boltfile.Explain(path, fmt.Errorf("open segment: %w", err))
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return fmt.Errorf("open segment: %w", err)
	}
	size, pos := info.Size(), int64(segmentHead)
	if index == s.cursor.segment {
		pos = s.cursor.offset
		found.short = size < pos
	}
	scanner := newScanner(file, index, pos, size)
	for n := 0; ; n++ {
		payload, err := scanner.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return fmt.Errorf("read segment %s: %w", path, err)
		}
		s.count(found, payload, n)
	}
	if last && size > scanner.pos {
		s.options.Logger.Info("the end of the spool was torn by a crash and is cut off", "path", path, "bytes", size-scanner.pos)
		if err := errors.Join(file.Truncate(scanner.pos), flushData(file)); err != nil {
			return fmt.Errorf("cut torn segment: %w", err)
		}
		size = scanner.pos
	}
	if last && size <= segmentHead && !found.short {
		// Nothing was ever in it: the new segment takes its place.
		return nil
	}
	s.segments = append(s.segments, segment{index: index, size: max(size, segmentHead)})
	return nil
}

// count notes a point that waits.
func (s *Spool) count(found *finding, payload []byte, n int) {
	p, err := found.decoder.point(payload)
	if err != nil {
		return
	}
	_, known := found.tracker.seen[p.Source]
	lost := int(found.tracker.lost(&p))
	if lost > 0 {
		s.options.Logger.Error("points in the spool are damaged", "source", p.Source, "epoch", p.Epoch, "before", p.Sequence, "lost", lost)
	}
	found.epoch = max(found.epoch, p.Epoch)
	sender := s.sender(p.Source)
	sender.add(p.Epoch, p.Sequence, p.Timestamp, n%64 == 0)
	if own := lossOf(&p); own > 0 {
		sender.pending += own
		found.begun = found.begun || p.Epoch == s.epoch
		return
	}
	if !known && found.tracker.lenient {
		sender.sentEpoch, sender.sent = p.Epoch, p.Sequence-1
	}
	sender.pending += lost + 1
}

// judge decides whether a new epoch begins, and returns the gap records of
// what is gone.
func (s *Spool) judge(saved *state, found *finding, segments bool) []linewatch.DataPoint {
	if saved == nil {
		s.epoch = s.nextEpoch(found.epoch)
		if segments || s.gone {
			s.options.Logger.Error("the state of the spool is gone: a new epoch begins", "path", s.state.path, "epoch", s.epoch)
		}
		return nil
	}
	var losses []linewatch.DataPoint
	for _, name := range slices.Sorted(maps.Keys(saved.senders)) {
		high, seen := saved.senders[name].high, found.tracker.seen[name]
		if seen.epoch != saved.epoch {
			seen.sequence = 0
		}
		if seen.sequence < high {
			losses = append(losses, gap(name, saved.epoch, high, high-seen.sequence, s.options.Clock(), lossCause))
			s.options.Logger.Error("points at the end of the spool are gone", "path", s.dir, "source", name,
				"epoch", saved.epoch, "first", seen.sequence+1, "last", high)
		}
	}
	for name, seen := range found.tracker.seen {
		if seen.epoch == saved.epoch {
			s.sender(name).high = max(s.sender(name).high, seen.sequence)
		}
	}
	if s.stale {
		s.options.Logger.Error("the spool was put back from a backup: its next numbers were given out before", "path", s.dir)
	}
	if s.stale || len(losses) > 0 || !segments || found.short || found.begun || found.epoch > saved.epoch {
		s.epoch = s.nextEpoch(max(saved.epoch, found.epoch))
		s.options.Logger.Error("the numbers of the spool cannot be trusted: a new epoch begins", "path", s.dir, "epoch", s.epoch)
	}
	return losses
}

// nextEpoch returns one that no earlier spool on this machine can have used.
func (s *Spool) nextEpoch(previous uint64) uint64 {
	for _, sender := range s.senders {
		sender.high = 0
	}
	return max(previous+1, uint64(max(s.options.Clock(), 1)))
}

// start writes the gap records and the state, and tidies up.
func (s *Spool) start(losses []linewatch.DataPoint) error {
	active := &s.segments[len(s.segments)-1]
	var data []byte
	for i := range losses {
		p := &losses[i]
		data = appendFrame(data, segmentSeed(active.index), p)
		sender := s.sender(p.Source)
		sender.pending += lossOf(p)
		sender.add(p.Epoch, p.Sequence, p.Timestamp, true)
	}
	if len(data) > 0 {
		if err := s.appendData(data, active.size); err != nil {
			return err
		}
		active.size += int64(len(data))
	}
	if at := s.segments[0]; s.cursor.segment < at.index {
		s.cursor = Cursor{at.index, segmentHead}
	}
	s.settleCursor()
	if err := s.saveState(true); err != nil {
		return err
	}
	return s.dropSent()
}

// settleCursor moves a cursor that stands at or behind the end of its segment
// to the next one.
func (s *Spool) settleCursor() {
	for i, segment := range s.segments[:len(s.segments)-1] {
		if s.cursor.segment == segment.index && s.cursor.offset >= segment.size {
			s.cursor = Cursor{s.segments[i+1].index, segmentHead}
		}
	}
}

// dropSent removes the leading segments that were sent as a whole.
func (s *Spool) dropSent() error {
	n := 0
	for n+1 < len(s.segments) && s.segments[n].index < s.cursor.segment {
		n++
	}
	return s.removeSegments(n)
}
