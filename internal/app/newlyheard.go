package app

import (
	"linewatch"
	"linewatch/edge"
)

// newlyHeard returns the sources of an agent from which the engine refused
// points under one registry and takes them under the next: what it has not
// heard of them it will not hear until it changes.
func newlyHeard(before, after *linewatch.Assets, c edge.Config) (sources []string) {
	was, is := whereHeard(before), whereHeard(after)
	for _, s := range c.Sources {
		sender := linewatch.Sender{Gateway: c.Gateway, Source: s.ID}
		heard := false
		for line := range is.senders[sender] {
			heard = heard || !was.senders[sender][line]
		}
		for _, t := range s.Tags {
			line, known := is.lines[t.Equipment]
			heard = heard || known && was.lines[t.Equipment] != line
		}
		if heard {
			sources = append(sources, s.ID)
		}
	}
	return sources
}

// heardAt is what a registry says of where points are taken.
type heardAt struct {
	senders map[linewatch.Sender]map[string]bool // the lines of each
	lines   map[string]string                    // by equipment id
}

func whereHeard(a *linewatch.Assets) heardAt {
	at := heardAt{map[linewatch.Sender]map[string]bool{}, map[string]string{}}
	if a == nil {
		return at
	}
	for _, d := range a.Senders {
		if at.senders[d.Sender()] == nil {
			at.senders[d.Sender()] = map[string]bool{}
		}
		at.senders[d.Sender()][d.Line] = true
	}
	for _, eq := range a.Equipment {
		at.lines[eq.ID] = eq.Line
	}
	return at
}
