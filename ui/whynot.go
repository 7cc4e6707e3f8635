package ui

import (
	"fmt"
	"slices"
	"strings"

	"linewatch"
)

// whyNot says of each state that the rule can put forward and is not in, what
// stands in its way.
func (e *explainer) whyNot(s *Standing) {
	for _, state := range otherStates(s) {
		for _, reason := range WhyNot(s, state) {
			e.line(0, "%s", reason)
		}
	}
}

// WhyNot says what stands in the way of a state: one sentence for each case
// that would put it forward. It is that state already, or no case knows it, if
// so it says.
func WhyNot(s *Standing, state linewatch.State) (reasons []string) {
	if s.State == state {
		return []string{"it is " + string(state) + " already: " + s.Sentence()}
	}
	for i := range s.Groups {
		for _, reason := range s.speaker().lacks(&s.Groups[i], state, winnerOf(s)) {
			reasons = append(reasons, "not "+string(state)+": "+reason)
		}
	}
	if reasons == nil && state != linewatch.Unknown && state != linewatch.Idle {
		reasons = []string{"not " + string(state) + ": no group of the rule puts that forward"}
	}
	return reasons
}

// otherStates returns the states of the rule's groups but the one that the
// instance is in, in the order of the groups.
func otherStates(s *Standing) (states []linewatch.State) {
	add := func(state linewatch.State) {
		if state != "" && state != s.State && !slices.Contains(states, state) {
			states = append(states, state)
		}
	}
	for i := range s.Groups {
		for _, c := range s.Groups[i].Cases {
			add(c.State)
		}
		add(s.Groups[i].Otherwise)
	}
	return states
}

func winnerOf(s *Standing) *linewatch.GroupStanding {
	for i := range s.Groups {
		if s.Groups[i].Wins {
			return &s.Groups[i]
		}
	}
	return nil
}

// lacks says why a group does not bring a state about: it says so but is
// outweighed, or what its cases lack.
func (s speaker) lacks(g *linewatch.GroupStanding, state linewatch.State, winner *linewatch.GroupStanding) (reasons []string) {
	if g.State == state {
		if winner == nil {
			return nil
		}
		return []string{fmt.Sprintf("%s (%d) says it, but %s (%d) %s decides", g.Group, g.Weight, winner.Group, winner.Weight, winner.State)}
	}
	for i := range g.Cases {
		c := &g.Cases[i]
		if c.State != state {
			continue
		}
		lead := fmt.Sprintf("%s (%d) case %d ", g.Group, g.Weight, i+1)
		switch c.Truth {
		case linewatch.True:
			reasons = append(reasons, lead+fmt.Sprintf("holds, but case %d comes first", g.Case))
		case linewatch.Undecided:
			reasons = append(reasons, lead+"cannot be decided: "+strings.Join(s.conditionTexts(c.Conditions, linewatch.Undecided), "; "))
		default:
			reasons = append(reasons, lead+"fails: "+strings.Join(s.conditionTexts(c.Conditions, linewatch.False), "; "))
		}
	}
	if g.Otherwise == state && g.Case > 0 {
		reasons = append(reasons, fmt.Sprintf("%s (%d) says it only when none of its cases holds; case %d decides", g.Group, g.Weight, g.Case))
	}
	return reasons
}
