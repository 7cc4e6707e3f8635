package rules

import (
	"cmp"
	"slices"

	"linewatch"
)

// applyValues fills in the tags that this home has not heard of yet with what
// other homes know, as of the instant t.
func (e *Engine) applyValues(h *linewatch.HomeValues, t linewatch.Time) {
	if h.Home != e.opts.Line {
		return
	}
	for i := range h.Values {
		v := &h.Values[i]
		if !e.here(v.Equipment) {
			continue
		}
		id, ok := e.Series(v.Equipment, v.Tag)
		if !ok || e.series[id].last.At.Known() {
			continue
		}
		sr := &e.series[id]
		because := Cause(0)
		if v.Quality != linewatch.Ok {
			because = e.Cause(v.Cause)
		}
		e.setLast(sr, &Sample{
			Value: v.Value, At: t, Sequence: v.Sequence, Quality: v.Quality,
			Sender: e.Sender(linewatch.Sender{Gateway: v.Gateway, Source: v.Source}),
		}, because)
		e.settle(id, true)
		e.wake(sr)
	}
}

// Values returns the newest value of every tag of this home, by equipment and
// tag. It leaves out what others gave, and those whose sender is offline: they
// are not known.
func (e *Engine) Values() (out []linewatch.HomeValue) {
	for i := range e.series {
		sr := &e.series[i]
		if !sr.last.At.Known() || !e.owns(&e.registry, sr.key.equipment) || e.senders[sr.last.Sender].offline() {
			continue
		}
		s := e.senders[sr.last.Sender]
		out = append(out, linewatch.HomeValue{
			Equipment: sr.key.equipment, Tag: sr.key.tag, Value: sr.last.Value, Quality: sr.last.Quality, Cause: e.causes.text(sr.cause),
			Gateway: s.Gateway, Source: s.Source, Sequence: sr.last.Sequence,
		})
	}
	slices.SortFunc(out, func(a, b linewatch.HomeValue) int {
		return cmp.Or(cmp.Compare(a.Equipment, b.Equipment), cmp.Compare(a.Tag, b.Tag))
	})
	return out
}
