package domain_test

import (
	"slices"

	"linewatch"
	"linewatch/watermark"
)

// refClock is the watermark of the reference: all senders are looked at
// whenever it is asked for.
type refClock struct {
	cfg     watermark.Config
	out     linewatch.Time
	senders []*refSender
	names   []linewatch.Sender // in the order in which they became known
	left    []int              // places of senders that left, which the next ones take: the newest first
	heard   int                // counts the places in the order of silence
}

type refSender struct {
	name    linewatch.Sender
	added   linewatch.Time
	joining bool // registered, silent, and within its grace
	highest linewatch.Time
	beat    linewatch.Time
	last    linewatch.Time // arrival of the last record that was believed
	place   int            // in the order of last
	risen   linewatch.Time // arrival at which it rose or began to count

	spoken, idle, ahead, lagging bool
	passed                       bool // by a tick while it was ahead
	beats, backlog, goodbye      bool
	registered, gone             bool
}

func (c *refClock) find(name linewatch.Sender) *refSender {
	for _, s := range c.senders {
		if s.name == name && !s.gone {
			return s
		}
	}
	return nil
}

// open lists the senders that have a say without being registered.
func (c *refClock) open() (open []*refSender) {
	for _, s := range c.senders {
		if !s.gone && !s.registered {
			open = append(open, s)
		}
	}
	return open
}

// silent is the arrival since which nothing was believed of a sender.
func (s *refSender) silent() linewatch.Time {
	if s.spoken {
		return s.last
	}
	return s.added
}

func (c *refClock) add(name linewatch.Sender, arrival linewatch.Time, registered bool) *refSender {
	s := &refSender{
		name: name, added: arrival, highest: linewatch.NoTime, beat: linewatch.NoTime,
		joining: registered && c.cfg.JoinGrace > 0 && c.out == linewatch.NoTime, registered: registered,
	}
	if !slices.Contains(c.names, name) {
		c.names = append(c.names, name)
	}
	if last := len(c.left) - 1; last >= 0 {
		c.senders[c.left[last]] = s
		c.left = c.left[:last]
	} else {
		c.senders = append(c.senders, s)
	}
	return s
}

// leave forgets a sender. Its place goes to another, and the places settle who
// of equally slow senders is named.
func (c *refClock) leave(s *refSender) {
	s.gone, s.spoken, s.idle, s.joining = true, false, false, false
	c.left = append(c.left, slices.Index(c.senders, s))
}

// mark is the sender's own watermark.
func (c *refClock) mark(s *refSender) linewatch.Time {
	if s.highest == linewatch.NoTime {
		return s.beat
	}
	return max(s.highest-linewatch.Time(c.cfg.Bound)-1, s.beat)
}

func (c *refClock) sane(arrival, ts linewatch.Time) bool {
	return c.cfg.MaxFutureSkew == 0 || ts <= arrival+linewatch.Time(c.cfg.MaxFutureSkew)
}

func (c *refClock) point(s *refSender, arrival, ts linewatch.Time, last bool) (sane, resumed bool) {
	if !c.sane(arrival, ts) {
		s.ahead, s.joining = true, false
		return false, false
	}
	s.goodbye = last
	return true, c.hear(s, arrival, func() { s.highest = max(s.highest, ts) })
}

func (c *refClock) heartbeat(s *refSender, arrival, ts linewatch.Time, backlog bool) (sane, resumed bool) {
	if !c.sane(arrival, ts) {
		s.ahead, s.joining = true, false
		return false, false
	}
	s.beats, s.backlog = true, backlog
	return true, c.hear(s, arrival, func() { s.beat = max(s.beat, ts) })
}

func (c *refClock) hear(s *refSender, arrival linewatch.Time, rise func()) (resumed bool) {
	silent := !s.spoken || s.idle
	if silent || s.last != arrival {
		s.last, s.place = arrival, c.heard
		c.heard++
	}
	before := c.mark(s)
	rise()
	if silent || s.passed || c.mark(s) > before {
		s.risen = arrival
	}
	if c.mark(s) > before && c.mark(s) >= c.out {
		s.lagging = false
	}
	s.spoken, s.idle, s.ahead, s.passed, s.joining = true, false, false, false, false
	return silent
}

// counts reports whether the sender is in the minimum.
func (c *refClock) counts(s *refSender) bool {
	return s.spoken && !s.idle && !s.ahead && !s.lagging && c.mark(s) != linewatch.NoTime &&
		!(c.cfg.CatchUp == watermark.Skip && c.mark(s) < c.out)
}

// waits reports whether it is an idle one whose points a flush lets go.
func (c *refClock) waits(s *refSender) bool {
	return s.idle && !s.ahead && !s.lagging && c.mark(s) != linewatch.NoTime
}

func (c *refClock) forbids(s *refSender) bool {
	return s.backlog || c.cfg.OnAllIdle == watermark.HoldAll ||
		c.cfg.OnAllIdle == watermark.Auto && s.beats && !s.goodbye
}

func (c *refClock) slowest() (slowest *refSender) {
	for _, s := range c.senders {
		if c.counts(s) && (slowest == nil || c.mark(s) < c.mark(slowest)) {
			slowest = s
		}
	}
	return slowest
}

// tick emits, and returns who turned idle, the one heard longest ago first.
func (c *refClock) tick(at linewatch.Time) (gone []*refSender) {
	for _, s := range c.senders {
		s.passed = s.passed || s.ahead
		if s.spoken && !s.idle && at-s.last >= linewatch.Time(c.cfg.IdleTimeout) {
			s.idle = true
			gone = append(gone, s)
		}
	}
	slices.SortFunc(gone, func(a, b *refSender) int { return a.place - b.place })
	holds := false
	for _, s := range c.senders {
		if s.joining && at-s.added >= linewatch.Time(c.cfg.JoinGrace) {
			s.joining = false
		}
		holds = holds || s.joining
	}
	if holds {
		return gone
	}
	s := c.slowest()
	for c.cfg.MaxHold > 0 && s != nil && at-s.risen >= linewatch.Time(c.cfg.MaxHold) {
		s.lagging = true
		s = c.slowest()
	}
	if s != nil {
		c.out = max(c.out, c.mark(s))
		return gone
	}
	if flush := c.flush(); flush > c.out {
		c.out = flush
	}
	return gone
}

// flush is how far the points of an idle line go.
func (c *refClock) flush() linewatch.Time {
	most := linewatch.NoTime
	for _, s := range c.senders {
		if c.waits(s) && c.forbids(s) {
			return linewatch.NoTime
		}
		if c.waits(s) {
			most = max(most, c.mark(s))
		}
	}
	return most
}
