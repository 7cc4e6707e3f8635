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

// recovery is what a start finds.
type recovery struct {
	saved *state // nil if there is none
	noted *state // in the mark; nil if there is none
	stale bool   // the directory is older than the mark

	decoder decoder
	trails  map[string]*trail
	last    map[string][]place // what was found last of each epoch
	found   uint64             // segments there are
	epoch   uint64             // the highest of a point
	damaged bool               // a segment or the state is damaged in a way that no crash explains
	// begun says that a start wrote gap records for the epoch that ended, and
	// did not live to note the new one.
	begun bool
}

// recover takes up what an earlier run left, and begins a new segment. When
// points that were durable are gone, numbers may have been given out that
// nobody remembers: a new epoch begins, and gap records say what is lost.
func (s *Spool) recover(r *recovery) error {
	list, err := listSegments(s.options.disk, s.dir)
	if err != nil {
		return err
	}
	r.adopt(s)
	r.damaged = s.state.cut
	var floor position
	if r.saved != nil {
		floor = r.saved.floor
	}
	for i, index := range list {
		if index < floor.segment {
			if err := s.options.disk.remove(segmentPath(s.dir, index)); err != nil {
				return fmt.Errorf("remove sent segment: %w", err)
			}
			continue
		}
		if err := s.examine(r, index, floor, i == len(list)-1); err != nil {
			return err
		}
	}
	losses := s.judge(r)
	next := floor.segment + 1
	if n := len(list); n > 0 {
		next = max(next, list[n-1]+1)
	}
	if err := s.begin(next); err != nil {
		return err
	}
	return s.start(losses)
}

// adopt takes over the saved state.
func (r *recovery) adopt(s *Spool) {
	r.trails, r.last = map[string]*trail{}, map[string][]place{}
	if r.saved == nil {
		return
	}
	s.epoch = r.saved.epoch
	for name, m := range r.saved.senders {
		s.senders[name] = &sender{mark: m}
		t := &trail{at: m.sent, ends: slices.Clone(m.ends)}
		if m.high > 0 {
			t.ends = append(t.ends, place{s.epoch, m.high})
		}
		r.trails[name] = t
	}
}

// examine reads a segment from the floor on, counts what waits in it, and
// cuts off a torn end of the last one.
func (s *Spool) examine(r *recovery, index uint64, floor position, last bool) error {
	path := segmentPath(s.dir, index)
	file, err := s.options.disk.open(path, os.O_RDWR)
	if err != nil {
		return boltfile.Explain(path, fmt.Errorf("open segment: %w", err))
	}
	defer file.Close()
	size, err := file.size()
	if err != nil {
		return fmt.Errorf("open segment: %w", err)
	}
	pos := int64(segmentHead)
	if index == floor.segment {
		pos = floor.offset
		r.damaged = r.damaged || size < pos
	}
	// A head is flushed before anything follows it.
	r.damaged = r.damaged || size > segmentHead && !soundHead(file, index)
	r.found++
	scanner := newScanner(file, index, pos, size)
	for {
		from := scanner.pos
		payload, err := scanner.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return fmt.Errorf("read segment %s: %w", path, err)
		}
		s.count(r, payload, position{index, from}, position{index, scanner.pos})
	}
	if last && size > scanner.pos {
		s.options.Logger.Info("the end of the spool was torn by a crash and is cut off", "path", path, "bytes", size-scanner.pos)
		if err := errors.Join(file.Truncate(scanner.pos), file.flush()); err != nil {
			return fmt.Errorf("cut torn segment: %w", err)
		}
		size = scanner.pos
	}
	s.segments = append(s.segments, segment{index: index, size: max(size, segmentHead)})
	return nil
}

// recoveredChunk is how many points of a source make up a chunk at a start.
const recoveredChunk = 64

// count notes a point that waits.
func (s *Spool) count(r *recovery, payload []byte, from, to position) {
	p, err := r.decoder.point(payload)
	if err != nil {
		return
	}
	t := r.trails[p.Source]
	if t == nil {
		t = &trail{open: r.saved == nil}
		r.trails[p.Source] = t
	}
	open := t.open
	holes, fresh := t.follow(&p)
	r.epoch = max(r.epoch, p.Epoch)
	if !fresh {
		return
	}
	r.note(&p)
	sender := s.sender(p.Source)
	if open {
		sender.sent = place{p.Epoch, p.Sequence - uint64(max(lossOf(&p), 1))}
	}
	for _, h := range holes {
		sender.pending += int(h.n)
		s.options.Logger.Error("points in the spool are damaged", "source", p.Source, "epoch", h.epoch, "last", h.last, "lost", h.n)
	}
	sender.add(chunk{from, to, placeOf(&p), p.Timestamp}, p.Sequence%recoveredChunk == 0, s.mostChunks())
	sender.pending += max(lossOf(&p), 1)
	r.begun = r.begun || p.IsGap() && p.Epoch == s.epoch
}

// note remembers the last point of each epoch.
func (r *recovery) note(p *linewatch.DataPoint) {
	list := r.last[p.Source]
	if n := len(list); n > 0 && list[n-1].epoch == p.Epoch {
		list[n-1] = placeOf(p)
		return
	}
	r.last[p.Source] = append(list, placeOf(p))
}

// judge decides whether a new epoch begins, and returns the gap records of
// what is missing at the end.
func (s *Spool) judge(r *recovery) (losses []linewatch.DataPoint) {
	if r.saved == nil {
		s.judgeWithoutState(r)
		return nil
	}
	for _, name := range slices.Sorted(maps.Keys(r.trails)) {
		t := r.trails[name]
		if t.at.epoch == s.epoch {
			s.sender(name).high = max(s.sender(name).high, t.at.sequence)
		}
		for _, end := range t.ends {
			for _, h := range t.reach(end) {
				losses = append(losses, h.record(name, s.options.Clock()))
				s.options.Logger.Error("points at the end of the spool are gone", "path", s.dir, "source", name,
					"epoch", h.epoch, "first", h.last-h.n+1, "last", h.last)
			}
		}
	}
	if r.stale {
		s.options.Logger.Error("the spool was put back from a backup: its next numbers were given out before", "path", s.dir)
		s.tellUncounted(r.noted)
	}
	if r.stale || len(losses) > 0 || r.found == 0 || r.damaged || r.begun || r.epoch > s.epoch {
		s.beginEpoch(r)
		s.options.Logger.Error("the numbers of the spool cannot be trusted: a new epoch begins", "path", s.dir, "epoch", s.epoch)
		if (s.state.doubt || s.state.cut) && !r.stale {
			s.tellUncounted(r.saved)
		}
	}
	return losses
}

// judgeWithoutState begins an epoch, and says what may be gone.
func (s *Spool) judgeWithoutState(r *recovery) {
	s.beginEpoch(r)
	if r.found > 0 || r.noted != nil || s.state.spoiled || s.noted != nil && s.noted.spoiled {
		s.options.Logger.Error("the state of the spool is gone: a new epoch begins", "path", s.dir, "epoch", s.epoch)
	}
	s.tellUncounted(r.noted)
}

// tellUncounted says how far the spool had come at least, where a newer state
// is gone.
func (s *Spool) tellUncounted(known *state) {
	if known == nil {
		return
	}
	for _, name := range slices.Sorted(maps.Keys(known.senders)) {
		m := known.senders[name]
		s.options.Logger.Error("points that are not sent and not in the spool any more are lost, and cannot be counted", "source", name,
			"sent_epoch", m.sent.epoch, "sent_at_least", m.sent.sequence, "epoch", known.epoch, "taken_at_least", m.high)
	}
}

func (r *recovery) notedEpoch() uint64 {
	if r.noted == nil {
		return 0
	}
	return r.noted.epoch
}

// beginEpoch takes an epoch that no earlier spool on this machine can have
// used.
func (s *Spool) beginEpoch(r *recovery) {
	for name, sender := range s.senders {
		sender.endAll(r.last[name], place{s.epoch, sender.high})
	}
	s.epoch = max(max(s.epoch, r.epoch, r.notedEpoch())+1, uint64(max(s.options.Clock(), 1)))
}

// start writes the gap records and the state, and tidies up.
func (s *Spool) start(losses []linewatch.DataPoint) error {
	active := &s.segments[len(s.segments)-1]
	var data []byte
	for i := range losses {
		p := &losses[i]
		from := active.size + int64(len(data))
		data = appendFrame(data, segmentSeed(active.index), p)
		sender := s.sender(p.Source)
		sender.pending += lossOf(p)
		sender.add(chunk{
			position{active.index, from},
			position{active.index, active.size + int64(len(data))},
			placeOf(p), p.Timestamp,
		}, true, s.mostChunks())
	}
	if len(data) > 0 {
		if err := s.appendData(data, active.size); err != nil {
			return err
		}
		active.size += int64(len(data))
	}
	return s.dropSent(s.left())
}
