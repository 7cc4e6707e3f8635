package ruleset

import (
	"iter"

	"linewatch"
)

// Input is a tag that a rule reads, of an equipment that is registered.
type Input struct {
	Equipment *linewatch.Equipment
	Tag       string
}

// Reads gives the tags that the conditions of a rule read, in the order of the
// conditions; one that several read comes again. Equipment that is not
// registered is passed over.
func (f *InForce) Reads(r *linewatch.Rule) iter.Seq[Input] {
	return func(yield func(Input) bool) {
		if f.Registry == nil {
			return
		}
		n := newNoter(f)
		n.rule = r
		about, more := n.about(), true
		r.Walk(func(path string, _ *linewatch.Group, cond *linewatch.Condition) {
			refs, _ := tagsOf(cond)
			for _, ref := range refs {
				on := concerned(r, path, about)
				if ref.Equipment != "" {
					on = []*linewatch.Equipment{n.directory().byName[ref.Equipment]}
				}
				for _, e := range on {
					more = more && (e == nil || yield(Input{e, ref.Tag}))
				}
			}
		})
	}
}
