package edge

import (
	"math"

	"linewatch"
)

// Causes of values that cannot be scaled.
const (
	causeNoNumber = "scale: the value is not a number"
	causeOverflow = "scale: the result is not a finite number"
)

// shape is what is done to the readings of a tag before they are sent. A nil
// shape does nothing.
type shape struct {
	scaled               bool
	factor, raw, eu, per float64 // eu + (value - raw) * factor / per
	deadband             float64 // in the unit of the tag; 0: none
	silence              linewatch.Duration
}

// newShape returns nil if the tag is sent as it is read, on every change.
func newShape(s SourceConfig, t TagConfig) *shape {
	silence := t.MaxSilence
	if silence == 0 {
		silence = s.MaxSilence
	}
	if t.Scale == nil && t.Deadband.Width == 0 && silence == 0 {
		return nil
	}
	p := &shape{deadband: t.Deadband.Width, silence: silence.duration()}
	if c := t.Scale; c != nil {
		p.scaled, p.factor, p.eu, p.per = true, 1, c.Offset, 1
		if c.Factor != nil {
			p.factor = *c.Factor
		}
		if len(c.Raw) == 2 {
			// Divided last, so that the ends of the ranges meet exactly.
			p.raw, p.per, p.eu, p.factor = c.Raw[0], c.Raw[1]-c.Raw[0], c.EU[0], c.EU[1]-c.EU[0]
		}
		if t.Deadband.Percent {
			p.deadband *= math.Abs(p.factor) / 100
		}
	}
	return p
}

// limited reports whether a tag's silence is.
func (p *shape) limited() bool { return p != nil && p.silence > 0 }

// apply returns a state in the unit of the tag.
func (p *shape) apply(s state) state {
	if p == nil || !p.scaled || s.value.IsNull() {
		return s
	}
	raw, ok := s.value.Float()
	if !ok {
		return state{linewatch.Value{}, linewatch.Bad, causeNoNumber}
	}
	// Each product is rounded for itself, so that every platform gets the same.
	s.value = linewatch.FloatValue(p.eu + float64(float64((raw-p.raw)*p.factor)/p.per))
	if s.value.IsNull() {
		return state{linewatch.Value{}, linewatch.Bad, causeOverflow}
	}
	return s
}

// passes reports whether a state is worth sending after another one.
func (p *shape) passes(sent, now state) bool {
	if sent == now {
		return false
	}
	if p == nil || p.deadband == 0 || sent.quality != now.quality || sent.cause != now.cause ||
		!sent.value.IsNumber() || !now.value.IsNumber() {
		return true
	}
	return distance(sent.value, now.value) > p.deadband
}

// distance returns how far two numbers are apart, exactly where both are whole.
func distance(v, w linewatch.Value) float64 {
	a, isInt := v.Int()
	b, areInts := w.Int()
	if isInt && areInts {
		return float64(uint64(max(a, b)) - uint64(min(a, b)))
	}
	x, _ := v.Float()
	y, _ := w.Float()
	return math.Abs(x - y)
}
