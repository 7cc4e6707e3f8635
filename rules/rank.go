package rules

import "linewatch"

// opinion is what a group puts forward.
type opinion struct {
	state linewatch.State // empty: none
	which int             // 1-based case that decided; 0: otherwise or none
	open  bool            // a case could not be decided
}

// candidate is a state with the weight behind it.
type candidate struct {
	state    linewatch.State
	severity linewatch.Severity
	weight   int // of all its groups with ranking sum, else of its heaviest
	group    int // its heaviest group, the one named first among equals
	heaviest int // that group's weight
	place    int // settles ties: of the group, and with ranking sum of the first one that has the state
}

// fewGroups is how many groups a rule may have before ranking it allocates.
const fewGroups = 8

// decide ranks the opinions of the groups and returns the winning state and
// the index of the group that decided, -1 if none had an opinion.
func (p *program) decide(states []nodeState) (linewatch.State, int) {
	var room [fewGroups]opinion
	opinions := p.opinions(room[:0], states)
	return p.rank(opinions)
}

// opinions appends what each group puts forward.
func (p *program) opinions(dst []opinion, states []nodeState) []opinion {
	for i := range p.groups {
		dst = append(dst, p.groups[i].opinion(states))
	}
	return dst
}

// opinion is the state of the first case that holds; a case before it that
// cannot be decided makes the whole group undecidable.
func (g *group) opinion(states []nodeState) opinion {
	for i, c := range g.cases {
		switch states[c.root].out {
		case linewatch.True:
			return opinion{state: c.state, which: i + 1}
		case linewatch.Undecided:
			o := opinion{state: linewatch.Unknown, which: i + 1, open: true}
			if g.ignore {
				o.state = ""
			}
			return o
		}
	}
	return opinion{state: g.otherwise}
}

// held returns the index of the case that held before the evaluation that is
// going on; -1 if none did.
func (g *group) held(states []nodeState) int {
	for i, c := range g.cases {
		switch states[c.root].was {
		case linewatch.True:
			return i
		case linewatch.Undecided:
			return -1
		}
	}
	return -1
}

// rank picks the heaviest state; equals go to the more severe state, then to
// the group named first. UNKNOWN never wins over a state that is an alarm. If
// no group has an opinion the state is IDLE, or UNKNOWN if that is so because
// a group could not be decided.
func (p *program) rank(opinions []opinion) (linewatch.State, int) {
	var room [fewGroups]candidate
	all := p.candidates(room[:0], opinions)
	best, alarm := -1, -1
	for i := range all {
		if best < 0 || all[i].beats(&all[best]) {
			best = i
		}
		if all[i].severity > 0 && (alarm < 0 || all[i].beats(&all[alarm])) {
			alarm = i
		}
	}
	switch {
	case best < 0:
		for _, o := range opinions {
			if o.open {
				return linewatch.Unknown, -1
			}
		}
		return linewatch.Idle, -1
	case all[best].state == linewatch.Unknown && alarm >= 0:
		best = alarm
	}
	return all[best].state, all[best].group
}

// candidates gathers the opinions by state, in the order of the groups.
func (p *program) candidates(dst []candidate, opinions []opinion) []candidate {
	sum := p.rule.Ranking == linewatch.RankSum
next:
	for i, o := range opinions {
		if o.state == "" {
			continue
		}
		w := p.groups[i].weight
		for j := range dst {
			if c := &dst[j]; c.state == o.state {
				if sum {
					c.weight += w
				}
				if w > c.heaviest {
					c.heaviest, c.group = w, i
					c.weight = max(c.weight, w)
					if !sum {
						c.place = i
					}
				}
				continue next
			}
		}
		dst = append(dst, candidate{o.state, p.rule.SeverityOf(o.state), w, i, w, i})
	}
	return dst
}

// beats reports whether c ranks before d.
func (c *candidate) beats(d *candidate) bool {
	switch {
	case c.weight != d.weight:
		return c.weight > d.weight
	case c.severity != d.severity:
		return c.severity > d.severity
	}
	return c.place < d.place
}
