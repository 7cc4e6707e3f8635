package watermark

import (
	"fmt"

	"linewatch"
)

// CatchUp says what a bucket behind the output does.
type CatchUp uint8

// The ways of catching up.
const (
	Hold CatchUp = iota // it holds the output until it has caught up
	Skip                // it is left out, its points late, until it has caught up
)

var catchUpNames = [...]string{"hold", "skip"}

// OnAllIdle says what happens to the last points when all senders are idle.
type OnAllIdle uint8

// The ways of treating an idle line; see the package comment.
const (
	Auto    OnAllIdle = iota // emit if the line stopped, hold if its uplink broke
	Flush                    // emit
	HoldAll                  // hold
)

var onAllIdleNames = [...]string{"auto", "flush", "hold"}

// Config sets the times and habits of a [Tracker]. Spans are of arrival time,
// except Bound, which is of event time.
type Config struct {
	Bound         linewatch.Duration // how far a sender's points may be out of order; 0: not at all
	IdleTimeout   linewatch.Duration // a sender silent for this long or longer is idle; at least 1 ms
	MaxFutureSkew linewatch.Duration // how far a timestamp may lie above its arrival; 0: no limit
	JoinGrace     linewatch.Duration // how long a silent registered sender holds the first emission; 0: not at all
	MaxHold       linewatch.Duration // how long the slowest bucket may hold without rising; 0: no limit
	CatchUp       CatchUp
	OnAllIdle     OnAllIdle
}

// Defaults returns the configuration for a plant that needs no other: bound
// 2 s, idle-timeout 10 s, max-future-skew 5 min, join-grace 10 s, max-hold
// 5 min, catch-up hold, all idle auto.
func Defaults() Config {
	return Config{
		Bound:         2 * linewatch.Second,
		IdleTimeout:   10 * linewatch.Second,
		MaxFutureSkew: 5 * linewatch.Minute,
		JoinGrace:     10 * linewatch.Second,
		MaxHold:       5 * linewatch.Minute,
	}
}

// Validate returns an error that names the first field with a value that
// makes no sense, and what it may be.
func (c Config) Validate() error {
	spans := [...]struct {
		name  string
		value linewatch.Duration
		least linewatch.Duration
	}{
		{"bound", c.Bound, 0},
		{"idle-timeout", c.IdleTimeout, linewatch.Millisecond},
		{"max-future-skew", c.MaxFutureSkew, 0},
		{"join-grace", c.JoinGrace, 0},
		{"max-hold", c.MaxHold, 0},
	}
	for _, s := range spans {
		if s.value < s.least {
			return fmt.Errorf("%s %v: must be at least %v", s.name, s.value, s.least)
		}
	}
	if int(c.CatchUp) >= len(catchUpNames) {
		return fmt.Errorf("catchup %d: must be hold or skip", c.CatchUp)
	}
	if int(c.OnAllIdle) >= len(onAllIdleNames) {
		return fmt.Errorf("on-all-idle %d: must be auto, flush or hold", c.OnAllIdle)
	}
	return nil
}

// String returns the name used in configurations.
func (c CatchUp) String() string { return nameOf(catchUpNames[:], int(c)) }

// MarshalText implements encoding.TextMarshaler.
func (c CatchUp) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler for hold and skip.
func (c *CatchUp) UnmarshalText(b []byte) error {
	for i, name := range catchUpNames {
		if string(b) == name {
			*c = CatchUp(i)
			return nil
		}
	}
	return fmt.Errorf("catchup %.40q: must be hold or skip", b)
}

// String returns the name used in configurations.
func (o OnAllIdle) String() string { return nameOf(onAllIdleNames[:], int(o)) }

// MarshalText implements encoding.TextMarshaler.
func (o OnAllIdle) MarshalText() ([]byte, error) { return []byte(o.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler for auto, flush and hold.
func (o *OnAllIdle) UnmarshalText(b []byte) error {
	for i, name := range onAllIdleNames {
		if string(b) == name {
			*o = OnAllIdle(i)
			return nil
		}
	}
	return fmt.Errorf("on-all-idle %.40q: must be auto, flush or hold", b)
}

func nameOf(names []string, i int) string {
	if i < len(names) {
		return names[i]
	}
	return fmt.Sprintf("unknown(%d)", i)
}
