package host

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"linewatch"
)

const (
	publishBatch = 512
	publishRetry = time.Second
)

// publisher takes committed changes out of the outbox, in order per bucket.
// What cannot be published stays there and is tried again.
type publisher struct {
	cfg   *Config
	mu    sync.Mutex
	dirty map[int]bool // buckets that have something to publish
	wake  chan struct{}
	busy  atomic.Bool // between taking dirty buckets and having published them
}

func newPublisher(cfg *Config) *publisher {
	return &publisher{cfg: cfg, dirty: map[int]bool{}, wake: make(chan struct{}, 1)}
}

// note says that a bucket has committed changes.
func (p *publisher) note(bucket int) {
	p.mu.Lock()
	p.dirty[bucket] = true
	p.mu.Unlock()
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

func (p *publisher) takeDirty() []int {
	p.mu.Lock()
	defer p.mu.Unlock()
	var all []int
	for b := range p.dirty {
		all = append(all, b)
	}
	clear(p.dirty)
	p.busy.Store(len(all) > 0)
	slices.Sort(all)
	return all
}

// run publishes until ctx ends; then it makes one last attempt, which a broken
// receiver ends at once.
func (p *publisher) run(ctx context.Context) {
	failing := map[int]bool{} // buckets of which that was told
	for ctx.Err() == nil {
		select {
		case <-p.wake:
		case <-ctx.Done():
		}
		for _, b := range p.takeDirty() {
			if err := p.drain(context.WithoutCancel(ctx), b); err != nil {
				if !failing[b] {
					failing[b] = true
					p.cfg.Logger.Error("state changes cannot be published and are tried again", "bucket", b, "error", err)
				}
				p.note(b)
				if pause(ctx, publishRetry) != nil {
					return
				}
			} else if failing[b] {
				delete(failing, b)
				p.cfg.Logger.Info("state changes are published again", "bucket", b)
			}
		}
		p.busy.Store(false)
	}
}

// drain publishes all that a bucket has committed.
func (p *publisher) drain(ctx context.Context, bucket int) error {
	from := uint64(0)
	for {
		outputs, err := p.cfg.Outbox.Pending(ctx, bucket, from, publishBatch)
		if err != nil || len(outputs) == 0 {
			return err
		}
		changes := make([]linewatch.StateChange, len(outputs))
		for i, o := range outputs {
			if err := changes[i].UnmarshalJSON(o.Change); err != nil {
				return err
			}
		}
		if err := p.cfg.Publish(ctx, changes); err != nil {
			return err
		}
		from = outputs[len(outputs)-1].Number + 1
		if err := p.cfg.Outbox.Published(ctx, bucket, from); err != nil {
			return err
		}
	}
}

// pending reports whether anything waits to be published.
func (p *publisher) pending() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.dirty) > 0 || p.busy.Load()
}
