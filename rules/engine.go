package rules

import (
	"slices"

	"linewatch"
)

// SenderID is an engine's handle of a sender.
type SenderID int32

// SeriesID is an engine's handle of a tag of an equipment.
type SeriesID int32

// Options configure an Engine.
type Options struct {
	// Line is the home whose rules are judged, a line or what
	// linewatch.SiteSubject returns: rules on equipment of other homes have no
	// instance here. Empty: every line and site.
	Line string
	// AnyEquipment takes equipment that the registry does not list for
	// granted, as rule tests do.
	AnyEquipment bool
	// MaxSeries bounds the number of tags; 0 means 1,000,000.
	MaxSeries int
	// Compile makes an expression ready; nil: rules with expressions are
	// refused. It must be a pure function.
	Compile func(expression string) (Expression, error)
}

const defaultMaxSeries = 1_000_000

// Sample is one value of a series.
type Sample struct {
	Value    linewatch.Value
	At       linewatch.Time
	Sequence uint64
	Sender   SenderID
	Quality  linewatch.Quality
}

// Engine judges the rules of one home. Points must arrive in event-time order;
// Advance says how far event time has come. The zero value is not usable.
type Engine struct {
	opts      Options
	now       linewatch.Time // newest instant that was closed; NoTime before
	open      bool           // points at the instant `at` are waiting for its end
	at        linewatch.Time
	order     uint64 // counts control records, which apply in this order
	pending   []pendingControl
	registry  registry // as of the newest instant
	newest    registry // as of the newest control record
	hosted    []string // guest lines, as of the newest instant; see Host
	told      []string // the same as of the newest control record
	rules     map[linewatch.RuleID]*ruleState
	ids       []linewatch.RuleID // of rules, see ruleIDs
	published *Published
	readBy    map[linewatch.RuleID][]slot // who reads a rule's states, in order
	tables    map[string]linewatch.Table

	senders    []sender
	senderIDs  map[linewatch.Sender]SenderID
	spoken     int // senders that ever spoke
	audible    int // of these, those that are not offline
	series     []series
	index      index
	touched    []touch
	causes     causes
	earlier    []touch // samples of the open instant that others of their series followed
	leaves     []leaf
	freeLeaves []int32

	instances   []*instance
	instanceIDs map[instanceKey]int32
	instancesOf map[slot][]int32
	dirty       []int32
	chained     [][]int32 // dirty instances that wait for others, by level
	timers      timerHeap
	arrival     linewatch.Time           // newest tick of the arrival clock
	silence     outage                   // while all senders are offline
	lapses      map[int32]linewatch.Time // instances to be judged again on the arrival clock
	nextLapse   linewatch.Time           // no lapse is before
	changes     []linewatch.StateChange
}

type sender struct {
	linewatch.Sender
	outage outage
	spoken bool
}

// touch is a sample of a series at the open instant.
type touch struct {
	series SeriesID
	cause  Cause
	sample Sample
}

// New returns an engine without rules.
func New(opts Options) *Engine {
	if opts.MaxSeries == 0 {
		opts.MaxSeries = defaultMaxSeries
	}
	return &Engine{
		opts:        opts,
		now:         linewatch.NoTime,
		rules:       map[linewatch.RuleID]*ruleState{},
		published:   NewPublished(opts.Compile),
		readBy:      map[linewatch.RuleID][]slot{},
		tables:      map[string]linewatch.Table{},
		senderIDs:   map[linewatch.Sender]SenderID{},
		index:       newIndex(),
		instanceIDs: map[instanceKey]int32{},
		instancesOf: map[slot][]int32{},
		arrival:     linewatch.NoTime,
		silence:     noOutage(),
		lapses:      map[int32]linewatch.Time{},
		nextLapse:   linewatch.MaxTime,
	}
}

// Sender returns the handle of a sender, making one if there is none.
func (e *Engine) Sender(s linewatch.Sender) SenderID {
	if id, ok := e.senderIDs[s]; ok {
		return id
	}
	id := SenderID(len(e.senders))
	e.senders = append(e.senders, sender{Sender: s, outage: noOutage()})
	e.senderIDs[s] = id
	return id
}

// Point takes the next point. Its time must be after the last Advance and not
// before the last Point. The handle of why it is not Ok is zero or of this point
// alone.
func (e *Engine) Point(id SeriesID, s Sample, because Cause) {
	if !e.open || s.At != e.at {
		e.openInstant(s.At)
	}
	sr := &e.series[id]
	if sr.touched == 0 {
		e.touched = append(e.touched, touch{series: id, cause: because, sample: s})
		sr.touched = int32(len(e.touched))
		return
	}
	newest := &e.touched[sr.touched-1]
	e.causes.drop(newest.cause)
	e.earlier = append(e.earlier, touch{series: id, sample: newest.sample})
	newest.sample, newest.cause = s, because
}

// earlierOf returns the samples of a series at the instant that is being
// closed which others followed, in their order.
func (e *Engine) earlierOf(id SeriesID) []touch {
	from, _ := slices.BinarySearchFunc(e.earlier, id, func(tc touch, id SeriesID) int { return int(tc.series) - int(id) })
	to := from
	for to < len(e.earlier) && e.earlier[to].series == id {
		to++
	}
	return e.earlier[from:to]
}

// Advance says that nothing at or before to is still to come: it closes every
// instant up to there.
func (e *Engine) Advance(to linewatch.Time) {
	if e.open {
		e.closeInstant(e.at)
	}
	e.runUntil(to)
	if to > e.now && e.now.Known() {
		e.now = to
	}
}

// Take returns the changes since the last call, in order. The slice is the
// caller's.
func (e *Engine) Take() []linewatch.StateChange {
	c := e.changes
	e.changes = nil
	return c
}

// openInstant ends the open instant, if any, runs what falls between and opens
// the instant t.
func (e *Engine) openInstant(t linewatch.Time) {
	if e.open {
		e.closeInstant(e.at)
	}
	if t > linewatch.NoTime+1 {
		e.runUntil(t - 1)
	}
	e.open, e.at = true, t
}

// runUntil closes every instant up to and including t at which a timer or a
// control record falls due.
func (e *Engine) runUntil(t linewatch.Time) {
	for {
		next := min(e.timers.next(), e.nextControl())
		if next > t || next == linewatch.MaxTime {
			return
		}
		e.closeInstant(next)
	}
}

// closeInstant judges one instant: control records, then points, then timers,
// then one evaluation of each instance concerned. The points are noted first,
// so that a condition which is new at this instant never sees what was before.
func (e *Engine) closeInstant(t linewatch.Time) {
	first := len(e.changes)
	for i := range e.touched {
		tc := &e.touched[i]
		sr := &e.series[tc.series]
		moved := sr.last.Value != tc.sample.Value
		sr.touched = 0
		e.setLast(sr, &tc.sample, tc.cause)
		e.settle(tc.series, moved)
		if sr.watch != nil {
			e.wake(sr)
		}
	}
	e.touched = e.touched[:0]
	if len(e.earlier) > 1 {
		slices.SortStableFunc(e.earlier, func(a, b touch) int { return int(a.series) - int(b.series) })
	}
	e.applyControl(t)
	for e.timers.next() <= t {
		e.markDirty(e.timers.pop(e.instances))
	}
	e.open, e.now = false, t
	e.evaluateDirty(t)
	e.earlier = e.earlier[:0]
	if len(e.changes) > first+1 {
		sortChanges(e.changes[first:])
	}
}

// evaluateDirty evaluates the instances that something happened to, each one
// time: first those that read tags only, then the others, a rule after all
// those whose states it reads.
func (e *Engine) evaluateDirty(t linewatch.Time) {
	for n := 0; n < len(e.dirty); n++ {
		i := e.dirty[n]
		inst := e.instances[i]
		if inst.level > 0 {
			e.postpone(i, inst.level)
			continue
		}
		inst.dirty = false
		if inst.prog != nil {
			e.evaluate(i, inst, t)
		}
	}
	e.dirty = e.dirty[:0]
	if len(e.chained) > 0 {
		e.evaluateChained(t)
	}
}

func (e *Engine) markDirty(i int32) {
	if inst := e.instances[i]; !inst.dirty {
		inst.dirty = true
		e.dirty = append(e.dirty, i)
	}
}
