package boltlog

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"sync"

	bolt "go.etcd.io/bbolt"

	"linewatch/ingest"
)

// maxIdle is how many closed segments stay open for readers.
const maxIdle = 8

// chain is the segments in their order. The last one is appended to by the
// writer and is always open; the others are opened when they are read.
type chain struct {
	dir    string
	logger *slog.Logger

	mu       sync.Mutex
	segments []*segment
	uses     uint64
	closed   bool // nothing is opened any more
}

func (c *chain) length() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.segments)
}

// active returns the segment that is appended to.
func (c *chain) active() *segment {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.segments[len(c.segments)-1]
}

// push makes a segment the active one.
func (c *chain) push(s *segment) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.segments = append(c.segments, s)
}

// acquire returns the segment that holds an offset of a partition, open, and
// the offset at which the next one starts (or the highest there is). Call
// release when done.
func (c *chain) acquire(partition int, offset uint64) (*segment, uint64, error) {
	for {
		c.mu.Lock()
		s, end := c.find(partition, offset)
		if s == nil {
			c.mu.Unlock()
			return nil, 0, fs.ErrNotExist
		}
		if s.db != nil {
			s.users++
			c.uses++
			s.used = c.uses
			c.mu.Unlock()
			return s, end, nil
		}
		wait := s.opening
		if wait == nil {
			s.opening = make(chan struct{})
		}
		c.mu.Unlock()
		if wait != nil {
			<-wait
			continue
		}
		if err := c.open(s); err != nil {
			return s, end, err
		}
	}
}

// find returns the last segment that starts at or before the offset.
func (c *chain) find(partition int, offset uint64) (*segment, uint64) {
	i := sort.Search(len(c.segments), func(i int) bool { return c.segments[i].head[partition].offset > offset })
	switch {
	case i == 0:
		return nil, 0
	case i == len(c.segments):
		return c.segments[i-1], ^uint64(0)
	}
	return c.segments[i-1], c.segments[i].head[partition].offset
}

// open opens a segment that this caller has marked as opening.
func (c *chain) open(s *segment) error {
	db, err := openReadable(s.path, c.logger)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed && err == nil { // nobody would close it
		db, err = nil, errors.Join(ingest.ErrClosed, db.Close())
	}
	s.db = db
	close(s.opening)
	s.opening = nil
	return err
}

// release ends the use of a segment, and closes those that are idle and too
// many.
func (c *chain) release(s *segment) {
	c.mu.Lock()
	s.users--
	drop := c.surplus()
	if s.gone && s.users == 0 && s.db != nil {
		drop = append(drop, s.db)
		s.db = nil
	}
	c.mu.Unlock()
	for _, db := range drop {
		if err := db.Close(); err != nil {
			c.logger.Warn("a segment could not be closed", "path", db.Path(), "error", err)
		}
	}
}

// surplus takes the handles of the idle segments that were used longest ago.
func (c *chain) surplus() []*bolt.DB {
	var idle []*segment
	for _, s := range c.segments[:len(c.segments)-1] {
		if s.db != nil && s.users == 0 {
			idle = append(idle, s)
		}
	}
	if len(idle) <= maxIdle {
		return nil
	}
	slices.SortFunc(idle, func(a, b *segment) int { return int(int64(a.used - b.used)) })
	var drop []*bolt.DB
	for _, s := range idle[:len(idle)-maxIdle] {
		drop = append(drop, s.db)
		s.db = nil
	}
	return drop
}

// trim unlinks the leading segments of which nothing is wanted. A reader that
// is inside one can finish.
func (c *chain) trim(first []uint64) error {
	c.mu.Lock()
	n := 0
	for n+1 < len(c.segments) && below(c.segments[n+1].head, first) {
		n++
	}
	// A segment that is just being opened waits for the next time.
	for i, s := range c.segments[:n] {
		if s.opening != nil {
			n = i
			break
		}
	}
	dropped := slices.Clone(c.segments[:n])
	c.segments = slices.Delete(c.segments, 0, n)
	for _, s := range dropped {
		s.gone = true
		s.users++ // released below, which closes it
	}
	c.mu.Unlock()
	for i, s := range dropped {
		if err := os.Remove(s.path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			c.putBack(dropped[i:])
			return fmt.Errorf("remove trimmed segment: %w", err)
		}
		c.release(s)
	}
	return nil
}

// putBack takes in again, for the next time, segments that are still on the
// disk. Without them the numbers of the files would have a gap, and the log
// could not be opened again.
func (c *chain) putBack(back []*segment) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, s := range back {
		s.gone = false
		s.users--
	}
	c.segments = slices.Insert(c.segments, 0, back...)
}

// below reports whether everything before a segment with this head is trimmed.
func below(head []base, first []uint64) bool {
	for p, b := range head {
		if b.offset > first[p] {
			return false
		}
	}
	return true
}

// close closes every file; bbolt waits for the readers.
func (c *chain) close() error {
	c.mu.Lock()
	c.closed = true
	var open []*bolt.DB
	for _, s := range c.segments {
		if s.db != nil {
			open = append(open, s.db)
		}
	}
	c.mu.Unlock()
	var errs []error
	for _, db := range open {
		errs = append(errs, db.Close())
	}
	return errors.Join(errs...)
}

// listSegments returns the numbers of the segment files in dir, in order.
func listSegments(dir string) ([]uint64, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("list segments: %w", err)
	}
	var list []uint64
	for _, e := range entries {
		if index, ok := segmentIndex(e.Name()); ok {
			list = append(list, index)
		}
	}
	slices.Sort(list)
	for i := 1; i < len(list); i++ {
		if list[i] != list[i-1]+1 {
			return nil, fmt.Errorf("%s is missing between its neighbours; restore it, or move the log away",
				filepath.Join(dir, filepath.Base(segmentPath(dir, list[i-1]+1))))
		}
	}
	return list, nil
}
