package watermark_test

import (
	"math"
	"slices"

	"linewatch"
	"linewatch/watermark"
)

// model is the slow and obvious tracker: it keeps every input and answers
// each question by reading them from the start. What is decided at ticks (the
// output, who lags) is kept as a list of decisions.
//
// Where a function takes n, it answers for the moment after the first n
// inputs.
type model struct {
	cfg     watermark.Config
	inputs  []input
	outputs []decision // each change of the output
	lags    []decision // each time that a sender began to lag
	senders []*sender  // in use, by the time of their Add
}

// sender is one use of an ID.
type sender struct {
	id         watermark.ID
	added      int // index of its add
	registered bool
}

type input struct {
	what    kind
	who     *sender
	arrival linewatch.Time
	ts      linewatch.Time
	mark    bool // Lst, or backlog
}

type kind int

const (
	add kind = iota
	point
	heartbeat
	goodbye
	tick
	full
)

type decision struct {
	at  int // number of inputs then
	who *sender
	out linewatch.Time
}

const lowest = math.MinInt64 + 1

func (m *model) put(in input) int {
	m.inputs = append(m.inputs, in)
	return len(m.inputs)
}

// clock is the highest arrival.
func (m *model) clock(n int) linewatch.Time {
	now := linewatch.NoTime
	for _, in := range m.inputs[:n] {
		now = max(now, in.arrival)
	}
	return now
}

func (m *model) out(n int) linewatch.Time {
	for _, d := range slices.Backward(m.outputs) {
		if d.at <= n {
			return d.out
		}
	}
	return linewatch.NoTime
}

// passed reports whether at least d lies between from and to, exactly.
func passed(from, to linewatch.Time, d linewatch.Duration) bool {
	return int64(from) <= math.MaxInt64-int64(d) && int64(to) >= int64(from)+int64(d)
}

// records returns the indices of the sender's points and heartbeats.
func (m *model) records(s *sender, n int) (all, sane []int) {
	for i, in := range m.inputs[:n] {
		if in.who != s || in.what != point && in.what != heartbeat {
			continue
		}
		all = append(all, i)
		skew, now := int64(m.cfg.MaxFutureSkew), int64(m.clock(i+1))
		if skew == 0 || now > math.MaxInt64-skew || int64(in.ts) <= now+skew {
			sane = append(sane, i)
		}
	}
	return all, sane
}

func (m *model) ahead(s *sender, n int) bool {
	all, sane := m.records(s, n)
	return len(all) > 0 && (len(sane) == 0 || sane[len(sane)-1] != all[len(all)-1])
}

// watermark is max(highest timestamp - bound - 1, heartbeats).
func (m *model) watermark(s *sender, n int) linewatch.Time {
	wm := linewatch.NoTime
	_, sane := m.records(s, n)
	for _, i := range sane {
		in := m.inputs[i]
		promise := int64(in.ts)
		if in.what == point && in.ts.Known() {
			if promise < lowest+int64(m.cfg.Bound)+1 {
				promise = lowest
			} else {
				promise -= int64(m.cfg.Bound) + 1
			}
		}
		wm = max(wm, linewatch.Time(promise))
	}
	return wm
}

// idle: nothing believed came for idle-timeout, seen at a tick, or a goodbye.
func (m *model) idle(s *sender, n int) bool {
	_, sane := m.records(s, n)
	if len(sane) == 0 {
		return false
	}
	last := sane[len(sane)-1]
	for i := last + 1; i < n; i++ {
		switch in := m.inputs[i]; {
		case in.what == goodbye && in.who == s:
			return true
		case in.what == tick && passed(m.clock(last+1), m.clock(i+1), m.cfg.IdleTimeout):
			return true
		}
	}
	return false
}

func (m *model) awake(s *sender, n int) bool {
	_, sane := m.records(s, n)
	return len(sane) > 0 && !m.idle(s, n)
}

// joining: registered before the first emission, silent in every sense, within
// the grace, and not left out for a full buffer.
func (m *model) joining(s *sender, n int) bool {
	all, _ := m.records(s, n)
	if !s.registered || m.cfg.JoinGrace == 0 || len(all) > 0 || m.out(n).Known() {
		return false
	}
	for i := s.added; i < n; i++ {
		switch in := m.inputs[i]; {
		case in.who == s && (in.what == goodbye || in.what == full):
			return false
		case in.what == tick && passed(m.clock(s.added+1), m.clock(i+1), m.cfg.JoinGrace):
			return false
		}
	}
	return true
}

// rose reports whether record i raised the sender's watermark.
func (m *model) rose(s *sender, i int) bool {
	return m.watermark(s, i+1) > m.watermark(s, i)
}

func (m *model) lagging(s *sender, n int) bool {
	_, sane := m.records(s, n)
	for _, d := range m.lags {
		caughtUp := func(i int) bool { return i >= d.at && m.rose(s, i) && m.watermark(s, i+1) >= m.out(i) }
		if d.who == s && d.at <= n && !slices.ContainsFunc(sane, caughtUp) {
			return true
		}
	}
	return false
}

// since is when the bucket last rose or began to count.
func (m *model) since(s *sender, n int) linewatch.Time {
	_, sane := m.records(s, n)
	for _, i := range slices.Backward(sane) {
		if m.rose(s, i) || !m.awake(s, i) || m.aheadAtTick(s, i) {
			return m.clock(i + 1)
		}
	}
	return linewatch.NoTime
}

// aheadAtTick reports whether the sender's clock, being ahead, was so at a tick.
func (m *model) aheadAtTick(s *sender, n int) bool {
	for ; n > 0 && m.ahead(s, n); n-- {
		if m.inputs[n-1].what == tick {
			return true
		}
	}
	return false
}

// heard is the record that gave the sender its place in the order of silence:
// the first one with the arrival of the last.
func (m *model) heard(s *sender, n int) int {
	_, sane := m.records(s, n)
	place := sane[len(sane)-1]
	for k := len(sane) - 1; k > 0; k-- {
		i, before := sane[k], sane[k-1]
		if m.clock(i+1) != m.clock(before+1) || !m.awake(s, i) {
			break
		}
		place = before
	}
	return place
}

func (m *model) counts(s *sender, n int) bool {
	wm := m.watermark(s, n)
	return wm.Known() && m.awake(s, n) && !m.ahead(s, n) && !m.lagging(s, n) &&
		!(m.cfg.CatchUp == watermark.Skip && wm < m.out(n))
}

func (m *model) waits(s *sender, n int) bool {
	return m.idle(s, n) && m.watermark(s, n).Known() && !m.ahead(s, n) && !m.lagging(s, n)
}

func (m *model) backlog(s *sender, n int) bool {
	_, sane := m.records(s, n)
	for _, i := range slices.Backward(sane) {
		if m.inputs[i].what == heartbeat {
			return m.inputs[i].mark
		}
	}
	return false
}

func (m *model) forbids(s *sender, n int) bool {
	if m.backlog(s, n) || m.cfg.OnAllIdle == watermark.HoldAll {
		return true
	}
	if m.cfg.OnAllIdle == watermark.Flush {
		return false
	}
	beats, last := false, false
	_, sane := m.records(s, n)
	for _, i := range sane {
		if in := m.inputs[i]; in.what == heartbeat {
			beats = true
		} else {
			last = in.mark
		}
	}
	return beats && !last
}

// which returns the senders with a property, in the order of Add.
func (m *model) which(n int, property func(*sender, int) bool) (found []*sender) {
	for _, s := range m.senders {
		if property(s, n) {
			found = append(found, s)
		}
	}
	return found
}

// slowest returns who has the lowest watermark, of equals the lowest ID.
func (m *model) slowest(of []*sender, n int) *sender {
	var slowest *sender
	for _, s := range of {
		wm := m.watermark(s, n)
		if slowest == nil || wm < m.watermark(slowest, n) || wm == m.watermark(slowest, n) && s.id < slowest.id {
			slowest = s
		}
	}
	return slowest
}

func (m *model) holder(n int) *sender {
	if silent := m.which(n, m.joining); len(silent) > 0 {
		return silent[0]
	}
	if counted := m.which(n, m.counts); len(counted) > 0 {
		return m.slowest(counted, n)
	}
	return m.slowest(slices.DeleteFunc(m.which(n, m.waits), func(s *sender) bool { return !m.forbids(s, n) }), n)
}

// tick emits and returns who turned idle.
func (m *model) tick(arrival linewatch.Time) (idle []watermark.Transition, advanced bool) {
	before := len(m.inputs)
	n := m.put(input{what: tick, arrival: arrival})
	gone := m.which(n, func(s *sender, n int) bool { return m.awake(s, before) && m.idle(s, n) })
	slices.SortFunc(gone, func(a, b *sender) int { return m.heard(a, n) - m.heard(b, n) })
	for _, s := range gone {
		idle = append(idle, watermark.Transition{ID: s.id})
	}
	if len(m.which(n, m.joining)) > 0 {
		return idle, false
	}
	for s := m.slowest(m.which(n, m.counts), n); m.cfg.MaxHold > 0 && s != nil &&
		passed(m.since(s, n), m.clock(n), m.cfg.MaxHold); s = m.slowest(m.which(n, m.counts), n) {
		m.lags = append(m.lags, decision{at: n, who: s})
	}
	next := linewatch.NoTime
	if counted := m.which(n, m.counts); len(counted) > 0 {
		next = m.watermark(m.slowest(counted, n), n)
	} else if waiting := m.which(n, m.waits); len(m.which(n, func(s *sender, n int) bool { return m.waits(s, n) && m.forbids(s, n) })) == 0 {
		for _, s := range waiting {
			next = max(next, m.watermark(s, n))
		}
	}
	if next <= m.out(n) {
		return idle, false
	}
	m.outputs = append(m.outputs, decision{at: n, out: next})
	return idle, true
}
