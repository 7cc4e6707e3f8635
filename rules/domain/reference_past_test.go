package domain_test

import (
	"linewatch"
)

// refKnown is what a tag was at a moment: its value, null while unknown.
type refKnown struct {
	t, at linewatch.Time // of the look, and of the sample
	v     linewatch.Value
}

// pastOf judges a condition on what a tag was.
func (j *refJudge) pastOf(why *linewatch.ConditionWhy, c *linewatch.Condition, own *refCondition, t linewatch.Time) linewatch.Truth {
	in := &own.inputs[0]
	s, cause := j.newest(in, t)
	if c.Op == linewatch.Missing {
		why.Cause, why.Quality = "", ""
		return j.missing(why, c, own, t)
	}
	if c.Op == linewatch.Sequence {
		why.Limits = c.Values
	}
	known := cause == "" && !s.Value.IsNull()
	if cause == "" && !known {
		why.Cause = "type does not fit"
	}
	switch c.Op {
	case linewatch.Changed:
		if known {
			return j.atInstant(j.changedAt(own), t)
		}
	case linewatch.Sequence:
		fits := false
		for _, v := range c.Values {
			fits = fits || known && refType(v) == refType(s.Value)
		}
		if fits {
			return j.atInstant(j.completedAt(c, own), t)
		}
		if cause == "" {
			why.Cause = "type does not fit"
		}
	case linewatch.Stuck:
		now := refKnown{t: t}
		if known {
			now.at, now.v = s.Timestamp, s.Value
		}
		if n := len(own.values); n == 0 || own.values[n-1].v != now.v {
			own.values = append(own.values, now)
		}
		if known {
			return j.stuck(why, c, own, t)
		}
	}
	return linewatch.Undecided
}

// atInstant is true at one instant, and false from the next millisecond on.
func (j *refJudge) atInstant(at, t linewatch.Time) linewatch.Truth {
	if at == linewatch.NoTime || at != t {
		return linewatch.False
	}
	j.wake[t+1] = true
	return linewatch.True
}

// changedAt is when the value became another for the last time.
func (j *refJudge) changedAt(own *refCondition) linewatch.Time {
	at, before := linewatch.NoTime, linewatch.Value{}
	samples := j.samples(own)
	if len(samples) > 0 && samples[len(samples)-1].Timestamp != j.now {
		return at // not now, in any case
	}
	for i, s := range samples {
		if i+1 < len(samples) && samples[i+1].Timestamp == s.Timestamp || s.Quality != linewatch.Ok || s.Value.IsNull() {
			continue // not the last of its instant, or no value
		}
		if !before.IsNull() && !refSame(before, s.Value) {
			at = s.Timestamp
		}
		before = s.Value
	}
	return at
}

func refSame(v, w linewatch.Value) bool { return refType(v) == refType(w) && refCompare(v, w) == 0 }

// completedAt is when the values of a sequence had come for the last time. All
// that may still become one are kept; a complete one ends them all.
func (j *refJudge) completedAt(c *linewatch.Condition, own *refCondition) linewatch.Time {
	type begun struct {
		at   linewatch.Time
		have int
	}
	var open []begun
	at, samples := linewatch.NoTime, j.samples(own)
	if len(samples) > 0 && samples[len(samples)-1].Timestamp != j.now {
		return at // not now, in any case
	}
	for _, s := range samples {
		if s.Quality != linewatch.Ok || s.Value.IsNull() {
			continue
		}
		next := []begun{}
		if refSame(s.Value, c.Values[0]) {
			next = append(next, begun{s.Timestamp, 1})
		}
		for _, b := range open {
			if s.Timestamp > b.at+linewatch.Time(c.Span) {
				continue
			}
			next = append(next, b)
			if refSame(s.Value, c.Values[b.have]) {
				next = append(next, begun{b.at, b.have + 1})
			}
		}
		open = open[:0]
		for _, b := range next {
			if b.have == len(c.Values) {
				at, next = s.Timestamp, nil
				break
			}
		}
		open = append(open, next...)
	}
	return at
}

// stuck: the value is what it has been for the span.
func (j *refJudge) stuck(why *linewatch.ConditionWhy, c *linewatch.Condition, own *refCondition, t linewatch.Time) linewatch.Truth {
	now := own.values[len(own.values)-1]
	since := now
	for i := len(own.values) - 1; i >= 0 && !own.values[i].v.IsNull() && refSame(own.values[i].v, now.v); i-- {
		since = own.values[i]
	}
	began := since.t
	if began == own.born {
		began = since.at
	}
	due := began + linewatch.Time(c.Span)
	if due <= t {
		return linewatch.True
	}
	j.wake[due], why.Due = true, due
	return linewatch.False
}

// missing: no point has come for the span.
func (j *refJudge) missing(why *linewatch.ConditionWhy, c *linewatch.Condition, own *refCondition, t linewatch.Time) linewatch.Truth {
	in := &own.inputs[0]
	if !in.home {
		why.Cause = j.absence(in.tag.equipment)
		return linewatch.Undecided
	}
	since := own.born
	if samples := j.history[in.tag]; len(samples) > 0 {
		since = max(since, samples[len(samples)-1].Timestamp)
	}
	due := since + linewatch.Time(c.Span)
	if due > t {
		why.Due = due
	}
	return linewatch.TruthOf(j.passed(in, due, t))
}
