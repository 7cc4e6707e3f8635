package plant

import (
	"context"
	"sync"
	"time"
)

// Line lets several simulated controllers share one plant. It owns the plant
// and moves it along a clock; each controller attaches a function that copies
// the tags it serves. Safe for concurrent use.
type Line struct {
	now func() time.Time

	mu       sync.Mutex
	plant    *Plant
	attached []func(*Plant)
}

// NewLine returns a line on the plant, which nobody else may touch from now
// on. now is the clock that the plant follows.
func NewLine(p *Plant, now func() time.Time) *Line { return &Line{now: now, plant: p} }

// View calls f with the plant at its present instant. The plant must not be
// kept. f must not block, nor call the Line.
func (l *Line) View(f func(*Plant)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	f(l.plant)
}

// Attach calls f now, and from now on after every step that has moved the
// plant, in the order of attaching. What holds for f in View holds here, too.
func (l *Line) Attach(f func(*Plant)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.attached = append(l.attached, f)
	f(l.plant)
}

// Step brings the plant up to the clock and tells those attached.
func (l *Line) Step() {
	now := l.now()
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.plant.AdvanceTo(now) == 0 {
		return
	}
	for _, f := range l.attached {
		f(l.plant)
	}
}

// Run steps every so often until ctx ends, and returns nil. A clock that runs
// N times as fast wants steps N times as often: every = Tick / N.
func (l *Line) Run(ctx context.Context, every time.Duration) error {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
			l.Step()
		}
	}
}
