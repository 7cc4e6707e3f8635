package ui

import "linewatch"

// groupView is what a group said, as people read it.
type groupView struct {
	Group      string          `json:"group"`
	Weight     int             `json:"weight"`
	State      linewatch.State `json:"state,omitempty"` // its opinion; empty for none
	Was        linewatch.State `json:"was,omitempty"`   // the state of a case that held until now
	Wins       bool            `json:"wins,omitzero"`
	Conditions []conditionView `json:"conditions,omitempty"`
}

// conditionView is a condition in words, as in a sentence.
type conditionView struct {
	Is   linewatch.Truth `json:"is"`
	Text string          `json:"text"`
	At   linewatch.Time  `json:"at"` // event time of the value; unknown where there is none
	Of   []conditionView `json:"of,omitempty"`
}

func (s speaker) groupViews(why linewatch.Explanation) []groupView {
	views := make([]groupView, len(why.Groups))
	for i := range why.Groups {
		g := &why.Groups[i]
		views[i] = groupView{g.Group, g.Weight, g.State, g.Was, g.Wins, s.conditionViews(g.Conditions)}
	}
	return views
}

func (s speaker) conditionViews(list []linewatch.ConditionWhy) []conditionView {
	views := make([]conditionView, len(list))
	for i := range list {
		c := &list[i]
		v := conditionView{Is: c.Truth, At: linewatch.NoTime, Of: s.conditionViews(c.Of)}
		if c.At != 0 {
			v.At = c.At
		}
		switch {
		case !linewatch.OpNamed(c.Op).Combines():
			v.Text = s.conditionText(c) + tables(c)
		case c.For > 0:
			v.Text = joins(c) + " for " + spanText(c.For)
		default:
			v.Text = joins(c)
		}
		v.Text = visible(v.Text)
		views[i] = v
	}
	return views
}
