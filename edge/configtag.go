package edge

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"linewatch"
)

// TagConfig says where a tag's value lies in the PLC, whose it is, and what is
// done to it before it is sent.
type TagConfig struct {
	Name      string `json:"name" yaml:"name"`
	Equipment string `json:"equipment" yaml:"equipment"` // default: the source's
	Address   string `json:"address" yaml:"address"`     // in the words of the protocol, see edge/s7 and edge/opcua
	Type      string `json:"type" yaml:"type"`           // in the words of the protocol, see edge/s7 and edge/opcua

	// Scale turns what the PLC holds into the unit that the tag is in.
	Scale *Scale `json:"scale,omitempty" yaml:"scale"`
	// Deadband is how far a number may be from the one that was sent last
	// without being sent.
	Deadband Deadband `json:"deadband,omitzero" yaml:"deadband"`
	// MaxSilence is how long nothing is sent of a tag that does not change.
	// Default: the source's.
	MaxSilence Span `json:"maxSilence,omitempty" yaml:"maxSilence"`
}

// Scale is a straight line from a raw number to one in the unit of the tag. It
// is named either by factor and offset or by two ranges; beyond them it goes
// on. The result is always a floating-point number.
type Scale struct {
	Factor *float64 `json:"factor,omitempty" yaml:"factor"` // default 1
	Offset float64  `json:"offset,omitempty" yaml:"offset"`
	// Raw and EU, for engineering units, are each the lower and the upper end
	// of a range, such as [0, 27648] and [0, 100].
	Raw []float64 `json:"raw,omitempty" yaml:"raw"`
	EU  []float64 `json:"eu,omitempty" yaml:"eu"`
}

// Deadband is a width in the unit of the tag, or a percentage of the EU range
// of its scale.
type Deadband struct {
	Width   float64
	Percent bool
}

// UnmarshalText reads 0.5 or 1%.
func (d *Deadband) UnmarshalText(text []byte) error {
	digits, percent := strings.CutSuffix(string(text), "%")
	width, err := strconv.ParseFloat(digits, 64)
	if err != nil || !(width > 0) || math.IsInf(width, 0) || percent && width > 100 {
		return fmt.Errorf("%.40q is no deadband; write a number above 0 such as 0.5, or up to 100%% of the scale's eu range such as 1%%", text)
	}
	*d = Deadband{width, percent}
	return nil
}

// MarshalText implements encoding.TextMarshaler.
func (d Deadband) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// String returns the form that UnmarshalText reads.
func (d Deadband) String() string {
	s := strconv.FormatFloat(d.Width, 'g', -1, 64)
	if d.Percent {
		s += "%"
	}
	return s
}

// Silence returns the longest time that a connected source sends nothing of a
// tag, 0 if there is no limit. Rules and registry must not take a tag for dead
// sooner.
func (s SourceConfig) Silence(t TagConfig) linewatch.Duration {
	span := t.MaxSilence
	if span == 0 {
		span = s.MaxSilence
	}
	if span == 0 || s.SyncEvery > 0 && s.SyncEvery < span {
		span = s.SyncEvery
	}
	return span.duration()
}

// maxSilence is the longest MaxSilence and SyncEvery.
const maxSilence = Span(24 * time.Hour)

// checkSilence refuses a span that scans at interval cannot keep.
func checkSilence(span, interval Span) error {
	if least := 2 * interval; span != 0 && (span < least || span > maxSilence) {
		return fmt.Errorf("%v; use %v, which is twice the interval, to %v", span, least, maxSilence)
	}
	return nil
}

func validateTags(path string, source *SourceConfig) (errs []error) {
	type key struct{ equipment, name string }
	seen := map[key]bool{}
	for i, t := range source.Tags {
		at := fmt.Sprintf("%s.tags[%d]", path, i)
		if linewatch.ValidTag(t.Name) {
			at = fmt.Sprintf("%s.tags[%s]", path, t.Name)
		}
		switch {
		case !linewatch.ValidTag(t.Name):
			errs = append(errs, fmt.Errorf("%s.name: %.140q; use 1 to 128 printable bytes", at, t.Name))
		case t.Name[0] == '$':
			errs = append(errs, fmt.Errorf("%s.name: begins with $, which is kept for heartbeats and gap records", at))
		}
		if !linewatch.ValidName(t.Equipment) {
			errs = append(errs, badName(at+".equipment", t.Equipment))
		}
		if k := (key{t.Equipment, t.Name}); seen[k] {
			errs = append(errs, fmt.Errorf("%s.name: equipment %s has this tag twice; remove or rename one", at, t.Equipment))
		} else {
			seen[k] = true
		}
		if err := checkSilence(t.MaxSilence, source.Interval); err != nil {
			errs = append(errs, fmt.Errorf("%s.maxSilence: %w", at, err))
		}
		errs = append(errs, t.validateShape(at)...)
	}
	return errs
}

// validateShape checks what is done to the tag's values.
func (t *TagConfig) validateShape(at string) (errs []error) {
	if t.Scale != nil {
		if field, err := t.Scale.validate(); err != nil {
			errs = append(errs, fmt.Errorf("%s.scale%s: %w", at, field, err))
		}
	}
	d := t.Deadband
	switch {
	case d == Deadband{}:
	case !(d.Width > 0) || math.IsInf(d.Width, 0):
		errs = append(errs, fmt.Errorf("%s.deadband: %v; use a number above 0", at, d))
	case d.Percent && (t.Scale == nil || len(t.Scale.EU) == 0):
		errs = append(errs, fmt.Errorf("%s.deadband: %v is a percentage of the eu range, and there is none; give scale with raw and eu, or a number in the unit of the tag", at, d))
	}
	return errs
}

// validate returns the field, such as .raw, of the first mistake.
func (s *Scale) validate() (field string, err error) {
	ranges, line := len(s.Raw)+len(s.EU) > 0, s.Factor != nil || s.Offset != 0
	all := slices.Concat(s.Raw, s.EU, []float64{s.Offset})
	if s.Factor != nil {
		all = append(all, *s.Factor)
	}
	switch {
	case slices.ContainsFunc(all, func(f float64) bool { return math.IsNaN(f) || math.IsInf(f, 0) }):
		return "", errors.New("a number is not finite; give finite ones")
	case ranges && line:
		return "", errors.New("both ranges and factor or offset; use raw and eu, or factor and offset")
	case !ranges && !line:
		return "", errors.New("says nothing; give raw and eu such as {raw: [0, 27648], eu: [0, 100]}, or factor and offset")
	case line && s.Factor != nil && *s.Factor == 0:
		return ".factor", errors.New("0 makes every value the same; give another number")
	case line:
		return "", nil
	case len(s.Raw) != 2:
		return ".raw", fmt.Errorf("%d numbers; give the lower and the upper end, such as [0, 27648]", len(s.Raw))
	case len(s.EU) != 2:
		return ".eu", fmt.Errorf("%d numbers; give what the ends of raw stand for, such as [0, 100]", len(s.EU))
	case s.Raw[0] == s.Raw[1]:
		return ".raw", fmt.Errorf("both ends are %v; give two different numbers", s.Raw[0])
	case s.EU[0] == s.EU[1]:
		return ".eu", fmt.Errorf("both ends are %v, which makes every value the same; give two different numbers", s.EU[0])
	}
	return "", nil
}
