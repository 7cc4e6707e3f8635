package spool

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"linewatch"
)

// receiver is what the outside knows of a spool: which points the spool said
// were durable, and what it handed out. It is the judge after every fault.
type receiver struct {
	durable map[identity]string
	came    map[identity]string
	done    map[identity]bool // came, and the spool was told
	stated  map[identity]bool // lost, says a gap record
}

func newReceiver() *receiver {
	return &receiver{map[identity]string{}, map[identity]string{}, map[identity]bool{}, map[identity]bool{}}
}

func (r *receiver) clone() *receiver {
	return &receiver{maps.Clone(r.durable), maps.Clone(r.came), maps.Clone(r.done), maps.Clone(r.stated)}
}

func identityOf(p *linewatch.DataPoint) identity { return identity{p.Source, p.Epoch, p.Sequence} }

// take notes what one run of the spool handed out, in that order.
func (r *receiver) take(points []linewatch.DataPoint) error {
	for i := range points {
		p := &points[i]
		id, value := identityOf(p), p.Value.String()
		if n := lossOf(p); n > 0 {
			for ; n > 0; n-- {
				if before, ok := r.came[id]; ok {
					return fmt.Errorf("%v came with %s and is stated lost", id, before)
				}
				r.stated[id] = true
				id.sequence--
			}
			continue
		}
		if before, ok := r.came[id]; ok && before != value {
			return fmt.Errorf("%v came with %s and %s", id, before, value)
		}
		if r.stated[id] {
			return fmt.Errorf("%v was stated lost and comes", id)
		}
		r.came[id] = value
	}
	return nil
}

// inOrder checks that what one run handed out rises per source.
func inOrder(points []linewatch.DataPoint) error {
	at := map[string]place{}
	for i := range points {
		p := &points[i]
		if !placeOf(p).after(at[p.Source]) {
			return fmt.Errorf("%v after %v", identityOf(p), at[p.Source])
		}
		at[p.Source] = placeOf(p)
	}
	return nil
}

// whole checks that every durable point came or is one that may be lost, and
// that the numbers have no hole that nobody speaks of.
func (r *receiver) whole(mayLose func(identity) bool) error {
	for id, value := range r.durable {
		if came, ok := r.came[id]; ok && came != value {
			return fmt.Errorf("%v was durable with %s and came with %s", id, value, came)
		} else if !ok && !mayLose(id) {
			return fmt.Errorf("%v was durable and is gone (stated lost: %v)", id, r.stated[id])
		}
	}
	for id := range r.came {
		before := id
		before.sequence--
		if _, ok := r.came[before]; !ok && !r.stated[before] && before.sequence > 0 && !mayLose(before) {
			return fmt.Errorf("%v came and %v is neither here nor stated lost", id, before)
		}
	}
	return nil
}

// drainAll takes out all that waits.
func drainAll(s *Spool) (all []linewatch.DataPoint, err error) {
	for s.Stats().Pending > 0 {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		points, upTo, err := s.Next(ctx, 100)
		cancel()
		if err != nil {
			return all, fmt.Errorf("%w after %d points: %+v", err, len(all), s.Stats())
		}
		if err := s.Acknowledge(upTo); err != nil {
			return all, err
		}
		all = append(all, points...)
	}
	return all, nil
}

// powerCuts is a line of lives of one spool, each ended by a power cut.
type powerCuts struct {
	random *rand.Rand
	spoil  func(*memDisk) // makes a disk lie, in the controls
	kill   bool           // the process dies, and the disk keeps what was written
	known  *receiver
	value  int
	epochs map[uint64]bool
}

func (c *powerCuts) options(d *memDisk) Options {
	o := testOptions()
	o.disk, o.Mark, o.SegmentBytes = d, "/mark", 2<<10
	return o
}

// run makes the given number of images, each from the one before, and checks
// each. The error is what is wrong with one.
func (c *powerCuts) run(images int) error {
	d := newMemDisk()
	for i := range images {
		image, err := c.live(d)
		if err == nil {
			err = c.check(image)
		}
		if err != nil {
			return fmt.Errorf("image %d: %w", i, err)
		}
		d = image
	}
	return nil
}

// live works on a disk until its power is cut, and returns what is left.
func (c *powerCuts) live(d *memDisk) (image *memDisk, err error) {
	if c.spoil != nil {
		c.spoil(d)
	}
	cutAt := 1 + c.random.IntN(150)
	if c.kill {
		cutAt += 20 // a start that does not end leaves what the power cut before it left
	}
	cutter := rand.New(rand.NewPCG(c.random.Uint64(), 1))
	d.hook = func() {
		if image == nil && d.ops >= cutAt {
			if image = d.cut(cutter); c.kill {
				image = d.asWritten()
			}
		}
	}
	// know notes what was said before the cut.
	know := func(note func()) (alive bool) {
		d.mu.Lock()
		defer d.mu.Unlock()
		if image == nil {
			note()
		}
		return image == nil
	}
	s, err := Open("/spool", c.options(d))
	if err != nil {
		return nil, err
	}
	for know(func() {}) {
		if err := c.round(s, know); err != nil {
			return nil, errors.Join(err, s.Close())
		}
	}
	return image, s.Close()
}

// round appends from several sources at once, and takes something out.
func (c *powerCuts) round(s *Spool, know func(func()) bool) error {
	var wg sync.WaitGroup
	errs := make([]error, 3)
	for n := range 1 + c.random.IntN(3) {
		points := make([]linewatch.DataPoint, 1+c.random.IntN(12))
		for i := range points {
			c.value++
			points[i] = point(fmt.Sprint("s", n), c.value)
		}
		wg.Go(func() {
			if errs[n] = s.Append(context.Background(), points); errs[n] != nil {
				return
			}
			know(func() {
				for i := range points {
					c.known.durable[identityOf(&points[i])] = points[i].Value.String()
				}
			})
		})
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		return err
	}
	if c.random.IntN(5) == 0 {
		time.Sleep(time.Duration(c.random.IntN(1500)) * time.Millisecond)
	}
	if c.random.IntN(3) == 0 || s.Stats().Pending == 0 {
		return nil
	}
	points, upTo, err := s.Next(context.Background(), 1+c.random.IntN(60))
	if err != nil {
		return err
	}
	know(func() { err = c.known.take(points) })
	if err != nil || c.random.IntN(5) == 0 {
		return err
	}
	if err := s.Acknowledge(upTo); err != nil {
		return err
	}
	know(func() {
		for i := range points {
			c.known.done[identityOf(&points[i])] = true
		}
	})
	return nil
}

// check opens a copy of an image and takes out what is there.
func (c *powerCuts) check(image *memDisk) error {
	s, err := Open("/spool", c.options(image.clone()))
	if err != nil {
		return err
	}
	defer s.Close()
	if len(c.known.durable) > 0 {
		c.epochs[s.Epoch()] = true
	}
	points, err := drainAll(s)
	known := c.known.clone()
	return errors.Join(err, inOrder(points), known.take(points), known.whole(func(identity) bool { return false }))
}

// cutPower makes images in lines of 20, until one is wrong.
func cutPower(t *testing.T, images int, spoil func(*memDisk)) (err error) {
	const line = 20
	points, epochs := 0, 0
	for seed := 0; seed*line < images && err == nil; seed++ {
		synctest.Test(t, func(t *testing.T) {
			c := powerCuts{
				random: rand.New(rand.NewPCG(7, uint64(seed))), spoil: spoil, known: newReceiver(), epochs: map[uint64]bool{},
			}
			if err = c.run(line); err != nil {
				err = fmt.Errorf("seed %d: %w", seed, err)
			}
			points += len(c.known.durable)
			epochs += len(c.epochs) - 1
		})
	}
	t.Logf("%d durable points, %d new epochs", points, epochs)
	return err
}

// Whatever a power cut leaves of what was not flushed: all that was said to be
// durable is there, nothing is reported as lost, and every number stands for
// one point.
func TestPowerCut(t *testing.T) {
	images := 300
	if os.Getenv("LINEWATCH_SOAK") != "" {
		images = 10_000
	}
	if err := cutPower(t, images, nil); err != nil {
		t.Error(err)
	}
}

// The control: on a disk whose flushes do nothing the same test must fail.
func TestPowerCutWithoutFlush(t *testing.T) {
	about := func(part string) func(string) bool {
		return func(path string) bool { return strings.Contains(path, part) }
	}
	for name, spoil := range map[string]func(*memDisk){
		"of anything": func(d *memDisk) {
			d.lieFlush = func(string) bool { return true }
			d.lieDir = true
		},
		"of segments":        func(d *memDisk) { d.lieFlush = about(".log") },
		"of the state":       func(d *memDisk) { d.lieFlush = about("spool.state") },
		"of the directories": func(d *memDisk) { d.lieDir = true },
	} {
		t.Run(name, func(t *testing.T) {
			err := cutPower(t, 300, spoil)
			if err == nil {
				t.Fatal("300 power cuts without a flush went unnoticed")
			}
			t.Log(err)
		})
	}
}
