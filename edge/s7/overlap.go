package s7

import (
	"fmt"

	"linewatch/edge"
)

// Overlap counts the tags of a source that begin within another one's bytes and
// end behind them, and names the first two. That is a wrong address or type: a
// bit, or a smaller value, that lies within a larger one may be meant.
func Overlap(c edge.SourceConfig) (count int, first string) {
	p := planner{addresses: make([]Address, len(c.Tags))}
	for i, t := range c.Tags {
		var err error
		if p.addresses[i], err = ParseAddress(t.Address, t.Type); err != nil {
			return 0, "" // New says what is wrong
		}
	}
	var around []int32 // the tags that the next one may lie in, each within the one before
	for _, tag := range p.order() {
		for len(around) > 0 && !p.reaches(around[len(around)-1], tag) {
			around = around[:len(around)-1]
		}
		if len(around) > 0 {
			if outer := around[len(around)-1]; p.end(outer) < p.end(tag) {
				if count++; count == 1 {
					a, b := &c.Tags[outer], &c.Tags[tag]
					first = fmt.Sprintf("%s at %s, %v, and %s at %s, %v", a.Name, a.Address, p.addresses[outer].Type, b.Name, b.Address, p.addresses[tag].Type)
				}
				continue
			}
		}
		around = append(around, tag)
	}
	return count, first
}

// end returns the first byte behind a tag.
func (p planner) end(tag int32) int {
	a := &p.addresses[tag]
	return a.Byte + a.Type.Size()
}

// reaches reports whether a tag begins within another one.
func (p planner) reaches(outer, tag int32) bool {
	a, b := &p.addresses[outer], &p.addresses[tag]
	return a.Area == b.Area && a.DB == b.DB && b.Byte < p.end(outer)
}
