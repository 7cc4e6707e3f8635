package ruleset

import (
	"fmt"

	"linewatch"
	"linewatch/rules/rulefile"
)

// Doubts returns what is valid and yet hardly meant, each with its place: a
// group that is never heard, and a case that is never reached.
func (s *Set) Doubts() []*rulefile.Error {
	var f faults
	for _, src := range s.Rules {
		f.unheard(src, "groups", src.Rule.Groups)
		for i := range src.Rule.Overrides {
			f.unheard(src, fmt.Sprintf("overrides[%d].groups", i), src.Rule.Overrides[i].Groups)
		}
	}
	return f.list
}

// Notes returns what is no mistake though it has no effect yet, each with its
// place, in the words of InForce.Notes: a class that no equipment has.
func (s *Set) Notes() []*rulefile.Error {
	if s.Assets == nil {
		return nil
	}
	var f faults
	n := newNoter(&InForce{Registry: s.Assets.Assets})
	for _, src := range s.Rules {
		n.list = nil
		if n.rule = src.Rule; n.rule.Scope.Class != "" && n.about() == nil {
			f.add(src, "scope.class", n.list[0], "")
		}
	}
	return f.list
}

// unheard finds groups that a heavier one always outweighs because it has an
// opinion whatever is so, and cases behind one that says the same.
func (f *faults) unheard(src *rulefile.Source, path string, groups []linewatch.Group) {
	for i := range groups {
		at := fmt.Sprintf("%s[%d]", path, i)
		f.unreached(src, at, groups[i].Cases)
		if src.Rule.Ranking == linewatch.RankSum {
			continue
		}
		for j := range groups {
			heavier := &groups[j]
			if heavier.Weight > groups[i].Weight && heavier.Otherwise != "" {
				f.add(src, at+".weight", fmt.Sprintf("is below that of %s (%d), which always has an opinion, %s at least: this group decides only while that one is unknown",
					heavier.ID, heavier.Weight, heavier.Otherwise), "move otherwise into a group of its own that is lighter than all others")
				break
			}
		}
	}
}

func (f *faults) unreached(src *rulefile.Source, path string, cases []linewatch.Case) {
	first := map[string]int{}
	for i := range cases {
		text := cases[i].When.Canonical()
		if j, ok := first[text]; ok {
			f.add(src, fmt.Sprintf("%s.cases[%d]", path, i), fmt.Sprintf("asks for the same as case %d, which comes first", j+1), "remove one of them")
			continue
		}
		first[text] = i
	}
}
