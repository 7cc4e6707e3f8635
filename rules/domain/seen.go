package domain

import (
	"encoding/binary"
	"slices"
	"sort"

	"linewatch"
)

// What seen remembers of one sender is bounded: as many epochs, as many
// separate runs of sequence numbers in each, for that long.
const (
	maxEpochs = 4
	maxRuns   = 4096
	horizon   = 7 * linewatch.Day
)

// verdict is what the identity of a point tells.
type verdict uint8

const (
	fresh verdict = iota
	duplicate
	forgotten // too old to tell: counts as late
)

// seen remembers the sequence numbers of a sender: exactly within the horizon,
// while the bounds above suffice. Of what lies before it only so much is known
// that it is old.
type seen struct {
	epochs []epochSeen // ascending
	oldest uint64      // epochs below are forgotten
}

type epochSeen struct {
	epoch uint64
	floor uint64 // sequence numbers below are forgotten
	runs  []run  // ascending, apart from each other
}

// run is an unbroken series of sequence numbers, both ends included.
type run struct {
	from, to uint64
	heard    linewatch.Time // arrival of the newest of them
}

// add remembers one sequence number and tells whether it is new.
func (s *seen) add(epoch, seq uint64, arrival linewatch.Time) verdict {
	if n := len(s.epochs); n > 0 && s.epochs[n-1].epoch == epoch {
		e := &s.epochs[n-1]
		if r := len(e.runs); r > 0 && e.runs[r-1].to+1 == seq {
			e.runs[r-1].to, e.runs[r-1].heard = seq, arrival
			return fresh
		}
		return e.add(seq, seq, arrival)
	}
	return s.addRange(epoch, seq, seq, arrival)
}

// newest returns the highest epoch; 0 before the first point.
func (s *seen) newest() uint64 {
	if n := len(s.epochs); n > 0 {
		return s.epochs[n-1].epoch
	}
	return 0
}

// addRange remembers a series of sequence numbers. It is fresh if the last one
// was not known.
func (s *seen) addRange(epoch, from, to uint64, arrival linewatch.Time) verdict {
	if epoch < s.oldest {
		return forgotten
	}
	i := sort.Search(len(s.epochs), func(i int) bool { return s.epochs[i].epoch >= epoch })
	if i == len(s.epochs) || s.epochs[i].epoch != epoch {
		if len(s.epochs) == maxEpochs && i == 0 {
			return forgotten
		}
		s.epochs = slices.Insert(s.epochs, i, epochSeen{epoch: epoch})
		if len(s.epochs) > maxEpochs {
			s.epochs = slices.Delete(s.epochs, 0, 1)
			s.oldest = s.epochs[0].epoch
			i--
		}
	}
	return s.epochs[i].add(from, to, arrival)
}

func (e *epochSeen) add(from, to uint64, arrival linewatch.Time) verdict {
	if to < e.floor {
		return forgotten
	}
	from = max(from, e.floor)
	// i: the first run that ends at or after the number before from.
	i := sort.Search(len(e.runs), func(i int) bool { return e.runs[i].to+1 >= from })
	v := fresh
	if j := sort.Search(len(e.runs), func(j int) bool { return e.runs[j].to >= to }); j < len(e.runs) && e.runs[j].from <= to {
		v = duplicate
	}
	merged, j := run{from, to, arrival}, i
	for j < len(e.runs) && (e.runs[j].from <= to || e.runs[j].from == to+1) {
		merged.from = min(merged.from, e.runs[j].from)
		merged.to = max(merged.to, e.runs[j].to)
		j++
	}
	e.runs = slices.Replace(e.runs, i, j, merged)
	e.forget(arrival)
	return v
}

// forget lets go of what lies beyond the bounds.
func (e *epochSeen) forget(arrival linewatch.Time) {
	drop := max(0, len(e.runs)-maxRuns)
	for drop+1 < len(e.runs) && arrival.Sub(e.runs[drop].heard) > horizon {
		drop++
	}
	if drop > 0 {
		e.floor = e.runs[drop-1].to + 1
		e.runs = slices.Delete(e.runs, 0, drop)
	}
}

func (s *seen) append(dst []byte) []byte {
	dst = binary.AppendUvarint(dst, s.oldest)
	dst = binary.AppendUvarint(dst, uint64(len(s.epochs)))
	for _, e := range s.epochs {
		dst = binary.AppendUvarint(dst, e.epoch)
		dst = binary.AppendUvarint(dst, e.floor)
		dst = binary.AppendUvarint(dst, uint64(len(e.runs)))
		for _, r := range e.runs {
			dst = binary.AppendUvarint(dst, r.from)
			dst = binary.AppendUvarint(dst, r.to-r.from)
			dst = linewatch.AppendTime(dst, r.heard)
		}
	}
	return dst
}

func (s *seen) restore(r *linewatch.BinaryReader) {
	s.oldest = r.Uvarint()
	for range r.Count() {
		e := epochSeen{epoch: r.Uvarint(), floor: r.Uvarint()}
		for range r.Count() {
			u := run{from: r.Uvarint()}
			u.to = u.from + r.Uvarint()
			u.heard = r.Time()
			e.runs = append(e.runs, u)
		}
		s.epochs = append(s.epochs, e)
	}
}
