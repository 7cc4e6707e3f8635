package domain_test

import (
	"math"
	"slices"

	"linewatch"
)

// window computes what the samples of a window amount to, all of them anew. It
// is looked at when a sample comes or leaves, and says the same in between.
func (j *refJudge) window(why *linewatch.ConditionWhy, w linewatch.Window, own *refCondition, t linewatch.Time) (linewatch.Value, string) {
	over := linewatch.Time(w.Over)
	var held []refNumber
	before, looked := refNumber{at: linewatch.NoTime}, own.born
	samples := j.samples(own)
	for i := len(samples) - 1; i >= 0 && before.at == linewatch.NoTime; i-- {
		s := &samples[i]
		n, isNumber := s.Value.Float()
		switch {
		case s.Quality != linewatch.Ok || s.Value.IsNull() || !isNumber && w.Func != linewatch.Count:
		case s.Timestamp > t-over:
			looked = max(looked, s.Timestamp)
			j.wake[s.Timestamp+over] = true
			held = append(held, refNumber{s.Timestamp, n})
		default:
			before = refNumber{s.Timestamp, n}
			looked = max(looked, s.Timestamp+over)
		}
	}
	slices.Reverse(held)
	why.Window, why.Over, why.Samples = w.Func.String(), w.Over, len(held)
	switch {
	case w.Func == linewatch.Count:
		return linewatch.IntValue(int64(len(held))), ""
	case len(held) == 0 && w.Func == linewatch.TimeAvg && before.at != linewatch.NoTime:
		return refFinite(before.v)
	case len(held) == 0:
		return linewatch.Value{}, "no sample in the window"
	case w.Func == linewatch.TimeAvg:
		return refFinite(refTimeAverage(held, before, over, looked))
	}
	first, last := held[0], held[len(held)-1]
	switch w.Func {
	case linewatch.Delta:
		return refFinite(last.v - first.v)
	case linewatch.Rate:
		if last.at == first.at {
			return linewatch.Value{}, "one sample has no rate"
		}
		return refFinite((last.v - first.v) / (float64(last.at-first.at) / 1000))
	}
	return refFinite(refAmount(w.Func, refPanes(held, over)))
}

type refNumber struct {
	at linewatch.Time
	v  float64
}

func refFinite(f float64) (linewatch.Value, string) {
	if f-f != 0 {
		return linewatch.Value{}, "not a finite number"
	}
	return linewatch.FloatValue(f), ""
}

// refPanes divides the samples at the multiples of the width of a pane, which
// is a 32nd of the window, rounded up.
func refPanes(held []refNumber, over linewatch.Time) (panes [][]refNumber) {
	width := float64((over + 31) / 32)
	for i, s := range held {
		if i == 0 || math.Floor(float64(s.at)/width) != math.Floor(float64(held[i-1].at)/width) {
			panes = append(panes, nil)
		}
		panes[len(panes)-1] = append(panes[len(panes)-1], s)
	}
	return panes
}

// refAmount adds up each pane, and then the panes.
func refAmount(f linewatch.Aggregate, panes [][]refNumber) float64 {
	var n, sum, mean, squares float64
	least, most := math.Inf(1), math.Inf(-1)
	for _, p := range panes {
		paneSum, paneMean, paneSquares := 0.0, 0.0, 0.0
		for i, s := range p {
			paneSum += s.v
			least, most = math.Min(least, s.v), math.Max(most, s.v)
			was := paneMean
			paneMean += (s.v - was) / float64(i+1)
			product := float64((s.v - was) * (s.v - paneMean))
			paneSquares += product
		}
		m := float64(len(p))
		sum += paneSum
		if n == 0 {
			n, mean, squares = m, paneMean, paneSquares
			continue
		}
		off := paneMean - mean
		shift := float64(off * (m / (n + m)))
		spread := float64(float64(off*off) * (float64(n*m) / (n + m)))
		mean += shift
		squares += paneSquares
		squares += spread
		n += m
	}
	switch f {
	case linewatch.Avg:
		return sum / n
	case linewatch.Min:
		return least
	case linewatch.Max:
		return most
	case linewatch.Sum:
		return sum
	case linewatch.Range:
		return most - least
	}
	return math.Sqrt(squares / n)
}

// refTimeAverage weighs each value with the time for which it was in force: the
// stretches within a pane are added up first.
func refTimeAverage(held []refNumber, before refNumber, over, t linewatch.Time) float64 {
	begin, total := held[0].at, 0.0
	if before.at != linewatch.NoTime {
		begin = t - over
		total = float64(before.v * float64(held[0].at-begin))
	}
	panes := refPanes(held, over)
	for i, p := range panes {
		area := 0.0
		for k := 1; k < len(p); k++ {
			stretch := float64(p[k-1].v * float64(p[k].at-p[k-1].at))
			area += stretch
		}
		if i > 0 {
			last := panes[i-1][len(panes[i-1])-1]
			gap := float64(last.v * float64(p[0].at-last.at))
			total += gap
		}
		total += area
	}
	last := held[len(held)-1]
	if t == begin {
		return last.v
	}
	end := float64(last.v * float64(t-last.at))
	total += end
	return total / float64(t-begin)
}
