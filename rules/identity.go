package rules

import "linewatch"

// Identities returns the identity of every condition of a rule, in the order of
// Rule.Walk but a condition behind those that it holds. A new version of a rule
// takes over what the conditions of the old one with the same identity
// remember.
func Identities(r *linewatch.Rule) [][16]byte {
	p := compile(&linewatch.RuleVersion{Rule: *r, Version: 1}, nil)
	ids := make([][16]byte, len(p.nodes))
	for i := range p.nodes {
		ids[i] = p.nodes[i].identity
	}
	return ids
}
