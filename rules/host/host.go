package host

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"log/slog"
	"runtime"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"linewatch"
	"linewatch/rules"
	"linewatch/rules/domain"
)

// Buckets is the number of buckets that homes are spread over.
const Buckets = 1024

// Log is a partitioned log as the host reads it.
type Log interface {
	// Partitions returns their number, which never changes.
	Partitions() int
	// Read returns records from the offset from on, at most limit, the offset
	// at which to go on, and how far the partition is closed: every record
	// appended later is stamped after closedAt, which is NoTime when there is
	// more to read. It waits for a moment when there is nothing, and fails when
	// from lies beyond the next record. A loss that the log has reported is
	// passed over by next.
	Read(ctx context.Context, partition int, from uint64, limit int) (records []linewatch.Record, next uint64, closedAt linewatch.Time, err error)
}

// Decoder turns the data of a record into points. The points may be reused by
// the next call. Refused parts are returned beside them.
type Decoder func(data []byte) (gateway string, points []linewatch.DataPoint, refused []Refused)

// Refused is a part of a record that is no valid point.
type Refused struct {
	Code linewatch.ErrorCode
	Err  error
	Raw  []byte // the beginning of it
}

// Config wires a Host. All fields without a default are required.
type Config struct {
	Points     Log
	Control    Log // one partition
	NewDecoder func() Decoder
	Store      rules.Store
	Outbox     rules.Outbox
	// Publish takes changes on their way out, in order per bucket. It may see
	// one again after a crash and must treat it as the same by its id. The
	// host retries after an error.
	Publish func(ctx context.Context, changes []linewatch.StateChange) error
	// Quarantine is told of everything that was refused; optional. It must
	// not block.
	Quarantine func(Quarantined)
	// Late is told of every point that came too late to be judged; optional. It
	// must not block, and may hear of a point again after a crash.
	Late func(Late)
	// Domain is the template of every time domain; its Line is set here.
	Domain domain.Config
	// Global makes one time domain of all lines.
	Global bool
	// SnapshotEvery is how often state is committed when nothing else asks for
	// it; 0: 5 s.
	SnapshotEvery time.Duration
	// Now gives the processing time that changes are marked with; 0: the wall
	// clock. Nothing is judged by it.
	Now    func() linewatch.Time
	Logger *slog.Logger
}

// Quarantined tells of one thing that was refused.
type Quarantined struct {
	Arrival linewatch.Time
	Line    string
	Sender  linewatch.Sender
	Reason  string // a domain.Reason or a linewatch.ErrorCode
	Detail  string
	Raw     []byte // what arrived, its first 4 KiB
}

// Late is a point that came too late to be judged live.
type Late struct {
	Line string
	domain.LatePoint
}

// Host drives router and buckets. Make one with New and call Run, once.
type Host struct {
	cfg     Config
	workers []*worker
	merger  *merger
	outbox  *publisher
	ended   chan struct{} // closed when Run has returned
}

const defaultSnapshotEvery = 5 * time.Second

// New restores what the store holds.
func New(ctx context.Context, cfg Config) (*Host, error) {
	if cfg.SnapshotEvery == 0 {
		cfg.SnapshotEvery = defaultSnapshotEvery
	}
	if cfg.Now == nil {
		cfg.Now = func() linewatch.Time { return linewatch.TimeOf(time.Now()) }
	}
	h := &Host{cfg: cfg, outbox: newPublisher(&cfg), ended: make(chan struct{})}
	for range runtime.GOMAXPROCS(0) {
		h.workers = append(h.workers, newWorker(&h.cfg, h.outbox))
	}
	h.merger = newMerger(h)
	known, err := cfg.Store.Buckets(ctx)
	if err != nil {
		return nil, fmt.Errorf("list buckets: %w", err)
	}
	for _, number := range known {
		b, err := h.worker(number).restore(ctx, number)
		if err != nil {
			return nil, fmt.Errorf("restore bucket %d: %w", number, err)
		}
		h.merger.adopt(b)
		h.outbox.note(number)
	}
	if err := errors.Join(h.checkScope(), h.checkLogs(ctx)); err != nil {
		return nil, err
	}
	return h, nil
}

// ErrScope means that the stored state was judged with one watermark for each
// line where there is to be one for all, or the other way round. Its lines
// would go on without points, and what is new would begin without a past.
var ErrScope = errors.New("the stored state is of another scope")

func (h *Host) checkScope() error {
	for home := range h.merger.router.known {
		if (home == "") != h.cfg.Global {
			return ErrScope
		}
	}
	return nil
}

// ErrLogLost means that a log ends before what the stored state has taken from
// it: one of the two was lost, or brought back from another time. Going on
// would take the log's next records for old ones and judge none of them.
var ErrLogLost = errors.New("the log ends before the stored state")

// checkLogs asks every log for what comes right after the newest state.
func (h *Host) checkLogs(ctx context.Context) error {
	seen := positions{next: make([]uint64, h.cfg.Points.Partitions())}
	for _, w := range h.workers {
		for _, b := range w.order {
			seen.control = max(seen.control, b.pos.control)
			for p := range seen.next {
				seen.next[p] = max(seen.next[p], b.pos.next[p])
			}
		}
	}
	if err := checkLog(ctx, h.cfg.Control, 0, seen.control); err != nil {
		return fmt.Errorf("control log: %w", err)
	}
	for p, next := range seen.next {
		if err := checkLog(ctx, h.cfg.Points, p, next); err != nil {
			return fmt.Errorf("points log: %w", err)
		}
	}
	return nil
}

func checkLog(ctx context.Context, l Log, partition int, next uint64) error {
	if next == 0 {
		return nil // nothing was taken from it
	}
	if _, _, _, err := l.Read(ctx, partition, next, 1); err != nil {
		return fmt.Errorf("%w: %w", ErrLogLost, err)
	}
	return nil
}

// worker returns who runs a bucket.
func (h *Host) worker(bucket int) *worker { return h.workers[bucket%len(h.workers)] }

// bucketOf returns the bucket of a home.
func bucketOf(home string) int {
	f := fnv.New32a()
	f.Write([]byte(home))
	return int(f.Sum32() % Buckets)
}

// stopWait is how long a stop waits for what is to be committed. A disk without
// room may keep it waiting for ever.
const stopWait = 10 * time.Second

var errStopWait = fmt.Errorf("the state was not kept within %v: the next start judges again what came since the last commit", stopWait)

// Run reads and judges until ctx ends, then commits what it has and returns
// nil. An error means that state could not be kept, and that the log must be
// read again from the last commit.
func (h *Host) Run(ctx context.Context) error {
	defer close(h.ended)
	// Readers and merger stop with ctx; workers finish what they were given.
	work, stop := context.WithCancelCause(context.WithoutCancel(ctx))
	var limit sync.WaitGroup
	limit.Go(func() { giveUp(ctx, work, stop) })
	defer limit.Wait()
	defer stop(nil)
	read, cancel := context.WithCancel(ctx)
	defer cancel()

	var workers errgroup.Group
	for _, w := range h.workers {
		workers.Go(func() error {
			err := w.run(work)
			if err != nil {
				stop(err)
				cancel()
			}
			return err
		})
	}
	publishing, stopPublishing := context.WithCancel(work)
	published := make(chan struct{})
	go func() {
		defer close(published)
		h.outbox.run(publishing)
	}()

	readErr := h.merger.run(read, work)
	for _, w := range h.workers {
		close(w.items)
	}
	workErr, cause := workers.Wait(), context.Cause(work)
	stopPublishing()
	<-published
	switch {
	case workErr != nil && errors.Is(cause, errStopWait):
		return errors.Join(cause, workErr)
	case workErr != nil:
		return cause // of the worker that failed first: it has ended the others
	case errors.Is(readErr, context.Canceled):
		return nil
	}
	return readErr
}

// giveUp ends the work if it goes on for too long behind the end of ctx.
func giveUp(ctx, work context.Context, stop context.CancelCauseFunc) {
	select {
	case <-ctx.Done():
	case <-work.Done():
		return
	}
	if pause(work, stopWait) == nil {
		stop(errStopWait)
	}
}

// tellQuarantined passes on what was refused before it was a point.
func (h *Host) tellQuarantined(in *input, line string, refused []Refused) {
	if h.cfg.Quarantine == nil {
		return
	}
	for _, r := range refused {
		detail := ""
		if r.Err != nil {
			detail = r.Err.Error()
		}
		h.cfg.Quarantine(Quarantined{Arrival: in.arrival, Line: line, Reason: string(r.Code), Detail: detail, Raw: r.Raw})
	}
}
