package app

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"linewatch"
	"linewatch/notify/bolthistory"
	"linewatch/rules/boltstore"
	"linewatch/rules/domain"
	"linewatch/rules/host"
)

// BenchmarkEngine runs the engine from disk to disk: points log, judgement,
// state and changes with their explanations in one commit, and out of the
// outbox into the history. 10,000 rules on four lines, ten on each tag. In
// turns with it runs the floor, which has no commits: the same records read,
// decoded and judged. Counted in points, by CPU time.
//
// The values first wander slowly, so that one point in some hundreds changes a
// state, and then as many points again fast: one in fifty, which is a flood.
func BenchmarkEngine(b *testing.B) {
	data := b.TempDir()
	p := newBenchPlant(b, data, benchSize{lines: 4, tags: 1000, rules: 10_000})
	m := engineMeter{plant: p, engine: startBenchEngine(b, p, data, nil), floor: newBenchFloor(b, p)}
	p.append(b, 10)
	m.take(b) // every tag is known, and every rule has its first state
	b.ResetTimer()
	p.step = 0.4
	m.run(b, b.N)
	m.report(b, "")
	p.step = 1
	m.run(b, b.N)
	m.report(b, "flood-")
	b.StopTimer()
	m.engine.stop(b, p)
}

const benchPass = 125 // rounds that are stored and judged at a time: 100,000 points

// engineMeter counts what engine and floor need.
type engineMeter struct {
	plant  *benchPlant
	engine *benchEngine
	floor  *benchFloor

	// Of one run.
	points  int
	changes uint64
	ours    time.Duration
	least   time.Duration
}

func (m *engineMeter) run(b *testing.B, n int) {
	b.Helper()
	m.points, m.changes, m.ours, m.least = 0, m.engine.changes.Load(), 0, 0
	for m.points < n {
		b.StopTimer()
		rounds := min(benchPass, (n-m.points+benchRound-1)/benchRound)
		m.plant.append(b, rounds)
		m.points += rounds * benchRound
		b.StartTimer()
		m.take(b)
	}
	m.changes = m.engine.changes.Load() - m.changes
}

// take lets both judge what is stored.
func (m *engineMeter) take(b *testing.B) {
	b.Helper()
	m.ours += m.engine.take(b, m.plant)
	b.StopTimer()
	m.least += m.floor.take(b, m.plant)
	b.StartTimer()
}

func (m *engineMeter) report(b *testing.B, what string) {
	ours, least := float64(m.ours)/float64(m.points), float64(m.least)/float64(m.points)
	b.ReportMetric(ours, what+"cpu-ns/point")
	b.ReportMetric(1e9/ours, what+"points/s/core")
	b.ReportMetric(least, what+"floor-ns/point")
	b.ReportMetric(ours/least, what+"ratio")
	b.ReportMetric(float64(m.changes)/float64(m.points), what+"changes/point")
}

// gatedLog hides what is stored from the host until it may have it.
type gatedLog struct {
	hostLog
	upTo atomic.Uint64
}

// Read implements host.Log.
func (g *gatedLog) Read(ctx context.Context, partition int, from uint64, limit int) ([]linewatch.Record, uint64, linewatch.Time, error) {
	upTo := g.upTo.Load()
	if from < upTo {
		return g.hostLog.Read(ctx, partition, from, min(limit, int(upTo-from)))
	}
	select {
	case <-time.After(time.Millisecond):
	case <-ctx.Done():
	}
	return nil, from, linewatch.NoTime, nil
}

// benchEngine is a host as App wires it.
type benchEngine struct {
	log     gatedLog
	host    *host.Host
	cancel  func()
	ended   chan error
	changes atomic.Uint64 // published
}

func startBenchEngine(b *testing.B, p *benchPlant, data string, change func(*host.Config)) *benchEngine {
	b.Helper()
	log := slog.New(slog.DiscardHandler)
	store, err := boltstore.Open(filepath.Join(data, stateFile), log)
	if err != nil {
		b.Fatal(err)
	}
	history, err := bolthistory.Open(filepath.Join(data, historyFile), bolthistory.Options{Logger: log})
	if err != nil {
		b.Fatal(err)
	}
	var lost atomic.Uint64
	e := &benchEngine{log: gatedLog{hostLog: hostLog{p.points, "points", log, &lost}}, ended: make(chan error, 1)}
	c := DefaultConfig()
	config := host.Config{
		Points: &e.log, Control: hostLog{p.control, "control", log, &lost}, NewDecoder: func() host.Decoder { return benchDecoder(b) },
		Store: store, Outbox: store, Domain: c.Engine.domain(), Logger: log,
		Publish: func(ctx context.Context, changes []linewatch.StateChange) error {
			e.changes.Add(uint64(len(changes)))
			return history.Append(ctx, changes)
		},
	}
	if change != nil {
		change(&config)
	}
	if e.host, err = host.New(b.Context(), config); err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	go func() { e.ended <- e.host.Run(ctx) }()
	e.cancel = sync.OnceFunc(func() {
		cancel()
		if err := errors.Join(<-e.ended, store.Close(), history.Close()); err != nil {
			b.Error(err)
		}
	})
	b.Cleanup(e.cancel)
	return e
}

func benchDecoder(b *testing.B) host.Decoder {
	d, err := newHostDecoder(benchGateway)
	if err != nil {
		b.Error(err)
	}
	return d
}

// take lets the host have all that is stored, and waits until it has judged
// and published it. It returns the CPU time of that.
func (e *benchEngine) take(b *testing.B, p *benchPlant) time.Duration {
	b.Helper()
	_, next, err := p.points.Bounds(0)
	if err != nil {
		b.Fatal(err)
	}
	upTo, before := p.points.Latest(), cpu()
	e.log.upTo.Store(next)
	waitUntil(b.Context(), func() bool {
		ok, err := e.host.Drained(b.Context(), upTo)
		if err != nil {
			b.Fatal(err)
		}
		return ok
	})
	return cpu() - before
}

// stop ends the host. It must have accepted every point, and lost none.
func (e *benchEngine) stop(b *testing.B, p *benchPlant) {
	b.Helper()
	all, err := e.host.Status(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	var accepted uint64
	for _, d := range all {
		if accepted += d.Accounts.Accepted; d.Accounts.Late > 0 || !d.Accounts.Balanced() {
			b.Errorf("line %s: accounts %+v", d.Line, d.Accounts)
		}
	}
	if accepted != uint64(p.sent) {
		b.Errorf("%d points accepted of %d", accepted, p.sent)
	}
	e.cancel()
}

// benchFloor judges what is in the log, and keeps nothing of it.
type benchFloor struct {
	decode  host.Decoder
	domains map[string]*domain.Domain // by source
	next    uint64
}

func newBenchFloor(b *testing.B, p *benchPlant) *benchFloor {
	b.Helper()
	f := &benchFloor{decode: benchDecoder(b), domains: map[string]*domain.Domain{}}
	lines := map[string]*domain.Domain{}
	for s := range benchSenders {
		line := p.line(s)
		if lines[line] == nil {
			c := DefaultConfig()
			cfg := c.Engine.domain()
			cfg.Line = line
			lines[line] = domain.New(cfg)
			f.control(b, p, lines[line])
		}
		f.domains[benchPLC(s)] = lines[line]
	}
	return f
}

func (f *benchFloor) control(b *testing.B, p *benchPlant, d *domain.Domain) {
	b.Helper()
	for i := range p.records {
		if _, err := d.Control(benchEpoch, &p.records[i]); err != nil {
			b.Fatal(err)
		}
	}
}

// take judges what is new. It returns the CPU time of that.
func (f *benchFloor) take(b *testing.B, p *benchPlant) time.Duration {
	b.Helper()
	before := cpu()
	for {
		batch, err := p.points.Read(b.Context(), 0, f.next, 64)
		if err != nil {
			b.Fatal(err)
		}
		for _, r := range batch.Records {
			gateway, points, _ := f.decode(r.Data)
			d := f.domains[points[0].Source]
			d.Points(r.Arrival, linewatch.Position{Offset: r.Offset}, gateway, points)
			d.Take()
			f.next = r.Offset + 1
		}
		if batch.ClosedAt.Known() {
			break
		}
	}
	return cpu() - before
}
