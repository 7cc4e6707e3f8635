package edge

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"

	"linewatch"
)

// sender is the agent's part of one source: filter, clock, accounts, status.
type sender struct {
	config SourceConfig
	source Source
	filter *filter // used by the goroutine of the source only
	clock  *sourceClock
	ledger ledger
	store  *store
	now    func() linewatch.Time
	wrong  func() bool // whether now is known to be
	log    *slog.Logger
	seen   clockState  // of the source's clock, by the newest scan that tells,
	again  atomic.Bool // everything shall be said once more
	told   clockState  // and as logged; used by the goroutine of the source only

	mu     sync.Mutex
	status SourceStatus
}

func newSender(c SourceConfig, source Source, store *store, o Options) *sender {
	s := &sender{
		config: c, source: source, filter: newFilter(c), clock: newSourceClock(c),
		ledger: ledger{source: c.ID, spool: o.Backlog}, store: store, now: o.Now, wrong: o.Unsynced, log: o.Log,
		status: SourceStatus{ID: c.ID, Address: c.Address, Since: o.Now(), LastErrorAt: linewatch.NoTime, LastScan: linewatch.NoTime, TagsBad: len(c.Tags)},
	}
	s.again.Store(true) // the engine may have gone on, and take for late what comes first
	s.ledger.open()
	return s
}

// run reads until reading ends. Points on their way into the spool have until
// work ends.
func (s *sender) run(reading, work context.Context) error {
	err := s.source.Run(reading, func(scan Scan) error { return s.emit(work, scan) })
	if err != nil {
		return fmt.Errorf("source %s: %w", s.config.ID, err)
	}
	return nil
}

// emit turns a scan into points and stores them.
func (s *sender) emit(ctx context.Context, scan Scan) error {
	if scan.Waiting != nil {
		s.interrupted(scan.Waiting)
		return nil
	}
	times := s.clock.begin(&scan, s.now())
	times.unsynced = s.wrong()
	defer func() { s.clock.end(times) }()
	var points []linewatch.DataPoint
	var err error
	if scan.Err != nil {
		points = s.filter.lost(s.lossCause(), times)
	} else {
		if s.again.Swap(false) {
			s.filter.sayAgain(times)
		}
		if points, err = s.filter.scan(&scan, times); err != nil {
			return err
		}
	}
	s.note(&scan, times)
	return s.spool(ctx, points)
}

// sayLast stores the last value of each tag once more, flagged Lst, before an
// orderly stop.
func (s *sender) sayLast(ctx context.Context) error {
	times := s.clock.bye(s.now())
	times.unsynced = s.wrong()
	defer func() { s.clock.end(times) }()
	return s.spool(ctx, s.filter.last(times))
}

// appendPoints is the most points that are stored at once, so that a large
// scan fits a small spool.
const appendPoints = 5000

// spool counts the points as sampled and stores them. A point that could not
// travel is rejected, as is what is not on disk when ctx ends.
func (s *sender) spool(ctx context.Context, points []linewatch.DataPoint) error {
	if len(points) == 0 {
		return nil
	}
	s.ledger.begin()
	defer s.ledger.end()
	s.ledger.sampled.Add(uint64(len(points)))
	points = slices.DeleteFunc(points, s.reject)
	if len(points) <= appendPoints {
		s.clock.inOnePiece()
	}
	for len(points) > 0 {
		n := min(len(points), appendPoints)
		if err := s.store.append(ctx, points[:n]); err != nil {
			s.ledger.rejected.Add(uint64(len(points)))
			return fmt.Errorf("spool %d points: %w", len(points), err)
		}
		points = points[n:]
	}
	return nil
}

// reject reports whether p is not fit to travel, and counts it then.
func (s *sender) reject(p linewatch.DataPoint) bool {
	err := p.Validate()
	if err != nil {
		s.ledger.rejected.Add(1)
		logRejected(s.log, &p, err)
	}
	return err != nil
}

func logRejected(log *slog.Logger, p *linewatch.DataPoint, err error) {
	log.Error("point rejected", "source", p.Source, "equipment", p.Equipment, "tag", p.Tag,
		"value", p.Value.String(), "sequence", p.Sequence, "epoch", p.Epoch, "error", err)
}

// lossCause says how the PLC's silence is to be called.
func (s *sender) lossCause() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.status.Connection == Connecting {
		return CauseUnreachable
	}
	return CauseLost
}

// note brings the status up to date and logs a change of the connection, not
// each attempt, and the first loss of its kind at the source.
func (s *sender) note(scan *Scan, times *scanTimes) {
	before := s.snapshotStatus()
	changed, to := s.count(scan, times)
	now := s.snapshotStatus()
	if now.Trouble != "" && now.Trouble != before.Trouble {
		s.log.Warn("tags cannot be read; check their addresses and types", "source", s.config.ID, "trouble", now.Trouble)
	}
	if before.Overflows == 0 && now.Overflows > 0 {
		s.log.Warn("the source has dropped values before it could give them; let it keep more of a tag, or publish more often", "source", s.config.ID)
	}
	if now.Interruptions > before.Interruptions {
		s.log.Warn("the source has lost what happened while it could not be read", "source", s.config.ID)
	}
	if before.Late == 0 && now.Late > 0 {
		s.log.Warn("the source gives values after it has said that it gave all of that time; check its clock", "source", s.config.ID)
	}
	s.noteClock(times)
	switch {
	case changed && to == Connected:
		s.log.Info("source connected", "source", s.config.ID, "address", s.config.Address)
	case changed:
		s.log.Warn("source cannot be read", "source", s.config.ID, "address", s.config.Address, "error", scan.Err)
	}
}

// noteClock logs when a source's clock becomes one that the line has to wait for,
// or that is not believed, and when that is over.
func (s *sender) noteClock(times *scanTimes) {
	is, before := times.clock, s.seen
	if is == clockUntold {
		return
	}
	s.seen = is
	if is != before || is == s.told || is == clockGood && s.told == clockUntold {
		return // once may be a pause of this process
	}
	s.told = is
	switch is {
	case clockBehind:
		if times.unsynced {
			s.log.Warn("the source is behind our time, which is known to be wrong, and the judgement of its line waits for it: "+
				"set this machine's clock right and stop linewatch until that clock has passed our time, or start with a new data directory",
				"source", s.config.ID, "behind_ms", int64(times.behind), "our_time", times.now)
			return
		}
		s.log.Warn("the source is behind, and the judgement of its line waits for it; check its clock", "source", s.config.ID, "behind_ms", int64(times.behind))
	case clockDisbelieved:
		if times.unsynced {
			s.log.Warn("the source's clock does not agree with ours, which is known to be wrong: its values get our time until ours is set right", "source", s.config.ID)
			return
		}
		s.log.Warn("the source's clock is more than a minute ahead of ours or was never set: its values get the agent's time; check its clock", "source", s.config.ID)
	default:
		s.log.Info("the source's clock is right again", "source", s.config.ID)
	}
}

// interrupted notes for people that the source may come back by itself.
func (s *sender) interrupted(why error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := &s.status
	if st.LastError, st.LastErrorAt = why.Error(), s.now(); st.Connection == Connected {
		st.Connection, st.Since = Interrupted, st.LastErrorAt
	}
}

func (s *sender) snapshotStatus() SourceStatus {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.status
}

// count updates the status and returns whether the news is worth a line: a
// new connection state, or the first failure.
func (s *sender) count(scan *Scan, times *scanTimes) (changed bool, to Connection) {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := &s.status
	to = Connected
	st.Missed += uint64(scan.Missed)
	st.Overflows += uint64(scan.Overflows)
	st.Late += uint64(times.late)
	if scan.Interrupted {
		st.Interruptions++
	}
	st.TagsOk, st.TagsBad = s.filter.good, len(s.filter.tags)-s.filter.good
	if scan.Err != nil {
		changed = st.Failures == 0 && st.Connection == Connecting
		st.Failures++
		st.LastError, st.LastErrorAt, st.Trouble = scan.Err.Error(), times.created, ""
		to = Disconnected
		if st.Connection == Connecting {
			return changed, Connecting
		}
	} else {
		st.Scans++
		st.LastScan = times.created
		st.Trouble = s.filter.trouble(times.created)
	}
	if st.Connection != to {
		changed, st.Connection, st.Since = true, to, times.created
	}
	return changed, to
}

func (s *sender) snapshot() SourceStatus {
	accounts := s.ledger.take()
	status := s.snapshotStatus()
	status.Accounts = accounts
	return status
}
