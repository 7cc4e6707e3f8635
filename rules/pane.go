package rules

import (
	"math"

	"linewatch"
)

// pane adds up the samples of one stretch of a window, oldest first. Products
// are rounded before anything is added to them, so that no processor fuses the
// two and every one comes to the same bits.
type pane struct {
	grid          int64
	count         int
	first, last   reading
	sum           float64
	least, most   float64
	mean, squares float64 // mean, and sum of the squares of the distances from it
	area          float64 // value times milliseconds, up to the last sample
}

func (p *pane) add(r reading) {
	if p.count == 0 {
		p.first, p.least, p.most = r, r.v, r.v
	} else {
		p.area += float64(p.last.v * float64(r.at-p.last.at))
	}
	p.last = r
	p.count++
	p.sum += r.v
	p.least, p.most = min(p.least, r.v), max(p.most, r.v)
	off := r.v - p.mean
	p.mean += off / float64(p.count)
	p.squares += float64(off * (r.v - p.mean))
}

// join adds the next pane.
func (p *pane) join(q *pane) {
	n, m := float64(p.count), float64(q.count)
	off := q.mean - p.mean
	p.count += q.count
	p.last = q.last
	p.sum += q.sum
	p.least, p.most = min(p.least, q.least), max(p.most, q.most)
	p.mean += float64(off * (m / (n + m)))
	p.squares += q.squares
	p.squares += float64(float64(off*off) * (float64(n*m) / (n + m)))
}

// amount returns what the samples of the pane amount to.
func (p *pane) amount(f linewatch.Aggregate) float64 {
	switch f {
	case linewatch.Avg:
		return p.sum / float64(p.count)
	case linewatch.Min:
		return p.least
	case linewatch.Max:
		return p.most
	case linewatch.Sum:
		return p.sum
	case linewatch.Range:
		return p.most - p.least
	case linewatch.StdDev:
		return math.Sqrt(p.squares / float64(p.count))
	}
	return math.NaN()
}
