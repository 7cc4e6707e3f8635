package domain_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"linewatch"
	"linewatch/rules"
	"linewatch/rules/domain"
)

// step is one input of a domain: a control record, a record of points or, with
// neither, word of how far the log is closed.
type step struct {
	arrival linewatch.Time
	control *linewatch.Control
	at      linewatch.Position
	gateway string
	points  []linewatch.DataPoint
}

// outcome is what a run gives that has to be the same whenever the points are.
type outcome struct {
	lines   []string // changes in canonical form, and what control records met with
	counts  refCounts
	hosted  int // how often the reference had other guests, and some
	evicted int // how many open senders made room in it for others
}

func (o *outcome) controlled(s *step, at linewatch.Time, refused bool) {
	if refused {
		o.lines = append(o.lines, fmt.Sprintf("control record at %d refused", s.arrival))
	} else {
		o.lines = append(o.lines, fmt.Sprintf("control record at %d has effect from %d", s.arrival, at))
	}
}

func (o *outcome) changed(changes []linewatch.StateChange) {
	for i := range changes {
		o.lines = append(o.lines, string(changes[i].AppendCanonical(nil)))
	}
}

// changes returns the state changes alone.
func (o *outcome) changes() []string {
	return slices.DeleteFunc(slices.Clone(o.lines), func(l string) bool { return l[0] != '{' })
}

// runReference has the reference judge the steps.
func runReference(cfg domain.Config, steps []step) outcome {
	ref, out := newReference(cfg), outcome{}
	for i := range steps {
		runReferenceStep(ref, &steps[i], &out)
	}
	return out
}

func runReferenceStep(ref *reference, s *step, out *outcome) {
	at, refused := ref.take(s)
	out.changed(ref.judge.changes)
	ref.judge.changes = nil
	if s.control != nil {
		out.controlled(s, at, refused)
	}
	out.counts, out.hosted, out.evicted = ref.counts, ref.hosting, ref.evicted
}

// engineRun feeds a domain and now and then kills it.
type engineRun struct {
	cfg    domain.Config
	steps  []step
	domain *domain.Domain
	guests *rules.Guests
	out    outcome
	saved  saved
}

// saved is a snapshot with its position in input and output.
type saved struct {
	state   []byte
	step    int
	emitted int
	replay  []uint64 // per partition
	says    string   // how every instance stood
}

const refPartitions = 4

// runEngine has the domain judge the steps. With chance > 0 it is snapshot and
// restored that often: at once, or by going back to an earlier snapshot as
// after a crash, in which case the outputs are made again.
func runEngine(cfg domain.Config, steps []step, rng *rand.Rand, chance float64) (outcome, error) {
	r := &engineRun{cfg: cfg, steps: steps, domain: domain.New(cfg)}
	again := 0 // outputs before this one were made before
	var first []string
	for i := 0; i < len(steps); i++ {
		if chance > 0 && rng.Float64() < chance {
			if err := r.save(i); err != nil {
				return r.out, err
			}
		}
		if r.saved.state != nil && rng.Float64() < chance {
			if len(r.out.lines) > again {
				first, again = slices.Clone(r.out.lines), len(r.out.lines)
			}
			i = r.saved.step
			if err := r.restore(); err != nil {
				return r.out, err
			}
		}
		r.take(&steps[i])
		if n := min(len(r.out.lines), again); !slices.Equal(r.out.lines[:n], first[:n]) {
			return r.out, fmt.Errorf("after a restore at step %d: %s", r.saved.step, firstDifference(first[:n], r.out.lines[:n]))
		}
	}
	a := r.domain.Accounts()
	r.out.counts = refCounts{
		a.Received, a.Accepted, a.Duplicate, a.QuarantinedTotal(), a.Late,
		a.Heartbeats, a.HeartbeatsRefused, a.GapLost, a.GapsRefused,
	}
	if !a.Balanced() {
		return r.out, fmt.Errorf("accounts do not balance: %+v", a)
	}
	return r.out, nil
}

func (r *engineRun) take(s *step) {
	switch {
	case s.control != nil:
		if r.guests == nil {
			r.guests = rules.NewGuests(r.cfg.Compile)
		}
		changed, _ := r.guests.Note(s.control)
		if guests, others := changed[r.cfg.Line]; others {
			r.domain.Host(s.arrival, guests)
		}
		at, err := r.domain.Control(s.arrival, s.control)
		r.out.changed(r.domain.Take())
		r.out.controlled(s, at, err != nil)
	case s.points != nil:
		r.domain.Points(s.arrival, s.at, s.gateway, s.points)
	default:
		r.domain.Close(s.arrival)
	}
	r.out.changed(r.domain.Take())
}

// save takes a snapshot before step i.
func (r *engineRun) save(i int) error {
	state, err := r.domain.AppendSnapshot(nil)
	if err != nil {
		return err
	}
	r.saved = saved{state: state, step: i, emitted: len(r.out.lines), says: standing(r.domain)}
	next := make([]uint64, refPartitions)
	for _, s := range r.steps[:i] {
		if s.points != nil {
			next[s.at.Partition] = s.at.Offset + 1
		}
	}
	for p := range next {
		r.saved.replay = append(r.saved.replay, r.domain.ReplayFrom(p, next[p]))
	}
	return nil
}

// restore goes back to the snapshot, as a host does after a crash.
func (r *engineRun) restore() error {
	r.domain, r.guests = domain.New(r.cfg), rules.NewGuests(r.cfg.Compile)
	for _, s := range r.steps[:r.saved.step] {
		if s.control != nil {
			r.guests.Note(s.control)
		}
	}
	if err := r.domain.Restore(r.saved.state); err != nil {
		return err
	}
	for _, s := range r.steps[:r.saved.step] {
		if s.points != nil && s.at.Offset >= r.saved.replay[s.at.Partition] {
			r.domain.Refill(s.at, s.gateway, s.points)
		}
	}
	if err := r.domain.Refilled(); err != nil {
		return err
	}
	again, err := r.domain.AppendSnapshot(nil)
	if err != nil {
		return err
	}
	if string(again) != string(r.saved.state) {
		return fmt.Errorf("the snapshot before step %d is another one after it was restored", r.saved.step)
	}
	if d := firstDifference(strings.Split(r.saved.says, "\n"), strings.Split(standing(r.domain), "\n")); d != "" {
		return fmt.Errorf("explanations of before step %d are others after it was restored: %s", r.saved.step, d)
	}
	r.out.lines = r.out.lines[:r.saved.emitted]
	return nil
}

// standing is how every instance stands and why, one a line.
func standing(d *domain.Domain) string {
	var b strings.Builder
	for _, i := range d.Instances() {
		for _, s := range d.Explain(i.Rule, i.Equipment.ID) {
			text, err := json.Marshal([]any{i, s})
			if err != nil {
				panic(err)
			}
			b.Write(append(text, '\n'))
		}
	}
	return b.String()
}

// difference says how two outcomes differ; empty if they do not.
func difference(want, got outcome) string {
	if d := firstDifference(want.lines, got.lines); d != "" {
		return d
	}
	if want.counts != got.counts {
		return fmt.Sprintf("counts: want %+v\n got %+v", want.counts, got.counts)
	}
	return ""
}

func firstDifference(want, got []string) string {
	for i := range max(len(want), len(got)) {
		var w, g string
		if i < len(want) {
			w = want[i]
		}
		if i < len(got) {
			g = got[i]
		}
		if w != g {
			return fmt.Sprintf("output %d of %d (%d wanted)\nwant %s\n got %s", i, len(got), len(want), w, g)
		}
	}
	return ""
}

// shrink drops steps, then points, as long as a fault of the same kind stays.
func shrink(steps []step, fault func([]step) string) []step {
	kind := func(steps []step) string {
		word, _, _ := strings.Cut(fault(steps), " ")
		return word
	}
	want := kind(steps)
	steps = thin(steps, func(s []step) bool { return kind(s) == want })
	for i := range steps {
		if len(steps[i].points) > 1 {
			steps[i].points = thin(steps[i].points, func(p []linewatch.DataPoint) bool {
				fewer := slices.Clone(steps)
				fewer[i].points = p
				return len(p) > 0 && kind(fewer) == want
			})
		}
	}
	return steps
}

// thin drops what is not needed for a property to hold.
func thin[T any](list []T, holds func([]T) bool) []T {
	for size := (len(list) + 1) / 2; size > 0; size /= 2 {
		for from := 0; from+size <= len(list); {
			fewer := slices.Delete(slices.Clone(list), from, from+size)
			if holds(fewer) {
				list = fewer
			} else {
				from += size
			}
		}
	}
	return list
}

// describe prints steps for a failing test.
func describe(steps []step) string {
	var b strings.Builder
	for _, s := range steps[:min(len(steps), 60)] {
		switch {
		case s.control != nil && s.control.Rule != nil:
			fmt.Fprintf(&b, "%d rule %s v%d from %d scope %+v ranking %s", s.arrival, s.control.Rule.Rule.ID, s.control.Rule.Version, s.control.Rule.From, s.control.Rule.Rule.Scope, s.control.Rule.Rule.Ranking)
			for _, g := range s.control.Rule.Rule.Groups {
				fmt.Fprintf(&b, "\n    %s %d otherwise %q unknown %q", g.ID, g.Weight, g.Otherwise, g.Unknown)
				for _, c := range g.Cases {
					fmt.Fprintf(&b, "\n      %s: %s", c.State, c.When.Canonical())
				}
			}
		case s.control != nil && s.control.DeleteRule != nil:
			fmt.Fprintf(&b, "%d delete %+v", s.arrival, *s.control.DeleteRule)
		case s.control != nil && s.control.Table != nil:
			fmt.Fprintf(&b, "%d table %+v", s.arrival, *s.control.Table)
		case s.control != nil && s.control.Assets != nil:
			fmt.Fprintf(&b, "%d assets %+v", s.arrival, *s.control.Assets)
		case s.control != nil:
			fmt.Fprintf(&b, "%d control %+v", s.arrival, *s.control)
		case s.points == nil:
			fmt.Fprintf(&b, "%d close", s.arrival)
		}
		for _, p := range s.points {
			fmt.Fprintf(&b, "%d %s/%s %d:%d at %d: %s %s = %v %v %v\n", s.arrival, s.gateway, p.Source, p.Epoch, p.Sequence, p.Timestamp, p.Equipment, p.Tag, p.Value, p.Quality, p.Flags)
		}
		if s.points == nil {
			b.WriteByte('\n')
		}
	}
	return b.String()
}

// report fails the test with the smallest input that shows the fault.
func report(t *testing.T, seed uint64, cfg domain.Config, steps []step, fault func([]step) string) {
	t.Helper()
	what := fault(steps)
	if what == "" {
		return
	}
	if testing.Short() {
		t.Fatalf("seed %d: %s", seed, what)
	}
	small := shrink(steps, fault)
	t.Fatalf("seed %d: %s\n%d steps of %d show the fault:\n%s\n%s\nconfiguration %+v", seed, what, len(small), len(steps), describe(small), fault(small), cfg)
}
