package host

import (
	"context"
	"errors"
	"time"

	"linewatch"
	"linewatch/rules"
)

// itemKind says what an item asks of a worker.
type itemKind uint8

const (
	pointsItem  itemKind = iota // points of one record for one home
	controlItem                 // a control record, for every domain
	createItem                  // a new home
	closeItem                   // nothing at or before arrival is to come
	askItem                     // answer a question
)

// item is one piece of work.
type item struct {
	kind      itemKind
	home      string
	arrival   linewatch.Time
	partition int
	offset    uint64
	gateway   string
	points    []linewatch.DataPoint
	refused   []Refused
	control   *linewatch.Control
	guests    map[string][]string // of homes that have others from the control record on, or of the new home
	history   []controlRecord
	pos       positions
	done      chan error
	ask       func([]*bucket)
}

// queueLength is how many items may wait for a worker. A full queue holds the
// merger back, and with it the readers.
const queueLength = 256

// worker runs buckets, one after the other, on one goroutine.
type worker struct {
	cfg     *Config
	items   chan item
	asks    chan item     // questions, which any goroutine may put
	ended   chan struct{} // closed when nobody answers any more
	outbox  *publisher
	buckets map[int]*bucket
	order   []*bucket // ascending
	room    []byte    // for snapshots
}

func newWorker(cfg *Config, outbox *publisher) *worker {
	return &worker{
		cfg: cfg, outbox: outbox, buckets: map[int]*bucket{},
		items: make(chan item, queueLength), asks: make(chan item), ended: make(chan struct{}),
	}
}

// give hands an item to the worker, waiting while its queue is full.
func (w *worker) give(ctx context.Context, it item) error {
	select {
	case w.items <- it:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// run works until the queue is closed, then commits. An error ends it.
func (w *worker) run(ctx context.Context) error {
	defer close(w.ended)
	for open := true; open; {
		var it item
		select {
		case it, open = <-w.items:
		case it = <-w.asks:
		}
		if !open {
			break
		}
		if err := w.do(ctx, &it); err != nil {
			return err
		}
	}
	for _, b := range w.order {
		if err := w.commit(ctx, b, true); err != nil {
			return err
		}
	}
	return nil
}

func (w *worker) do(ctx context.Context, it *item) error {
	switch it.kind {
	case pointsItem:
		return w.buckets[bucketOf(it.home)].points(it)
	case controlItem:
		for _, b := range w.order {
			if err := b.control(it); err != nil {
				return err
			}
		}
	case createItem:
		err := w.create(ctx, it)
		it.done <- err
		return err
	case closeItem:
		for _, b := range w.order {
			if err := b.close(it); err != nil {
				return err
			}
			if err := w.commit(ctx, b, false); err != nil {
				return err
			}
		}
	case askItem:
		it.ask(w.order)
	}
	return nil
}

// create opens the domain of a new home and commits its bucket.
func (w *worker) create(ctx context.Context, it *item) error {
	number := bucketOf(it.home)
	b, ok := w.buckets[number]
	if !ok {
		b = newBucket(w.cfg, number, it.pos)
		w.add(b)
	}
	if err := b.open(it); err != nil {
		return err
	}
	return w.commit(ctx, b, true)
}

func (w *worker) add(b *bucket) {
	w.buckets[b.number] = b
	i := 0
	for i < len(w.order) && w.order[i].number < b.number {
		i++
	}
	w.order = append(w.order[:i], append([]*bucket{b}, w.order[i:]...)...)
}

// restore loads a bucket that was committed before.
func (w *worker) restore(ctx context.Context, number int) (*bucket, error) {
	c, err := w.cfg.Store.Load(ctx, number)
	if err != nil {
		return nil, err
	}
	b := newBucket(w.cfg, number, positions{next: make([]uint64, w.cfg.Points.Partitions())})
	if err := b.restore(c); err != nil {
		return nil, err
	}
	w.add(b)
	return b, nil
}

// commit stores the changes that a bucket has emitted and, when it is time or
// asked for, its state.
func (w *worker) commit(ctx context.Context, b *bucket, withState bool) error {
	if !b.caughtUp() {
		return nil
	}
	// A state that is ahead of its position would take points twice.
	withState = b.settled && (withState || time.Since(b.committed) >= w.cfg.SnapshotEvery)
	if len(b.changes) == 0 && !withState {
		return nil
	}
	c := rules.Commit{First: b.emitted, Changes: b.changes}
	now := w.cfg.Now()
	for i := range c.Changes {
		c.Changes[i].Observed.Processed = now
	}
	b.emitted += uint64(len(c.Changes))
	if withState {
		snapshot, err := b.appendSnapshot(w.room[:0])
		if err != nil {
			return err
		}
		c.Snapshot, c.Emitted, w.room = snapshot, b.emitted, snapshot
		b.committed = time.Now()
	}
	err := w.cfg.Store.Commit(ctx, b.number, c)
	var diverged *rules.DivergedError
	if errors.As(err, &diverged) {
		b.diverged += uint64(len(diverged.Numbers))
		w.cfg.Logger.Error("state changes were emitted again with other content, the first ones stay",
			"bucket", b.number, "count", len(diverged.Numbers), "stored", string(diverged.Stored), "emitted", string(diverged.Emitted))
	} else if err != nil {
		return err
	}
	if len(c.Changes) > 0 {
		b.changes = nil
		w.outbox.note(b.number)
	}
	return nil
}
