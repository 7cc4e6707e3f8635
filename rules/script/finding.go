package script

import (
	"errors"
	"fmt"

	"linewatch"
	"linewatch/internal/strictyaml"
	"linewatch/rules"
	"linewatch/watermark"
)

// Finding tells more about the first change in which a test differs from what
// it expects. Exactly one of Came and Missing is set.
type Finding struct {
	Text string // the line, as the difference shows it
	// Came is a change that nobody expected; its Why says how it came about.
	Came *linewatch.StateChange
	// Missing is how the instance stood at the time at which a change was
	// expected that did not come. It is empty if there was no such instance.
	Missing   []rules.Standing
	Expected  linewatch.State // that the missing change goes to
	Watermark linewatch.Time  // as of which that is so
	// Equipment is the registry of the test, where it names one.
	Equipment []linewatch.Equipment
}

// first finds the first of the changes that differ: the earliest, and of two at
// one time the one that came.
func (f *testFile) first(i int, want []expected, came []linewatch.StateChange, got []string, n names) (*Finding, error) {
	var extra *linewatch.StateChange
	var missing *expected
	text := ""
	align(want, got, func(w, g int) {
		switch {
		case g < 0 && (missing == nil || want[w].at < missing.at):
			missing = &want[w]
		case w < 0 && (extra == nil || came[g].EventTime < extra.EventTime):
			extra, text = &came[g], got[g]
		}
	})
	if missing == nil || extra != nil && extra.EventTime <= missing.at {
		return &Finding{Text: text, Came: extra}, nil
	}
	out := &Finding{Text: missing.text, Expected: missing.state}
	r, err := f.runUntil(i, missing.at)
	if err != nil {
		return nil, err
	}
	rule := missing.rule
	if rule == "" {
		rule = f.rule.ID
	}
	out.Missing, out.Watermark = r.domain.Explain(rule, missing.equipment), r.domain.Watermark()
	return out, nil
}

// runUntil runs test i again, but judges nothing after an instant: what would
// let more pass lets pass what there is up to there, so that everything before
// is as late, or not, as it was.
func (f *testFile) runUntil(i int, end linewatch.Time) (*runner, error) {
	t := &f.tests[i]
	steps, err := f.steps(strictyaml.Index("tests", i)+".steps", t)
	if err != nil {
		return nil, err
	}
	r, err := f.begin(t, steps)
	if err != nil {
		return nil, err
	}
	for k := range steps {
		s := &steps[k]
		r.clock = max(r.clock, s.at)
		switch {
		case s.at <= end:
		case s.verb == watermarkStep || s.verb == heartbeat:
			s.at = end
		case s.verb == point:
			// Its time is worth a heartbeat.
			promised := s.at.Add(-watermark.Defaults().Bound - 1)
			_, sender, err := r.origin(s)
			if err != nil {
				return nil, f.lineError(s.place, err)
			}
			*s = step{at: min(promised, end), verb: heartbeat, arg: sender, place: s.place}
		default:
			continue
		}
		if err := r.step(s); err != nil {
			return nil, f.lineError(steps[k].place, err)
		}
	}
	r.domain.Close(r.clock.Add(tick))
	return r, nil
}

// At is how the rules of a test stand at an instant.
type At struct {
	Test      string // its name
	Begins    string // the earliest time of its steps, written as there, if that is only later
	Ends      string // the latest of them, if that is earlier
	Standings []rules.Standing
	Watermark linewatch.Time
}

// ErrTime says that the instant of Explain is none.
var ErrTime = errors.New("is not a time")

// Explain runs the tests of a file no further than an instant, written as in
// steps, and returns how the instances of the file's own rule stand then.
func Explain(file string, data []byte, open Open, at string) ([]At, error) {
	end, rest, err := cutTime(at)
	if err != nil || rest != "" {
		remedy := timeRemedy
		if m := (*mistake)(nil); errors.As(err, &m) {
			remedy = m.remedy
		}
		return nil, fmt.Errorf("%.40q %w; %s", at, ErrTime, remedy)
	}
	f, err := readFile(file, data, open)
	if err != nil {
		return nil, err
	}
	var out []At
	for i := range f.tests {
		r, err := f.runUntil(i, end)
		if err != nil {
			return nil, err
		}
		t := At{Test: f.tests[i].Name, Standings: r.domain.Explain(f.rule.ID, ""), Watermark: r.domain.Watermark()}
		if r.began > end {
			t.Begins = formatTime(r.began)
		}
		if last := latest(r.steps); last < end {
			t.Ends = formatTime(last)
		}
		out = append(out, t)
	}
	return out, nil
}
