package rules

import (
	"slices"

	"linewatch"
)

// Host says which other lines the rules of this home read from the next control
// record on, in ascending order: its guests, as Guests finds them. It comes
// before that record. Points of these lines are of this home from now on, and
// what was known of equipment that nobody heard here before is forgotten. What
// is no guest any more keeps its values until the record has ended the rules
// that read them.
func (e *Engine) Host(lines []string, watermark linewatch.Time) {
	e.enqueue(pendingControl{guests: lines}, 0, watermark)
	e.rehear(e.newest, lines, watermark)
}

// Guest reports whether an equipment is heard only because it is of a guest
// line.
func (e *Engine) Guest(equipment string) bool { return guest(&e.newest, e.told, equipment) }

// Foreign reports whether an equipment is of another line than this home, which
// is a line.
func (e *Engine) Foreign(equipment string) bool {
	if _, site := linewatch.SubjectSite(e.opts.Line); site {
		return false
	}
	return !e.owns(&e.newest, equipment)
}

func guest(r *registry, guests []string, id string) bool {
	if len(guests) == 0 {
		return false
	}
	i, ok := r.byID[id]
	return ok && slices.Contains(guests, r.assets.Equipment[i].Line)
}

// Registry returns the newest registry that was heard of.
func (e *Engine) Registry() *linewatch.Assets { return &e.newest.assets }

// rehear takes over what is heard from now on, and forgets what it was not
// until now: values of a former time may be long past.
func (e *Engine) rehear(next registry, guests []string, watermark linewatch.Time) {
	before, told := e.newest, e.told
	e.newest, e.told = next, guests
	if len(guests) == 0 {
		return
	}
	for i := range e.series {
		sr := &e.series[i]
		if sr.last.At.Known() && e.Guest(sr.key.equipment) && !e.hears(&before, told, sr.key.equipment) {
			e.setLast(sr, &Sample{At: linewatch.NoTime}, 0)
			e.settle(SeriesID(i), true)
			e.wake(sr)
		}
	}
	e.judgeAt(watermark)
}

// reconnect lets all instances read what is heard now, if that is something
// else for some of them than with the guests before. It is all or none since
// taking many off one series, one after the other, costs as much as each of
// them looking at all the others.
func (e *Engine) reconnect(before []string, t linewatch.Time) {
	if slices.Equal(before, e.hosted) {
		return
	}
	moved := slices.DeleteFunc(e.inForce(), func(i int32) bool {
		return !slices.ContainsFunc(e.instances[i].prog.named(), func(name string) bool {
			id := e.registry.resolve(name)
			return guest(&e.registry, before, id) != guest(&e.registry, e.hosted, id)
		})
	})
	if len(moved) == 0 {
		return
	}
	e.detachAll()
	for _, i := range e.inForce() {
		e.connect(i, e.instances[i], t)
	}
	for _, i := range moved {
		e.markDirty(i)
	}
}

// inForce returns the instances that have a program.
func (e *Engine) inForce() (all []int32) {
	for i, inst := range e.instances {
		if inst.prog != nil {
			all = append(all, int32(i))
		}
	}
	return all
}

// GivesOthers reports whether a sender gave the newest values of equipment that
// is not heard here any more, and of no other.
func (e *Engine) GivesOthers(id SenderID) bool {
	others := false
	for i := range e.series {
		if sr := &e.series[i]; sr.last.At.Known() && sr.last.Sender == id {
			if e.Knows(sr.key.equipment) {
				return false
			}
			others = true
		}
	}
	return others
}
