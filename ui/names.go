package ui

import (
	"slices"

	"linewatch"
)

// aliases knows the short names of equipment, by id.
type aliases map[string]string

func aliasesOf(st *Status) aliases {
	out := aliases{}
	for i := range st.Machines {
		out.add(st.Machines[i].Equipment, st.Machines[i].Alias)
	}
	for i := range st.Instances {
		out.add(st.Instances[i].Equipment, st.Instances[i].Alias)
	}
	return out
}

func (a aliases) add(id, alias string) {
	if alias != "" {
		a[id] = alias
	}
}

// in returns an explanation that names equipment as people do. The one that was
// given stays as it is.
func (a aliases) in(why linewatch.Explanation) linewatch.Explanation {
	why.Groups = slices.Clone(why.Groups)
	for i := range why.Groups {
		why.Groups[i].Conditions = a.conditions(why.Groups[i].Conditions)
	}
	return why
}

func (a aliases) conditions(list []linewatch.ConditionWhy) []linewatch.ConditionWhy {
	list = slices.Clone(list)
	for i := range list {
		if alias, ok := a[list[i].Equipment]; ok {
			list[i].Equipment = alias
		}
		list[i].Of = a.conditions(list[i].Of)
	}
	return list
}
