package ui

import (
	"strconv"
	"strings"

	"linewatch"
)

// How far event time may be behind before a state is no longer taken for that
// of now, in the machine's own time: the first while all sources are read, the
// second while one is not. The page has the same, in js/health.js.
const (
	behindAfter     = 10 * linewatch.Second
	behindWhileDown = 4 * linewatch.Second
)

// mostDoubts is how many sources are named, as on the page.
const mostDoubts = 6

// doubts says why a standing may not be how the instance stands now: sources of
// its line that are not read, and event time that is far behind. It says nothing
// while all is well.
func doubts(st *Status, s *Standing) (out []string) {
	e := explainer{now: s.Watermark}
	for i := range st.Sources {
		if src := &st.Sources[i]; src.State != SourceConnected && concerns(st, src.ID, s.Line) {
			out = append(out, "SOURCE "+strings.ToUpper(string(src.State))+": "+src.ID+e.since(src.Since))
		}
	}
	most := behindAfter
	if len(out) > 0 {
		most = behindWhileDown
	}
	if more := len(out) - mostDoubts; more > 0 {
		out = append(out[:mostDoubts], "and "+strconv.Itoa(more)+" more sources")
	}
	behind := st.Time.Sub(s.Watermark)
	if !s.Watermark.Known() || float64(behind) <= float64(most)*max(1, st.Speed) {
		return out
	}
	text := "BEHIND by " + roughly(behind)
	if s.HeldBy != "" {
		text += ": the line waits for " + s.HeldBy
	}
	return append(out, text)
}

// concerns reports whether a source of this process sends to a line. One that
// no line has heard may be any line's, and rules without a line hear them all.
func concerns(st *Status, source, line string) bool {
	heard := func(s *Sender) bool { return strings.HasSuffix(s.Name, "/"+source) }
	known := false
	for i := range st.Senders {
		if s := &st.Senders[i]; heard(s) {
			known = true
			if line == "" || s.Domain == line || s.Domain == "global" {
				return true
			}
		}
	}
	return !known
}

// roughly writes a span in the largest unit of which it has at least two.
func roughly(d linewatch.Duration) string {
	for _, unit := range []linewatch.Duration{linewatch.Day, linewatch.Hour, linewatch.Minute, linewatch.Second} {
		if d >= 2*unit {
			d -= d % unit
			break
		}
	}
	return spanText(d)
}
