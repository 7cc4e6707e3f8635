package script

import (
	"cmp"
	"fmt"
	"strings"

	"linewatch"
)

// names tells how equipment is called in scripts: by its alias if it has one.
type names map[string]string

func namesOf(a *linewatch.Assets) names {
	n := make(names)
	for _, e := range a.Equipment {
		if e.Alias != "" {
			n[e.ID] = e.Alias
		}
	}
	return n
}

func (n names) of(equipment string) string {
	if alias, ok := n[equipment]; ok {
		return alias
	}
	return equipment
}

// formatChange writes a change as scripts expect it.
func formatChange(c *linewatch.StateChange, own linewatch.RuleID, n names) string {
	s := fmt.Sprintf("%s %s %s -> %s", formatTime(c.EventTime), n.of(c.Equipment), c.From, c.To)
	if c.Group != "" {
		s += " by " + c.Group
	}
	if c.Rule != own {
		s += " of " + string(c.Rule)
	}
	return s
}

const changeForm = "write TIME EQUIPMENT STATE -> STATE by GROUP"

// parseChange reads an expected line and writes it in one form.
func parseChange(line string, n names) (e expected, err error) {
	at, rest, err := cutTime(line)
	if err != nil {
		return e, err
	}
	begin := len(rest)
	equipment, rest := cutWord(rest)
	from, rest, fromErr := cutState(rest)
	arrow, rest := cutWord(rest)
	to, rest, toErr := cutState(rest)
	if arrow != "->" || to == "" {
		return e, &mistake{begin, "this line is not a change of state", changeForm}
	}
	if err := cmp.Or(fromErr, toErr); err != nil {
		return e, err
	}
	e = expected{at: at, equipment: equipment, from: from, state: to}
	e.text = fmt.Sprintf("%s %s %s -> %s", formatTime(at), n.of(equipment), from, to)
	return e, e.parseSource(rest)
}

// cutState splits a state off.
func cutState(s string) (state linewatch.State, rest string, err error) {
	word, rest := cutWord(s)
	state = linewatch.State(word)
	if !linewatch.ValidState(state) {
		remedy := changeForm
		if upper := strings.ToUpper(word); linewatch.ValidState(linewatch.State(upper)) {
			remedy = "write it in capitals: " + upper
		}
		err = wrong(len(s), word, "is not a state", remedy)
	}
	return state, rest, err
}

// parseSource reads the group and the rule from which a change comes.
func (e *expected) parseSource(rest string) error {
	for _, key := range []string{"by", "of"} {
		word, after := cutWord(rest)
		if word != key {
			continue
		}
		name, after := cutWord(after)
		if name == "" {
			return wrong(len(rest), key, "is followed by no name", changeForm+", and of RULE behind it for a rule other than the tested one")
		}
		e.text, rest = e.text+" "+key+" "+name, after
		if key == "of" {
			e.rule = linewatch.RuleID(name)
		} else {
			e.group = name
		}
	}
	if rest != "" {
		return wrong(len(rest), rest, "stands behind the change", changeForm+", and of RULE behind it for a rule other than the tested one")
	}
	return nil
}

// expected is a line of expect or late in its one form, with its place.
type expected struct {
	text string
	line int

	// Of a state change:
	at        linewatch.Time
	equipment string           // as it is called
	rule      linewatch.RuleID // empty: the file's own
	from      linewatch.State
	state     linewatch.State // that is gone to
	group     string
}

// difference compares what a test wants with what it got: lines that both
// have, those that are missing (-) with their place, and those that nobody
// expected (+). It is empty when there is none.
func difference(file string, want []expected, got []string) string {
	same := len(want) == len(got)
	for i := 0; same && i < len(got); i++ {
		same = want[i].text == got[i]
	}
	if same {
		return ""
	}
	var b strings.Builder
	align(want, got, func(i, j int) {
		switch {
		case i >= 0 && j >= 0:
			fmt.Fprintf(&b, "      %s\n", got[j])
		case i >= 0:
			fmt.Fprintf(&b, "    - %s   (%s:%d)\n", want[i].text, file, want[i].line)
		default:
			fmt.Fprintf(&b, "    + %s\n", got[j])
		}
	})
	return b.String()
}

// align calls tell with the indices of lines that both have, and of those that
// only one has with -1 for the other.
func align(want []expected, got []string, tell func(i, j int)) {
	length := commonLengths(want, got)
	for i, j := 0, 0; i < len(want) || j < len(got); {
		switch {
		case i < len(want) && j < len(got) && want[i].text == got[j]:
			tell(i, j)
			i, j = i+1, j+1
		case j == len(got) || i < len(want) && length[i+1][j] >= length[i][j+1]:
			tell(i, -1)
			i++
		default:
			tell(-1, j)
			j++
		}
	}
}

// commonLengths returns, for each pair of suffixes, how many lines they share
// in order.
func commonLengths(want []expected, got []string) [][]int {
	length := make([][]int, len(want)+1)
	for i := range length {
		length[i] = make([]int, len(got)+1)
	}
	for i := len(want) - 1; i >= 0; i-- {
		for j := len(got) - 1; j >= 0; j-- {
			length[i][j] = max(length[i+1][j], length[i][j+1])
			if want[i].text == got[j] {
				length[i][j] = length[i+1][j+1] + 1
			}
		}
	}
	return length
}
