package tablesource

import (
	"context"
	"errors"
	"log/slog"
	"sync"

	"linewatch"
)

// Status is how a source stands.
type Status struct {
	ID      string
	Source  string // its URL or path
	Reads   uint64 // good ones
	Changes uint64 // of these, those that were another table than before
	Errors  uint64
	ReadAt  linewatch.Time // of the last good one; NoTime before
	Error   string         // of the last read; empty if it was good
	ErrorAt linewatch.Time // of the last one that failed; NoTime before
}

// Poller reads sources, each in its own time.
type Poller struct {
	// Apply takes a table and says whether it was another one than before.
	Apply func(context.Context, linewatch.Table) (changed bool, err error)
	Now   func() linewatch.Time
	Log   *slog.Logger

	sources []*Source
	mu      sync.Mutex
	status  []Status
}

// Add makes the poller read a source, before Run.
func (p *Poller) Add(s *Source) {
	p.sources = append(p.sources, s)
	p.status = append(p.status, Status{ID: s.cfg.ID, Source: s.Where(), ReadAt: linewatch.NoTime, ErrorAt: linewatch.NoTime})
}

// Run reads until ctx ends. A source that fails is asked again in its time; the
// table that was read before stays.
func (p *Poller) Run(ctx context.Context) error {
	var wg sync.WaitGroup
	for i, s := range p.sources {
		wg.Go(func() {
			for {
				p.read(ctx, i, s)
				if !pause(ctx, s.cfg.Every.Std()) {
					return
				}
			}
		})
	}
	wg.Wait()
	return nil
}

func (p *Poller) read(ctx context.Context, i int, s *Source) {
	changed := false
	t, err := s.Fetch(ctx)
	if err == nil {
		if changed, err = p.Apply(ctx, t); err != nil {
			s.etag = "" // it must be asked for once more
		}
	}
	if ctx.Err() != nil {
		return
	}
	if errors.Is(err, errUnchanged) {
		err = nil
	}
	p.mu.Lock()
	st := &p.status[i]
	before, now := st.Error, p.Now()
	if err != nil {
		st.Errors, st.Error, st.ErrorAt = st.Errors+1, err.Error(), now
	} else {
		st.Reads, st.Error, st.ReadAt = st.Reads+1, "", now
		if changed {
			st.Changes++
		}
	}
	p.mu.Unlock()
	switch {
	case err != nil && before != err.Error():
		p.Log.Warn("table cannot be read, what was read before stays", "table", s.cfg.ID, "source", s.Where(), "error", err)
	case err == nil && before != "":
		p.Log.Info("table can be read again", "table", s.cfg.ID)
	}
}

// Status returns how each source stands.
func (p *Poller) Status() []Status {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]Status(nil), p.status...)
}
