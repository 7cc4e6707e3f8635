package edge

import (
	"time"

	"linewatch"
)

// The least pauses in real time, however fast the clocks run. What cannot be
// scanned more often is scanned at longer intervals of its clock.
const (
	leastInterval = Span(5 * time.Millisecond)
	leastSampling = Span(time.Millisecond)
)

// at returns c for clocks that run at a speed: intervals in real time.
func (s SourceConfig) at(speed float64) SourceConfig {
	s.Speed = speed
	if speed > 1 {
		s.Interval = s.Interval.by(speed, leastInterval)
		s.OPCUA.Sampling = s.OPCUA.Sampling.by(speed, leastSampling)
	}
	return s
}

func (s Span) by(speed float64, least Span) Span { return max(Span(float64(s)/speed), min(s, least)) }

// byClock returns a span of real time by the source's clock.
func (s SourceConfig) byClock(real Span) linewatch.Duration {
	return linewatch.Duration(float64(real) * max(s.Speed, 1) / float64(time.Millisecond))
}
