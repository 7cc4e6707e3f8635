package rules

import "linewatch"

// moment is how long an instant lasts: event time counts in milliseconds.
const moment = linewatch.Millisecond

// change notes a value of quality Ok, the last of its instant.
func (p *probe) change(s *Sample) {
	if !p.value.IsNull() && !p.value.Equal(s.Value) {
		p.since = s.At
	}
	p.value = s.Value
}

// judgeChanged: true at the instant at which the value became another.
func (e *Engine) judgeChanged(p *probe, t linewatch.Time) linewatch.Truth {
	last, cause := e.sampleOf(p, 0, t)
	if cause != "" || last.Value.IsNull() {
		return linewatch.Undecided
	}
	return p.instant(t)
}

// instant is true at the instant since, and false from the next one on.
func (p *probe) instant(t linewatch.Time) linewatch.Truth {
	if !p.since.Known() || t != p.since {
		return linewatch.False
	}
	p.due = min(p.due, t.Add(moment))
	return linewatch.True
}

// judgeStuck: true once the value has been the same, and known, for the span.
// A new probe trusts its tag's newest sample for as long as it is old.
func (e *Engine) judgeStuck(n *node, p *probe, t linewatch.Time) linewatch.Truth {
	last, cause := e.sampleOf(p, 0, t)
	if cause != "" || last.Value.IsNull() {
		p.since, p.value = linewatch.NoTime, linewatch.Value{}
		return linewatch.Undecided
	}
	if p.value.IsNull() || !p.value.Equal(last.Value) {
		p.since = t
		if p.born == t {
			p.since = last.At
		}
	}
	p.value = last.Value
	due := p.since.Add(n.cond.Span)
	if due <= t {
		return linewatch.True
	}
	p.due = min(p.due, due)
	return linewatch.False
}

// silentSince is the beginning of a silence: the tag's last point, or when the
// condition began to listen.
func (p *probe) silentSince(sr *series) linewatch.Time { return max(sr.last.At, p.born) }

// judgeMissing: true once no point has come for the span.
func (e *Engine) judgeMissing(n *node, p *probe, t linewatch.Time) linewatch.Truth {
	if p.inputs[0].series == noSeries {
		return linewatch.Undecided
	}
	sr := &e.series[p.inputs[0].series]
	return linewatch.TruthOf(!e.wait(p, 0, p.silentSince(sr).Add(n.cond.Span), t))
}

// step takes a value of a sequence. Values between those that are asked for do
// not matter; a value begins again what it begins, and serves once.
func (p *probe) step(n *node, s *Sample) {
	values := n.cond.Values
	for i := len(values) - 1; i >= 0; i-- {
		if !values[i].Equal(s.Value) {
			continue
		}
		began := s.At
		if i > 0 {
			began = p.steps[i-1]
			if !began.Known() || s.At > began.Add(n.cond.Span) {
				continue
			}
		}
		if i < len(p.steps) {
			p.steps[i] = began
			continue
		}
		p.since = s.At
		for k := range p.steps {
			p.steps[k] = linewatch.NoTime
		}
		return
	}
}

// judgeSequence: true at the instant at which the last value came in time.
func (e *Engine) judgeSequence(n *node, p *probe, t linewatch.Time) linewatch.Truth {
	last, cause := e.sampleOf(p, 0, t)
	if cause != "" || !n.fits(last.Value) {
		return linewatch.Undecided
	}
	return p.instant(t)
}
