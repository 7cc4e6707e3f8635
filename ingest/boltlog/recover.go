package boltlog

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	bolt "go.etcd.io/bbolt"

	"linewatch"
	"linewatch/internal/boltfile"
)

// recover takes up the log where it ended, or begins it.
func (l *Log) recover(dir string) error {
	saved, err := loadState(l.meta)
	if err != nil {
		return err
	}
	n := max(l.options.Partitions, 1)
	if saved != nil {
		if l.options.Partitions != 0 && l.options.Partitions != len(saved.parts) {
			return fmt.Errorf("%s was created with %d partitions, not %d; keep their number, or choose another data directory",
				dir, len(saved.parts), l.options.Partitions)
		}
		n = len(saved.parts)
	}
	if n > maxPartitions {
		return fmt.Errorf("%d partitions; at most %d are possible", n, maxPartitions)
	}
	l.adopt(saved, n)
	if err := l.openChain(dir, saved == nil); err != nil {
		return err
	}
	if err := l.findEnds(saved); err != nil {
		return err
	}
	if now, latest := l.times.now(), l.times.latest(); latest.Known() && latest.Sub(now) > linewatch.Minute {
		l.options.Logger.Warn("the clock is behind the log: stamps stand still until it has caught up",
			"path", dir, "clock", now.String(), "log", latest.String())
	}
	return l.renew()
}

// checkMeta refuses segments without a state before an empty one is created,
// which the next start would take for the one that was there.
func checkMeta(dir, path string) error {
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		return nil // opening it says what is wrong
	}
	list, err := listSegments(dir)
	if errors.Is(err, fs.ErrNotExist) || err == nil && len(list) == 0 {
		return nil
	}
	if err != nil {
		return err
	}
	return wholeLog(dir, boltfile.Damaged(path, errMissing, errors.New("there are segments, but the state that belongs to them is gone")))
}

var errMissing = errors.New("file is missing although it existed before")

// wholeLog gives damage to the state of a log the remedy that helps: without
// it the segments cannot be read.
func wholeLog(dir string, err error) error {
	e, ok := errors.AsType[*boltfile.Error](err)
	if !ok || filepath.Base(e.Path) != metaName || !damaged(e) {
		return err
	}
	whole := *e
	whole.Remedy = fmt.Sprintf("restore the whole data directory from one backup, or move the whole directory %s and what was built on it (state.db) away; what only this log holds is lost with it, such as rules, which have to be published again",
		dir)
	return &whole
}

func damaged(e *boltfile.Error) bool {
	return e.Reason == boltfile.ErrEmpty || e.Reason == boltfile.ErrTruncated || e.Reason == boltfile.ErrCorrupt || e.Reason == errMissing
}

// adopt sets up the partitions as the state left them.
func (l *Log) adopt(saved *state, n int) {
	l.parts = make([]partition, n)
	l.times = clock{
		now: l.options.Clock, promise: linewatch.NoTime, span: promiseAhead, kept: linewatch.NoTime,
		parts: make([]partitionClock, n),
	}
	for i := range n {
		c := partitionClock{last: linewatch.NoTime, closed: linewatch.NoTime, inFlight: linewatch.NoTime}
		if saved != nil {
			l.parts[i].first = saved.parts[i].first
			c.closed = saved.parts[i].closed
			if !saved.clean {
				// A reader may have been told anything up to the promise.
				c.closed = saved.promise
			}
		}
		l.parts[i].wake = make(chan struct{})
		l.times.parts[i] = c
	}
	if saved != nil {
		l.times.promise = saved.promise
	}
}

// openChain opens the active segment and reads the heads of the others.
func (l *Log) openChain(dir string, fresh bool) error {
	l.chain = &chain{dir: dir, logger: l.options.Logger}
	list, err := listSegments(dir)
	if err != nil {
		return err
	}
	if fresh && len(list) > 1 {
		return boltfile.Damaged(l.meta.Path(), boltfile.ErrEmpty, errors.New("there are segments, but the state that belongs to them is gone"))
	}
	if !fresh && len(list) == 0 {
		return fmt.Errorf("%s: every segment of the log is missing; restore them, or move the log away", dir)
	}
	if list, err = l.dropUnbegun(dir, list); err != nil {
		return err
	}
	for i, index := range list {
		if err := l.addSegment(segmentPath(dir, index), index, i == len(list)-1); err != nil {
			return err
		}
	}
	if len(list) == 0 {
		return l.roll()
	}
	return l.chain.trim(l.firsts())
}

// dropUnbegun removes the newest segment if a crash came before its head.
func (l *Log) dropUnbegun(dir string, list []uint64) ([]uint64, error) {
	if len(list) == 0 {
		return list, nil
	}
	path := segmentPath(dir, list[len(list)-1])
	db, err := openReadable(path, l.options.Logger)
	if err != nil {
		return nil, err
	}
	_, err = readHead(db)
	if closeErr := db.Close(); closeErr != nil {
		return nil, closeErr
	}
	if !errors.Is(err, errNoHead) {
		return list, err
	}
	if err := os.Remove(path); err != nil {
		return nil, fmt.Errorf("remove segment without a head: %w", err)
	}
	return list[:len(list)-1], nil
}

// addSegment appends a segment to the chain; only the active one stays open.
func (l *Log) addSegment(path string, index uint64, active bool) error {
	var db *bolt.DB
	var err error
	if active {
		db, err = openWritable(path, l.options.SegmentBytes, false, l.options.Logger)
	} else {
		db, err = openReadable(path, l.options.Logger)
	}
	if err != nil {
		return err
	}
	head, err := readHead(db)
	if err == nil && len(head) != len(l.parts) {
		err = boltfile.Damaged(path, boltfile.ErrCorrupt, fmt.Errorf("it has %d partitions, the log has %d", len(head), len(l.parts)))
	}
	if err != nil || !active {
		err = errors.Join(err, db.Close())
		db = nil
	}
	if err != nil {
		return err
	}
	l.chain.push(&segment{index: index, path: path, head: head, db: db})
	return nil
}

// findEnds takes the next offset and the highest stamp of each partition from
// the active segment.
func (l *Log) findEnds(saved *state) error {
	s := l.chain.active()
	for i := range l.parts {
		next, last := s.head[i].offset, s.head[i].last
		offset, stamp, ok, err := lastRecord(s.db, i)
		if err != nil {
			return err
		}
		if ok {
			next, last = offset+1, max(last, stamp)
		}
		if saved == nil && next > 0 {
			return boltfile.Damaged(l.meta.Path(), boltfile.ErrEmpty, errors.New("there are records, but the state that belongs to them is gone"))
		}
		if saved != nil && next < saved.parts[i].next {
			// Readers meet the missing offsets as a loss; they are never given
			// to other records.
			l.options.Logger.Error("records at the end of the log are lost", "path", s.path,
				"partition", i, "first", next, "last", saved.parts[i].next-1)
			next = saved.parts[i].next
		}
		l.parts[i].next = next
		l.times.parts[i].last = last
	}
	return nil
}

func (l *Log) firsts() []uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	first := make([]uint64, len(l.parts))
	for i := range l.parts {
		first[i] = l.parts[i].first
	}
	return first
}
